//! What `sbx-launch` is made of; `main.rs` has its `main` alone.
//!
//! A library, so that what it reads (policies, profiles, ELF files) can be tried from outside: `fuzz/` does. Public is
//! what is tried there, and `launch`.

mod asked;
mod cli;
#[cfg(test)]
mod docs;
pub mod early;
pub mod elf;
mod environment;
mod error;
mod file_from;
pub mod filter;
mod help;
pub mod launch;
mod library;
mod loading;
pub mod observe;
mod plt;
pub mod policy_file;
mod print;
mod report;
mod route;
#[cfg(test)]
mod sample;
pub mod script;
mod start;
mod symbols;
mod target;
mod tree;
