//! The shipped starting points: settings that every other origin may override or add to.

use super::types::Profile;

/// What a profile assigns, as a policy file would.
pub fn settings(profile: Profile) -> &'static [(&'static str, &'static str)] {
    match profile {
        // What an absent setting means is the default profile.
        Profile::Default => &[],
        Profile::Strict => &[
            ("root", "empty"),
            ("proc", "none"),
            ("dev", "none"),
            ("no-exec", "true"),
            ("no-new-code", "true"),
            ("seccomp", "strict"),
        ],
        Profile::Build => &[("bind", ".:exec")],
        Profile::Judge => &[
            ("root", "empty"),
            ("proc", "none"),
            ("dev", "none"),
            ("clear-env", "true"),
            ("no-exec", "true"),
            ("no-new-code", "true"),
            ("seccomp", "strict"),
            // One process with one thread: what a limit of processes holds everybody to, the machine's root too.
            ("seccomp-deny", "fork,vfork,clone"),
            // Signals, abort(3)'s among them, end the program as they do outside.
            ("init", "true"),
            ("time-limit", "20s"),
            // SIGXCPU at the first, SIGKILL at the second.
            ("rlimit", "cpu=10s:11s"),
            ("rlimit", "as=512m"),
            ("rlimit", "fsize=64m"),
            ("rlimit", "nofile=64"),
            ("rlimit", "core=0"),
        ],
        Profile::Toaster => &[
            ("overlay", "/:lower=lower:upper=upper:work=work"),
            ("root-rw", "true"),
            ("proc", "ro"),
            ("cwd", "/root"),
            ("hostname", "NSJAIL"),
            ("clear-env", "true"),
            ("env", "PATH=/bin:/usr/bin:/usr/sbin"),
            ("new-session", "true"),
            ("nice", "19"),
            ("rlimit", "as=1g"),
            ("rlimit", "core=0"),
            ("rlimit", "cpu=hard"),
            ("rlimit", "fsize=hard"),
            ("rlimit", "nofile=128"),
            ("rlimit", "nproc=132"),
            ("rlimit", "stack=8m"),
            ("seccomp", "toaster"),
        ],
    }
}

/// One line for the documents.
pub fn summary(profile: Profile) -> &'static str {
    match profile {
        Profile::Default => {
            "the host's tree read-only, home directories hidden, /tmp private, no network but loopback, \
             the default filter"
        }
        Profile::Strict => {
            "an empty read-only root, no execve, no new executable memory, the strict filter: for programs that read \
             standard input and write standard output"
        }
        Profile::Build => "default with the current directory writable, and what is built there executable",
        Profile::Judge => {
            "strict for one process of one thread, with limits of time, memory, file size and descriptors: for graders, \
             who read how it went with --stats"
        }
        Profile::Toaster => {
            "an nsjail call for a program in a tree of its own: an overlay of the directories lower, upper and work as a \
             writable root, limits, and 57 system calls that kill; the interface, which is a machine's own, is in examples/toaster.toml"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::setting::{self, Assignment, Origin};

    #[test]
    fn every_profile_assigns_what_exists() {
        for &profile in Profile::ALL {
            let setting = setting::named("profile").unwrap();
            let chosen = Assignment { setting, text: profile.name().into(), origin: Origin::Flag };
            assert_eq!(Policy::new(&[chosen]).unwrap().profile, Some(profile));
            assert!(!summary(profile).is_empty());
        }
    }
}
