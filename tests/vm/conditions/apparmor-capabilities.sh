# shellcheck shell=sh
# AppArmor lets user namespaces be made, and denies what they are made for: the capabilities inside.
kernels=all
append="apparmor=1 security=apparmor"
profile=capabilities

holds() {
  check "condition: the profile holds programs" "sbx-restricted (enforce)" "$(/sbx/cat /proc/self/attr/apparmor/current)"
}

topics=apparmor_capabilities
apparmor_capabilities_questions() {
  refused "AppArmor" "sbx: id maps: openat /proc/self/setgroups: *(EACCES)" "*AppArmor*/proc/self/attr/apparmor/current*" "$@"
  report=$(sandbox "$@" share=user,mount,pid,net,ipc,uts,cgroup,time -- $probe report)
  check "$who the filter can be had without namespaces" "1 2 0000000000000000" "$(value no_new_privs) $(value seccomp) $(value status.CapEff)"
}
