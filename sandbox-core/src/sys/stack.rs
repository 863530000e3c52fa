//! The initial stack: the only place where the arguments and the environment are before libc has started.
//!
//! A constructor that runs first finds `environ` NULL, and functions of the ctor crate take no arguments. The loader
//! exports where the kernel put `argc`, `argv`, `envp` and the auxiliary vector, and main's `envp`, `environ` and
//! `/proc/self/environ` are all this same memory: what is changed here is changed everywhere.

use std::ffi::{CStr, CString, c_char};
use std::ptr::null;
use std::slice;

use super::call::Call;
use super::{last, refused};
use crate::error::Failure;

unsafe extern "C" {
    /// The stack pointer at the first instruction of the process, pointing to `argc`. Exported by ld.so.
    static __libc_stack_end: *mut usize;
    /// NULL until libc's own initialisation has run.
    static environ: *const *const c_char;
}

/// The environment as the kernel laid it out.
pub struct Initial {
    /// The arguments, and a null.
    arguments: *const *const c_char,
    pointers: &'static mut [*mut c_char],
    /// Where the kernel wrote the strings: from the end of the last argument to the end of the last entry.
    strings: (usize, usize),
    /// The auxiliary vector.
    auxiliary: *mut [u64; 2],
}

/// Whether libc, or any constructor after it, has run: then we are not first.
pub fn libc_has_started() -> bool {
    // SAFETY: reading a pointer that libc only writes during its initialisation, on this thread.
    unsafe { !environ.is_null() }
}

impl Initial {
    /// The environment of this process, `None` where the loader did not say where the stack begins.
    ///
    /// # Safety
    /// Nothing else may hold a reference to the environment's strings or pointers: call it once, before libc starts.
    pub unsafe fn find() -> Option<Self> {
        // SAFETY: by the ABI of process start-up `argc` lies at the stack's end, then `argc` pointers, a null, the
        // environment's pointers, and a null; the caller grants that nothing else refers to them.
        unsafe {
            let end = __libc_stack_end;
            if end.is_null() {
                return None;
            }
            let first = end.add(1 + *end + 1).cast::<*mut c_char>();
            let mut count = 0;
            while !(*first.add(count)).is_null() {
                count += 1;
            }
            // The loader points an entry elsewhere when it has rewritten it (GLIBC_TUNABLES), so where the strings lie is
            // not to be learnt from the entries.
            let last_argument = *end.add(*end).cast::<*const c_char>();
            let start = last_argument as usize + CStr::from_ptr(last_argument).count_bytes() + 1;
            let pointers = slice::from_raw_parts_mut(first, count);
            let written = pointers.iter().map(|&p| p as usize).filter(|&p| p >= start);
            let stop = written.map(|p| p + CStr::from_ptr(p as *const c_char).count_bytes() + 1).max();
            // Behind the environment the kernel wrote the file's name; a loader that was started by its own name has put
            // an argument in its place.
            let name = usize::try_from(libc::getauxval(libc::AT_EXECFN)).unwrap_or(0);
            let stop = stop.unwrap_or(start).max(name);
            let arguments = end.add(1).cast_const().cast();
            let auxiliary = first.add(count + 1).cast();
            (*end > 0).then_some(Self { arguments, pointers, strings: (start, stop), auxiliary })
        }
    }

    /// Its entries, `NAME=VALUE`.
    pub fn entries(&self) -> Vec<&[u8]> {
        // SAFETY: each pointer is to a C string on the initial stack, which lives as long as the process; `replace`,
        // which changes them, borrows `self` mutably.
        self.pointers.iter().map(|&entry| unsafe { CStr::from_ptr(entry) }.to_bytes()).collect()
    }

