# As a container's profile: capabilities, and no mounts.
profile sbx-no-mounts /sbx/** flags=(attach_disconnected,mediate_deleted) {
  file,
  network,
  unix,
  signal,
  ptrace,
  capability,
  deny mount,
}
