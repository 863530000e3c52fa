//! Trying them, once for a letter and a route, whoever asks first.

use std::path::Path;
use std::sync::OnceLock;

use super::probe::{Act, Control, Probe, Profile, Words};
use super::scene::Scene;
use super::{LETTERS, ROUTES, probes};
use crate::support::need::{is_root, skip};
use crate::support::{Ended, Entry, Sandbox, bare, bins};

/// A probe under a profile, by a route.
pub struct Row {
    pub id: &'static str,
    pub profile: Profile,
    pub route: Entry,
    pub expected: &'static str,
    pub control: Control,
    /// What came of it; nothing where the host has not what it needs.
    pub seen: Option<String>,
    /// What the control said instead of what it must.
    pub wrong: Option<String>,
}

/// Where an act begins: in a sandbox, or, for controls, outside.
pub struct Start<'a> {
    pub sandbox: Option<Sandbox>,
    pub scene: &'a Scene,
    pub route: Entry,
    pub profile: Profile,
    wrapper: Vec<String>,
}

impl Start<'_> {
    pub fn run<A: AsRef<std::ffi::OsStr>>(&self, program: &Path, args: &[A]) -> Ended {
        let Some(sandbox) = &self.sandbox else {
            let own = self.wrapper.iter().map(Into::into).chain([program.into()]);
            let words: Vec<std::ffi::OsString> = own.chain(args.iter().map(|arg| arg.as_ref().to_owned())).collect();
            return bare(&words[0], &words[1..]);
        };
        sandbox.run(program, args)
    }

    pub fn probe<A: AsRef<std::ffi::OsStr>>(&self, args: &[A]) -> Ended {
        self.run(bins::probe(), args)
    }

    /// The same with more settings.
    pub fn with(&self, settings: &[&str]) -> Start<'_> {
        let sandbox = self.sandbox.clone().map(|sandbox| sandbox.with(settings));
        Start { sandbox, scene: self.scene, wrapper: self.wrapper.clone(), ..*self }
    }
}

/// A run in a few words: what it said, lines after each other and equal ones counted; or how it ended.
pub fn said(ended: &Ended) -> String {
    // On a terminal there is but one output.
    let refused = ended.out.is_empty() && ended.err.starts_with("sbx: ") || ended.out.starts_with("sbx: ");
    match (ended.code(), ended.signal()) {
        (_, Some(libc::SIGSYS)) => return "SIGSYS".into(),
        (_, Some(libc::SIGKILL)) => return "SIGKILL".into(),
        (_, Some(libc::SIGSEGV)) => return "SIGSEGV".into(),
        (_, Some(signal)) => return format!("signal {signal}"),
        (Some(code), _) if refused => return code.to_string(),
        _ => {}
    }
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for line in ended.out.lines() {
        match groups.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => groups.push((line, 1)),
        }
    }
    let mut words: Vec<String> = groups
        .into_iter()
        .map(|(line, count)| if count == 1 { line.to_owned() } else { format!("{line} × {count}") })
        .collect();
    if let Some(code @ 1..) = ended.code() {
        words.push(format!("exit {code}"));
    }
    if !ended.err.is_empty() {
        words.push(format!("error: {}", ended.err.lines().next().unwrap_or_default()));
    }
    words.join(", ")
}

/// The part of an expectation that is this caller's.
pub fn for_caller(expected: &'static str) -> &'static str {
    match expected.split_once("; a user: ") {
        Some((root, _)) if is_root() => root,
        Some((_, user)) => user,
        None => expected,
    }
}

fn start<'a>(probe: &Probe, scene: &'a Scene, profile: Profile, route: Entry, settings: Option<Words>) -> Start<'a> {
    let wrapper: Vec<String> = if probe.on_terminal {
        vec!["/usr/bin/env".into(), "python3".into(), scene.terminal()]
    } else if probe.before.is_empty() {
        Vec::new()
    } else {
        vec!["sh".into(), "-c".into(), format!("{}; exec \"$@\"", scene.fill(probe.before)), "sh".into()]
    };
    let sandbox = settings.map(|settings| {
        let all: Vec<String> = probe.with.iter().chain(settings).map(|setting| scene.fill(setting)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let sandbox = Sandbox::new(route).set("profile", profile.name()).with(&all);
        if wrapper.is_empty() { sandbox } else { sandbox.wrapped(&wrapper) }
    });
    Start { sandbox, scene, route, profile, wrapper }
}

