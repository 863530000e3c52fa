//! The order of the steps, with the reason of each place. It is written nowhere else.

use super::{Decided, Planned, Wanted};
use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::step::entry::{self, Entry};
use crate::step::landlock::{self, Rules};
use crate::step::program::{self, Image};
use crate::step::{
    Side, Step, affinity, bounding, capabilities, cgroup, core_sched, cwd, fds, groups, hostname, id_map, ids, init,
    log, mounts, namespaces, network, nice, oom, parent, personality, rlimits, seccomp, session, silence, stats,
    time_limit, time_offsets, tsc, umask, uplink, user,
};

/// For whom the steps are put in order.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub policy: &'a Policy,
    pub host: &'a Host,
    pub wanted: &'a Wanted,
    /// What inner executes in the end.
    pub image: Option<&'a Image>,
    /// What is to prove that the library is in it.
    pub entry: Option<&'a Entry>,
}

/// All steps of a sandbox.
///
/// # Errors
/// What a step that nothing else depends on finds wrong.
pub fn all(case: Case<'_>, mut decided: Decided) -> Result<Vec<Planned>, PolicyError> {
    let mut steps = Steps(Vec::new());
    outer(&mut steps, case, &mut decided)?;
    beside(&mut steps, case, &decided);
    inner(&mut steps, case, decided)?;
    Ok(steps.0)
}

/// Before the fork, in the process that the caller has started.
fn outer(steps: &mut Steps, case: Case<'_>, decided: &mut Decided) -> Result<(), PolicyError> {
    let Case { policy, host, wanted, entry, .. } = case;
    let maps = decided.maps.as_ref();

    // What all others say is said there.
    steps.outer(log::plan(policy));
    // Before any other descriptor is ours.
    steps.outer(Some(fds::plan_check(policy)));
    // With the caller's rights over what the target is going to be, and outside its pid namespace.
    steps.outer(decided.observer.take());
    // With the caller's rights; from here on it can be told what fails.
    steps.outer(stats::plan(policy, host, wanted)?);
    steps.outer(silence::plan_open(policy));
    steps.outer(time_limit::plan(policy, wanted, cgroup::can_kill(&decided.groups))?);
    // While the caller is still who it is to the host, and before the first process that could be in them.
    steps.outer(cgroup::plan(&decided.groups));
    // What needs privileges in the caller's user namespace, as only that one counts for the kernel.
    steps.outer(rlimits::plan_raise(decided.rlimits.as_ref(), policy, host, wanted, maps));
    steps.outer(nice::plan(policy, host, Side::Outer));
    steps.outer(oom::plan_lower(policy));
    // While the caller is still who it is to the host.
    steps.outer(groups::plan(host, wanted));
    steps.outer(network::plan_outside(&decided.links));
    steps.outer(id_map::plan_outside(maps));
    // Grants what all others need; no id is valid until its maps are written.
    steps.outer(user::plan(wanted));
    steps.outer(id_map::plan(maps));
    steps.outer(ids::plan_mapped(maps));
    // In no namespace but the new user namespace, whose ids it has.
    steps.outer(uplink::plan_outside(decided.uplink.as_ref()));
    steps.outer(entry::plan_outside(entry));
    // Take effect at the fork.
    steps.outer(namespaces::plan_for_children(wanted));
    // While nobody is in the new time namespace.
    steps.outer(time_offsets::plan(policy, wanted)?);
    Ok(())
}

/// After the fork, in the same process, while inner works on the rest.
fn beside(steps: &mut Steps, Case { policy, wanted, .. }: Case<'_>, decided: &Decided) {
    steps.beside(network::plan_make(policy, wanted, &decided.links));
    steps.beside(uplink::plan_connect(decided.uplink.as_ref()));
}

