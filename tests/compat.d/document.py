"""docs/compatibility.md: what of it is written by a run, and by explained.toml."""

import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/compatibility.md"
HEAD = """| suite | units | tests | outside: passed | skipped | failed | differ by sbx-launch | by LD_PRELOAD |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def explained(everything):
    text = ""
    for one in everything:
        whose = {"root": " (root)", "user": " (ordinary users)"}.get(one.get("who"), "")
        tests = ", ".join(f"`{pattern.split(' ', 1)[1]}`" for pattern in one["tests"])
        text += f"### {one['name'].capitalize()}{whose}\n\n{one['why'].strip()}\n\n"
        text += f"* refused by: {one['refused-by']}\n* allowed by: `{' '.join(one['allowed-by'])}`\n* tests: {tests}\n\n"
    return text


def between(text, mark, new):
    return re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda match: match[1] + new + match[2], text, flags=re.DOTALL)


def rewritten(everything, who, rows):
    """The page; with the counts of a run of this caller, if there is one."""
    text = between(PAGE.read_text(), "explained", explained(everything))
    if who:
        text = between(text, f"counts {who}", HEAD + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows))
    return text
