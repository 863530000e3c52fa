//! What the programs answer to a call that waits, and why.

use std::borrow::Cow;

pub use sandbox_core::observe::Answer;
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{FilterChoice, FilterName, NetMode};
use sandbox_core::seccomp::{self, Restrict, Rule, Shipped, eval};
use sandbox_core::step::seccomp::{Programs, programs};

/// The policy, as far as calls go.
pub struct Rules {
    programs: Programs,
    policy: Policy,
}

/// Who refuses a call, and what would allow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    pub by: Vec<Cow<'static, str>>,
    pub remedy: Option<String>,
}

impl Rules {
    pub fn of(policy: &Policy) -> Result<Self, sandbox_core::error::PolicyError> {
        Ok(Self { programs: programs(policy)?, policy: policy.clone() })
    }

    /// The programs themselves.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Why a call is not simply allowed.
    pub fn reason(&self, call: &eval::Call) -> Reason {
        if call.arch != eval::Call::new(0, [0; 6]).arch {
            return Reason {
                by: vec!["every filter: a foreign architecture, whose numbers mean other calls".into()],
                remedy: None,
            };
        }
        let Some(name) = seccomp::name(call.nr) else {
            let what = if call.nr & 0x4000_0000 != 0 { "x32 calls" } else { "numbers unknown to this build" };
            return Reason { by: vec![format!("every filter: {what}").into()], remedy: None };
        };
        let (mut by, mut remedies) = (Vec::new(), Vec::new());
        for (asked, setting, without) in [
            (Restrict { no_exec: self.policy.no_exec.on(), ..Restrict::default() }, "no-exec", "no-exec = false"),
            (
                Restrict { no_new_code: self.policy.no_new_code.on(), ..Restrict::default() },
                "no-new-code",
                "no-new-code = false",
            ),
            (
                Restrict { no_sockets: self.policy.net == Some(NetMode::Filter), ..Restrict::default() },
                "net = \"filter\"",
                "net = \"none\"",
            ),
        ] {
            if asked != Restrict::default() && refuses(&asked.filter(), call) {
                by.push(setting.into());
                remedies.push(without.to_owned());
            }
        }
        if self.policy.seccomp_deny.items().iter().any(|denied| denied.0 == call.nr) {
            by.push("seccomp-deny".into());
            remedies.push(format!("{name} not in seccomp-deny"));
        } else if let Some((base, filter)) = self.shipped()
            && refuses(&base.filter(), call)
            && (!self.policy.seccomp_allow.items().iter().any(|allowed| allowed.0 == call.nr) || !lifted(base, call))
        {
            by.push(match base.why(call.nr) {
                Some(why) => format!("filter {filter}: {why}").into(),
                None => format!("filter {filter}, which does not name it").into(),
            });
            // Some of a call's arguments are refused whatever is asked for.
            if !lifted(base, call) {
                return Reason { by, remedy: None };
            }
            remedies.push(format!("seccomp-allow = [\"{name}\"]"));
        }
        if by.is_empty() {
            by.push("the policy given as seccomp".into());
            remedies.push(format!("ALLOW {{ {name} }} in that policy"));
        }
        Reason { by, remedy: (!remedies.is_empty()).then(|| remedies.join(", ")) }
    }

    fn shipped(&self) -> Option<(Shipped, &'static str)> {
        let name = match self.policy.seccomp {
            None => FilterName::Default,
            Some(FilterChoice::Named(name)) => name,
            Some(FilterChoice::File(_) | FilterChoice::Program(_)) => return None,
        };
        Shipped::from_name(name.name()).map(|shipped| (shipped, shipped.name()))
    }
}

/// Whether seccomp-allow lets a call through that this filter refuses.
fn lifted(base: Shipped, call: &eval::Call) -> bool {
    let request = seccomp::Request { allow: &[call.nr], ..seccomp::Request::new(base) };
    seccomp::compose(&request).is_ok_and(|programs| eval::stacked(&programs, call).0 == libc::SECCOMP_RET_ALLOW)
}

fn refuses(filter: &seccomp::Filter, call: &eval::Call) -> bool {
    let rule = filter.rule(call.nr);
    if rule == Rule::Always(seccomp::Action::Allow) {
        return false;
    }
    // A call refused by its number is so without a compiler.
    let only = seccomp::Filter { rules: [(call.nr, rule)].into(), ..seccomp::Filter::new(seccomp::Action::Allow) };
    seccomp::compile(&only)
        .ok()
        .and_then(|program| eval::run(&program, call))
        .is_none_or(|o| o.ret != libc::SECCOMP_RET_ALLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandbox_core::setting::{Assignment, Origin, named};

    fn rules(settings: &[(&str, &str)]) -> Rules {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        Rules::of(&Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap()).unwrap()
    }

    fn call(name: &str, args: [u64; 6]) -> eval::Call {
        eval::Call::new(seccomp::number(name).unwrap(), args)
    }

    #[test]
    fn reasons_name_the_setting_that_refuses_and_the_one_that_allows() {
        let of = |settings: &[(&str, &str)], call: &eval::Call| {
            let reason = rules(settings).reason(call);
            (reason.by.join("; "), reason.remedy.unwrap_or_default())
        };
        let ptrace = call("ptrace", [0; 6]);
        let (by, remedy) = of(&[], &ptrace);
        assert!(by.starts_with("filter default: reads or writes other processes"), "{by}");
        assert_eq!(remedy, "seccomp-allow = [\"ptrace\"]");
        let exec = call("execve", [0; 6]);
        assert_eq!(of(&[("no-exec", "true")], &exec), ("no-exec".into(), "no-exec = false".into()));
        let (by, remedy) = of(&[("profile", "strict")], &exec);
        assert!(by.contains("no-exec") && by.contains("filter strict"), "{by}");
        assert_eq!(remedy, "no-exec = false, seccomp-allow = [\"execve\"]");
        let allowed = of(&[("profile", "strict"), ("seccomp-allow", "execve")], &exec);
        assert_eq!(allowed, ("no-exec".into(), "no-exec = false".into()), "the filter itself lets it through");
        assert_eq!(of(&[("seccomp-deny", "symlink")], &call("symlink", [0; 6])).0, "seccomp-deny");
        let socket = call("socket", [u64::from(libc::AF_INET.cast_unsigned()), 1, 0, 0, 0, 0]);
        assert_eq!(of(&[("net", "filter")], &socket), ("net = \"filter\"".into(), "net = \"none\"".into()));
        let typing = call("ioctl", [0, 0x5412, 0, 0, 0, 0]);
        assert!(
            of(&[], &typing).0.contains("terminal")
                && of(&[("seccomp-allow", "ioctl")], &typing).0.contains("terminal")
        );
        assert_eq!(of(&[], &typing).1, "");
        assert!(of(&[], &eval::Call { arch: 0x4000_0003, ..ptrace }).0.contains("foreign architecture"));
        assert!(of(&[], &eval::Call { nr: 0x4000_0001, ..ptrace }).0.contains("x32"));
    }
}
