"""CPython's tests of its own library, as Debian packages them."""

import pathlib
import subprocess
import xml.etree.ElementTree

NAME = "cpython"
SHORT = True
PYTHON = "/usr/bin/python3"

# In a run of minutes: what meets the kernel, and is done within seconds.
CHOSEN = """
asyncgen asynchat asyncore atexit bdb binascii cmd_line code_module contextlib csv ctypes curses dbm dbm_dumb dbm_gnu
dbm_ndbm devpoll doctest dynamic epoll errno exceptions fcntl file file_eintr filecmp fileinput fileio fork1 frozen
genericpath getopt getpass gettext glob grp gzip httplib httpservers import inspect ioctl json kqueue linecache locale
marshal memoryview mimetypes mmap netrc ntpath openpty operator optparse os pathlib pipes pkgutil platform plistlib
poll popen posix posixpath print property pstats pty pwd py_compile quopri re readline repl resource robotparser runpy
sched select shlex shutil signal site smtpd smtplib socket socketserver spwd sqlite3 stat string stringprep structseq
subprocess support sys sysconfig syslog tarfile telnetlib tempfile textwrap thread threadedtempfile threading
threading_local time timeit trace traceback tty ucn unicode_file unicode_file_functions unicodedata univnewlines
urllib urllib2 urllib2_localnet urllib_response urllibnet urlparse utf8_mode uu uuid wait3 wait4 wsgiref xdrlib zipapp
zipimport zlib
""".split()
# Not of the library: the compiler's, windows', needing a terminal emulator, or an hour.
LEFT = {"test_bigmem", "test_tools", "test_idle", "test_tk", "test_ttk_guionly", "test_ttk_textonly", "test_tix",
        "test_peg_generator", "test_cppext", "test_zipfile64", "test_gdb", "test_clinic", "test_regrtest"}
# What root would change of the machine: its clock and its name; and a socket to a host that may be there, and not answer.
AWAY = ["test_monotonic_settime", "test_sethostname", "*VSOCK*"]
# Those that take longest come first.
SLOW = ["test_multiprocessing", "test_concurrent", "test_asyncio", "test_ssl", "test_signal", "test_largefile", "test_imaplib",
        "test_subprocess", "test_xmlrpc", "test_socket", "test_logging", "test_venv", "test_io", "test_selectors"]


def tests():
    found = subprocess.run([PYTHON, "-c", "import test; print(list(test.__path__)[0])"], capture_output=True, text=True)
    place = pathlib.Path(found.stdout.strip() or "/nonexistent")
    return sorted({path.name.removesuffix(".py") for path in place.glob("test_*") if path.suffix in ("", ".py")})


def prepare(_work):
    if len(tests()) < 100:
        return "libpythonN-testsuite is not installed"


def version():
    asked = [PYTHON, "-c", "import platform; print(platform.python_version())"]
    return "CPython " + subprocess.check_output(asked, text=True).strip()


def units(_work, everything):
    there = tests()
    chosen = [f"test_{name}" for name in CHOSEN]
    return [name for name in there if name not in LEFT and (everything or name in chosen)]


def weight(name):
    return next((len(SLOW) - at for at, slow in enumerate(SLOW) if name.startswith(slow)), 0)


def seen(_work):
    return []


def cwd(place):
    return place


def command(name, _work, place):
    ignored = [word for pattern in AWAY for word in ("-i", pattern)]
    return [PYTHON, "-m", "test", "-v", "--timeout", "300", "--junit-xml", f"{place}/results.xml", *ignored, name]


def results(_name, place, _log):
    ends = {}
    try:
        cases = list(xml.etree.ElementTree.parse(place / "results.xml").iter("testcase"))
    except (OSError, xml.etree.ElementTree.ParseError):
        return ends
    for case in cases:
        inner = {part.tag for part in case}
        # A test whose parts failed is written by its last part, without a name or a result.
        if inner & {"failure", "error"}:
            end = "fail"
        else:
            end = "skip" if "skipped" in inner else "pass"
        if case.get("name"):
            ends[case.get("name")] = end
    return ends
