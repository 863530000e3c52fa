//! The attacks: every way out of a sandbox that is known, tried as root and as an ordinary user, by every route, under the
//! profiles `default` and `strict`. Each has what must come of it, exactly, and a control.
//!
//! A file is a letter or a few, and says in its table what is tried; the acts are the probe's. docs/attack-matrix.md is what
//! was seen (`matrix`).

mod callers;
mod calls;
mod entry;
mod files;
mod kernel;
mod leaks;
mod matrix;
mod mounts;
mod namespaces;
mod network;
mod probe;
mod resources;
mod run;
mod scene;
mod terminal;

use probe::Probe;

/// What is tried, in the order of the page.
fn probes(letter: char) -> Vec<Probe> {
    match letter {
        'P' => entry::probes(),
        'T' => terminal::probes(),
        'F' => files::probes(),
        'N' => namespaces::probes(),
        'K' => [kernel::probes(), calls::probes()].concat(),
        'W' => network::probes(),
        'R' => resources::probes(),
        'L' => leaks::probes(),
        other => panic!("no letter '{other}'"),
    }
}

const LETTERS: [char; 8] = ['P', 'T', 'F', 'N', 'K', 'W', 'R', 'L'];

/// A test for each letter and route, so that they run side by side.
macro_rules! routes {
    ($($route:ident = $entry:ident),+ $(,)?) => {
        const ROUTES: &[crate::support::Entry] = &[$(crate::support::Entry::$entry),+];

        $(mod $route {
            const BY: crate::support::Entry = crate::support::Entry::$entry;

            #[test]
            fn entry_is_held_or_refused() { super::run::holds('P', BY) }
            #[test]
            fn terminals_are_out_of_reach() { super::run::holds('T', BY) }
            #[test]
            fn files_are_out_of_reach() { super::run::holds('F', BY) }
            #[test]
            fn namespaces_and_processes_are_out_of_reach() { super::run::holds('N', BY) }
            #[test]
            fn the_kernel_is_as_small_as_promised() { super::run::holds('K', BY) }
            #[test]
            fn the_network_is_out_of_reach() { super::run::holds('W', BY) }
            #[test]
            fn resources_are_bounded() { super::run::holds('R', BY) }
            #[test]
            fn nothing_leaks_that_is_not_said_to() { super::run::holds('L', BY) }
        })+
    };
}

// A route is one line.
routes! {
    preload = Preload,
    launch = Launch,
    exec = Exec,
    layered = Layered,
}
