//! What the program may ask of the kernel.

use crate::seccomp;
use crate::setting::text;
use crate::setting::value::Text;

/// A capability, capabilities(7), by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability(pub u8);

impl Capability {
    /// Names by number, include/uapi/linux/capability.h, without `CAP_`, lower case.
    pub const NAMES: [&'static str; 41] = [
        "chown",
        "dac_override",
        "dac_read_search",
        "fowner",
        "fsetid",
        "kill",
        "setgid",
        "setuid",
        "setpcap",
        "linux_immutable",
        "net_bind_service",
        "net_broadcast",
        "net_admin",
        "net_raw",
        "ipc_lock",
        "ipc_owner",
        "sys_module",
        "sys_rawio",
        "sys_chroot",
        "sys_ptrace",
        "sys_pacct",
        "sys_admin",
        "sys_boot",
        "sys_nice",
        "sys_resource",
        "sys_time",
        "sys_tty_config",
        "mknod",
        "lease",
        "audit_write",
        "audit_control",
        "setfcap",
        "mac_override",
        "mac_admin",
        "syslog",
        "wake_alarm",
        "block_suspend",
        "audit_read",
        "perfmon",
        "bpf",
        "checkpoint_restore",
    ];
}

impl Text for Capability {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix(b"cap_").unwrap_or(&lower);
        let number = Self::NAMES.iter().position(|n| n.as_bytes() == name).and_then(|n| u8::try_from(n).ok());
        number.map(Capability).ok_or_else(|| "expected capabilities by name, such as net_bind_service".into())
    }
    fn show(&self) -> Vec<u8> {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or_default().into()
    }
}

/// A system call by its number on this architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall(pub u32);

impl Text for Syscall {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let number = std::str::from_utf8(text).ok().and_then(seccomp::number);
        number.map(Syscall).ok_or_else(|| format!("'{}' is not a system call of this architecture", text::show(text)))
    }
    fn show(&self) -> Vec<u8> {
        seccomp::name(self.0).unwrap_or_default().into()
    }
}
