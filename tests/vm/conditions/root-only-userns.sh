# shellcheck shell=sh
# User namespaces are for root only: a setting that Debian's kernels have.
kernels=all

prepare() { echo 0 >/proc/sys/kernel/unprivileged_userns_clone; }

holds() {
  check "condition: the setting is there" 0 "$(cat /proc/sys/kernel/unprivileged_userns_clone)"
}

topics=root_only
root_only_questions() {
  case $1 in
    root)
      report=$(sandbox "$@" -- $probe report)
      check "$who root has them" 1 "$(value pid)"
      ;;
    *) refused "root only" "sbx: user namespace: unshare CLONE_NEWUSER: *(EPERM)" "*unprivileged_userns_clone*" "$@" ;;
  esac
}
