# shellcheck shell=sh
# A hierarchy for each controller, as before cgroup v2. Linux 6.12 as Debian builds it has no memory and cpuset there.
kernels=all

prepare() { make_v1; }

holds() {
  for controller in cpu pids net_cls; do
    check "condition: the user is in a group of $controller" "*:/user" "$(outside user "grep -w $controller /proc/self/cgroup")"
  done
  check "condition: root is in none" "" "$(grep -v ':/$' /proc/self/cgroup)"
  outside user "mkdir /sys/fs/cgroup/pids/user/new" && outside user "rmdir /sys/fs/cgroup/pids/user/new"
  check "condition: the user makes groups there" 0 $?
}

topics=cgroups
