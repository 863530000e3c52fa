# shellcheck shell=sh
# Controllers in hierarchies of cgroup v1, and cgroup v2 beside them without any, as systemd's hybrid.
kernels=newest

prepare() {
  make_v1
  mkdir /sys/fs/cgroup/unified
  mount -t cgroup2 none /sys/fs/cgroup/unified
  mkdir /sys/fs/cgroup/unified/user
  chown user:user /sys/fs/cgroup/unified/user /sys/fs/cgroup/unified/user/cgroup.procs
  before_user="$before_user; echo \$\$ >/sys/fs/cgroup/unified/user/cgroup.procs"
}

holds() {
  check "condition: v2 has no controller of v1's" "" "$(tr ' ' '\n' </sys/fs/cgroup/unified/cgroup.controllers | grep -xE 'cpu|pids|io')"
  check "condition: the user is in a group of both" "*:pids:/user*0::/user" "$(outside user "cat /proc/self/cgroup")"
}
topics=cgroups
