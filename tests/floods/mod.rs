//! Programs that take all there is of something, and callers that do: orphans, descriptors, signals.

mod descriptors;
mod signals;
mod zombies;

use std::path::PathBuf;

use crate::support::TempDir;

/// The program that takes all there is.
fn floods(dir: &TempDir) -> PathBuf {
    dir.compile("cc", "floods", include_str!("../targets/floods.c"), &[])
}
