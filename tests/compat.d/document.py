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
        text += f"### {one['name'][0].upper()}{one['name'][1:]}{whose}\n\n{one['why'].strip()}\n\n"
        allowed = f"`{' '.join(one['allowed-by'])}`"
        if "allowed-by-root" in one:
            allowed += f"; by root: `{' '.join(one['allowed-by-root'])}`"
        text += f"* refused by: {one['refused-by']}\n* allowed by: {allowed}\n* tests: {tests}\n\n"
    return text.replace("{place}", "DIR")


def between(text, mark, new):
    return re.sub(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda match: match[1] + new + match[2], text, flags=re.DOTALL)


def counted(text, who, rows):
    """The rows of this run, and those of the suites that were not in it."""
    old = re.search(rf"<!-- counts {who} -->\n(.*?)<!-- end -->", text, flags=re.DOTALL)[1].splitlines()[2:]
    suites = {line.split()[1]: line for line in old} | {row[0].split()[0]: f"| {' | '.join(map(str, row))} |" for row in rows}
    return HEAD + "".join(f"{line}\n" for _, line in sorted(suites.items()))


def rewritten(everything, who, rows):
    """The page; with the counts of a run of this caller, if there is one."""
    text = between(PAGE.read_text(), "explained", explained(everything))
    return between(text, f"counts {who}", counted(text, who, rows)) if who else text
