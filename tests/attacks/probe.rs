//! What an attack is: an act, what must come of it under each profile, and the control.

use super::run::Start;
use crate::support::Entry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Default,
    Strict,
}

impl Profile {
    pub const ALL: [Profile; 2] = [Profile::Default, Profile::Strict];

    pub fn name(self) -> &'static str {
        match self {
            Profile::Default => "default",
            Profile::Strict => "strict",
        }
    }
}

/// Words may name things of the scene: `{dir}`, `{outer}` … (scene.rs).
pub type Words = &'static [&'static str];

#[derive(Clone, Copy)]
pub enum Act {
    /// An act of the probe's.
    Words(Words),
    /// Anything else: what it came to, in a word.
    Does(fn(&Start) -> String),
}

/// What shows that the protection that is named is the one that holds.
#[derive(Clone, Copy)]
pub enum Control {
    /// The same act with these settings besides says this.
    With(Words, &'static str),
    /// The same act without a sandbox says this.
    Outside(&'static str),
    /// The filter refuses the call: its error is the one that seccomp-action names, and seccomp-allow lifts it.
    Allow(&'static str),
    /// The filter hides the call, which this kernel has: seccomp-allow shows it.
    Exists(&'static str),
    /// Another act (what it is), with these settings, says this.
    Other(&'static str, Words, Act, &'static str),
    /// Nothing is refused, and this is why.
    Nothing(&'static str),
}

/// What must come of it under a profile.
#[derive(Clone)]
pub struct Case {
    /// As `said` has it; where root and others differ: `ROOT'S; a user: THEIRS`.
    pub expected: &'static str,
    pub control: Control,
    /// Where routes differ.
    pub but: Vec<(Entry, &'static str, Control)>,
}

#[derive(Clone)]
pub struct Probe {
    pub id: &'static str,
    pub tries: &'static str,
    pub act: Act,
    /// Settings besides the profile, in every run.
    pub with: Words,
    /// Those that are the protection: the control `With` is without them.
    pub by: Words,
    /// What a shell does before it becomes the sandbox.
    pub before: &'static str,
    /// On a terminal of its own.
    pub on_terminal: bool,
    pub needs: Words,
    /// Settings that the route exec cannot hold.
    pub in_memory: bool,
    /// What it runs is the question: also where it is refused.
    pub itself: bool,
    pub default: Option<Case>,
    pub strict: Option<Case>,
    /// The routes it is for, where not all.
    pub only: Option<&'static [Entry]>,
    /// Not tried, and why.
    pub untried: Option<&'static str>,
}

pub fn probe(id: &'static str, tries: &'static str) -> Probe {
    Probe {
        id,
        tries,
        act: Act::Words(&[]),
        with: &[],
        by: &[],
        before: "",
        on_terminal: false,
        needs: &[],
        in_memory: false,
        itself: false,
        default: None,
        strict: None,
        only: None,
        untried: None,
    }
}

/// A call that the filters refuse, alone.
pub fn refused(id: &'static str, tries: &'static str, call: &'static str, act: Words) -> Probe {
    probe(id, tries).act(act).both("EPERM", Control::Allow(call))
}

/// A call that the default filter hides and the strict one hides, or refuses like all it does not know.
pub fn hidden(id: &'static str, tries: &'static str, call: &'static str, act: Words, strict: &'static str) -> Probe {
    let probe = probe(id, tries).act(act).default("ENOSYS", Control::Exists(call));
    match strict {
        "ENOSYS" => probe.strict("ENOSYS", Control::Exists(call)),
        _ => probe.strict("EPERM", Control::Allow(call)),
    }
}

/// What is not tried here, and why.
pub fn untried(id: &'static str, tries: &'static str, why: &'static str) -> Probe {
    Probe { untried: Some(why), ..probe(id, tries) }
}

impl Probe {
    pub fn act(self, act: Words) -> Self {
        Self { act: Act::Words(act), ..self }
    }

    pub fn does(self, does: fn(&Start) -> String) -> Self {
        Self { act: Act::Does(does), ..self }
    }

    pub fn with(self, with: Words) -> Self {
        Self { with, ..self }
    }

    pub fn by(self, by: Words) -> Self {
        Self { by, ..self }
    }

    pub fn before(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    pub fn on_terminal(self) -> Self {
        Self { on_terminal: true, ..self }.needs(&["python3"])
    }

    pub fn needs(self, needs: Words) -> Self {
        Self { needs, ..self }
    }

    /// With settings that need the program in memory before they hold.
    pub fn in_memory(self) -> Self {
        Self { in_memory: true, ..self }
    }

    pub fn itself(self) -> Self {
        Self { itself: true, ..self }
    }

    pub fn only(self, routes: &'static [Entry]) -> Self {
        Self { only: Some(routes), ..self }
    }

    pub fn default(self, expected: &'static str, control: Control) -> Self {
        Self { default: Some(Case { expected, control, but: Vec::new() }), ..self }
    }

    pub fn strict(self, expected: &'static str, control: Control) -> Self {
        Self { strict: Some(Case { expected, control, but: Vec::new() }), ..self }
    }

    pub fn both(self, expected: &'static str, control: Control) -> Self {
        self.default(expected, control).strict(expected, control)
    }

    /// By this route something else comes of it.
    pub fn but(mut self, route: Entry, expected: &'static str, control: Control) -> Self {
        for case in [&mut self.default, &mut self.strict].into_iter().flatten() {
            case.but.push((route, expected, control));
        }
        self
    }

    /// As `but`, under the default profile alone.
    pub fn but_default(mut self, route: Entry, expected: &'static str, control: Control) -> Self {
        if let Some(case) = &mut self.default {
            case.but.push((route, expected, control));
        }
        self
    }

    /// As `but`, under strict alone.
    pub fn but_strict(mut self, route: Entry, expected: &'static str, control: Control) -> Self {
        if let Some(case) = &mut self.strict {
            case.but.push((route, expected, control));
        }
        self
    }

    /// The route cannot hold what is asked for.
    pub fn is_refused(&self, profile: Profile, route: Entry) -> bool {
        match route {
            Entry::Preload | Entry::Launch => false,
            Entry::Exec => profile == Profile::Strict || self.in_memory,
            Entry::Layered => profile == Profile::Default && !self.forbids_to_execute(),
        }
    }

    fn forbids_to_execute(&self) -> bool {
        self.with.iter().chain(self.by).any(|&setting| setting == "no-exec")
    }

    /// The cases of this route are those of the other, where it has none of its own: the library is in the program by both.
    fn as_by(route: Entry) -> Entry {
        if route == Entry::Layered { Entry::Launch } else { route }
    }

    pub fn case(&self, profile: Profile, route: Entry) -> Option<(&'static str, Control)> {
        if self.untried.is_some() || self.only.is_some_and(|only| !only.contains(&route)) {
            return None;
        }
        let case = match profile {
            Profile::Default => self.default.as_ref(),
            Profile::Strict => self.strict.as_ref(),
        }?;
        let of = |route: Entry| case.but.iter().rfind(|(by, ..)| *by == route);
        let by_route = of(route).or_else(|| of(Self::as_by(route))).map(|(_, expected, control)| (*expected, *control));
        // What cannot be held is refused, and nothing runs.
        let refusal = match route {
            Entry::Layered => "refused: it is for policies under which nothing is executed",
            _ => "refused: the program would have to be in memory first",
        };
        let refusal = ("125", Control::Nothing(refusal));
        let cannot = self.is_refused(profile, route);
        Some(if cannot { refusal } else { by_route.unwrap_or((case.expected, case.control)) })
    }
}
