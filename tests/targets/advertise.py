# advertise.py INTERFACE: a router that offers an address in fd00:bad::/64 and itself, ten times a second.
import socket, struct, sys, time
index = socket.if_nametoindex(sys.argv[1])
out = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
out.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
prefix = socket.inet_pton(socket.AF_INET6, "fd00:bad::")
said = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
said += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0, prefix)
while True:
    try:
        out.sendto(said, ("ff02::1", 0, 0, index))
    except OSError:
        pass  # there is no link-local address yet
    time.sleep(0.1)
