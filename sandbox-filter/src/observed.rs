//! Several programs as one that asks an observer: what the kernel would answer for them together, with the answers that
//! are to be reported replaced by SECCOMP_RET_USER_NOTIF.
//!
//! A process takes one listener only, and of several filters' answers the kernel prefers a notification to being
//! allowed, but any refusal to a notification. So all must be one program, which knows the strictest answer so far by
//! where it is: a later program is there once for each of these that makes a difference. What the observer is asked it
//! finds out exactly, by running the programs themselves.

use libc::sock_filter;

use crate::compile::{ARCH, MARKER_ERRNO, MAX_LEN, insn, ret};
use crate::eval::{Call, precedence, stacked};
use crate::graph::code;
use crate::ir::{Action, Error};
use crate::syscalls;

/// What the observer is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Calls that are met by SIGSYS: that kill the process or the thread, or raise the signal.
    Kills,
    /// Calls that are refused, or would be but are only logged.
    Refusals,
    /// All calls.
    All,
}

/// In the last argument register of read(2), write(2) and exit_group(2), which do not have it: under [`Notify::All`] these
/// calls are not asked about. By them inner says that there is something to observe, and waits, or ends.
pub const UNASKED: u64 = 0x7362_785f_6f62_7376;

/// In the upper half of the last argument register of a call that would be asked about: it is met by what the lower half
/// says, without asking. SIGSYS as a program expects it, and the end of one thread, can come from the kernel only; so the
/// observer has the call made again with this. What it can say is always a refusal: a program that says it itself has
/// refused itself.
const SENTENCE: u32 = 0x7362_7821;
/// What can be said is smaller, but for SECCOMP_RET_KILL_PROCESS: unknown actions below kill.
const SENTENCES: u32 = libc::SECCOMP_RET_TRAP + 0x1_0000;

