# shellcheck shell=sh
# AppArmor lets namespaces be made, and denies mounts in them, as the profiles of containers do.
kernels=newest
append="apparmor=1 security=apparmor"
profile=mounts

holds() {
  check "condition: the profile holds programs" "sbx-no-mounts (enforce)" "$(/sbx/cat /proc/self/attr/apparmor/current)"
}

topics=apparmor_mounts
apparmor_mounts_questions() {
  refused "AppArmor" "sbx: mounts: mount /: *(EACCES)" "*AppArmor*/proc/self/attr/apparmor/current*" "$@"
}
