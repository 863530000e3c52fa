//! What of the target's own would run before the sandbox is built, or while it is: each of these is a way out of it.
//!
//! The library's constructor is the first of the process (`-z initfirst`). Before it, ld.so runs audit modules and IFUNC
//! resolvers; and what the constructor calls, ld.so looks up in the program first. Libraries of the system are trusted,
//! those that the program or the caller brings from elsewhere are looked at as the program is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use goblin::elf::dynamic::{DT_AUDIT, DT_DEPAUDIT, DT_NEEDED, DT_RPATH, DT_RUNPATH};
use sandbox_core::setting::text;

use crate::elf::{Image, Object, Unreadable};
use crate::plt;
use crate::symbols::Symbol;

/// Where the system's own libraries are, and the links of a merged /usr.
const SYSTEM: &[&str] = &["/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/lib", "/lib64"];

/// Subdirectories that ld.so prefers on processors that fit: those of glibc 2.33 and of the releases before 2.37.
pub(crate) const HARDWARE: &[&str] = &[
    "glibc-hwcaps/x86-64-v2",
    "glibc-hwcaps/x86-64-v3",
    "glibc-hwcaps/x86-64-v4",
    "tls",
    "haswell",
    "xeon_phi",
    "avx512_1",
    "x86_64",
];

/// Why code of the target could run too early.
#[derive(Debug)]
pub enum Early {
    InitFirst,
    Audit,
    Resolvers,
    /// Defines what the library calls.
    Interposes(String),
    /// Needs a library that refuses to be loaded after another.
    SecondTo(String),
    /// Where it looks for libraries cannot be told.
    SearchPath(String),
    Damaged(Unreadable),
}

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Early::InitFirst => f.write_str("linked with -z initfirst: its own code would run before the sandbox"),
            Early::Audit => f.write_str("names an audit module, which would run before the sandbox"),
            Early::Resolvers => f.write_str("has IFUNC resolvers, which would run before the sandbox"),
            Early::Interposes(name) => write!(f, "defines {name}, which the sandbox uses while it is being built"),
            Early::SecondTo(name) => write!(f, "needs {name}, which has to be loaded before any other library"),
            Early::SearchPath(path) => {
                write!(f, "looks for libraries in {path}, which cannot be followed")
            }
            Early::Damaged(why) => write!(f, "{why}"),
        }
    }
}

/// Run-time libraries of sanitizers that end the program when another library is before them.
const JEALOUS: &[&[u8]] = &[b"libasan.so", b"libhwasan.so"];

/// What the library takes from other objects, and from which libraries.
#[derive(Debug, Default)]
pub struct Imports {
    symbols: Vec<Symbol>,
    needed: Vec<Vec<u8>>,
}

impl Imports {
    pub fn of(library: &Object<'_>) -> Result<Self, Unreadable> {
        // Only a panic asks for these, and none is known: bash has a getenv of its own, and many programs a malloc.
        const UNUSED: [&[u8]; 4] = [b"free", b"getenv", b"malloc", b"realpath"];
        let unused = |s: &Symbol| UNUSED.contains(&&*s.name) || s.name.starts_with(b"_Unwind_");
        let mut symbols = library.imports()?;
        symbols.retain(|s| !unused(s));
        Ok(Self { symbols, needed: library.strings(DT_NEEDED)? })
    }
}

/// One file: the program, or a library it brings.
pub fn check(object: &Object<'_>, imports: &Imports) -> Result<(), Early> {
    if object.is_init_first() {
        return Err(Early::InitFirst);
    }
    // ld.so(8), since glibc 2.32: LD_AUDIT's twins in the file itself.
    if object.value(DT_AUDIT).is_some() || object.value(DT_DEPAUDIT).is_some() {
        return Err(Early::Audit);
    }
    if object.has_resolvers().map_err(Early::Damaged)? {
        return Err(Early::Resolvers);
    }
    let needed = object.strings(DT_NEEDED).map_err(Early::Damaged)?;
    if let Some(name) = needed.iter().find(|name| JEALOUS.iter().any(|start| name.starts_with(start))) {
        return Err(Early::SecondTo(text::show(name)));
    }
    for found in object.found(&imports.symbols).map_err(Early::Damaged)? {
        let data = imports.symbols.iter().any(|s| s.name == found.name && s.is_data());
        let harmless = match data {
            true => is_copied(object, &found),
            false => plt::is_plain_jump(object, &found),
        };
        if !harmless {
            return Err(Early::Interposes(text::show(&found.name)));
        }
    }
    Ok(())
}

