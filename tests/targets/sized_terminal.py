"""Runs its arguments after the first on a terminal of that many columns, and prints what they wrote to it."""
import fcntl
import os
import pty
import struct
import sys
import termios

pid, terminal = pty.fork()
if pid == 0:
    size = struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0)
    fcntl.ioctl(1, termios.TIOCSWINSZ, size)
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:
        break
    if not read:
        break
    seen += read
_, status = os.waitpid(pid, 0)
print(seen.decode(errors="replace").replace("\r", ""), end="")
sys.exit(os.waitstatus_to_exitcode(status) & 255)
