//! What becomes of whoever makes a call: acts that survive calls that kill.

use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::{calls, number, outcome, say, sys, text};

/// The first flushes the disks of the machine, and takes as long; the second's child would return on its parent's stack.
const NOT_TRIED: [i64; 2] = [libc::SYS_sync, libc::SYS_vfork];

/// `fates`: every number, each in a process of its own, with arguments that nothing can be done with; the numbers whose
/// callers died of SIGSYS, in a line each.
pub fn run(_: &[OsString]) {
    for nr in (0..=470).filter(|nr| !NOT_TRIED.contains(nr)) {
        let child = sys::in_child(|| {
            // Some wait for ever.
            let _ = sys::call(libc::SYS_alarm, [1, 0, 0, 0, 0, 0]);
            let _ = sys::call(nr, [usize::MAX; 6]);
            0
        });
        let (_, status) = sys::wait(child.unwrap(), 0).unwrap();
        if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS {
            say(&nr.to_string());
        }
    }
    say("end");
}

fn call(rest: &[OsString]) -> std::io::Result<i64> {
    let mut fields = text(rest.first()).split(':');
    let name = fields.next().unwrap_or_default();
    calls::raw(name, &fields.map(calls::argument).collect::<Vec<_>>())
}

/// `trapped CALL`: what a handler of SIGSYS is told while the call is made.
pub fn trapped(rest: &[OsString]) {
    sys::catch_sigsys();
    let _ = call(rest);
    say(&format!("{:?}", sys::caught()));
}

/// `thread-call CALL`: a second thread makes it; then how many threads are left, and that this one is.
pub fn thread_call(rest: &[OsString]) {
    let rest = rest.to_vec();
    let thread = thread::spawn(move || outcome(call(&rest)));
    // A thread that is killed is never joined.
    thread::sleep(Duration::from_millis(200));
    drop(thread);
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    say(&format!("{threads} left"));
}

/// `storm TIMES MICROS [THREADS]`: calls of ptrace(2) that are trapped, while alarms come; what the handlers have seen.
pub fn storm(rest: &[OsString]) {
    let (times, micros) = (u32::try_from(number(rest.first())).unwrap(), number(rest.get(1)));
    let threads = rest.get(2).map_or(1, |count| number(Some(count)));
    say("ready");
    let all: Vec<_> = (0..threads).map(|_| thread::spawn(move || sys::storm(times, micros))).collect();
    all.into_iter().for_each(|thread| thread.join().unwrap());
    let of = |count: &AtomicU32| count.load(Ordering::Relaxed);
    let alarms = if of(&sys::STORM.alarms) > 0 { "alarms" } else { "no alarm" };
    say(&format!("{} right, {} wrong, {alarms}", of(&sys::STORM.right), of(&sys::STORM.wrong)));
}

/// `blocked CALL`: a trapped call with SIGSYS blocked; it is not survived.
pub fn blocked(rest: &[OsString]) {
    sys::catch_sigsys();
    sys::block_sigsys();
    let _ = call(rest);
    say("alive");
}
