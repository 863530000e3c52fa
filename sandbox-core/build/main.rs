//! Compiles the filters that come with sbx, `filters/*.kafel`, with the language and the compiler that users have.
//!
//! What the library gets is programs, and what each filter says in a few bytes without pointers, for requests that change
//! one: every pointer in a shared library is a relocation for ld.so to apply in every target.

mod lower;
mod pack;

use std::path::{Path, PathBuf};
use std::{env, fs};

use sandbox_filter::{Filter, compile_well};
use sandbox_kafel::Explained;
use sandbox_kafel::source::Source;

use pack::Pack;

/// Those with a name for `--seccomp`.
const SHIPPED: [&str; 8] = ["default", "strict", "pure", "net-client", "net-server", "dev", "toaster", "none"];
/// Those that stand beside one, each alone and together with the others, on which `none` stands in.
const RESTRICTIONS: [&str; 3] = ["no-exec", "no-new-code", "no-sockets"];
/// Those of our own processes.
const OWN: [&str; 3] = ["supervisor", "witness", "keeper"];

fn main() -> Result<(), Trouble> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=filters");
    let mut pack = Pack::default();
    for name in SHIPPED {
        let (filter, policy) = read(name)?;
        pack.program(&constant(name), &compile_well(&filter).map_err(|error| Trouble(format!("{name}: {error}")))?);
        pack.rules(&constant(name), &filter)?;
        pack.reasons(&constant(name), &filter, &policy);
    }
    for name in OWN {
        let (filter, _) = read(name)?;
        pack.program(&constant(name), &compile_well(&filter).map_err(|error| Trouble(format!("{name}: {error}")))?);
        pack.rules(&constant(name), &filter)?;
    }
    let restrictions = RESTRICTIONS.iter().map(|name| Ok(read(name)?.0)).collect::<Result<Vec<_>, Trouble>>()?;
    for (name, filter) in RESTRICTIONS.iter().zip(&restrictions) {
        pack.rules(&constant(name), filter)?;
    }
    for set in 0..1 << RESTRICTIONS.len() {
        let (mut all, _) = read("none")?;
        let asked = restrictions.iter().enumerate().filter(|(at, _)| set >> at & 1 != 0);
        all.rules.extend(asked.flat_map(|(_, filter)| filter.rules.clone()));
        pack.program(&format!("RESTRICTION_{set}"), &compile_well(&all)?);
    }
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join("filters.rs"), pack.code())?;
    Ok(())
}

/// A filter of ours, in the form the library keeps.
fn read(name: &str) -> Result<(Filter, Explained<'static>), Trouble> {
    let path = PathBuf::from(format!("filters/{name}.kafel"));
    let content = text(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    // As rustc names files: from the workspace's directory.
    let source = Source { name: format!("sandbox-core/{}", path.display()), text: content };
    let policy = Explained::compile_file(source, &path, &text).map_err(|mistake| mistake.to_string())?;
    let filter = lower::filter(policy.filter.clone()).map_err(|nr| {
        policy.mistake(nr, "this cannot be kept as comparisons of one argument with one number each").to_string()
    })?;
    Ok((filter, policy))
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| error.to_string())
}

fn constant(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// What fails the build: said as it is, not as a Debug of it.
struct Trouble(String);

impl std::fmt::Debug for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: ToString> From<E> for Trouble {
    fn from(error: E) -> Trouble {
        Trouble(error.to_string())
    }
}
