# shellcheck shell=sh
# Something is mounted over parts of /proc, as containers do: in a user namespace a fresh procfs would uncover it.
kernels=newest

prepare() { mount --bind /dev/null /proc/kcore && mount -o ro --bind /proc/sys /proc/sys; }

holds() {
  check "condition: a fresh procfs is refused" "*permission denied*" "$(unshare -U -r -m -p -f mount -t proc none /mnt 2>&1)"
}

topics=masked_proc
masked_proc_questions() {
  refused "masked /proc" "sbx: mounts: * /proc: *(EPERM)" "*masked*--proc none*" "$@"
  refused "masked /proc, read-only" "sbx: mounts: * /proc: *(EPERM)" "*masked*--proc none*" "$@" proc=ro
  report=$(sandbox "$@" proc=none -- $probe report)
  check "$who it can be had without /proc" "1 1 2" "$(value pid) $(value no_new_privs) $(value seccomp)"
  check "$who without /proc nothing of it is seen" "" "$(sandbox "$@" proc=none -- $probe file list /proc)"
  [ "$1" = root ] || return
  report=$(sandbox "$@" share=user -- $probe report)
  check "$who root can have it without a user namespace" "1 1" "$(value pid) $(echo $(echo "$report" | sed -n 's/^process=//p'))"
}
