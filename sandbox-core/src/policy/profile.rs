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
