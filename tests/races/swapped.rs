//! Names that mean one thing and then another, again and again, while sandboxes start: each start sees one of the two, held
//! as it was asked for, or is refused; and nothing outside is touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use super::{mounts, no_mount_is_new};
use crate::need;
use crate::support::{EVERY, Ended, Entry, Sandbox, TempDir};

/// Starts of each case; by every entry in turn.
const STARTS: usize = 200;

/// What a directory is swapped for.
#[derive(Clone, Copy, Debug)]
enum Other {
    Directory,
    File,
    /// To a directory beside, as someone would who wants that to be shown.
    Link,
}

fn directory(path: &Path, which: &str) {
    fs::create_dir(path).unwrap();
    fs::write(path.join("which"), which).unwrap();
}

/// `parent/source`, a directory, and what it is to be swapped for: itself, or the directory above.
struct Scene {
    dir: TempDir,
    names: [PathBuf; 2],
}

impl Scene {
    fn new(other: Other, above: bool) -> Self {
        let dir = TempDir::new();
        let parent = dir.dir("parent");
        directory(&parent.join("source"), "one");
        let hidden = dir.dir("hidden");
        directory(&hidden.join("source"), "secret");
        let names = if above { [parent, dir.join("other")] } else { [parent.join("source"), parent.join("other")] };
        match (other, above) {
            (Other::Directory, false) => directory(&names[1], "two"),
            (Other::Directory, true) => {
                fs::create_dir(&names[1]).unwrap();
                directory(&names[1].join("source"), "two");
            }
            (Other::File, _) => fs::write(&names[1], "file").unwrap(),
            (Other::Link, false) => symlink(hidden.join("source"), &names[1]).unwrap(),
            (Other::Link, true) => symlink(hidden, &names[1]).unwrap(),
        }
        Self { dir, names }
    }

    fn source(&self) -> PathBuf {
        self.dir.join("parent/source")
    }

    fn swap(&self) {
        exchange(&self.names);
    }

    /// What all its files say, but those that were made inside; and those.
    fn files(&self) -> (Vec<String>, usize) {
        let (mut texts, mut made) = (Vec::new(), 0);
        let mut left = vec![self.dir.to_path_buf()];
        while let Some(dir) = left.pop() {
            for entry in fs::read_dir(dir).unwrap().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => left.push(entry.path()),
                    kind if kind.is_symlink() => texts.push("link".into()),
                    _ if entry.file_name() == "made" => made += 1,
                    _ => texts.push(fs::read_to_string(entry.path()).unwrap()),
                }
            }
        }
        texts.sort();
        (texts, made)
    }
}

fn exchange([one, other]: &[PathBuf; 2]) {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).unwrap();
}

/// Does it while two names are swapped all the time.
fn while_swapping<T>(names: &[PathBuf; 2], work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut pauses = (50..400).step_by(7).cycle();
            while !over.load(Ordering::Relaxed) {
                exchange(names);
                // Long enough for either to be met, and no multiple of what a start takes.
                thread::sleep(Duration::from_micros(pauses.next().unwrap()));
            }
        });
        // Also when it panics, or the other would swap for ever.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|why| std::panic::resume_unwind(why))
    })
}

/// What `seen` said.
#[derive(Debug)]
struct Seen {
    which: String,
    written: String,
    mounts: Vec<String>,
}

impl Seen {
    /// None where there was no run.
    #[track_caller]
    fn of(ended: &Ended) -> Option<Self> {
        if ended.out.is_empty() {
            ended.refused(125);
            return None;
        }
        let mut lines = ended.ok().lines().map(String::from);
        let mut next = || lines.next().unwrap();
        let (which, written, held) = (next(), next(), next());
        assert_eq!(held, "21", "not held: {ended:?}");
        Some(Self { which, written, mounts: next().split(' ').map(String::from).collect() })
    }
}

/// How often each was met.
type Met = BTreeMap<String, usize>;

