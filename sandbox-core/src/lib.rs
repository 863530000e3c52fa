//! The engine of sbx: from settings to a policy, from a policy to a plan, from a plan to a jail.
//!
//! ```text
//! flags ─┐
//! file  ─┼─► Assignment ─► settings table ─► Policy ─► plan() ─► Plan ─► run ─► kernel
//! SBX_* ─┘                                                ▲ Host
//! ```
//!
//! Everything left of `run` is pure: it is tested without privileges, and for hosts that are only pretended.
//! `run` and the steps' `apply` make system calls and decide nothing.

pub mod cgroups;
pub mod delegation;
pub mod enter;
pub mod error;
pub mod exit;
pub mod hint;
pub mod host;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod report;
pub mod seccomp;
pub mod setting;
pub mod step;
mod supervise;
pub mod sys;
pub mod uplink;
