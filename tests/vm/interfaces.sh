# shellcheck shell=sh
# Interfaces, which only root may make here, of virtual machines' own wires. The modules veth and macvlan, and for an
# interface of the machine's own virtio_net, may have been loaded.

interfaces_questions() {
  [ "$1" = root ] || { interfaces_refused "$@"; return; }
  ip link add tveth1 type veth 2>/dev/null || { echo "vm skip $who interfaces: needs veth"; return; }
  wire=$(ip -o link | sed -n 's/^[0-9]*: \(veth[0-9]*\)@tveth1.*/\1/p')
  ip link set tveth1 up
  ip link set "$wire" up
  ip addr add 10.166.0.1/16 dev "$wire"
  # The name that it has inside is one of the machine's, too.
  ip link add vs type veth 2>/dev/null
  interfaces_reach "$@"
  interfaces_of_the_machine "$@"
  ip link del vs
  ip link del tveth1
}

interfaces_reach() {
  peer="net connect 10.166.0.1:9"
  check "$who interfaces: without one nothing is reached" ENETUNREACH "$(sandbox "$@" -- $probe $peer)"
  check "$who interfaces: a macvlan reaches its wire" ECONNREFUSED "$(sandbox "$@" macvlan=tveth1:ip=10.166.1.2/16 -- $probe $peer)"
  check "$who interfaces: a pair reaches the host" ECONNREFUSED "$(sandbox "$@" veth=sbx0:ip=10.9.0.2/30:host-ip=10.9.0.1/30 -- $probe net connect 10.9.0.1:9)"
  check "$who interfaces: an address has the prefix" "*?0000A60A 00000000 0001 * 0000FFFF*" "$(sandbox "$@" macvlan=tveth1:ip=10.166.1.2:netmask=255.255.0.0 -- $probe report | sed -n 's/^route=vs//p')"
  check "$who interfaces: a name that is taken is refused" "sbx: network: RTM_NEWLINK vs, veth to tveth1: *(EEXIST)*" "$(sandbox "$@" veth=tveth1 -- $probe report)"
  sleep 1
  check "$who interfaces: nothing is left behind" none "$(ip -o link | grep -c sbx0 | sed s/^0$/none/)"
}

# One that is no other's child returns to the machine, and under the same name.
interfaces_of_the_machine() {
  [ -e /sys/class/net/eth0 ] || { echo "vm skip $who interfaces: its own: needs eth0"; return; }
  check "$who interfaces: its own is inside" "eth0:*" "$(sandbox "$@" own-iface=eth0 -- $probe report | sed -n 's/^net=eth0/eth0/p')"
  sleep 1
  check "$who interfaces: its own returns" "*: eth0: *" "$(ip -o link show eth0)"
}

interfaces_refused() {
  check "$who interfaces: only root makes them" "sbx: network: RTM_NEWLINK vs, veth to sbx0: *(EPERM)*--net pasta*" "$(echo $(sandbox "$@" veth=sbx0 -- $probe report))"
}