/// The runs of one case, all checked against those in which nothing is swapped.
fn starts(scene: &Scene, sandbox: impl Fn(Entry) -> Sandbox, place: &str) -> Met {
    // The controls: each of the two, by hand.
    let by_hand = || EVERY.map(|entry| Seen::of(&sandbox(entry).probe(&["seen", place])));
    let before = mounts();
    let files = scene.files().0;
    let one = by_hand();
    scene.swap();
    let other = by_hand();
    scene.swap();
    assert!(one.iter().flatten().count() == EVERY.len(), "{one:?}");
    let mut met = Met::new();
    while_swapping(&scene.names, || {
        for start in 0..STARTS {
            let at = start % EVERY.len();
            let ended = sandbox(EVERY[at]).probe(&["seen", place]);
            let Some(seen) = Seen::of(&ended) else {
                *met.entry("refused".into()).or_default() += 1;
                continue;
            };
            let like = |known: &Option<Seen>| {
                let same = |known: &Seen| {
                    (&seen.which, &seen.written, &seen.mounts) == (&known.which, &known.written, &known.mounts)
                };
                known.as_ref().is_some_and(same)
            };
            assert!(like(&one[at]) || like(&other[at]), "neither {:?}\nnor {:?}\nbut {ended:?}", one[at], other[at]);
            *met.entry(seen.which).or_default() += 1;
        }
    });
    assert_eq!(scene.files().0, files, "what was there is there, and nothing else");
    no_mount_is_new(&before);
    met
}

/// Settings by which the source is shown at `/tmp/place`, and whether what is made there is the host's.
const SHOWN: [(&str, &str, bool); 3] =
    [("bind", "{}:/tmp/place", true), ("bind-ro", "{}:/tmp/place", false), ("overlay", "/tmp/place:lower={}", false)];

fn case(other: Other, above: bool) {
    for (name, value, reaches) in SHOWN {
        let scene = Scene::new(other, above);
        let value = value.replace("{}", scene.source().to_str().unwrap());
        let met = starts(&scene, |entry| Sandbox::new(entry).set(name, &value), "/tmp/place");
        println!("{name}, {other:?}, above: {above}: {met:?}");
        // One of the two can be missed, where the machine is loaded; neither would be a race that never was.
        assert!(met.get("one").is_some_and(|&count| count < STARTS), "{met:?}");
        assert_eq!(scene.files().1 > 0, reaches, "{name}");
    }
}

#[test]
fn a_source_that_is_another_directory_a_moment_later_is_one_of_the_two() {
    case(Other::Directory, false);
}

#[test]
fn a_source_that_is_a_link_a_moment_later_is_one_of_the_two() {
    case(Other::Link, false);
}

#[test]
fn a_source_that_is_a_file_a_moment_later_is_one_of_the_two() {
    case(Other::File, false);
}

#[test]
fn a_source_below_another_directory_a_moment_later_is_one_of_the_two() {
    case(Other::Directory, true);
}

#[test]
fn a_source_below_a_link_a_moment_later_is_one_of_the_two() {
    case(Other::Link, true);
}

/// Those at and below a path.
fn below<'a>(mounts: &'a [String], dir: &'a Path) -> Vec<&'a str> {
    mounts.iter().map(String::as_str).filter(|mount| mount.starts_with(dir.to_str().unwrap())).collect()
}

#[test]
fn a_destination_that_is_a_link_a_moment_later_leads_nowhere_outside() {
    for link in ["{dir}/outside", "/usr", "../../../../../../../../usr"] {
        let dir = TempDir::new();
        for path in ["tree", "tree/place", "outside"] {
            dir.dir(path);
        }
        // What a mount there would cover, and what it shows.
        directory(&dir.join("tree/place/inner"), "covered");
        directory(&dir.join("outside/inner"), "outside");
        directory(&dir.join("shown"), "shown");
        symlink(link.replace("{dir}", dir.to_str().unwrap()), dir.join("tree/away")).unwrap();
        let scene = Scene { names: [dir.join("tree/place"), dir.join("tree/away")], dir };
        let (tree, inner) = (scene.dir.join("tree"), scene.dir.join("tree/place/inner"));
        let sandbox = |entry| {
            let shown = format!("{}:{}", scene.dir.join("shown").display(), inner.display());
            Sandbox::new(entry).set("bind", &tree).set("bind-ro", shown)
        };
        let (before, files) = (mounts(), scene.files());
        let clean = EVERY.map(|entry| Seen::of(&sandbox(entry).probe(&["seen", inner.to_str().unwrap()])).unwrap());
        assert!(clean.iter().all(|seen| (&*seen.which, &*seen.written) == ("shown", "EROFS")), "{clean:?}");
        let mut met = Met::new();
        while_swapping(&scene.names, || {
            for start in 0..STARTS / 2 {
                let at = start % EVERY.len();
                let ended = sandbox(EVERY[at]).probe(&["seen", "/proc"]);
                let Some(seen) = Seen::of(&ended) else {
                    *met.entry("refused".into()).or_default() += 1;
                    continue;
                };
                // The names of mount points change with those of what they lie in.
                let ours = below(&seen.mounts, &scene.dir);
                let wanted = ["tree/place/inner=ro", "tree/away/inner=ro", "outside/inner=ro"];
                let wanted = wanted.map(|place| scene.dir.join(place));
                let at_tree = format!("{}=rw", tree.display());
                let right = |mount: &&str| **mount == at_tree || wanted.iter().any(|place| place == Path::new(mount));
                assert!(ours.len() == 2 && ours.iter().all(right), "{ours:?}");
                let rest = |mounts: &[String]| {
                    let ours = below(mounts, &scene.dir);
                    mounts.iter().filter(|mount| !ours.contains(&mount.as_str())).cloned().collect::<Vec<_>>()
                };
                assert_eq!(rest(&seen.mounts), rest(&clean[at].mounts));
                let inner = ours.iter().find(|mount| **mount != at_tree).unwrap();
                *met.entry(inner.rsplit('/').nth(1).unwrap().into()).or_default() += 1;
            }
        });
        println!("{link}: {met:?}");
        assert!(met.len() > 1, "{met:?}");
        // Neither covered nor made.
        assert_eq!(scene.files(), files);
        no_mount_is_new(&before);
    }
}

