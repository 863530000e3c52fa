# shellcheck shell=sh
# One hierarchy with all controllers, as systemd has it. Root's processes are in a group beside the user's; the user's
# are in one below a group that was given to it.
kernels=all
given=/sys/fs/cgroup/user

prepare() {
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir /sys/fs/cgroup/root "$given"
  echo $$ >/sys/fs/cgroup/root/cgroup.procs
  sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
  mkdir "$given/session"
  for one in "$given" "$given/session"; do
    chown user:user "$one" "$one/cgroup.procs" "$one/cgroup.threads" "$one/cgroup.subtree_control"
  done
  before_user="echo \$\$ >$given/session/cgroup.procs"
}

holds() {
  for controller in cpu memory pids cpuset io; do
    check "condition: $controller is given to the user" "* $controller *" " $(cat $given/cgroup.controllers) "
  done
  check "condition: the user is in its group" "0::/user/session" "$(outside user "cat /proc/self/cgroup")"
  check "condition: root is in its own" "0::/root" "$(cat /proc/self/cgroup)"
  outside user "mkdir $given/new" && outside user "rmdir $given/new"
  check "condition: the user makes groups there" 0 $?
  check "condition: the user makes none elsewhere" "*denied*" "$(outside user "mkdir /sys/fs/cgroup/new" 2>&1)"
}

topics=cgroups
