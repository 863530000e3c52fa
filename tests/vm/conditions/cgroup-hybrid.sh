# shellcheck shell=sh
# Controllers in hierarchies of cgroup v1, and cgroup v2 beside them with those that v1 has not, as systemd's hybrid.
kernels=newest

prepare() {
  make_v1
  mkdir /sys/fs/cgroup/unified
  mount -t cgroup2 none /sys/fs/cgroup/unified
  # What Linux 6.12 no longer has in v1 is in v2, where a group with processes has none with limits below it.
  given=/sys/fs/cgroup/unified/user
  mkdir "$given" "$given/session"
  for one in "$given" "$given/session"; do
    chown user:user "$one" "$one/cgroup.procs" "$one/cgroup.threads" "$one/cgroup.subtree_control"
  done
  before_user="$before_user; echo \$\$ >$given/session/cgroup.procs"
}

holds() {
  check "condition: v2 has no controller of v1's" "" "$(tr ' ' '\n' </sys/fs/cgroup/unified/cgroup.controllers | grep -xE 'cpu|pids|io')"
  check "condition: the user is in a group of both" "*:pids:/user*0::/user/session" "$(outside user "cat /proc/self/cgroup")"
}
topics=cgroups
