//! docs/attack-matrix.md: what was seen, as a page. `SBX_BLESS=1` writes it, after a run that skipped nothing; where something
//! is missing, the page is compared in what was seen.

use std::fmt::Write as _;
use std::path::Path;

use super::probe::{Control, Probe, Profile};
use super::run::{Row, for_caller, seen};
use super::{LETTERS, ROUTES, probes};
use crate::support::Entry;

const PAGE: &str = include_str!("../../docs/attack-matrix.md");

const HEAD: &str = "# Attacks

What has led out of sandboxes, or was meant to, tried on every run of the tests: as root and as an ordinary user, by every
route, under the profiles `default` and `strict`. This page is written by that run (`SBX_BLESS=1`, `tests/attacks/`), and a
test compares it with what is seen.

**Seen** is what the attack came to: the error of the call, `SIGSYS`, the exit code of a refusal (125, 126) before anything ran,
or what the program said. It is what is expected, or a test has failed; `EROFS; a user: EACCES` is what root and others see. **By** says
under which profiles and by which routes: `preload` is the bare variable, `launch` is sbx-launch with the library, `exec` is
sbx-launch with `--route exec`, `layered` with `--route layered`. Strict cannot be held by `exec`, where the program has yet to
be executed and loaded, and what lets programs be executed, as default does, not by `layered`: all of it is refused there with
125, which is tried each time and not repeated in the table. **Control** is what shows that the protection is the one meant:
settings (or the absence of a sandbox) under which the same act does succeed, or gets past the filter to the kernel's own answer.
`allow CALL` is two runs: the answer changes with `seccomp-action`, so it is the filter's, and `seccomp-allow=CALL` alone lifts
it.
";

const GROUPS: [(char, &str); 8] = [
    ('P', "Not entered at all"),
    ('T', "The terminal"),
    ('F', "Files"),
    ('N', "Namespaces and processes"),
    ('K', "The kernel's surface"),
    ('W', "The network"),
    ('R', "Resources"),
    ('L', "What is told"),
];

fn route(entry: Entry) -> String {
    format!("{entry:?}").to_lowercase()
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    if text.is_empty() { "nothing".into() } else { format!("`{}`", escaped(text)) }
}

fn control(control: Control) -> String {
    match control {
        Control::With([], said) => format!("without: {}", code(said)),
        Control::With(settings, said) => format!("`{}`: {}", escaped(&settings.join(" ")), code(said)),
        Control::Outside(said) => format!("outside: {}", code(said)),
        Control::Allow(call) => format!("allow `{call}`"),
        Control::Exists(call) => format!("`seccomp-allow={call}`: another answer, where the kernel has it"),
        Control::Other(what, [], _, said) => format!("{}: {}", escaped(what), code(said)),
        Control::Other(what, settings, _, said) => {
            format!("{} (`{}`): {}", escaped(what), escaped(&settings.join(" ")), code(said))
        }
        Control::Nothing(why) => escaped(why),
    }
}

/// Lines of one outcome and control, with the profiles and routes that had it.
fn lines(probe: &Probe, rows: &[&Row]) -> String {
    let mut groups: Vec<(String, String, Vec<&Row>)> = Vec::new();
    for row in rows {
        // As the page says before its tables.
        let refused =
            [(Entry::Exec, Profile::Strict), (Entry::Layered, Profile::Default)].contains(&(row.route, row.profile));
        if refused && row.expected == "125" && rows.iter().any(|other| !probe.is_refused(other.profile, other.route)) {
            continue;
        }
        // What is missing here was seen where the page was written.
        let seen = match &row.seen {
            Some(seen) if *seen != for_caller(row.expected) => seen.clone(),
            _ => row.expected.into(),
        };
        let line = (seen, control(row.control));
        match groups.iter_mut().find(|(seen, control, _)| (&line.0, &line.1) == (seen, control)) {
            Some((.., all)) => all.push(row),
            None => groups.push((line.0, line.1, vec![row])),
        }
    }
    let with: Vec<&str> = probe
        .by
        .iter()
        .chain(probe.with)
        .copied()
        .filter(|setting| !setting.starts_with("no-new-code=") && !setting.starts_with("no-exec="))
        .collect();
    let with = if with.is_empty() { String::new() } else { format!(" (`{}`)", escaped(&with.join(" "))) };
    let mut text = String::new();
    for (at, (seen, control, all)) in groups.iter().enumerate() {
        let (id, tries) =
            if at == 0 { (probe.id, format!("{}{with}", escaped(probe.tries))) } else { ("", String::new()) };
        writeln!(text, "| {id} | {tries} | {} | {} | {control} |", code(seen), by(all)).unwrap();
    }
    text
}

/// `default: preload, launch, exec; strict: preload, launch`.
fn by(rows: &[&Row]) -> String {
    let profiles = Profile::ALL.into_iter().filter_map(|profile| {
        let routes: Vec<_> = rows.iter().filter(|row| row.profile == profile).map(|row| route(row.route)).collect();
        (!routes.is_empty()).then(|| format!("{}: {}", profile.name(), routes.join(", ")))
    });
    profiles.collect::<Vec<_>>().join("; ")
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut tried = 0;
    for (letter, title) in GROUPS {
        write!(page, "\n## {title}\n\n| | tried | seen | by | control |\n| --- | --- | --- | --- | --- |\n").unwrap();
        for probe in probes(letter) {
            if let Some(why) = probe.untried {
                writeln!(page, "| {} | {} | not tried | | {} |", probe.id, escaped(probe.tries), escaped(why)).unwrap();
                continue;
            }
            tried += 1;
            // By profile first, in the order of the routes.
            let rows = ROUTES.iter().flat_map(|&route| seen(letter, route)).filter(|row| row.id == probe.id);
            let mut rows: Vec<&Row> = rows.collect();
            rows.sort_by_key(|row| row.profile as u8);
            page.push_str(&lines(&probe, &rows));
        }
    }
    writeln!(page, "\n{tried} attacks, by {} routes.", ROUTES.len()).unwrap();
    page
}

#[test]
fn the_page_is_what_was_seen() {
    let page = page();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/attack-matrix.md");
    if std::env::var_os("SBX_BLESS").is_some() {
        let all = LETTERS.iter().flat_map(|&letter| ROUTES.iter().flat_map(move |&route| seen(letter, route)));
        let missing: Vec<_> = all.filter(|row| row.seen.is_none()).map(|row| row.id).collect();
        assert!(missing.is_empty(), "not seen here, and so not to be written: {missing:?}");
        std::fs::write(file, page).unwrap();
        return;
    }
    assert!(page == PAGE, "docs/attack-matrix.md is not what was seen: SBX_BLESS=1 writes it");
}

#[test]
fn every_attack_has_its_own_name() {
    let mut ids: Vec<_> = LETTERS.iter().flat_map(|&letter| probes(letter)).map(|probe| probe.id).collect();
    assert!(ids.len() > 100, "{}", ids.len());
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(all, ids.len(), "two of one name");
}
