# shellcheck shell=sh
# Limits, and which of them only the machine's root may raise.

limits_questions() {
  limits "$@"
  case $1 in
    root) raised "$@" ;;
    *) not_raised "$@" ;;
  esac
}

limits() {
  check "$who limits: descriptors end" "13 EMFILE" "$(sandbox "$@" rlimit=nofile=16 -- $probe limit files 40)"
  check "$who limits: processor time ends" 137 "$(sandbox "$@" rlimit=cpu=1 -- $probe limit spin 20000 >/dev/null; echo $?)"
  check "$who limits: one processor" 0 "$(report=$(sandbox "$@" max-cpus=1 -- $probe report); value status.Cpus_allowed_list)"
  clocks=$(sandbox "$@" monotonic-offset=100h -- $probe limit clocks)
  check "$who limits: the clock is ahead" "monotonic=36???? 36????" "$(echo "$clocks" | grep monotonic)"
  check "$who limits: a clock below zero is refused" "sbx: time offsets: *(ERANGE)*" "$(sandbox "$@" boottime-offset=-100h -- $probe report)"
}

# To the machine's root the privileges are those of the first user namespace.
raised() {
  check "$who raised: open files" "Max*5000*6000*" "$(sandbox "$@" rlimit=nofile=5000:6000 -- $probe file cat /proc/self/limits | grep open)"
  check "$who raised: real-time priority" "ok,EPERM" "$(sandbox "$@" rlimit=rtprio=5 -- $probe limit fifo 5),$(sandbox "$@" rlimit=rtprio=5 -- $probe limit fifo 6)"
  check "$who raised: nice" "ok EACCES" "$(echo $(sandbox "$@" rlimit=nice=25 -- $probe calls setpriority:0:0:-5 setpriority:0:0:-6))"
  check "$who raised: the nice value" -5 "$(report=$(sandbox "$@" nice=-5 -- $probe report); value nice)"
  check "$who raised: the OOM killer's favour" -500 "$(report=$(sandbox "$@" oom-score-adj=-500 -- $probe report); value oom_score_adj)"
}

not_raised() {
  for limit in nofile=5000:6000 rtprio=5 nice=25; do
    check "$who not raised: ${limit%%=*}" "sbx: rlimits: setrlimit ${limit%%=*}*(EPERM)*" "$(sandbox "$@" rlimit=$limit -- $probe report)"
  done
  check "$who not raised: the nice value" "sbx: nice: setpriority -5*(EACCES)*" "$(sandbox "$@" nice=-5 -- $probe report)"
  check "$who not raised: the OOM killer's favour" "sbx: oom_score_adj: write*(EACCES)*" "$(sandbox "$@" oom-score-adj=-500 -- $probe report)"
}
