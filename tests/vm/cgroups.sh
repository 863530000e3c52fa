# shellcheck shell=sh
# Control groups in either version, in both, with whoever may make them and whoever may not.

cgroups_questions() {
  case $1 in
    root) parent=/ ;;
    *) parent=/user ;;
  esac
  limited() { sandbox "$1" "$2" "cgroup-parent=$parent" "$3" "$4" -- $5; }
  pids_and_cpu "$@"
  if has_memory; then memory "$@"; else memory_refused "$@"; fi
  kept_in "$@"
  ended "$@"
  grep -qw net_cls /proc/self/cgroup && check "$who net-class is set" "1048577" "$(classes "$@")"
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then version_2 "$@"; fi
  [ "$1" = root ] || not_delegated "$@"
  check "$who cgroups: nothing is left" "" "$(left)"
}

left() {
  # The kernel may need a moment for those that were killed.
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    [ -n "$(find /sys/fs/cgroup -name 'sbx-run-*' -o -name 'sbx-caller-*')" ] || return
    sleep 1
  done
  find /sys/fs/cgroup -name 'sbx-*'
}

# Whether the caller's groups have memory: in version 1, or given to them in version 2.
has_memory() {
  grep -qw memory /proc/self/cgroup && return
  for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    if [ "$parent" = / ]; then file=$dir/cgroup.controllers; else file=$dir$parent/cgroup.controllers; fi
    grep -qw memory "$file" 2>/dev/null && return
  done
  return 1
}

pids_and_cpu() {
  check "$who pids: one more is EAGAIN" "8 EAGAIN" "$(limited "$@" pids-max=9 cpu-max=90 "$probe limit fork 20")"
  check "$who pids: with the reaper" "7 EAGAIN" "$(limited "$@" pids-max=9 init=true "$probe limit fork 20")"
  check "$who pids: one is possible" 5 "$(limited "$@" pids-max=1 uid=5 "$probe exit 5"; echo $?)"
  check "$who pids: without the limit" "20 ok" "$(sandbox "$@" -- $probe limit fork 20)"
  told=$(mktemp -u /tmp/told.XXXXXX)
  limited "$@" cpu-max=10 "stats=$told" "$probe limit spin-wall 1500" >/dev/null
  check "$who cpu: the group's account is told" '*"cg-throttled":[1-9]*' "$(cat "$told")"
}

memory() {
  told=$(mktemp -u /tmp/told.XXXXXX)
  check "$who memory: too much is the end" 137 "$(limited "$@" memory-max=32m "stats=$told" "$probe limit touch 200" >/dev/null; echo $?)"
  check "$who memory: and told as such" '*"killed-by":"memory"*"cg-oom-kills":[1-9]*' "$(cat "$told")"
  rm -f "$told"
  limited "$@" memory-max=32m "stats=$told" "$probe limit touch 8" >/dev/null
  check "$who memory: no kill is told as none" '*"exitcode":0*"cg-oom-kills":0*' "$(cat "$told")"
  check "$who memory: the control" "200 ok" "$(limited "$@" memory-max=400m swap-max=0 "$probe limit touch 200")"
  for more in init=true share=pid; do
    check "$who memory, $more: all are killed with a child" "*137" "$(limited "$@" memory-max=32m $more "$probe limit child-touches 200"; echo $?)"
  done
  check "$who memory: a file in memory is memory" 137 "$(limited "$@" memory-max=32m swap-max=0 "$probe limit write /tmp/file 99999999" >/dev/null; echo $?)"
}

memory_refused() {
  out=$(limited "$@" memory-max=32m pids-max=9 "$probe exit 0"; echo "code $?")
  check "$who memory that cannot be had is refused with a hint" "sbx: policy: memory-max: *sbx: hint: *code 125" "$out"
}