#[test]
fn a_current_directory_that_is_another_a_moment_later_is_one_of_the_two_and_read_only() {
    for (other, above) in [(Other::Directory, false), (Other::Link, false), (Other::Link, true)] {
        let scene = Scene::new(other, above);
        let (before, files) = (mounts(), scene.files());
        let mut met = Met::new();
        let known = ["one", "two", "secret"];
        while_swapping(&scene.names, || {
            for start in 0..STARTS {
                let sandbox = Sandbox::new(EVERY[start % EVERY.len()]).cwd(&scene.source());
                let ended = sandbox.probe(&["seen", "."]);
                let Some(seen) = Seen::of(&ended) else {
                    *met.entry("refused".into()).or_default() += 1;
                    continue;
                };
                // Or it is the root, where there is no such file.
                assert!(known.contains(&&*seen.which) || seen.which == "ENOENT", "{seen:?}");
                assert_eq!(seen.written, "EROFS", "{seen:?}");
                let ours = below(&seen.mounts, &scene.dir);
                assert!(ours.len() <= 1 && ours.iter().all(|mount| mount.ends_with("=ro")), "{ours:?}");
                *met.entry(seen.which).or_default() += 1;
            }
        });
        println!("{other:?}, above: {above}: {met:?}");
        assert!(met.len() > 1, "{met:?}");
        assert_eq!(scene.files(), files);
        no_mount_is_new(&before);
    }
}

/// Says its name, and what holds it.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    printf("%s", NAME);
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "Seccomp:", 8) || !strncmp(line, "NoNewPrivs:", 11) || !strncmp(line, "NSpid:", 6))
            printf(" %s", strtok(strchr(line, '\t') + 1, "\n"));
    puts("");
}
"#;

#[test]
fn a_program_that_is_another_a_moment_later_is_one_of_the_two_and_held() {
    need!("cc");
    let dir = TempDir::new();
    // One that the library can be loaded into, and one that it cannot: the routes are not the same.
    let one = dir.compile("cc", "one", PROGRAM, &["-DNAME=\"one\""]);
    let other = dir.compile("cc", "other", PROGRAM, &["-DNAME=\"other\"", "-static"]);
    let mut met = Met::new();
    let names = [one, other];
    while_swapping(&names, || {
        for start in 0..STARTS {
            // By the bare variable a static program would run outside: it has nobody who looks.
            let sandbox = Sandbox::new([Entry::Launch, Entry::Exec][start % 2]);
            let ended = sandbox.run(&names[0], &[""; 0]);
            if ended.out.is_empty() {
                ended.refused(125);
                *met.entry("refused".into()).or_default() += 1;
                continue;
            }
            // NSpid of a procfs of its own; NoNewPrivs; Seccomp.
            let name = ended.ok().strip_suffix(" 1 1 2").unwrap_or_else(|| panic!("{ended:?}"));
            assert!(["one", "other"].contains(&name));
            *met.entry(name.into()).or_default() += 1;
        }
    });
    println!("{met:?}");
    assert!(met.contains_key("one") && met.contains_key("other"), "{met:?}");
}