/// A variable of the system's libraries that lies in the program: ld.so, and nothing else in the file, says what its
/// first value is. `environ` has aliases, by which it may be copied; the library refuses to start where it is not NULL.
fn is_copied(object: &Object<'_>, variable: &Symbol) -> bool {
    let relocations = object.relocations_at(variable.value).unwrap_or_default();
    let [only] = relocations[..] else { return false };
    only.is_copy() && (only.symbol == variable.number || variable.name == b"environ")
}

/// The libraries that ld.so would take from outside of the system's directories. `search` is LD_LIBRARY_PATH.
///
/// Any library of a needed name in any of these directories counts, whether or not another would be found before it.
pub fn brought(program: &Object<'_>, path: &Path, search: &[u8], imports: &Imports) -> Result<(), (PathBuf, Early)> {
    let mut directories = Directories::default();
    let mut wanted = directories.of_program(program, path, search).map_err(|why| (path.to_owned(), why))?;
    wanted.extend(imports.needed.iter().cloned());
    let mut seen = Vec::new();
    // Until nothing new is found: a library may add both names and directories.
    while let Some(file) = directories.holding(&wanted).into_iter().find(|file| !seen.contains(file)) {
        wanted.extend(directories.of_library(&file, imports).map_err(|why| (file.clone(), why))?);
        seen.push(file);
    }
    Ok(())
}

/// Directories that are not the system's, in which ld.so looks.
#[derive(Default)]
struct Directories(Vec<PathBuf>);

impl Directories {
    /// Adds the caller's directories and the program's, and returns the libraries it needs.
    fn of_program(&mut self, program: &Object<'_>, path: &Path, search: &[u8]) -> Result<Vec<Vec<u8>>, Early> {
        // ld.so takes $ORIGIN from /proc/self/exe, which is what a link leads to.
        let real = || fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        for directory in search.split(|b| b":;".contains(b)).filter(|_| !search.is_empty()) {
            self.add(directory, real)?;
        }
        self.of(program, real)
    }

    /// Looks at a library, adds its directories, and returns the libraries it needs.
    fn of_library(&mut self, file: &Path, imports: &Imports) -> Result<Vec<Vec<u8>>, Early> {
        let image = File::open(file).and_then(Image::of).map_err(|error| Early::Damaged(error.into()))?;
        match Object::read(&image) {
            Ok(library) => {
                check(&library, imports)?;
                self.of(&library, || file.to_owned())
            }
            // Of another word size: ld.so passes it by.
            Err(Unreadable::Foreign) => Ok(Vec::new()),
            Err(why) => Err(Early::Damaged(why)),
        }
    }

    fn of(&mut self, object: &Object<'_>, path: impl Fn() -> PathBuf) -> Result<Vec<Vec<u8>>, Early> {
        for tag in [DT_RPATH, DT_RUNPATH] {
            for list in object.strings(tag).map_err(Early::Damaged)? {
                list.split(|&b| b == b':').try_for_each(|directory| self.add(directory, &path))?;
            }
        }
        let needed = object.strings(DT_NEEDED).map_err(Early::Damaged)?;
        needed.into_iter().map(|name| expand(&name, &path)).collect()
    }

    fn add(&mut self, directory: &[u8], object: impl Fn() -> PathBuf) -> Result<(), Early> {
        let directory = expand(directory, object)?;
        // An empty element is the current directory.
        let directory = if directory.is_empty() { b"." } else { directory.as_slice() };
        self.add_with_hardware(PathBuf::from(OsStr::from_bytes(directory)), 0);
        Ok(())
    }

    /// With the subdirectories for processors, which nest.
    fn add_with_hardware(&mut self, directory: PathBuf, depth: usize) {
        let Ok(directory) = fs::canonicalize(directory) else {
            return;
        };
        if is_system(&directory) || self.0.contains(&directory) || depth > 4 {
            return;
        }
        for below in HARDWARE {
            self.add_with_hardware(directory.join(below), depth + 1);
        }
        self.0.push(directory);
    }