# Neither what the host has mounted nor what can be mounted changes a limit.
kept_in() {
  check "$who it sees itself at the root" "*:/" "$(limited "$@" pids-max=9 cpu-max=90 "$probe file cat /proc/self/cgroup" | grep -E 'pids|^0::' | head -n 1)"
  # One of the caller's own.
  case $1 in
    root) file=$(find /sys/fs/cgroup -name cgroup.procs | head -n 1) ;;
    *) file=$(find /sys/fs/cgroup -path '*/user/cgroup.procs' | head -n 1) ;;
  esac
  check "$who outside, the host's groups are the caller's" ok "$(outside "$1" "$probe file open-write $file")"
  for more in uid=0 root-rw=true; do
    check "$who $more: the host's groups are read-only" EROFS "$(limited "$@" pids-max=9 $more "$probe file open-write $file")"
  done
  check "$who what would be writable is refused" "sbx: cgroup: read /proc/self/mountinfo: *(EBADE)*--bind-ro*" "$(limited "$@" pids-max=9 bind=/sys/fs/cgroup:/mnt "$probe exit 0")"
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    nested="mount:s=none:s=/mnt:s=cgroup2:0:0 mkdir:s=/mnt/more:493 open:s=/mnt/pids.max:1 open:s=/mnt/cgroup.procs:1"
    out=$(sandbox "$@" "cgroup-parent=$parent" pids-max=9 cap-keep=sys_admin seccomp=none tmpfs=/mnt uid=0 -- $probe calls $nested)
    check "$who a hierarchy of its own has neither limits nor room" "ok EAGAIN ENOENT ok" "$(echo $out)"
  fi
}

# Killed, out of time, failed: nothing is left, and what is stale goes with the next run.
ended() {
  check "$who a failure leaves nothing" "sbx: mounts: *" "$(limited "$@" pids-max=9 bind=/nowhere:/mnt "$probe exit 0")"
  check "$who a failure leaves nothing behind" "" "$(left)"
  check "$who time ends for all in the group" 124 "$(sandbox "$@" "cgroup-parent=$parent" pids-max=9 share=pid time-limit=1 -- $probe deaf-orphan 9000 >/dev/null; echo $?)"
}

classes() {
  sandbox "$1" "$2" "cgroup-parent=$parent" net-class=0x100001 -- $probe sleep 9000 >/dev/null &
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    file=$(find /sys/fs/cgroup/net_cls* -path '*/sbx-run-*' -name net_cls.classid | head -n 1)
    [ -z "$file" ] || [ "$(cat "$file")" = 0 ] || break
    sleep 1
  done
  cat "$file"
  wait $!
}

# Alone in a group: it makes room, and what it changed is put back.
version_2() {
  [ "$1" = user ] || return
  group=$given/alone
  outside user "mkdir $group"
  case $2 in
    launch) words="/sbx/sbx-launch --pids-max=9 --memory-max=64m --" ;;
    preload) words="env LD_PRELOAD=$lib SBX_PIDS_MAX=9 SBX_MEMORY_MAX=64m" ;;
  esac
  printf 'echo $$ >%s/cgroup.procs || exit 9\nexec %s %s limit fork 20\n' "$group" "$words" "$probe" >/sbx/alone
  for time in first second; do
    check "$who alone, $time: it makes room" "8 EAGAIN" "$(outside user "sh /sbx/alone" 2>&1)"
    check "$who alone, $time: the group is as it was" "none " "$(find $group -mindepth 1 -type d | grep . || echo none) $(cat $group/cgroup.subtree_control)"
  done
  printf 'sleep 1 & echo $$ >%s/cgroup.procs; echo $! >%s/cgroup.procs\n%s %s exit 0\n' "$group" "$group" "$words" "$probe" >/sbx/together
  check "$who with others there: refused, and how to move them" "sbx: policy: *sits in the control group*sbx: hint: *mkdir*cgroup.procs*" "$(outside user "sh /sbx/together" 2>&1)"
  sleep 1
  rmdir $group
}

not_delegated() {
  case $2 in
    launch) words="/sbx/sbx-launch --pids-max=9 --" ;;
    preload) words="env LD_PRELOAD=$lib SBX_PIDS_MAX=9" ;;
  esac
  out=$(su -s /bin/sh user -c "exec $words $probe exit 0" 2>&1; echo "code $?")
  check "$who not delegated: refused, and how it is given" "sbx: policy: pids-max: *is not delegated to uid 1000*sbx: hint: as root*chown 1000*code 125" "$out"
}
