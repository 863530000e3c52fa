//! Route layered: the launcher builds the jail and executes the program in it, the library in the program then adds what would
//! have kept it from being executed and loaded.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use sandbox_core::enter;
use sandbox_core::error::PolicyError;
use sandbox_core::host::Host;
use sandbox_core::plan::{self, Plan};
use sandbox_core::policy::Policy;
use sandbox_core::policy::types::{FilterChoice, FilterName, Persona, Syscall};
use sandbox_core::seccomp;
use sandbox_core::setting::text;
use sandbox_core::step::Step;
use sandbox_core::step::entry::{self, Entry};
use sandbox_core::step::program::Image;
use sandbox_core::sys::loader::Loader;

use super::{exec, visible};
use crate::environment::{c_strings, loader_words, with_sandbox};
use crate::error::Error;
use crate::library::Library;
use crate::loading;
use crate::print::{self, Merged};
use crate::target::{Target, Trouble};

/// What loading needs, and what the library's second stage calls.
const LOADING: [i64; 31] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_openat,
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_arch_prctl,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_prlimit64,
    libc::SYS_getrandom,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_readlink,
    libc::SYS_getcwd,
    libc::SYS_write,
    libc::SYS_exit_group,
    libc::SYS_seccomp,
    libc::SYS_prctl,
    libc::SYS_personality,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    libc::SYS_fcntl,
];

/// Both stages of it.
pub struct Layered {
    jail: Policy,
    image: Image,
    entry: Entry,
    within: Vec<Box<dyn Step>>,
}

/// What it takes of the launcher's.
pub struct Given<'a> {
    pub policy: &'a Policy,
    pub host: &'a Host,
    pub settings: &'a [Merged],
    pub arguments: Vec<Vec<u8>>,
    pub environment: Vec<Vec<u8>>,
}

impl Layered {
    /// # Errors
    /// The program cannot be loaded so; or the policy cannot be divided.
    pub fn new(mut target: Target, library: &Library, given: Given<'_>) -> Result<Self, Error> {
        if let Some((path, why)) = target.unheld.take().filter(|(_, why)| !is_held_inside(why)) {
            return Err(Error::Target { path, why });
        }
        let Given { policy, host, settings, arguments, environment } = given;
        let mut jail = jail(policy, host)?;
        if target.of_tree {
            let why = "layered loads the caller's own program, and this one is of the tree that is to be /";
            return Err(PolicyError::conflict("route", why).into());
        }
        let word = library.word().ok_or_else(|| {
            PolicyError::conflict(
                "route",
                "the library's path has a space, ':' or '$' in it, which LD_PRELOAD cannot hold",
            )
            .with_hint("name a copy elsewhere with --library FILE")
        })?;
        let environment = with_sandbox(environment, settings, word);
        let mut needed = vec![target_path(&target)];
        needed.extend(target.interpreters.iter().map(|interpreter| interpreter.path.clone()));
        needed.extend(target.loader.clone());
        needed.push(library.path().to_owned());
        needed.extend(libraries(&target, &environment)?);
        let binds = visible::binds(&needed, &target.name(), policy, host)?;
        jail.add(&visible::assignments(&binds)?)?;
        let places: Vec<CString> =
            binds.iter().filter_map(|(_, name)| CString::new(name.as_os_str().as_bytes()).ok()).collect();
        let entry = Entry {
            library: word.to_vec(),
            loader: Loader::own().ok_or_else(|| PolicyError::conflict("route", "this launcher has no ld.so"))?,
            swept: entry::plan_sweep(policy, &jail, host, &places)?,
            program: target.name(),
        };
        let mut environment = environment;
        environment.push(enter::second_stage());
        print::can_be_handed_on(&environment)?;
        let within = plan::plan_within(policy, host)?;
        let image = exec::image(target, &jail, c_strings(arguments), c_strings(environment))?;
        Ok(Self { jail, image, entry, within })
    }

    /// The first stage.
    ///
    /// # Errors
    /// As `plan::plan_layered`.
    pub fn plan(&self, host: &Host) -> Result<Plan, PolicyError> {
        plan::plan_layered(&self.jail, host, self.image.clone(), &self.entry)
    }

    /// Both, as plans are printed.
    ///
    /// # Errors
    /// As `plan`.
    pub fn describe(&self, host: &Host) -> Result<String, PolicyError> {
        let mut says = self.plan(host)?.to_string();
        for step in &self.within {
            says.push_str(&format!("{:<7} {:<15} {}\n", "library", step.name(), step.describe()));
        }
        Ok(says)
    }

