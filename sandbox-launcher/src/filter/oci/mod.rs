//! Profiles of the OCI runtime specification, as Docker and Podman ship them: from JSON to a filter.
//!
//! As runc and libseccomp read them, but for four things. Other architectures are killed and x32 is refused, whatever the
//! profile says of them. Arguments that the kernel takes as 32 or 16 bits are compared in these, where libseccomp compares
//! 64 and can be passed by with a high bit. Where rules for one call overlap, the strictest decides. And a refusal for a
//! name that nobody knows is an error, as it may be a misspelt one.

mod locate;
mod model;

use std::collections::BTreeMap;

use sandbox_core::policy::types::errno;
use sandbox_core::seccomp::{self, Action, Expr, Filter, Rel, Value};
use sandbox_kafel::source::{Mistake, Source};
use sandbox_kafel::{arguments, bits, fit, names};

use locate::Step::{self, Index, Key};
use locate::locate;
use model::{Arg, Condition, Op, Profile, Rule};

/// What a profile's conditions ask about.
pub struct Surroundings {
    /// Capabilities that are kept, by their numbers.
    pub kept: u64,
    /// The kernel's version: the first two numbers.
    pub kernel: (u32, u32),
}

/// The filter that a profile says.
///
/// # Errors
/// What cannot be meant, and where.
pub fn compile(source: &Source, surroundings: &Surroundings) -> Result<Filter, Mistake> {
    let profile: Profile = serde_json::from_str(&source.text).map_err(|error| {
        // The place is told in our own way.
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        source.mistake_at(error.line(), error.column(), what)
    })?;
    Reader { source, surroundings }.filter(&profile)
}

struct Reader<'s> {
    source: &'s Source,
    surroundings: &'s Surroundings,
}

/// Rules for one number.
#[derive(Default)]
struct Answers {
    arms: Vec<(Expr, Action)>,
    always: Option<Action>,
}

