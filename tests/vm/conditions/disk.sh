# shellcheck shell=sh
# The root is a file system on a disk, as on most machines: it can be pivoted, and an overlay can write to it. Landlock
# is there too.
kernels=all
disk=ext4
topics="profiles limits landlock interfaces"

holds() {
  check "condition: the root is ext4" "/dev/* / ext4 *" "$(grep ' / ' /proc/mounts)"
  check "condition: Landlock is there" "*landlock*" "$(cat /sys/kernel/security/lsm)"
}
