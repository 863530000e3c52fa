//! Carries a plan out. Makes system calls in the plan's order and decides nothing.

use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use crate::error::{Failure, Refusal, SetupError};
use crate::exit;
use crate::hint::{self, Cause};
use crate::plan::{Plan, Planned};
use crate::policy::types::{LogLevel, Observe};
use crate::report::{self, Outputs};
use crate::step::program::{self, Image};
use crate::step::{Context, Side, log};
use crate::supervise::outer::Outer;
use crate::sys::process::{self, Forked, Processors};
use crate::sys::signal::ChildNotices;
use crate::sys::socket::{Channel, Message, peer_gone};
use crate::sys::{file, signal};

/// Returns in the process that is the target, with the jail complete. `watcher`: a child that is to be waited for.
pub fn run(plan: &Plan, watcher: Option<i32>) -> Result<(), Refusal> {
    // First of all: a descriptor of ours must not become the target's stdin.
    let plugged = file::plug_standard_fds().map_err(of_start)?;
    let outputs = Outputs { status: plan.supervision.status_fd, stats: None };
    let mut context = Context { plugged, outputs, watcher, ..Context::default() };
    context.image = plan.image().map(|image| image.fd);
    let (forked, ours) = fork(plan, &mut context).inspect_err(|error| {
        // ignored: the exit code stands, and standard error has the line
        let _ = context.outputs.last(&report::failed(error));
        if let Some(keeper) = context.keeper.take() {
            keeper.finish(false);
        }
    })?;
    match forked {
        Forked::Parent(inner) => outer(plan, context, inner, ours),
        Forked::Child => {
            // Outer's: closed here, and not with all others, so that nothing closes a number twice.
            context.outputs = Outputs::default();
            context.observer = None;
            context.maker = None;
            context.uplink = None;
            context.entry = None;
            context.keeper = None;
            become_target(plan, context);
            Ok(())
        }
    }
}

fn of_start(failure: Failure) -> SetupError {
    SetupError::new("start", failure, "")
}

/// Takes outer's steps and forks. Leaves each side its ends; gives the numbers of inner's descriptors that are ours.
fn fork(plan: &Plan, context: &mut Context) -> Result<(Forked, Vec<RawFd>), SetupError> {
    for (number, planned) in of(plan, Side::Outer) {
        apply(plan, planned, context).map_err(|failure| plan.error_of(number, failure))?;
    }
    let (outer_end, inner_end) = Channel::pair().map_err(of_start)?;
    let (hears, tells) = match plan.image() {
        Some(_) => Channel::pair().map(|(hears, tells)| (Some(hears), Some(tells))).map_err(of_start)?,
        None => (None, None),
    };
    let ours =
        [Some(inner_end.number()), tells.as_ref().map(Channel::number), context.image].into_iter().flatten().collect();
    context.mask = Some(signal::block_all().map_err(of_start)?);
    // The kernel leaves a forked child waiting on its parent's processor, and what was meant to be done at the same time
    // would be done in turn.
    if of(plan, Side::Beside).next().is_some() {
        context.processors = Processors::own();
    }
    // Before the fork: a child that ends while SIGCHLD is ignored leaves no status.
    let notices = ChildNotices::expect();
    match process::fork().map_err(of_start)? {
        Forked::Parent(inner) => {
            // ignored: in turn is slower, and no different
            let _ = context.processors.and_then(|all| all.others()).map(|others| others.give_to(inner));
            (context.channel, context.last_word) = (Some(outer_end), hears);
            Ok((Forked::Parent(inner), ours))
        }
        Forked::Child => {
            notices.restore();
            (context.channel, context.last_word) = (Some(inner_end), tells);
            Ok((Forked::Child, ours))
        }
    }
}

/// The steps of one side, with their numbers in the plan.
fn of(plan: &Plan, side: Side) -> impl Iterator<Item = (u32, &Planned)> {
    (0..).zip(&plan.steps).filter(move |(_, planned)| planned.side == side)
}

fn apply(plan: &Plan, planned: &Planned, context: &mut Context) -> Result<(), Failure> {
    let Planned { side, step } = planned;
    match plan.supervision.log {
        LogLevel::Error => step.apply(context),
        LogLevel::Info => {
            let say = || file::complain(&format!("sbx: info: {}: {}: {}\n", side.name(), step.name(), step.describe()));
            // What is about to be done is said before, where there is a place for it.
            if step.name() == log::NAME {
                return step.apply(context).inspect(|()| say());
            }
            say();
            step.apply(context)
        }
        LogLevel::Debug => {
            let begun = Instant::now();
            let result = step.apply(context);
            let took = begun.elapsed().as_micros();
            file::complain(&format!("sbx: debug: {}: {}: {took} us: {}\n", side.name(), step.name(), step.describe()));
            result
        }
    }
}

