# shellcheck shell=sh
# What the profiles promise, as a program inside finds it.

profiles_questions() {
  default_profile "$@"
  other_profiles "$@"
  # The other routes are flags of sbx-launch.
  [ "$2" != launch ] || by_route_layered "$@"
}

default_profile() {
  report=$(sandbox "$@" -- $probe report)
  check "$who default: the program is pid 1" 1 "$(value pid)"
  check "$who default: capabilities are none" 0000000000000000 "$(value status.CapEff)"
  check "$who default: the bounding set is empty" 0000000000000000 "$(value status.CapBnd)"
  check "$who default: no_new_privs and a filter are set" "1 2" "$(value no_new_privs) $(value seccomp)"
  check "$who default: descriptors are the standard three" "0 1 2" "$(echo $(echo "$report" | sed -n 's/^fd=//p'))"
  check "$who default: no other process is seen" 1 "$(echo $(echo "$report" | sed -n 's/^process=//p'))"
  check "$who default: the only interface is lo" "lo:*" "$(echo "$report" | sed -n 's/^net=//p' | grep : )"
  for kind in user mnt pid net ipc uts cgroup time; do
    inside=$(value ns.$kind) outside=$(readlink /proc/self/ns/$kind)
    check "$who default: the $kind namespace is new" new "$([ -n "$inside" ] && [ "$inside" != "$outside" ] && echo new || echo "$inside")"
  done
  writable=$(echo "$report" | sed -n 's/^mount=//p' | grep -v ' ro[, ]' | cut -d ' ' -f 5 | grep -vE '^/(tmp|var/tmp|run|proc|dev/shm|dev/pts)$')
  check "$who default: every other mount is read-only" "" "$writable"
  check "$who default: every mount is nosuid" "" "$(echo "$report" | sed -n 's/^mount=//p' | grep -v 'nosuid' | cut -d ' ' -f 5)"
  check "$who default: the root takes nothing new" EROFS "$(sandbox "$@" -- $probe file create /new)"
  check "$who default: the machine's /tmp is not there" "" "$(sandbox "$@" -- $probe file list /tmp)"
  check "$who default: /tmp is writable" ok "$(sandbox "$@" -- $probe file create /tmp/new)"
  check "$who default: /root is hidden" "" "$(sandbox "$@" -- $probe file list /root)"
  check "$who default: /.. is the root" "$(sandbox "$@" -- $probe file list /)" "$(sandbox "$@" -- $probe file list /..)"
  check "$who default: kernel settings are read-only" "E[RA][OC]*" "$(sandbox "$@" -- $probe file open-write /proc/sys/kernel/core_pattern)"
  check "$who default: chroot and mount are refused" "EPERM|EPERM|EPERM" "$(sandbox "$@" -- $probe calls chroot:s=/tmp mount:0:s=/tmp:0:4096:0 umount2:s=/:2 | tr '\n' '|' | sed 's/|$//')"
  check "$who default: loopback works" ok "$(sandbox "$@" -- $probe net loopback 127.0.0.1)"
  check "$who default: the exit code is the program's" 42 "$(sandbox "$@" -- $probe exit 42; echo $?)"
  check "$who default: with init the program is pid 2" 2 "$(report=$(sandbox "$@" init=true -- $probe report); value pid)"
  check "$who default: binds and file systems are made" "seen,ok" "$(sandbox "$@" bind-ro=/sbx/seen:/tmp/a/seen -- $probe file cat /tmp/a/seen | head -n 1),$(sandbox "$@" tmpfs=/mnt -- $probe file create /mnt/x)"
}

other_profiles() {
  check "$who strict: the root is empty" "" "$(sandbox "$@" profile=strict -- $probe file list /)"
  check "$who strict: nothing is executed" EPERM "$(sandbox "$@" profile=strict -- $probe exec /bin/true)"
  check "$who strict: memory is not made executable" EPERM "$(sandbox "$@" profile=strict -- $probe calls mmap-exec)"
  check "$who strict: a filter works" filtered "$(echo filtered | sandbox "$@" profile=strict -- /sbx/cat)"
  check "$who a root of its own: it is the root" "file" "$(sandbox "$@" root=/sbx/tree proc=none dev=none -- $probe file list /)"
  check "$who without a filter chroot does not lead out" EPERM "$(sandbox "$@" seccomp=none -- $probe calls chroot:s=/tmp)"
  check "$who a missing source is refused" "sbx: mounts: *" "$(sandbox "$@" bind=/nowhere:/mnt -- $probe report)"
}

by_route_layered() {
  check "$who strict, layered: a filter works" filtered "$(echo filtered | sandbox "$@" route=layered profile=strict -- /sbx/cat)"
  check "$who strict, layered: the root is empty" "" "$(sandbox "$@" route=layered profile=strict -- $probe file list /)"
  check "$who strict, layered: nothing is executed" EPERM "$(sandbox "$@" route=layered profile=strict -- $probe exec /bin/true)"
  check "$who strict, layered: memory is not made executable" EPERM "$(sandbox "$@" route=layered profile=strict -- $probe calls mmap-exec)"
  check "$who no-exec, layered: the program is pid 1" 1 "$(report=$(sandbox "$@" route=layered no-exec=true -- $probe report); value pid)"
}
