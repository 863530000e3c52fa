"""libuv's tests: what a loop of events asks of the kernel, from pipes and signals to terminals."""

import os
import re
import shutil
import subprocess

import source

NAME = "libuv"
SHORT = True
PARTS = """async core dl fs getaddrinfo getnameinfo loop-watcher loop pipe poll process random-devurandom random-getrandom
random-sysctl-linux signal stream tcp thread tty udp linux linux-core linux-inotify linux-syscalls procfs-exepath proctitle
epoll""".split()
# These try to reach an address of the internet.
AWAY = "tcp_connect_timeout|tcp_close_while_connecting"
tree = None


def prepare(work):
    global tree
    if not shutil.which("cc"):
        return "no cc"
    tree, why = source.fetch("libuv1", work)
    if why:
        return why
    out = work / "libuv"
    if (out / "uv_run_tests").exists():
        return None
    out.mkdir(exist_ok=True)
    listed = tree / "test/test-list.h"
    listed.write_text(re.sub(rf"^ *TEST_ENTRY *\((?:{AWAY})\).*$", "", listed.read_text(), flags=re.MULTILINE))
    flags = ["cc", "-w", "-O0", "-fPIC", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Iinclude", "-Isrc", "-Itest"]
    parts = [tree / f"src/unix/{part}.c" for part in PARTS]
    files = sorted(tree.glob("src/*.c")) + [path for path in parts if path.exists()]
    tests = [path for path in sorted(tree.glob("test/*.c")) if not re.search("-win|bench", path.name)]
    objects = {path: out / f"{path.parent.name}_{path.name}.o" for path in files + tests}
    waiting = list(objects.items())
    running = []
    while waiting or running:
        while waiting and len(running) < os.cpu_count():
            path, made = waiting.pop()
            running.append(subprocess.Popen([*flags, "-c", path, "-o", made], cwd=tree))
        if running.pop(0).wait():
            return "its source cannot be compiled"
    # Tests have functions of the library's names, so it is a library.
    for what in (["-shared", "-o", out / "libuv.so", *[objects[path] for path in files]],
                 ["-o", out / "uv_run_tests", *[objects[path] for path in tests], f"-L{out}", "-luv", f"-Wl,-rpath,{out}"]):
        if subprocess.run(["cc", *what, "-lpthread", "-ldl", "-lrt"]).returncode:
            return "its objects cannot be linked"
    return None


def version():
    return "libuv " + source.version(tree).split("-")[-1]


def units(_work, _everything):
    return ["all"]


def weight(_name):
    # Alone it takes a core little and half a minute.
    return 100


def seen(work):
    return [work / "libuv"]


def cwd(place):
    # What it reads lies beside it.
    if not (place / "test").exists():
        shutil.copytree(tree / "test/fixtures", place / "test/fixtures")
    return place


def command(_name, work, _place):
    return [str(work / "libuv/uv_run_tests")]


def results(_name, _place, log):
    ends = {}
    for bad, name, rest in re.findall(r"^(not )?ok \d+ - (\S+)(.*)$", log, flags=re.MULTILINE):
        ends[name] = "fail" if bad else "skip" if "# SKIP" in rest else "pass"
    return ends