    /// Becomes what supervises the program.
    ///
    /// # Errors
    /// There is no sandbox.
    pub fn run(&self, host: &Host) -> Result<Infallible, Error> {
        Err(enter::around(&self.plan(host)?).into())
    }
}

/// What keeps the library from building the jail, and does not matter where there is one: nothing gains privileges in it, and
/// nobody has to watch.
fn is_held_inside(why: &Trouble) -> bool {
    matches!(why, Trouble::SetId | Trouble::FileCapabilities | Trouble::Unwatched(_))
}

fn target_path(target: &Target) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(target.path.to_bytes()))
}

/// What ld.so opens for the program in this environment.
fn libraries(target: &Target, environment: &[Vec<u8>]) -> Result<Vec<PathBuf>, Error> {
    let program = target.interpreters.last().map_or_else(|| target_path(target), |last| last.path.clone());
    let preloads = loader_words(environment, b"LD_PRELOAD=");
    let preloads = preloads.iter().flat_map(|words| words.split(|b| b": ".contains(b)));
    // Others are looked for as needed names are; ld.so does without what it does not find.
    let by_path = preloads.filter(|word| word.contains(&b'/')).map(|word| PathBuf::from(OsStr::from_bytes(word)));
    let objects: Vec<PathBuf> = [program].into_iter().chain(by_path.filter(|path| path.is_file())).collect();
    let search = loader_words(environment, b"LD_LIBRARY_PATH=").join(&b':');
    let mut found = loading::files(&objects, &search).map_err(|(path, why)| Error::Target {
        path: text::show(path.as_os_str().as_bytes()),
        why: Trouble::Early(None, why),
    })?;
    found.extend(objects.into_iter().skip(1));
    Ok(found)
}

/// The first stage's policy: all of it but what the library adds, and with what loading needs.
fn jail(policy: &Policy, host: &Host) -> Result<Policy, PolicyError> {
    let conflict = |name: &str, why: &str| Err(PolicyError::conflict(name, why));
    if policy.allow_new_privs.on() {
        return conflict(
            "allow-new-privs",
            "route layered loads a second filter in the program, which takes no_new_privs",
        );
    }
    if policy.observe.is_some() {
        return conflict(
            "observe",
            "route layered asks about the program's beginning, and a process has one who is asked",
        );
    }
    if let Err(why) = entry::is_possible() {
        return conflict("route", why);
    }
    if !host.mount_fds {
        return conflict("route", "layered takes mounts away by descriptor, which takes Linux 5.12");
    }
    let programs = sandbox_core::step::seccomp::programs(policy)?;
    let lets = |nr: i64| {
        let nr = u32::try_from(nr).unwrap_or(u32::MAX);
        programs.iter().all(|program| seccomp::allows(program, nr))
    };
    if lets(libc::SYS_execve) || lets(libc::SYS_execveat) {
        return Err(PolicyError::conflict("route", "layered is for policies under which nothing is executed")
            .with_hint("--no-exec is one; where programs are executed inside, --route exec does without the library"));
    }
    let widened = LOADING.into_iter().filter(|&nr| !lets(nr)).filter_map(|nr| u32::try_from(nr).ok()).map(Syscall);
    let mut jail = Policy {
        no_exec: Default::default(),
        no_new_code: Default::default(),
        no_tsc: Default::default(),
        landlock_ro: Default::default(),
        landlock_rx: Default::default(),
        landlock_rw: Default::default(),
        landlock_tcp_bind: Default::default(),
        landlock_tcp_connect: Default::default(),
        landlock_scope: Default::default(),
        ..policy.clone()
    };
    if let Some(flags) = &mut jail.personality.0 {
        flags.retain(|flag| *flag != Persona::ReadImpliesExec);
    }
    match &policy.seccomp {
        Some(FilterChoice::Program(_) | FilterChoice::File(_)) => {
            // It cannot be widened: it is the library's alone.
            jail.seccomp = Some(FilterChoice::Named(FilterName::None));
            jail.seccomp_action = None;
            (jail.seccomp_allow, jail.seccomp_deny) = Default::default();
        }
        _ => {
            let allowed = jail.seccomp_allow.0.get_or_insert_default();
            allowed.extend(widened.filter(|call| !policy.seccomp_allow.items().contains(call)));
            if let Some(denied) = &mut jail.seccomp_deny.0 {
                denied.retain(|call| !LOADING.contains(&call.0.into()));
            }
        }
    }
    Ok(jail)
}
