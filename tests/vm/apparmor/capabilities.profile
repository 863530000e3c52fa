# What Ubuntu (23.10 and later) puts programs without a profile under once they are in a user namespace of their own:
# everything but capabilities.
profile sbx-restricted /sbx/** {
  file,
  network,
  unix,
  signal,
  ptrace,
  mount,
  umount,
  pivot_root,
  deny capability,
}
