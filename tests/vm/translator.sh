# shellcheck shell=sh
# What the build reckons of the kernel's translator for filters (sandbox-filter/src/jit.rs), as the kernel does it.

translator_questions() {
  # Of the kernel alone: once does.
  [ "$*" = "root preload" ] || return 0
  mkdir -p /trace
  mount -t tracefs none /trace
  printf 'do_jit\nbpf_int_jit_compile\n' >/trace/set_ftrace_filter
  echo function >/trace/current_tracer
  for profile in default strict; do
    echo >/trace/trace
    sandbox "$@" profile=$profile -- $probe exit 0
    check "$profile: every filter is translated in the fewest turns" "4 " "$(turns | sort -u | tr '\n' ' ')"
  done
  # Made while a program starts, in an order that nobody looked for.
  echo >/trace/trace
  /sbx/sbx-launch --seccomp-deny=getppid -- $probe exit 0
  check "a filter that was not compiled beforehand takes more" "[5-9]" "$(turns | sort -n | tail -n 1)"
  echo nop >/trace/current_tracer
  umount /trace
}

# For each filter how often the translator went over it: outer and inner may load theirs at once.
turns() {
  awk '/: bpf_int_jit_compile/ && n[$1] { print n[$1]; n[$1] = 0 } /: do_jit/ { n[$1]++ } END { for (pid in n) print n[pid] }' /trace/trace
}
