//! `default` for development: debuggers, and sandboxes inside.
//!
//! What is lifted can undo nothing of the jail: a tracer reaches its own user namespace only, and mounts made in a nested
//! one are copies whose flags are locked. It is kernel surface with a history of holes all the same.

/// What `default` refuses and this does not.
#[rustfmt::skip]
pub(super) const LIFTED: &[&str] = &[
    // Debuggers, tracers, profilers of memory.
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise", "kcmp", "personality",
    // Namespaces, and what is done in new ones.
    "clone", "clone3", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount",
    "fspick", "open_tree", "open_tree_attr", "move_mount", "mount_setattr", "listmount", "statmount", "listns",
    "sethostname", "setdomainname",
];