/// Inner: every failure is outer's to report, and the end of this process.
fn become_target(plan: &Plan, mut context: Context) {
    for (number, planned) in of(plan, Side::Inner) {
        if let Err(failure) = prepare(planned, &mut context).and_then(|()| apply(plan, planned, &mut context)) {
            if let Some(channel) = &context.channel {
                // ignored: without outer there is nobody to tell, and this process ends either way
                let _ = channel.send(&Message::Failed { step: number, failure, cause: hint::cause(failure.errno) });
            }
            process::exit(exit::REFUSED);
        }
    }
    if let Err(failure) = finish(plan, &mut context) {
        if let Some(channel) = &context.channel {
            // ignored: as above. By write(2), under the filter
            let _ = channel.tell(&Message::Failed { step: u32::MAX, failure, cause: Cause::Unknown });
        }
        process::exit(exit::REFUSED);
    }
    if let Some(image) = plan.image() {
        execute(plan, image, &context);
    }
    // Only now: whoever has the listener answers for the filter, and until the observer does, closing may be asked about.
    drop(context);
}

/// Becomes the program; all that is ours is close-on-exec.
fn execute(plan: &Plan, image: &Image, context: &Context) -> ! {
    let failure = image.execute(context.found);
    let number = plan.number_of(program::NAME);
    file::complain(&Refusal::from(plan.error_of(number, failure)).message());
    if let Some(last_word) = &context.last_word {
        // ignored: then outer reports an exit code, and the line above has been written
        let _ = last_word.tell(&Message::Failed { step: number, failure, cause: Cause::Unknown });
    }
    process::exit(program::exit_code(failure.errno))
}

/// What must be put back before the filter, which may forbid it.
fn prepare(planned: &Planned, context: &mut Context) -> Result<(), Failure> {
    if planned.step.name() == "seccomp"
        && let Some(mask) = context.mask.take()
    {
        // Until it is confined, who is the same user could write to its memory; and it has no filter.
        if let Some(reaper) = context.reaper.take()
            && !matches!(reaper.receive()?, Some(Message::Ready { .. }))
        {
            return Err(peer_gone());
        }
        for fd in (0..).zip(context.plugged).filter(|&(_, plugged)| plugged).map(|(fd, _)| fd) {
            file::close(fd)?;
        }
        signal::restore(&mask)?;
    }
    Ok(())
}

/// Under the filter, which was found to allow these calls when it was planned; or it has done this itself.
fn finish(plan: &Plan, context: &mut Context) -> Result<(), Failure> {
    // What is executed only now may still fail, and is to be said where all else was.
    if plan.image().is_none() {
        file::complain_to(2);
    }
    // Before anybody looks: what is open now is what the program has. But where closing is asked about, nobody answers yet.
    if plan.image().is_none() && plan.supervision.observed != Some(Observe::All) {
        drop(context.log.take());
    }
    let Some(channel) = context.channel.as_ref() else { return Ok(()) };
    channel.tell(&Message::Ready { listener: context.listener.as_ref().map(AsRawFd::as_raw_fd) })?;
    // That outer is confined, and more where it has more to do: mostly it is here already.
    match channel.hear()? {
        Some(Message::Go) => Ok(()),
        _ => Err(peer_gone()),
    }
}

/// Outer: makes what can be made beside inner, waits until inner is ready, and supervises.
fn outer(plan: &Plan, mut context: Context, inner: i32, ours: Vec<RawFd>) -> ! {
    let failed = of(plan, Side::Beside).find_map(|(number, planned)| {
        let failure = apply(plan, planned, &mut context).err()?;
        Some(plan.error_of(number, failure))
    });
    let Some(channel) = context.channel.take() else { process::exit(exit::REFUSED) };
    let mut outer = Outer::new(plan, context, inner, channel, ours);
    if let Some(error) = failed {
        outer.give_up(&error);
    }
    match outer.wait_until_ready() {
        Ok(()) => outer.supervise(),
        Err((number, failure, cause)) => outer.give_up(&SetupError { cause, ..plan.error_of(number, failure) }),
    }
}
