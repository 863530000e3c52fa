//! The reaper at pid 1: adopts and reaps orphans, passes signals on to the target, and tells outer how it ended.

use crate::exit;
use crate::seccomp;
use crate::sys::signal::{Change, Reaped, Taken};
use crate::sys::socket::{Channel, Message};
use crate::sys::{Result, file, privilege, process, signal};

/// Runs until the target has ended; the kernel then ends whatever else is in the namespace.
pub fn run(target: i32, channel: Channel) -> ! {
    if confine(&channel).is_err() {
        process::exit(exit::REFUSED);
    }
    loop {
        match signal::take() {
            Ok(Taken { signal: libc::SIGCHLD, .. }) => reap(target, &channel),
            // What the terminal sends goes to the whole group, the target among it.
            Ok(Taken { from_kernel: true, .. }) => {}
            // ignored: a target that has just ended is found by the SIGCHLD that follows
            Ok(Taken { signal, .. }) => {
                let _ = signal::send(target, signal);
            }
            Err(_) => process::exit(exit::REFUSED),
        }
    }
}

fn confine(channel: &Channel) -> Result<()> {
    file::close_all_but([channel.number()].into_iter())?;
    // ignored: a name is a courtesy
    let _ = process::set_name(c"sbx-init");
    privilege::not_dumpable()?;
    privilege::load_filter(seccomp::supervisor())
}

fn reap(target: i32, channel: &Channel) {
    loop {
        let Reaped { pid, status, .. } = match signal::reap(-1) {
            Ok(Some(reaped)) => reaped,
            Ok(None) => return,
            // Cannot be. Not to know when the target ends is to wait for ever, so it ends now, with all that is inside.
            Err(_) => process::exit(exit::REFUSED),
        };
        if pid != target {
            continue;
        }
        // ignored: without outer this process is about to be killed
        let tell = || {
            let _ = channel.send(&Message::Ended(status));
        };
        match Change::from_status(status) {
            Change::Continued => {}
            Change::Stopped(_) => tell(),
            Change::Exited(code) => {
                tell();
                process::exit(code)
            }
            Change::Killed(number) => {
                tell();
                process::exit(exit::SIGNAL_BASE + number)
            }
        }
    }
}
