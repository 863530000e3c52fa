//! The program that is executed inside, route exec: by its name in the new tree where it has one there, so that what it is
//! told about itself holds inside; otherwise by the descriptor it was looked at through.

use std::ffi::CString;
use std::os::fd::RawFd;

use super::{Context, Step};
use crate::error::{Failure, PolicyError};
use crate::exit;
use crate::policy::Policy;
use crate::policy::types::Persona;
use crate::setting::text::show;
use crate::sys::call::Call;
use crate::sys::{file, process, refused, with_raw_fd};

/// The step's name, by which a failure of the program's is told from one of the sandbox.
pub const NAME: &str = "program";

/// What is to be executed, found and looked at outside.
#[derive(Clone, Debug)]
pub struct Image {
    /// Open on it, close-on-exec, above 2.
    pub fd: RawFd,
    /// What it may be called inside, the better name first.
    pub names: Vec<CString>,
    /// The tree inside is another one, and the file of that name there is what was meant, whatever it lies on.
    pub of_tree: bool,
    /// The kernel opens a script a second time, by its name.
    pub is_script: bool,
    /// glibc's loader starts it, or it is not known what does.
    pub glibc_loads: bool,
    pub arguments: Vec<CString>,
    pub environment: Vec<CString>,
}

impl Image {
    /// Executes it by the name that was found, or by descriptor; returns only why that cannot be.
    pub fn execute(&self, found: Option<usize>) -> Failure {
        match found.and_then(|number| self.names.get(number)) {
            Some(name) => process::execute(name, &self.arguments, &self.environment),
            None => with_raw_fd(self.fd, |fd| process::execute_fd(fd, &self.arguments, &self.environment)),
        }
    }

    fn shown(&self) -> String {
        self.names.first().map_or_else(String::new, |name| show(name.to_bytes()))
    }
}

/// The exit code of a program that the kernel does not execute.
pub fn exit_code(errno: i32) -> i32 {
    if errno == libc::ENOENT { exit::NOT_FOUND } else { exit::CANNOT_EXECUTE }
}

pub struct Program(Image);

/// # Errors
/// Settings under which nothing can be executed.
pub fn plan(image: &Image, policy: &Policy, lets_execute: bool) -> Result<Program, PolicyError> {
    let hint = "only a dynamically linked program that loads the library can have it: --route preload or layered says what \
                keeps it from that";
    let conflict = |name, why: &str| Err(PolicyError::conflict(name, why).with_hint(hint));
    if policy.no_exec.on() {
        return conflict("no-exec", "route exec executes the program in the sandbox");
    }
    if policy.no_new_code.on() {
        return conflict("no-new-code", "route exec loads the program in the sandbox");
    }
    if policy.no_tsc.on() && image.glibc_loads {
        return conflict("no-tsc", "glibc's loader reads the time stamp counter, and faults");
    }
    if policy.personality.0.iter().flatten().any(|flag| *flag == Persona::ReadImpliesExec) {
        return conflict("personality", "execve takes read-implies-exec away");
    }
    if !lets_execute {
        return conflict("seccomp", "route exec executes the program under the filter, which refuses execve or write");
    }
    Ok(Program(image.clone()))
}

impl Step for Program {
    fn name(&self) -> &'static str {
        NAME
    }
    fn describe(&self) -> String {
        format!("execute {}", self.0.shown())
    }
    /// Finds it. It is executed when everything else is done.
    fn apply(&self, context: &mut Context) -> Result<(), Failure> {
        let image = &self.0;
        let wanted = with_raw_fd(image.fd, file::identity)?;
        context.found = image.names.iter().position(|name| {
            let opened = file::open(None, name, libc::O_PATH, 0);
            let identity = opened.and_then(|fd| file::identity(std::os::fd::AsFd::as_fd(&fd)));
            identity.is_ok_and(|found| image.of_tree || found == wanted)
        });
        // The interpreter would be given the name, and find nothing there.
        let lost = context.found.is_none() && (image.is_script || image.of_tree);
        if lost { Err(refused(Call::Execve, libc::ENOENT)) } else { Ok(()) }
    }
    fn object(&self, _: u32) -> String {
        self.0.shown()
    }
}
