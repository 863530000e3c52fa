"""Runs its arguments on a terminal of their own, which is their controlling one, and prints what they wrote to it."""
import os
import pty
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        read = os.read(terminal, 1024)
    except OSError:
        break
    if not read:
        break
    seen += read
_, status = os.waitpid(pid, 0)
print(seen.decode(errors="replace").replace("\r", ""), end="")
sys.exit(os.waitstatus_to_exitcode(status) & 255)
