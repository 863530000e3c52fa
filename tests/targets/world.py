"""A small world around a command: a host with an uplink, and a peer beyond it, in network namespaces of their own.

world.py [OPTION...] -- COMMAND...     to be started in new mount and network namespaces, with the capabilities there

The host has 198.51.100.2 and 203.0.113.7, the peer 198.51.100.1, which is the host's default route. Servers answer with
the name of their place: tcp 7001 on the host's loopback, tcp 7002 on the host's own addresses, tcp 7003 and udp 7004 on the
peer's. A name server answers on the host's loopback and at 203.0.113.7: a.test is 192.0.2.77.

--ask FROM:PROTOCOL:ADDRESS:PORT  when the command has said "listening", asks that server from host or peer, and says
                                  what it answered; any number of times, in order; host:wait:MS waits
--name-server ADDRESS             what /etc/resolv.conf names, instead of 127.0.0.1
--link-resolv-conf                /etc/resolv.conf is a link into /run, as systemd-resolved has it
--without FILE                    FILE is no program
--no-route                        there is no default route
--caller                          the command has no capabilities
"""

import ctypes
import errno
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

HOST, OTHER, PEER = "198.51.100.2", "203.0.113.7", "198.51.100.1"
HOST6, PEER6 = "2001:db8::2", "2001:db8::1"
CLONE_NEWNET = 0x40000000
MS_BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)


def check(answer):
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, kind, flags=0):
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None))


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def serve(kind, address, port, name):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen()

    def tcp():
        while True:
            connection, _ = server.accept()
            connection.sendall(name)
            connection.close()

    def udp():
        while True:
            text, who = server.recvfrom(2000)
            reply = name(text) if callable(name) else name
            if reply:
                server.sendto(reply, who)

    threading.Thread(target=tcp if kind == socket.SOCK_STREAM else udp, daemon=True).start()


def resolve(question):
    """Answers a question for one name, RFC 1035."""
    number, _, questions = struct.unpack("!HHH", question[:6])
    end = question.index(b"\0", 12) + 5
    kind = struct.unpack("!H", question[end - 4 : end - 2])[0]
    known = question[12 : end - 4] == b"\1a\4test\0" and questions == 1
    found = known and kind == 1
    answer = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 60, 4, socket.inet_aton("192.0.2.77")) if found else b""
    flags = 0x8180 if known else 0x8183
    return struct.pack("!6H", number, flags, 1, 1 if found else 0, 0, 0) + question[12:end] + answer


def ask(protocol, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as client:
        client.settimeout(3)
        try:
            client.connect((address, port))
            client.send(b"?")
            return client.recv(100).decode() or "nothing"
        except socket.timeout:
            return "timeout"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))


def be_peer(channel):
    """In its own namespace: serves, and asks what it is told to."""
    check(libc.unshare(CLONE_NEWNET))
    channel.send(b"there")
    channel.recv(10)
    ip("link", "set", "lo", "up")
    ip("addr", "add", PEER + "/24", "dev", "peer")
    ip("-6", "addr", "add", PEER6 + "/64", "dev", "peer", "nodad")
    ip("link", "set", "peer", "up")
    ip("route", "add", OTHER, "via", HOST)
    for address in PEER, PEER6:
        serve(socket.SOCK_STREAM, address, 7003, b"peer")
        serve(socket.SOCK_DGRAM, address, 7004, b"peer")
    channel.send(b"ready")
    while words := channel.recv(1000):
        protocol, address, port = words.decode().split(" ")
        channel.send(ask(protocol, address, int(port)).encode())
    os._exit(0)


def make(options):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer = os.fork()
    if peer == 0:
        ours.close()
        be_peer(theirs)
    theirs.close()
    ours.recv(10)
    ip("link", "set", "lo", "up")
    ip("link", "add", "uplink0", "type", "veth", "peer", "name", "peer")
    ip("link", "set", "peer", "netns", str(peer))
    for address in HOST + "/24", OTHER + "/32":
        ip("addr", "add", address, "dev", "uplink0")
    ip("-6", "addr", "add", HOST6 + "/64", "dev", "uplink0", "nodad")
    ip("link", "set", "uplink0", "up")
    if "--no-route" not in options:
        ip("route", "add", "default", "via", PEER)
        ip("-6", "route", "add", "default", "via", PEER6)
    ours.send(b"go")
    assert ours.recv(10) == b"ready"
    for address in "127.0.0.1", "::1":
        serve(socket.SOCK_STREAM, address, 7001, b"loopback")
    for address in HOST, OTHER, HOST6:
        serve(socket.SOCK_STREAM, address, 7002, b"host")
    for address in "127.0.0.1", OTHER:
        serve(socket.SOCK_DGRAM, address, 53, resolve)
    return ours


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def files(options, without, server):
    check(libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None))
    mount("tmpfs", "/run", "tmpfs")
    shown = "/run/resolv.conf"
    if "--link-resolv-conf" in options:
        # What programs need of /etc to look up a name.
        os.makedirs("/run/etc")
        for name in "passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "services", "host.conf":
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, "/run/etc/" + name)
        os.symlink("../run/systemd/resolve/stub-resolv.conf", "/run/etc/resolv.conf")
        os.makedirs("/run/systemd/resolve")
        shown = "/run/systemd/resolve/stub-resolv.conf"
    write(shown, f"nameserver {server}\n")
    if "--link-resolv-conf" in options:
        mount("/run/etc", "/etc", None, MS_BIND)
    else:
        mount(shown, "/etc/resolv.conf", None, MS_BIND)
    if os.geteuid() == 0 and not os.stat("/dev/net/tun").st_mode & 0o002:
        # Writable for everybody, as distributions have it.
        mount("tmpfs", "/dev/net", "tmpfs")
        os.mknod("/dev/net/tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
        os.chmod("/dev/net/tun", 0o666)
    for name in without:
        mount("/dev/null", name, None, MS_BIND)


def drop_capabilities():
    """As prctl(PR_CAP_AMBIENT_CLEAR_ALL) and then capset(2) to none."""
    check(libc.prctl(47, 4, 0, 0, 0))
    header = struct.pack("Ii", 0x20080522, 0)
    check(libc.capset(header, b"\0" * 24))


def main():
    at = sys.argv.index("--")
    words, command = sys.argv[1:at], sys.argv[at + 1 :]
    asked, without, options, server = [], [], [], "127.0.0.1"
    while words:
        word = words.pop(0)
        if word == "--ask":
            asked.append(words.pop(0).split(":", 2))
        elif word == "--without":
            without.append(words.pop(0))
        elif word == "--name-server":
            server = words.pop(0)
        else:
            options.append(word)
    peer = make(options)
    files(options, without, server)
    prepare = drop_capabilities if "--caller" in options else None
    child = subprocess.Popen(command, stdout=subprocess.PIPE if asked else None, preexec_fn=prepare)
    for line in child.stdout or []:
        sys.stdout.buffer.write(line)
        sys.stdout.flush()
        if line.strip() != b"listening":
            continue
        for origin, protocol, place in asked:
            if protocol == "wait":
                time.sleep(int(place) / 1000)
                print("wait: waited", flush=True)
                continue
            address, port = place.rsplit(":", 1)
            if origin == "peer":
                peer.send(f"{protocol} {address} {port}".encode())
                said = peer.recv(1000).decode()
            else:
                said = ask(protocol, address, int(port))
            print(f"{origin} {protocol} {place}: {said}", flush=True)
        asked = []
        child.terminate()
    code = child.wait()
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)


main()
