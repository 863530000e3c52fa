//! What ld.so keeps for debuggers, <link.h>: where it calls them, and how far it is with its list of objects.

use super::{notify, process};

/// struct r_debug.
#[repr(C)]
struct Debug {
    version: libc::c_int,
    map: usize,
    hook: usize,
    state: libc::c_int,
    base: usize,
}

unsafe extern "C" {
    static _r_debug: Debug;
}

/// Where things lie in ld.so, from its start.
#[derive(Clone, Copy, Debug)]
pub struct Loader {
    hook: usize,
    debug: usize,
}

/// Whether ld.so calls set_tid_address(2) when it has mapped all objects and relocated none, as it does since glibc 2.34.
pub fn asks_before_it_relocates() -> bool {
    // SAFETY: the C library gives a C string that is never written to.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    let mut numbers =
        version.to_bytes().split(|&byte| byte == b'.').map(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let number: Option<(u32, u32)> = numbers.next().flatten().zip(numbers.next().flatten());
    number >= Some((2, 34))
}

impl Loader {
    /// That of this process: `None` where it has none, or one whose function for debuggers does something.
    pub fn own() -> Option<Self> {
        const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
        const RET: u8 = 0xc3;
        let debug = &raw const _r_debug;
        // SAFETY: ld.so's own object, written before main and, as nothing is loaded later, not after it.
        let Debug { hook, base, .. } = unsafe { debug.read() };
        if hook == 0 {
            return None;
        }
        // SAFETY: a function of ld.so's, in whose text, which can be read, others follow it.
        let text: [u8; 5] = unsafe { std::ptr::with_exposed_provenance::<[u8; 5]>(hook).read() };
        if *text.strip_prefix(&ENDBR64).unwrap_or(&text).first()? != RET {
            return None;
        }
        let from_start = |address: usize| address.checked_sub(base).filter(|_| base != 0);
        Some(Self { hook: from_start(hook)?, debug: from_start(debug.addr())? })
    }

    /// The function that it calls before and after it loads objects, in a process where it starts at `base`. All are loaded
    /// and relocated, and no constructor has run, when it is called and the list is complete.
    pub fn hook(&self, base: usize) -> usize {
        base.wrapping_add(self.hook)
    }

    /// What is in the list of objects of process `pid`, where it starts at `base`; `None` where it cannot be read.
    pub fn look(&self, pid: i32, base: usize, name: &[u8]) -> Option<Seen> {
        if self.state(pid, base)? != CONSISTENT {
            return Some(Seen::Incomplete);
        }
        self.find(pid, base, name)
    }

    /// The same before any of the objects is relocated, when none of their code can have run; `None` also where that is over.
    pub fn look_early(&self, pid: i32, base: usize, name: &[u8]) -> Option<Seen> {
        (self.state(pid, base)? == ADD).then(|| self.find(pid, base, name)).flatten()
    }

    fn state(&self, pid: i32, base: usize) -> Option<usize> {
        let state = base.wrapping_add(self.debug).wrapping_add(std::mem::offset_of!(Debug, state));
        Some(usize::try_from(process::read_word(pid, state)?).ok()? & 0xffff_ffff)
    }

    fn find(&self, pid: i32, base: usize, name: &[u8]) -> Option<Seen> {
        let debug = base.wrapping_add(self.debug);
        let word = |address: usize| usize::try_from(process::read_word(pid, address)?).ok();
        let mut next = word(debug.wrapping_add(std::mem::offset_of!(Debug, map)))?;
        // A list that does not end is none.
        for _ in 0..OBJECTS_MAX {
            if next == 0 {
                return Some(Seen::Missing);
            }
            let its_name = word(next.wrapping_add(std::mem::offset_of!(Object, name)))?;
            let mut text = vec![0; name.len() + 1];
            let length = notify::read_memory(pid, its_name as u64, &mut text);
            if text.get(..length).and_then(|text| text.strip_suffix(b"\0")) == Some(name) {
                return Some(Seen::There);
            }
            next = word(next.wrapping_add(std::mem::offset_of!(Object, next)))?;
        }
        None
    }
}

/// Where ld.so and the program's own first instruction are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub base: usize,
    pub entry: usize,
}

impl Place {
    /// From what the kernel has told the process, /proc/PID/auxv of proc(5); `None` also where it has no ld.so.
    pub fn of(pid: i32) -> Option<Self> {
        let told = std::fs::read(format!("/proc/{pid}/auxv")).ok()?;
        let value = |wanted: u64| {
            told.chunks_exact(16).find_map(|pair| {
                let (kind, value) = pair.split_at(8);
                let number = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
                (number(kind)? == wanted).then(|| number(value)).flatten()
            })
        };
        let base = usize::try_from(value(libc::AT_BASE)?).ok().filter(|&base| base != 0)?;
        let entry = usize::try_from(value(libc::AT_ENTRY)?).ok()?;
        Some(Self { base, entry })
    }
}

/// What a list of objects says of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Objects are still being added.
    Incomplete,
    /// All are there, this one too.
    There,
    /// All are there but this one.
    Missing,
}

/// RT_CONSISTENT
const CONSISTENT: usize = 0;
/// RT_ADD
const ADD: usize = 1;
/// Far more than a program has.
const OBJECTS_MAX: usize = 1 << 16;

/// struct link_map, its public part.
#[repr(C)]
struct Object {
    base: usize,
    name: usize,
    dynamic: usize,
    next: usize,
    previous: usize,
}