fn come_of(act: Act, start: &Start) -> String {
    match act {
        Act::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| start.scene.fill(word)).collect();
            said(&start.probe(&words))
        }
        Act::Does(does) => does(start),
    }
}

/// What is wrong with a control, if anything.
fn control(probe: &Probe, control: Control, scene: &Scene, profile: Profile, route: Entry) -> Option<String> {
    let run = |settings: Option<Words>, act| come_of(act, &start(probe, scene, profile, route, settings));
    let differs = |what: &str, seen: String, must: &'static str| {
        (seen != for_caller(must)).then(|| format!("{what}: '{seen}', not '{must}'"))
    };
    match control {
        Control::With(settings, must) => differs(&settings.join(" "), run(Some(settings), probe.act), must),
        Control::Outside(must) => differs("outside", run(None, probe.act), must),
        Control::Other(what, settings, act, must) => differs(what, run(Some(settings), act), must),
        Control::Allow(call) => {
            const ACTION: Words = &["seccomp-action=errno:EDOM"];
            let filters = run(Some(ACTION), probe.act);
            let allow = format!("seccomp-allow={call}");
            let lifted = come_of(probe.act, &start(probe, scene, profile, route, Some(ACTION)).with(&[&allow]));
            let is_filters = filters.split(" × ").next() == Some("EDOM");
            match (is_filters, lifted.contains("EDOM") || lifted == "125") {
                (true, false) => None,
                (false, _) => Some(format!("{}: '{filters}': it is not the filter", ACTION[0])),
                (true, true) => Some(format!("{allow}: '{lifted}'")),
            }
        }
        Control::Exists(call) => {
            let allow = format!("seccomp-allow={call}");
            let shown = come_of(probe.act, &start(probe, scene, profile, route, Some(&[])).with(&[&allow]));
            let here = run(None, probe.act);
            // A kernel without the call has nothing to hide.
            (here != "ENOSYS" && (shown == "ENOSYS" || shown == "125")).then(|| format!("{allow}: '{shown}'"))
        }
        Control::Nothing(_) => None,
    }
}

fn attempt(probe: &Probe, scene: &Scene, route: Entry) -> Vec<Row> {
    let cases = Profile::ALL.into_iter().filter_map(|profile| Some((profile, probe.case(profile, route)?)));
    let cases: Vec<_> = cases.collect();
    let missing = !cases.is_empty() && skip(&format!("::attacks::{}::{route:?}", probe.id), probe.needs);
    let row = |(profile, (expected, must))| {
        // What the route cannot hold is refused, whatever the act; by layered for what is asked, whatever the program.
        let any = !probe.itself || route == Entry::Layered;
        let act = match probe.act {
            Act::Does(_) if probe.is_refused(profile, route) && any => Act::Words(&["attack", "ids"]),
            act => act,
        };
        let seen = (!missing).then(|| come_of(act, &start(probe, scene, profile, route, Some(probe.by))));
        let wrong = if missing { None } else { control(probe, must, scene, profile, route) };
        Row { id: probe.id, profile, route, expected, control: must, seen, wrong }
    };
    cases.into_iter().map(row).collect()
}

/// What came of a letter's probes by a route: found out once.
pub fn seen(letter: char, route: Entry) -> &'static [Row] {
    const PLACES: usize = LETTERS.len() * ROUTES.len();
    static SEEN: [OnceLock<Vec<Row>>; PLACES] = [const { OnceLock::new() }; PLACES];
    let letters = LETTERS.iter().position(|one| *one == letter).unwrap();
    let routes = ROUTES.iter().position(|one| *one == route).unwrap();
    SEEN[letters * ROUTES.len() + routes].get_or_init(|| {
        let scene = Scene::new();
        probes(letter).iter().flat_map(|probe| attempt(probe, &scene, route)).collect()
    })
}

#[track_caller]
pub fn holds(letter: char, route: Entry) {
    let rows = seen(letter, route);
    let wrong = rows.iter().flat_map(|row| {
        let what = format!("{}, {}, {route:?}", row.id, row.profile.name());
        let seen = row.seen.as_deref().filter(|seen| *seen != for_caller(row.expected));
        let seen = seen.map(|seen| format!("{what}: '{seen}', not '{}'", row.expected));
        seen.into_iter().chain(row.wrong.as_ref().map(|wrong| format!("{what}: the control: {wrong}")))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
