# shellcheck shell=sh
# The root is an initramfs: a file system that cannot be pivoted.
kernels=oldest
topics="profiles limits translator"

holds() {
  check "condition: the root is an initramfs" "rootfs *" "$(grep ' / ' /proc/mounts | head -n 1)"
}
