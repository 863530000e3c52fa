# shellcheck shell=sh
# Yama's ptrace_scope, of which distributions have 0 or 1, and what it means for the proof of entry (docs/routes.md).

yama_questions() {
  # 3 is for good, so all of it at once, and last.
  [ "$*" = "user launch" ] || return 0
  for scope in 0 1 2 3; do
    echo $scope >/proc/sys/kernel/yama/ptrace_scope
    check "yama $scope: it is in force" $scope "$(cat /proc/sys/kernel/yama/ptrace_scope)"
    for who in root user; do
      case $scope-$who in
        [01]-* | 2-root) route=preload code=0 reason="" ;;
        *) route=exec code=125 reason="*ptrace*EPERM*" ;;
      esac
      check "yama $scope, $who: auto takes route $route" "route *$route*" "$(run_as $who /sbx/sbx-launch --print-plan $probe | head -n 1)"
      check "yama $scope, $who: the program runs" "42" "$(run_as $who /sbx/sbx-launch $probe exit 42; echo $?)"
      out=$(run_as $who /sbx/sbx-launch --route preload $probe exit 0; echo "code $?")
      check "yama $scope, $who: route preload ends with $code" "*code $code" "$out"
      check "yama $scope, $who: what it says then" "$reason" "$(echo "$out" | sed '/^code/d')"
    done
  done
}

run_as() {
  as=$1
  shift
  if [ "$as" = root ]; then "$@"; else outside "$as" "$*"; fi 2>&1
}
