# shellcheck shell=sh
# A kernel that has Landlock and was booted without it, and with Yama.
kernels=newest
append="lsm=lockdown,yama,apparmor"

holds() {
  check "condition: Landlock is not there" "capability*" "$(sed 's/lockdown,//; s/landlock/it is/' /sys/kernel/security/lsm)"
}

topics="no_landlock yama"
