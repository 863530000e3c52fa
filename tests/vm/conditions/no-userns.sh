# shellcheck shell=sh
# User namespaces are switched off for everybody.
kernels=all

prepare() { echo 0 >/proc/sys/user/max_user_namespaces; }

holds() {
  check "condition: no user namespace can be made" "*unshare*" "$(unshare -U true 2>&1)"
}

topics="no_userns landlock_instead"
no_userns_questions() {
  refused "no user namespaces" "sbx: user namespace: unshare CLONE_NEWUSER: *(ENOSPC)" "*max_user_namespaces*" "$@"
  case $1 in
    root)
      report=$(sandbox "$@" share=user -- $probe report)
      check "$who root can do without" "1 1 2 0000000000000000" "$(value pid) $(value no_new_privs) $(value seccomp) $(value status.CapEff)"
      check "$who root can do without: the root is read-only" EROFS "$(sandbox "$@" share=user -- $probe file create /new)"
      ;;
    *)
      check "$who the others need root then" "sbx: policy: share: user, so the mount namespace needs root*code 125" "$(sandbox "$@" share=user -- $probe report; echo "code $?")"
      report=$(sandbox "$@" share=user,mount,pid,net,ipc,uts,cgroup,time -- $probe report)
      check "$who the filter can be had without" "1 2 0000000000000000" "$(value no_new_privs) $(value seccomp) $(value status.CapEff)"
      ;;
  esac
}
