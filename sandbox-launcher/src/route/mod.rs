//! Who builds the sandbox: the library inside the program, or the launcher around it.

pub mod exec;
pub mod layered;
pub mod preload;
pub mod visible;
pub mod watch;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::error::Error;
use crate::target::Target;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The library where it can be shown to be the first to run, otherwise the launcher.
    Auto,
    /// The library, or nobody.
    Preload,
    /// The launcher.
    Exec,
    /// Both, one after the other.
    Layered,
}

impl Route {
    pub fn named(name: &OsStr) -> Option<Self> {
        match name.as_bytes() {
            b"auto" => Some(Route::Auto),
            b"preload" => Some(Route::Preload),
            b"exec" => Some(Route::Exec),
            b"layered" => Some(Route::Layered),
            _ => None,
        }
    }

    /// Whether the program is executed inside, in what the launcher has built.
    ///
    /// # Errors
    /// The library is asked for, and cannot be the first to run.
    pub fn is_inside(self, target: &mut Target) -> Result<bool, Error> {
        match (self, target.unheld.take()) {
            // Whatever it is.
            (Route::Exec, _) => Ok(true),
            (Route::Auto | Route::Preload, None) => Ok(false),
            (Route::Preload, Some((path, why))) => Err(Error::Target { path, why }),
            (Route::Auto | Route::Layered, unheld) => {
                target.unheld = unheld;
                Ok(true)
            }
        }
    }
}
