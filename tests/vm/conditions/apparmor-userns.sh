# shellcheck shell=sh
# AppArmor denies user namespaces themselves, as it can since Linux 6.7.
kernels=all
since=6.7
append="apparmor=1 security=apparmor"
profile=userns

prepare() {
  mkdir /free
  cp /sbx/cat /sbx/sbx-launch /sbx/libsandbox.so /free/
}

holds() {
  check "condition: the profile holds programs" "sbx-no-userns (enforce)" "$(/sbx/cat /proc/self/attr/apparmor/current)"
  # What makes a profile for the launcher enough where programs without one may have no user namespace.
  check "a program keeps the unconfined profile of its launcher" "sbx-free (unconfined)" \
    "$(/free/sbx-launch -- /free/cat /proc/self/attr/apparmor/current 2>&1)"
}

topics=apparmor_userns
apparmor_userns_questions() {
  refused "AppArmor" "sbx: user namespace: unshare CLONE_NEWUSER: *(EACCES)" "*AppArmor*/proc/self/attr/apparmor/current*" "$@"
  [ "$1" = root ] || return
  report=$(sandbox "$@" share=user -- $probe report)
  check "$who root can do without" "1 1 2 0000000000000000" "$(value pid) $(value no_new_privs) $(value seccomp) $(value status.CapEff)"
}