impl Reader<'_> {
    fn fail<T>(&self, path: &[Step], what: impl Into<String>) -> Result<T, Mistake> {
        Err(self.source.mistake(locate(&self.source.text, path), what))
    }

    fn filter(&self, profile: &Profile) -> Result<Filter, Mistake> {
        let default = self.action(
            profile.default_action,
            profile.default_errno_ret,
            profile.default_errno.as_deref(),
            &[],
            ["defaultErrnoRet", "defaultErrno"],
        )?;
        let mut by_number: BTreeMap<u32, Answers> = BTreeMap::new();
        for (at, rule) in profile.syscalls.iter().flatten().enumerate() {
            self.rule(rule, default, &[Key("syscalls"), Index(at)], &mut by_number)?;
        }
        let rule = |(nr, mut answers): (u32, Answers)| {
            let otherwise = answers.always.unwrap_or(default);
            // The first that holds decides, so the strictest come first; those that would loosen what holds anyway go.
            answers
                .arms
                .retain(|(_, action)| answers.always.is_none_or(|always| action.severity() > always.severity()));
            answers.arms.sort_by_key(|(_, action)| std::cmp::Reverse(action.severity()));
            let rule = match answers.arms {
                arms if arms.is_empty() => seccomp::Rule::Always(otherwise),
                arms => seccomp::Rule::ByExpr { arms, otherwise },
            };
            (nr, rule)
        };
        Ok(Filter { default, unknown: default.for_unknown(), rules: by_number.into_iter().map(rule).collect() })
    }

    fn action(
        &self,
        action: model::Action,
        number: Option<u64>,
        name: Option<&str>,
        path: &[Step],
        [number_key, name_key]: [&'static str; 2],
    ) -> Result<Action, Mistake> {
        let at = |key| [path, &[Key(key)]].concat();
        let named = match name.filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => match errno(name) {
                Some(number) => Some(u64::from(number)),
                None => return self.fail(&at(name_key), format!("no error is named {name}")),
            },
        };
        let number = match (number, named) {
            (Some(number), Some(named)) if number != named => {
                return self.fail(&at(name_key), format!("{number_key} says {number}, and this is {named}"));
            }
            (number, named) => number.or(named),
        };
        let limit = if action == model::Action::Trace { 0xffff } else { 4095 };
        let with = match number {
            None => 1,
            Some(number) => match u16::try_from(number) {
                Ok(number) if number <= limit => number,
                _ => return self.fail(&at(number_key), format!("larger than {limit}")),
            },
        };
        Ok(match action {
            model::Action::Errno => Action::Errno(with),
            model::Action::Trace => Action::Trace(with),
            // runc takes a number for no other; Podman's profiles have one beside others without meaning it.
            model::Action::KillThread => Action::KillThread,
            model::Action::KillProcess => Action::KillProcess,
            model::Action::Trap => Action::Trap(0),
            model::Action::Notify => Action::Notify,
            model::Action::Log => Action::Log,
            model::Action::Allow => Action::Allow,
        })
    }

    fn rule(
        &self,
        rule: &Rule,
        default: Action,
        path: &[Step],
        by_number: &mut BTreeMap<u32, Answers>,
    ) -> Result<(), Mistake> {
        let at = |steps: &[Step]| [path, steps].concat();
        let action = self.action(rule.action, rule.errno_ret, rule.errno.as_deref(), path, ["errnoRet", "errno"])?;
        let several =
            rule.names.iter().flatten().enumerate().map(|(index, name)| (name, at(&[Key("names"), Index(index)])));
        let one = rule.name.iter().filter(|name| !name.is_empty()).map(|name| (name, at(&[Key("name")])));
        let all: Vec<_> = several.chain(one).collect();
        if rule.name.as_ref().is_some_and(|name| !name.is_empty()) && rule.names.as_ref().is_some_and(|n| !n.is_empty())
        {
            return self.fail(&at(&[Key("name")]), "a rule has name or names");
        }
        if all.is_empty() {
            return self.fail(path, "a rule without names");
        }
        let nothing = Condition::default();
        let (includes, excludes) =
            (rule.includes.as_ref().unwrap_or(&nothing), rule.excludes.as_ref().unwrap_or(&nothing));
        let included = self.holds(includes, &at(&[Key("includes")]), true)?;
        let excluded = self.holds(excludes, &at(&[Key("excludes")]), false)?;
        // All are read, so that a mistake does not hide behind a condition.
        let there = included && !excluded;
        for (name, place) in all {
            let stricter = action.severity() > default.severity();
            let nr = if stricter { names::number(name) } else { seccomp::number(name) };
            let Some(nr) = nr else {
                // As with runc, what is not there needs no permission.
                if stricter && !names::is_foreign(name) {
                    return self
                        .fail(&place, format!("no system call known here is named {name}, and this rule refuses it"));
                }
                continue;
            };
            let alternatives = self.args(nr, rule.args.as_deref().unwrap_or_default(), path)?;
            // A rule that says what the default says is none, as for runc.
            if !there || action == default {
                continue;
            }
            let answers = by_number.entry(nr).or_default();
            if alternatives.is_empty() {
                let stricter = answers.always.is_none_or(|known| action.severity() > known.severity());
                answers.always = if stricter { Some(action) } else { answers.always };
            }
            answers.arms.extend(alternatives.into_iter().map(|when| (when, action)));
        }
        Ok(())
    }

    /// The conditions on arguments, of which one must hold; none where there are none.
    fn args(&self, nr: u32, args: &[Arg], path: &[Step]) -> Result<Vec<Expr>, Mistake> {
        let mut seen = [0; 6];
        let mut all = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let place = |key| [path, &[Key("args"), Index(at), Key(key)]].concat();
            match usize::try_from(arg.index).ok().and_then(|index| seen.get_mut(index)) {
                Some(count) => *count += 1,
                None => return self.fail(&place("index"), "a system call has arguments 0 to 5"),
            }
            let index = u8::try_from(arg.index).unwrap_or(u8::MAX);
            let width = arguments::width(nr, index);
            let number = |number, key| match fit(number, bits(width)) {
                Some(number) => Ok(Value::Number(number)),
                None => {
                    let name = seccomp::name(nr).unwrap_or_default();
                    let bits = bits(width);
                    self.fail(&place(key), format!("the kernel looks at {bits} bits of this argument of {name} only"))
                }
            };
            let (value, left) = (number(arg.value, "value")?, Value::Arg(index, width));
            all.push(match arg.op {
                Op::Eq => Expr::Compare(left, Rel::Eq, value),
                Op::Ne => Expr::Compare(left, Rel::Ne, value),
                Op::Lt => Expr::Compare(left, Rel::Lt, value),
                Op::Le => Expr::Compare(left, Rel::Le, value),
                Op::Gt => Expr::Compare(left, Rel::Gt, value),
                Op::Ge => Expr::Compare(left, Rel::Ge, value),
                Op::MaskedEq => {
                    // libseccomp does not look at what is outside of the mask.
                    let two = number(arg.value_two & arg.value, "valueTwo")?;
                    Expr::Compare(Value::And(Box::new(left), Box::new(value)), Rel::Eq, two)
                }
            });
        }
        // As runc reads it: conditions on one argument twice are rules of their own, others hold together.
        Ok(match all {
            all if all.is_empty() || seen.iter().any(|count| *count > 1) => all,
            all => vec![Expr::All(all)],
        })
    }

    /// Whether what a condition asks for is so; `absent` where it asks for nothing. Capabilities that include must all be
    /// there, and one that excludes is enough: as Docker has it.
    fn holds(&self, condition: &Condition, path: &[Step], absent: bool) -> Result<bool, Mistake> {
        let at = |key, index| [path, &[Key(key), Index(index)]].concat();
        let mut answers = Vec::new();
        let caps = condition.caps.as_deref().unwrap_or_default();
        let mut kept = Vec::with_capacity(caps.len());
        for (index, name) in caps.iter().enumerate() {
            use sandbox_core::policy::types::Capability;
            use sandbox_core::setting::value::Text;
            match Capability::parse(name.as_bytes()) {
                Ok(Capability(number)) => kept.push(self.surroundings.kept & (1 << number) != 0),
                Err(_) => return self.fail(&at("caps", index), format!("no capability is named {name}")),
            }
        }
        if !kept.is_empty() {
            answers.push(if absent { kept.iter().all(|kept| *kept) } else { kept.iter().any(|kept| *kept) });
        }
        let arches = condition.arches.as_deref().unwrap_or_default();
        for (index, name) in arches.iter().enumerate() {
            if !ARCHES.contains(&name.as_str()) {
                return self.fail(&at("arches", index), format!("no architecture is named {name}"));
            }
        }
        if !arches.is_empty() {
            answers.push(arches.iter().any(|name| OURS.contains(&name.as_str())));
        }
        if let Some(version) = &condition.min_kernel {
            match kernel(version) {
                Some(wanted) => answers.push(self.surroundings.kernel >= wanted),
                None => return self.fail(&[path, &[Key("minKernel")]].concat(), "expected a version such as 4.8"),
            }
        }
        Ok(if absent { answers.iter().all(|holds| *holds) } else { answers.iter().any(|holds| *holds) })
    }
}

/// Go's names of architectures, which Docker and Podman use.
const ARCHES: [&str; 22] = [
    "amd64",
    "x86_64",
    "386",
    "x86",
    "x32",
    "arm",
    "arm64",
    "mips",
    "mips64",
    "mips64n32",
    "mipsle",
    "mips64le",
    "mipsel",
    "mipsel64",
    "mipsel64n32",
    "ppc",
    "ppc64",
    "ppc64le",
    "s390",
    "s390x",
    "riscv64",
    "loong64",
];
const OURS: [&str; 2] = ["amd64", "x86_64"];

/// The first two numbers of a kernel's version.
pub fn kernel(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let digits = |part: &str| part.bytes().take_while(u8::is_ascii_digit).count();
    let mut number = || parts.next().and_then(|part| part.get(..digits(part))?.parse().ok());
    Some((number()?, number()?))
}
