# Everything; deny-userns takes user namespaces out of it.
profile sbx-no-userns /sbx/** flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  unix,
  signal,
  ptrace,
  capability,
  mount,
  umount,
  pivot_root,
}

# What lets a launcher have them.
profile sbx-free /free/sbx-launch flags=(attach_disconnected,unconfined) {
}
