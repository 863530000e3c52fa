//! /proc and /dev: what programs need of them, and nothing that reaches the machine. Pure.

use std::ffi::CStr;

use super::op::{Access, Base, Op, What};
use crate::error::PolicyError;
use crate::plan::Wanted;
use crate::policy::Policy;
use crate::policy::types::{DevMode, Namespace, ProcMode};

/// Written to, these reach the whole kernel. Files of the mapped root are writable by their owner without a capability.
const PROC_READ_ONLY: [&CStr; 7] = [
    c"/proc/bus",
    c"/proc/dynamic_debug",
    c"/proc/fs",
    c"/proc/irq",
    c"/proc/mtrr",
    c"/proc/sys",
    c"/proc/sysrq-trigger",
];

/// Read, these tell of the whole machine; proc(5). Interrupt counts tell of keys being pressed; kallsyms, modules and
/// vmallocinfo have the kernel's addresses where kernel.kptr_restrict and perf_event_paranoid leave them readable. What
/// programs size themselves by (cpuinfo, meminfo, stat, loadavg, vmstat) stays.
const PROC_HIDDEN: [&CStr; 18] = [
    c"/proc/acpi",
    c"/proc/asound",
    c"/proc/interrupts",
    c"/proc/kallsyms",
    c"/proc/kcore",
    c"/proc/keys",
    c"/proc/kmsg",
    c"/proc/kpagecgroup",
    c"/proc/kpagecount",
    c"/proc/kpageflags",
    c"/proc/latency_stats",
    c"/proc/modules",
    c"/proc/sched_debug",
    c"/proc/scsi",
    c"/proc/slabinfo",
    c"/proc/timer_list",
    c"/proc/timer_stats",
    c"/proc/vmallocinfo",
];

const NODES: [&CStr; 6] = [c"/dev/null", c"/dev/zero", c"/dev/full", c"/dev/random", c"/dev/urandom", c"/dev/tty"];

const LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/ptmx", c"pts/ptmx"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
];

/// The ops of /proc.
pub fn proc(policy: &Policy, wanted: &Wanted, base: &Base, ops: &mut Vec<Op>) -> Result<(), PolicyError> {
    let default = if policy.no_new_code.on() { ProcMode::Ro } else { ProcMode::Rw };
    let mode = policy.proc.unwrap_or(default);
    if policy.no_new_code.on() && mode == ProcMode::Rw {
        return Err(PolicyError::conflict("proc", "rw and no-new-code: /proc/self/mem writes past page protections"));
    }
    // A tree without /proc gets none, unless it was asked for.
    let at_proc = |what| match (policy.proc, base) {
        (None, Base::Dir(_) | Base::Overlay(_)) => Op::where_present(c"/proc", what),
        _ => Op::asked(c"/proc", what),
    };
    let fresh = wanted.is_new(Namespace::Pid);
    match (mode, fresh) {
        (ProcMode::None, _) if *base == Base::Empty => return Ok(()),
        (ProcMode::None, _) => {
            ops.push(Op::where_present(c"/proc", What::Hide));
            return Ok(());
        }
        (_, true) => ops.push(at_proc(What::Proc { writable: mode == ProcMode::Rw })),
        (_, false) if policy.proc.is_some() => {
            return Err(PolicyError::conflict("proc", "a fresh procfs needs a new pid namespace"));
        }
        (_, false) if *base == Base::Empty => return Ok(()),
        // The host's procfs, read-only with the rest of its tree.
        (_, false) => {}
    }
    if mode == ProcMode::Rw && fresh {
        ops.extend(PROC_READ_ONLY.map(|path| Op::where_present(path, What::ReadOnly)));
    }
    ops.extend(PROC_HIDDEN.map(|path| Op::where_present(path, What::Hide)));
    Ok(())
}

/// The ops of /dev.
pub fn dev(policy: &Policy, base: &Base, ops: &mut Vec<Op>) {
    let tmpfs = |mode: &CStr, sealed| What::Tmpfs { size: None, mode: mode.into(), sealed, noexec: sealed };
    let at_dev = |what| match (policy.dev, base) {
        (None, Base::Dir(_) | Base::Overlay(_)) => Op::where_present(c"/dev", what),
        _ => Op::asked(c"/dev", what),
    };
    match policy.dev.unwrap_or(DevMode::Minimal) {
        DevMode::None if *base == Base::Empty => {}
        DevMode::None => ops.push(Op::where_present(c"/dev", What::Hide)),
        DevMode::Host => {
            let what = What::Bind { source: c"/dev".into(), access: Access::DEVICES, skip_missing_source: false };
            ops.push(at_dev(what));
            ops.push(Op::where_present(c"/dev/shm", tmpfs(c"1777", false)));
        }
        DevMode::Minimal => {
            // Below a /dev that a tree does not have nothing can be made, and nothing was promised.
            let below = |path: &CStr, what| match (policy.dev, base) {
                (None, Base::Dir(_) | Base::Overlay(_)) => Op::where_present(path, what),
                _ => Op::asked(path, what),
            };
            ops.push(at_dev(tmpfs(c"755", true)));
            ops.extend(NODES.map(|path| below(path, What::Node)));
            ops.extend(LINKS.map(|(path, text)| below(path, What::Link(text.into()))));
            ops.push(below(c"/dev/pts", What::Devpts));
            ops.push(below(c"/dev/shm", tmpfs(c"1777", false)));
        }
    }
}
