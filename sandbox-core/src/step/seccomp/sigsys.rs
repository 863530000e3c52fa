//! Whether a filter can end a program by SIGSYS, which somebody is then to name.

use crate::policy::Policy;
use crate::policy::types::{FilterChoice, FilterName};
use crate::seccomp::Denial;

/// Whether calls of our own architecture can end in SIGSYS: what else does, does so in every filter. Of shipped filters that
/// is known, as it is asked at every start.
pub fn ends_in_sigsys(policy: &Policy) -> bool {
    // Where it stands in every program of ours that a foreign architecture kills.
    const GUARD: usize = 3;
    let ends = |i: &libc::sock_filter| {
        let action = i.k & libc::SECCOMP_RET_ACTION_FULL;
        let kinds = [libc::SECCOMP_RET_KILL_PROCESS, libc::SECCOMP_RET_KILL_THREAD, libc::SECCOMP_RET_TRAP];
        i.code == 0x06 && kinds.contains(&action)
    };
    match (policy.seccomp_action.map(|action| action.0), policy.seccomp.as_ref()) {
        (Some(Denial::Kill | Denial::KillThread | Denial::Trap), _) => true,
        (_, Some(FilterChoice::Program(program))) => program.instructions().iter().skip(GUARD).any(ends),
        (None | Some(Denial::Errno), Some(FilterChoice::Named(FilterName::Toaster))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::Shipped;
    use crate::setting::{Assignment, Origin, named};
    use crate::step::seccomp::programs;

    #[test]
    fn what_ends_in_sigsys_is_known_without_reading_the_programs() {
        let names = Shipped::ALL.map(Shipped::name);
        for (filter, action) in names.into_iter().flat_map(|name| {
            ["", "errno", "errno:5", "log", "kill", "kill-thread", "trap"].map(|action| (name, action))
        }) {
            let say = |(name, text): (&str, &str)| Assignment {
                setting: named(name).unwrap(),
                text: text.into(),
                origin: Origin::Flag,
            };
            let settings = [("seccomp", filter), ("seccomp-action", action)];
            let given = settings.into_iter().filter(|(_, text)| !text.is_empty()).map(say).collect::<Vec<_>>();
            let policy = Policy::new(&given).unwrap();
            let Ok(programs) = programs(&policy) else { continue };
            let by_sigsys = |i: &libc::sock_filter| {
                let action = (i.k & libc::SECCOMP_RET_ACTION_FULL).cast_signed();
                i.code == 0x06 && action <= libc::SECCOMP_RET_TRAP.cast_signed()
            };
            let found = programs.iter().any(|program| program.iter().skip(3).any(by_sigsys));
            // What is never refused needs nobody to be asked, and nothing is lost by asking.
            assert!(ends_in_sigsys(&policy) || !found, "{filter} {action}");
            assert!(found || !ends_in_sigsys(&policy) || filter == "none", "{filter} {action}");
            // As a program of somebody else's.
            let own = Policy {
                seccomp: Some(FilterChoice::compiled(programs.last().unwrap())),
                seccomp_action: None,
                ..policy.clone()
            };
            assert_eq!(
                ends_in_sigsys(&own),
                programs.last().unwrap().iter().skip(3).any(by_sigsys),
                "{filter} {action}"
            );
        }
    }
}