    /// The files of these names, and those that are named by path: without what is the system's in the end.
    fn holding(&self, names: &[Vec<u8>]) -> Vec<PathBuf> {
        let names = || names.iter().map(|name| Path::new(OsStr::from_bytes(name)));
        let named = names().filter(|name| name.as_os_str().as_bytes().contains(&b'/')).map(Path::to_owned);
        let found = self.0.iter().flat_map(|directory| names().map(|name| directory.join(name)));
        let foreign = |file: &PathBuf| fs::canonicalize(file).is_ok_and(|real| !is_system(&real));
        found.chain(named).filter(foreign).collect()
    }
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// Replaces $ORIGIN. $LIB and $PLATFORM differ between systems and processors, and are hardly ever used.
pub(crate) fn expand(path: &[u8], object: impl Fn() -> PathBuf) -> Result<Vec<u8>, Early> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some(at) = rest.iter().position(|&b| b == b'$') {
        let (before, token) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(object().parent().unwrap_or(Path::new("/")).as_os_str().as_bytes());
        let plain =
            token.strip_prefix(b"$ORIGIN").filter(|after| !after.first().is_some_and(u8::is_ascii_alphanumeric));
        let after = token.strip_prefix(b"${ORIGIN}").or(plain);
        rest = after.ok_or_else(|| Early::SearchPath(text::show(path)))?;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Directory;

    /// What a library like ours imports.
    const USER: &str = "
        #include <stdlib.h>
        #include <sys/mount.h>
        #include <unistd.h>
        extern char **environ; extern void *__libc_stack_end;
        void *volatile keep;
        void use(void) { keep = (void *)mount; keep = (void *)close; keep = environ; keep = __libc_stack_end; getenv(\"\"); }";

    struct Case {
        directory: Directory,
        imports: Imports,
    }

    impl Case {
        fn new() -> Option<Self> {
            let directory = Directory::new();
            let library = directory.compile("user.so", USER, &["-shared", "-fPIC"])?;
            let image = Image::of(File::open(library).unwrap()).unwrap();
            let imports = Imports::of(&Object::read(&image).unwrap()).unwrap();
            Some(Self { directory, imports })
        }

        fn run(&self, source: &str, flags: &[&str], search: &[u8]) -> String {
            let program = self.directory.compile("program", source, flags).unwrap();
            let image = Image::of(File::open(&program).unwrap()).unwrap();
            let object = Object::read(&image).unwrap();
            let early = check(&object, &self.imports).map_err(|why| (program.clone(), why));
            match early.and_then(|()| brought(&object, &program, search, &self.imports)) {
                Ok(()) => "nothing".into(),
                Err((file, why)) => format!("{}: {why}", file.strip_prefix(self.directory.path()).unwrap().display()),
            }
        }
    }

    #[test]
    fn ordinary_programs_run_nothing_early() {
        let Some(case) = Case::new() else { return };
        let plain = "#include <unistd.h>\nextern char **environ; extern void *__libc_stack_end; void *volatile keep;
            int main(void) { keep = (void *)close; keep = environ; keep = __libc_stack_end; return close(9); }";
        let forms: [&[&str]; 6] = [
            &[],
            &["-rdynamic"],
            &["-no-pie", "-fno-pie", "-Wl,-z,lazy"],
            &["-no-pie", "-fno-pie", "-Wl,-z,now"],
            &["-no-pie", "-fno-pie", "-Wl,-z,lazy", "-Wl,--hash-style=sysv"],
            &["-no-pie", "-fno-pie", "-fcf-protection=full", "-Wl,-z,lazy", "-Wl,-z,ibtplt"],
        ];
        for flags in forms {
            assert_eq!(case.run(plain, flags, b""), "nothing", "{flags:?}");
        }
        // What is never called may be had: bash has it.
        assert_eq!(
            case.run("char *getenv(const char *n) { return 0; } int main(void) { return 0; }", &["-rdynamic"], b""),
            "nothing"
        );
    }

    #[test]
    fn programs_that_would_run_early_are_found_out() {
        let Some(case) = Case::new() else { return };
        let main = "int main(void) { return 0; }";
        let lie = format!("int mount(void) {{ return 0; }} {main}");
        let resolver = format!(
            "static int f(void) {{ return 0; }} static void *r(void) {{ return f; }} int g(void) __attribute__((ifunc(\"r\"))); {main} int (*p)(void) = g;"
        );
        let cases: [(&str, &[&str], &str); 5] = [
            (main, &["-Wl,--audit=x.so"], "audit module"),
            (main, &["-Wl,--depaudit=x.so"], "audit module"),
            (&lie, &["-rdynamic"], "defines mount"),
            (&lie, &["-rdynamic", "-Wl,--hash-style=sysv"], "defines mount"),
            (&resolver, &["-rdynamic"], "IFUNC"),
        ];
        for (source, flags, why) in cases {
            let found = case.run(source, flags, b"");
            assert!(found.starts_with("program: ") && found.contains(why), "{flags:?}: {found}");
        }
        let stack = format!("void *__libc_stack_end = 0; {main}");
        assert!(case.run(&stack, &["-rdynamic"], b"").contains("defines __libc_stack_end"));
    }

    #[test]
    fn jumps_that_go_elsewhere_are_found_out() {
        let Some(case) = Case::new() else { return };
        let source =
            "#include <unistd.h>\nvoid *volatile keep; int main(void) { keep = (void *)close; return close(9); }";
        for lazy in ["-Wl,-z,lazy", "-Wl,-z,now"] {
            assert_eq!(case.run(source, &["-no-pie", "-fno-pie", lazy], b""), "nothing");
            let image = Image::of(File::open(case.directory.path().join("program")).unwrap()).unwrap();
            let object = Object::read(&image).unwrap();
            let found = object.found(&case.imports.symbols).unwrap();
            let close = found.iter().find(|s| s.name == b"close").unwrap();
            assert!(plt::is_plain_jump(&object, close));
            // The same symbol, with an address that is some other code's.
            for other in [close.value + 16, close.value - 16, close.value + 1, 0] {
                let mut moved = close.clone();
                moved.value = other;
                assert!(!plt::is_plain_jump(&object, &moved), "{lazy} {other:x}");
            }
        }
    }

    #[test]
    fn libraries_that_a_program_brings_are_looked_at_too() {
        let Some(case) = Case::new() else { return };
        let (main, shared) =
            ("int f(void); int main(void) { return f(); }", ["-shared", "-fPIC", "-Wl,-soname,libf.so"]);
        let bring = |source: &str, extra: &[&str]| {
            case.directory.compile("own/libf.so", source, &[&shared[..], extra].concat()).unwrap();
        };
        let linked = |rpath| ["-Lown", "-lf", rpath];
        let search = format!("/nowhere:{}", case.directory.path().join("own").display());
        bring("int f(void) { return 0; }", &[]);
        for rpath in ["-Wl,-rpath,$ORIGIN/own", "-Wl,-rpath,${ORIGIN}/own,--disable-new-dtags"] {
            assert_eq!(case.run(main, &linked(rpath), b""), "nothing");
        }
        bring("int f(void) { return 0; } int mount(void) { return 0; }", &[]);
        for rpath in ["-Wl,-rpath,$ORIGIN/own", "-Wl,-rpath,${ORIGIN}/own,--disable-new-dtags"] {
            assert!(case.run(main, &linked(rpath), b"").starts_with("own/libf.so: defines mount"));
        }
        assert_eq!(case.run(main, &linked("-Wl,-O1"), b""), "nothing", "nobody would find it");
        assert!(case.run(main, &linked("-Wl,-O1"), search.as_bytes()).starts_with("own/libf.so: defines mount"));
        bring("int f(void) { return 0; }", &["-Wl,-z,initfirst"]);
        assert!(
            case.run(main, &linked("-Wl,-rpath,$ORIGIN/own"), b"").starts_with("own/libf.so: linked with -z initfirst")
        );
        let tricky = case.run(main, &linked("-Wl,-rpath,$LIB/own"), b"");
        assert!(tricky.starts_with("program: looks for libraries in $LIB/own"), "{tricky}");
    }
}
