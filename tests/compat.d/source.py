"""Debian's source packages, without a change to the machine's list of sources."""

import pathlib
import re
import shutil
import subprocess


def fetch(package, work):
    """The directory of the unpacked source, or why there is none."""
    place = work / "source"
    found = [path for path in place.glob(f"{package}*-*") if path.is_dir()]
    if found:
        return found[0], None
    for tool in ("apt-get", "dpkg-source"):
        if not shutil.which(tool):
            return None, f"no {tool}"
    state = work / "apt"
    for name in ("lists/partial", "parts", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    place.mkdir(exist_ok=True)
    # What the machine has packages from has their sources too.
    for path in [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*")]:
        if path.suffix == ".sources":
            text = re.sub(r"^Types:.*$", "Types: deb-src", path.read_text(), flags=re.MULTILINE)
            (state / "parts" / path.name).write_text(text)
        elif path.suffix == ".list" and path.exists():
            text = re.sub(r"^deb ", "deb-src ", path.read_text(), flags=re.MULTILINE)
            (state / "parts" / path.name).write_text(text)
    apt = ["timeout", "200", "apt-get", "-qq", "-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={state}/parts",
           "-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache", "-o", "APT::Sandbox::User=root"]
    quiet = {"cwd": place, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    subprocess.run([*apt, "update"], **quiet)
    # An index can name a version before the mirror has it: the one before it, then.
    listed = subprocess.run(["apt-cache", *apt[4:], "showsrc", package], capture_output=True, text=True).stdout
    for version in dict.fromkeys(re.findall(r"^Version: (.*)$", listed, flags=re.MULTILINE)):
        done = subprocess.run([*apt, "source", f"{package}={version}"], **quiet)
        found = [path for path in place.glob(f"{package}*-*") if path.is_dir()]
        if done.returncode == 0 and found:
            return found[0], None
    return None, "no source package to be had"


def version(tree):
    return tree.name