/// The register by which a call that would be asked about is met by `ret`: to kill, to kill the thread, to trap.
pub const fn sentence(ret: u32) -> u64 {
    (SENTENCE as u64) << 32 | ret as u64
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// No call, as a number of 32 bits.
const SKIPPED: u32 = u32::MAX;
const MARKER: u32 = Action::Errno(MARKER_ERRNO).ret();

/// The strictest answer so far, and which program gave it.
#[derive(Clone, Copy, PartialEq)]
struct State {
    ret: u32,
    loaded: usize,
}

/// The one program for these, given in their order of loading.
///
/// # Errors
/// It would be too long, or a program returns what it has computed.
pub fn observed<P: AsRef<[sock_filter]>>(programs: &[P], notify: Notify) -> Result<Vec<sock_filter>, Error> {
    let mut order: Vec<(usize, &[sock_filter])> =
        programs.iter().enumerate().map(|(loaded, program)| (loaded, program.as_ref())).collect();
    // The longest first, of which there is always one copy.
    order.sort_by_key(|(_, program)| std::cmp::Reverse(program.len()));
    if order.iter().any(|(_, program)| program.iter().any(|i| i.code == code::RET | 0x10)) {
        return Err(Error::Layout);
    }
    let start = prologue(programs, notify);
    let copies = copies(&order, notify);
    let length = copies.iter().try_fold(start.len(), |length, (level, _)| Some(length + order.get(*level)?.1.len()));
    let (first, asks) = (start.len(), length.ok_or(Error::Layout)?);
    let asking = asking();
    let length = asks + asking.len();
    if length > MAX_LEN {
        return Err(Error::TooLong(length));
    }
    let mut one = start;
    for (level, state) in &copies {
        let (loaded, program) = order.get(*level).ok_or(Error::Layout)?;
        for &i in *program {
            if i.code != code::RET {
                one.push(i);
                continue;
            }
            let to = match after(&order, notify, *level, state.with(i.k, *loaded, notify)) {
                Next::Ret(libc::SECCOMP_RET_USER_NOTIF) => asks,
                Next::Ret(value) => {
                    one.push(insn(code::RET, 0, 0, value));
                    continue;
                }
                Next::Copy(state) => first + place(&order, &copies, *level + 1, state).ok_or(Error::Layout)?,
            };
            let skip = to.checked_sub(one.len() + 1).ok_or(Error::Layout)?;
            one.push(insn(code::JA, 0, 0, u32::try_from(skip).map_err(|_| Error::Layout)?));
        }
    }
    one.extend(asking);
    Ok(one)
}

/// Where all that is asked about ends. The register is looked at only here: whatever is allowed by its number alone, the
/// kernel goes on to allow without running this.
fn asking() -> [sock_filter; 7] {
    const RET_A: u16 = code::RET | 0x10;
    const JGE: u16 = 0x35;
    [
        insn(code::LD, 0, 0, LAST + 4),
        insn(code::JEQ, 0, 4, SENTENCE),
        insn(code::LD, 0, 0, LAST),
        insn(code::JEQ, 1, 0, libc::SECCOMP_RET_KILL_PROCESS),
        insn(JGE, 1, 0, SENTENCES),
        insn(RET_A, 0, 0, 0),
        insn(code::RET, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
    ]
}

/// Where the last argument register is in `struct seccomp_data`.
const LAST: u32 = 56;

/// Before all: what is not asked about.
fn prologue<P: AsRef<[sock_filter]>>(programs: &[P], notify: Notify) -> Vec<sock_filter> {
    const NR: u32 = 0;
    const ARCH_OFFSET: u32 = 4;
    // A tracer skips a call by making it this one. What skips it may be what the asked would wait for.
    let (skipped, _) = stacked(programs, &Call::new(SKIPPED, [0; 6]));
    let mut code =
        vec![insn(code::LD, 0, 0, NR), insn(code::JEQ, 0, 1, SKIPPED), insn(code::RET, 0, 0, known(skipped))];
    if notify == Notify::All {
        let number = |name| u32::from(syscalls::number_of(name));
        code.extend([
            insn(code::JEQ, 2, 0, number("read")),
            insn(code::JEQ, 1, 0, number("write")),
            insn(code::JEQ, 0, 5, number("exit_group")),
            insn(code::LD, 0, 0, LAST),
            insn(code::JEQ, 0, 3, UNASKED as u32),
            insn(code::LD, 0, 0, LAST + 4),
            insn(code::JEQ, 0, 1, (UNASKED >> 32) as u32),
            ret(Action::Allow),
        ]);
    }
    let skip = u8::try_from(code.len()).unwrap_or(0);
    [insn(code::LD, 0, 0, ARCH_OFFSET), insn(code::JEQ, 0, skip, ARCH)].into_iter().chain(code).collect()
}

enum Next {
    Ret(u32),
    Copy(State),
}

impl State {
    const NONE: State = State { ret: ALLOW, loaded: 0 };

    /// With the answer of one more program.
    fn with(self, ret: u32, loaded: usize, notify: Notify) -> State {
        let ret = known(ret);
        let stricter = precedence(ret) < precedence(self.ret);
        let later = precedence(ret) == precedence(self.ret) && loaded > self.loaded;
        let state = if stricter || later { State { ret, loaded } } else { self };
        // Which errno is the observer's to find out, and so is whose.
        let action = state.ret & libc::SECCOMP_RET_ACTION_FULL;
        match notify {
            // Who allows makes no difference.
            Notify::Kills if state.ret == ALLOW => State::NONE,
            Notify::Kills => state,
            _ if action == libc::SECCOMP_RET_ERRNO && state.ret != MARKER => State { ret: action, loaded: 0 },
            _ => State { loaded: 0, ..state },
        }
    }

    /// What the one program returns for it.
    fn told(self, notify: Notify) -> u32 {
        let asked = match self.ret & libc::SECCOMP_RET_ACTION_FULL {
            libc::SECCOMP_RET_KILL_PROCESS | libc::SECCOMP_RET_KILL_THREAD => true,
            libc::SECCOMP_RET_TRAP | libc::SECCOMP_RET_USER_NOTIF => true,
            _ if self.ret == MARKER => false,
            libc::SECCOMP_RET_ALLOW => notify == Notify::All,
            _ => notify != Notify::Kills,
        };
        if asked { libc::SECCOMP_RET_USER_NOTIF } else { self.ret }
    }
}

/// An action that the kernel does not know is SECCOMP_RET_KILL_PROCESS to it.
fn known(ret: u32) -> u32 {
    match ret & libc::SECCOMP_RET_ACTION_FULL {
        libc::SECCOMP_RET_KILL_THREAD
        | libc::SECCOMP_RET_TRAP
        | libc::SECCOMP_RET_ERRNO
        | libc::SECCOMP_RET_USER_NOTIF
        | libc::SECCOMP_RET_TRACE
        | libc::SECCOMP_RET_LOG => ret,
        libc::SECCOMP_RET_ALLOW => ALLOW,
        _ => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

/// What follows when the program at `level` has left this state: where no later one can change what is told, the end.
fn after(order: &[(usize, &[sock_filter])], notify: Notify, level: usize, state: State) -> Next {
    let told = state.told(notify);
    let mut answers = order.iter().skip(level + 1).flat_map(|(loaded, program)| {
        program.iter().filter(|i| i.code == code::RET).map(|i| state.with(i.k, *loaded, notify))
    });
    if answers.all(|next| next.told(notify) == told) { Next::Ret(told) } else { Next::Copy(state) }
}

/// Which programs are there, in their order, each with the state it begins in.
fn copies(order: &[(usize, &[sock_filter])], notify: Notify) -> Vec<(usize, State)> {
    let mut copies = vec![(0, State::NONE)];
    let mut at = 0;
    while let Some(&(level, state)) = copies.get(at) {
        at += 1;
        let Some((loaded, program)) = order.get(level) else { continue };
        for i in program.iter().filter(|i| i.code == code::RET) {
            if let Next::Copy(next) = after(order, notify, level, state.with(i.k, *loaded, notify))
                && !copies.contains(&(level + 1, next))
            {
                copies.push((level + 1, next));
            }
        }
    }
    copies
}

/// Where a copy starts, counted from the first.
fn place(order: &[(usize, &[sock_filter])], copies: &[(usize, State)], level: usize, state: State) -> Option<usize> {
    let mut start = 0;
    for copy in copies {
        if *copy == (level, state) {
            return Some(start);
        }
        start += order.get(copy.0)?.1.len();
    }
    None
}