/// After the fork, in the process that becomes the target.
fn inner(steps: &mut Steps, case: Case<'_>, decided: Decided) -> Result<(), PolicyError> {
    let Case { policy, host, wanted, image, entry } = case;
    let Decided { links, uplink, groups, filter, rlimits, landlock, signals_others, .. } = decided;

    // Before all that is limited, and before the namespace whose root the group becomes.
    steps.inner(cgroup::plan_join(&groups));
    // While /proc is the host's.
    steps.inner(oom::plan(policy));
    steps.inner(namespaces::plan_own(wanted));
    steps.inner(hostname::plan(policy, wanted)?);
    // A procfs of the new pid namespace can only be made in it: EPERM before the fork.
    steps.inner(mounts::plan(policy, host, wanted)?);
    // When nothing is mounted any more.
    steps.inner(cgroup::plan_check(&groups));
    // After the mounts, which need descriptors of their own; the current directory is one in the new tree.
    steps.inner(Some(fds::plan_close(policy)));
    steps.inner(silence::plan_replace(policy));
    steps.inner(cwd::plan(policy, host, wanted)?);
    // From the current directory that it will have, and before anything that forbids to look.
    steps.inner(image.map(|image| program::plan(image, policy, filter.lets_execute())).transpose()?);
    steps.inner(session::plan(policy));
    steps.inner(bounding::plan(policy, host, wanted));
    // As late as it can be: entering it needs CAP_SYS_ADMIN.
    steps.inner(network::plan_join(wanted));
    steps.inner(ids::plan(policy, wanted));
    steps.inner(parent::plan(policy));
    // Before init, which keeps the other end's attention from then on.
    steps.inner(network::plan_await(policy, wanted, &links));
    steps.inner(uplink::plan_await(uplink.as_ref()));
    steps.inner(init::plan(policy, wanted, signals_others));
    // While files can be opened; the paths mean the new tree.
    let enter = landlock.as_ref().map(Rules::enter);
    steps.inner(landlock);
    // What slows or limits is the target's alone: after all that takes time, opens files or forks. The processors after the
    // network, until which inner is kept off outer's own.
    steps.inner(nice::plan(policy, host, Side::Inner));
    steps.inner(affinity::plan(policy)?);
    steps.inner(core_sched::plan(policy));
    steps.inner(umask::plan(policy));
    steps.inner(personality::plan(policy)?);
    steps.inner(rlimits);
    steps.inner(tsc::plan(policy)?);
    let capabilities = Some(capabilities::plan(policy, host, wanted));
    if policy.allow_new_privs.on() {
        // Without no_new_privs only CAP_SYS_ADMIN may load a filter, or enter a Landlock domain.
        steps.inner(enter);
        steps.inner(Some(filter));
        steps.inner(capabilities);
    } else {
        // The last that needed a capability is above; the filter may forbid every call above it.
        steps.inner(capabilities);
        steps.inner(capabilities::plan_no_new_privs(policy));
        steps.inner(enter);
        // Before the filter, which may forbid to send what the program is asked about on.
        steps.inner(entry::plan_listen(entry));
        steps.inner(Some(filter));
    }
    Ok(())
}

/// What is left to the library in a program that was executed in a jail.
///
/// # Errors
/// As `all`.
pub fn within(policy: &Policy, host: &Host, wanted: &Wanted) -> Result<Vec<Planned>, PolicyError> {
    let mut steps = Steps(Vec::new());
    let landlock = landlock::plan(policy, host, wanted)?;
    let enter = landlock.as_ref().map(Rules::enter);
    // Else what is below could be added to a tree in which there is still what loading needed.
    steps.inner(Some(entry::Begun));
    steps.inner(landlock);
    steps.inner(personality::plan(policy)?);
    steps.inner(tsc::plan(policy)?);
    steps.inner(enter);
    steps.inner(Some(seccomp::plan(policy)?.within()));
    Ok(steps.0)
}

/// The steps so far. A step that is not needed is not planned.
struct Steps(Vec<Planned>);

impl Steps {
    fn outer(&mut self, step: Option<impl Step + 'static>) {
        self.put(Side::Outer, step);
    }
    fn beside(&mut self, step: Option<impl Step + 'static>) {
        self.put(Side::Beside, step);
    }
    fn inner(&mut self, step: Option<impl Step + 'static>) {
        self.put(Side::Inner, step);
    }
    fn put(&mut self, side: Side, step: Option<impl Step + 'static>) {
        if let Some(step) = step {
            self.0.push(Planned { side, step: Box::new(step) });
        }
    }
}
