//! What sbx promises, asked of the built binaries: modules named after the steps, then the things around them.
//!
//! Nothing here forks or changes this process: every test starts the library or the launcher, and looks from inside (the
//! probe) and from outside. Each denial has a control that shows the same act succeeding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

// The machine of filters, by the name under which the engine's tests look for it.
use sandbox_core::seccomp::eval;

// What is looked at before anything is believed.
mod entry;
mod guard;
mod hygiene;

// The steps, in their order.
mod id_maps;
mod id_tools;
mod identity;
mod interfaces;
mod namespaces;
mod network;
mod time;
mod uplink;

mod bind_options;
mod binds;
mod dev;
mod made;
mod mounts;
mod overlay;
mod proc;

mod cgroups;
mod code;
mod cwd;
mod environment;
mod explain;
mod fds;
mod filters;
mod landlock;
mod layered;
mod learn;
mod limits;
mod no_namespaces;
mod privileges;
mod scheduling;
mod seccomp;

// The other process, and what is said of it all.
mod sigsys;
mod stats;
mod status;
mod supervise;
mod terminal;
mod time_limit;

// Everything together.
mod attacks;
mod examples;
mod failures;
mod floods;
mod old_kernels;
mod profiles;
mod programs;
mod propagation;
mod races;

// The command around the library.
mod launcher;
mod library;
mod proof;
mod report;
mod routes;
mod settings;