    /// Makes `wanted` the environment: the pointers in place, the strings packed where they were, what is left zeroed,
    /// so that `/proc/self/environ` shows no more than main gets.
    ///
    /// # Errors
    /// How many entries or bytes are too many: there is only the room that the old environment had, and auxv lies behind it.
    /// Nothing is changed then.
    pub fn replace(&mut self, wanted: &[Vec<u8>]) -> Result<(), Overflow> {
        let (start, end) = self.strings;
        let bytes: usize = wanted.iter().map(|entry| entry.len() + 1).sum();
        if wanted.len() > self.pointers.len() || bytes > end - start {
            return Err(Overflow {
                entries: wanted.len().saturating_sub(self.pointers.len()),
                bytes: bytes.saturating_sub(end - start),
            });
        }
        // SAFETY: [start, end) is the environment's strings, which `entries` no longer borrows.
        let block = unsafe { slice::from_raw_parts_mut(start as *mut u8, end - start) };
        block.fill(0);
        let mut rest = block;
        for (pointer, entry) in self.pointers.iter_mut().zip(wanted) {
            let (string, after) = rest.split_at_mut(entry.len() + 1);
            for (to, from) in string.iter_mut().zip(entry) {
                *to = *from;
            }
            *pointer = string.as_mut_ptr().cast();
            rest = after;
        }
        for pointer in self.pointers.iter_mut().skip(wanted.len()) {
            *pointer = std::ptr::null_mut();
        }
        Ok(())
    }
}

impl Initial {
    /// Makes `path` the name of the program's file, AT_EXECFN of getauxval(3).
    pub fn set_file_name(&mut self, path: CString) {
        let mut entry = self.auxiliary;
        // SAFETY: the vector lies behind the environment, is the process's own to write, and ends with AT_NULL.
        unsafe {
            while (*entry)[0] != libc::AT_NULL {
                if (*entry)[0] == libc::AT_EXECFN {
                    // Never given back: whoever asks gets this pointer.
                    (*entry)[1] = path.into_raw() as u64;
                    return;
                }
                entry = entry.add(1);
            }
        }
    }

    /// Executes the file that this process was made from, with the arguments and the environment it was given and `more`
    /// entries, execve(2). `/proc/self/exe` is that file whatever its name leads to by now. Returns only in failure.
    pub fn execute_again(&self, more: &[Vec<u8>]) -> Failure {
        let Ok(more) = more.iter().map(|entry| CString::new(entry.as_slice())).collect::<Result<Vec<_>, _>>() else {
            return refused(Call::Execve, libc::EINVAL);
        };
        let given = self.pointers.iter().map(|&entry| entry.cast_const());
        let environment: Vec<_> = given.chain(more.iter().map(|entry| entry.as_ptr())).chain([null()]).collect();
        // SAFETY: both arrays end with a null, and what they point to is on the initial stack or in `more`.
        unsafe { libc::execve(c"/proc/self/exe".as_ptr(), self.arguments, environment.as_ptr()) };
        last(Call::Execve)
    }
}

/// The environment wanted is larger than the one there was: by how much.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow {
    pub entries: usize,
    pub bytes: usize,
}

/// This process's environment as it is, once libc has started: entries without a `=` too, which std leaves out.
pub fn environment() -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    // SAFETY: libc's `environ` is null, or an array of C strings that ends with a null, and no other thread changes it: the
    // caller is the launcher, which has one.
    unsafe {
        let mut at = environ;
        while !at.is_null() && !(*at).is_null() {
            entries.push(CStr::from_ptr(*at).to_bytes().to_vec());
            at = at.add(1);
        }
    }
    entries
}

/// The name under which the loader loaded the object that this function is in, dladdr(3).
pub fn own_object() -> Option<&'static CStr> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr fills the structure for an address of this object; the name lives as long as the object.
    unsafe {
        let here: fn() -> Option<&'static CStr> = own_object;
        if libc::dladdr(here as *const libc::c_void, info.as_mut_ptr()) == 0 {
            return None;
        }
        let name = info.assume_init().dli_fname;
        (!name.is_null()).then(|| CStr::from_ptr(name))
    }
}
