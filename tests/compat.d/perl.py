"""perl's tests of its language and its input and output, run by the perl that is installed."""

import re
import shutil
import subprocess

import source

NAME = "perl"
SHORT = False
PERL = "/usr/bin/perl"
tree = None


def prepare(work):
    global tree
    tree, why = source.fetch("perl", work)
    if why:
        return why
    # The tests take a library beside them: that of the perl that runs.
    lib = work / "perl/lib"
    if not lib.exists():
        asked = [PERL, "-MConfig", "-e", "print qq($Config{privlib}\n$Config{archlib})"]
        for part in subprocess.check_output(asked, text=True).split("\n"):
            shutil.copytree(part, lib, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    return None


def version():
    return "perl " + source.version(tree).split("-")[-1]


def units(_work, _everything):
    return sorted(str(path.relative_to(tree / "t")) for kind in ("base", "cmd", "comp", "io", "mro", "op", "run", "uni")
                  for path in tree.glob(f"t/{kind}/*.t"))


def weight(name):
    return 1


def seen(work):
    return [work / "perl/lib"]


def cwd(place):
    if not (place / "t").exists():
        shutil.copytree(tree / "t", place / "t", symlinks=True)
        (place / "t/perl").symlink_to(PERL)
        (place / "lib").symlink_to(place.parent.parent / "perl/lib")
    return place / "t"


def command(name, _work, _place):
    return [PERL, name]


def results(name, _place, log):
    ends = {}
    # By number: what a test is called depends on the order of a hash.
    for bad, number, rest in re.findall(r"^ *(not )?ok (\d+)(.*)$", log, flags=re.MULTILINE):
        end = "skip" if "# skip" in rest.lower() else "pass" if not bad or "# TODO" in rest else "fail"
        ends[f"{name} {number}"] = "fail" if ends.get(f"{name} {number}") == "fail" else end
    return ends
