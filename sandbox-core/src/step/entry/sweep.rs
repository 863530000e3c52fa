//! What only loading needed, and how the tree loses it again. `plan` decides; the keeper, in the program's mount namespace,
//! does it while the kernel holds the program.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use crate::error::PolicyError;
use crate::host::Host;
use crate::policy::Policy;
use crate::step::mounts::{self, Lies};
use crate::sys::{Result, file, mount};

/// The binds, and what was made for them to lie on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Mount points, the deepest first.
    pub binds: Vec<CString>,
    pub made: Vec<Made>,
}

/// Names in one file system of the sandbox's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Where it is mounted.
    pub mount: CString,
    pub files: Vec<CString>,
    /// The deepest first.
    pub directories: Vec<CString>,
}

fn depth(path: &CStr) -> usize {
    path.to_bytes().iter().filter(|&&byte| byte == b'/').count()
}

/// What is to be swept of a tree of `policy`, which is `without` and binds files to these places for loading alone.
///
/// # Errors
/// A place that the policy puts something else on, or in a file system from which nothing can be taken again.
pub fn plan(
    without: &Policy,
    policy: &Policy,
    host: &Host,
    places: &[CString],
) -> std::result::Result<Swept, PolicyError> {
    let mut swept = Swept { binds: places.to_vec(), made: Vec::new() };
    swept.binds.sort_by_key(|place| (std::cmp::Reverse(depth(place)), place.clone()));
    swept.binds.dedup();
    for (place, lies) in swept.binds.iter().zip(mounts::lie(without, policy, host, &swept.binds)?) {
        let Lies::InOurs { mount, directories } = lies else { continue };
        let at = match swept.made.iter().position(|made| made.mount == mount) {
            Some(at) => at,
            None => {
                swept.made.push(Made { mount, files: Vec::new(), directories: Vec::new() });
                swept.made.len() - 1
            }
        };
        if let Some(made) = swept.made.get_mut(at) {
            made.files.push(place.clone());
            made.directories.extend(directories);
        }
    }
    for made in &mut swept.made {
        made.directories.sort_by_key(|directory| (std::cmp::Reverse(depth(directory)), directory.clone()));
        made.directories.dedup();
    }
    Ok(swept)
}

impl Swept {
    /// Does it, in this process's root. Failures carry the number of a bind, from 1 on.
    pub fn apply(&self) -> Result<()> {
        for (number, bind) in (1..).zip(&self.binds) {
            mount::detach(bind).map_err(|failure| failure.on(number))?;
        }
        self.made.iter().try_for_each(Made::remove)
    }

    /// The name of the object that a failure numbers.
    pub fn object(&self, number: usize) -> Option<&CString> {
        self.binds.get(number.checked_sub(1)?)
    }
}

impl Made {
    fn remove(&self) -> Result<()> {
        let root = file::open(None, &self.mount, libc::O_PATH | libc::O_DIRECTORY, 0)?;
        let sealed = file::is_read_only(root.as_fd())?;
        if sealed {
            mount::make_writable(root.as_fd())?;
        }
        self.files.iter().try_for_each(|path| file::unlink(path, 0))?;
        self.directories.iter().try_for_each(|path| file::unlink(path, libc::AT_REMOVEDIR))?;
        if sealed { mount::set_attributes(root.as_fd(), mount::ATTR_RDONLY, false) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::host;
    use crate::setting::{Assignment, Origin, named};

    fn policy(settings: &[(&str, &str)]) -> Policy {
        let say = |&(name, text): &(&str, &str)| Assignment {
            setting: named(name).unwrap(),
            text: text.into(),
            origin: Origin::Flag,
        };
        Policy::new(&settings.iter().map(say).collect::<Vec<_>>()).unwrap()
    }

    /// What is to be swept where these files are bound to their own names, besides the settings.
    fn swept(settings: &[(&str, &str)], files: &[&str]) -> std::result::Result<Swept, PolicyError> {
        let binds = files.iter().map(|&file| ("bind-ro", file));
        let with = policy(&settings.iter().copied().chain(binds).collect::<Vec<_>>());
        plan(&policy(settings), &with, &host(), &files.iter().map(|&file| c(file)).collect::<Vec<_>>())
    }

    fn c(text: &str) -> CString {
        CString::new(text).unwrap()
    }

    fn all(paths: &[&str]) -> Vec<CString> {
        paths.iter().map(|&path| c(path)).collect()
    }

    #[test]
    fn in_an_empty_tree_names_go_with_the_directories_above_them() {
        let swept = swept(&[("root", "empty")], &["/app", "/usr/lib/x/a.so", "/usr/lib/b.so"]).unwrap();
        assert_eq!(swept.binds, all(&["/usr/lib/x/a.so", "/usr/lib/b.so", "/app"]));
        assert_eq!(swept.object(1), Some(&c("/usr/lib/x/a.so")));
        let [made] = &swept.made[..] else { panic!("{swept:?}") };
        assert_eq!((&made.mount, &made.files), (&c("/"), &swept.binds));
        assert_eq!(made.directories, all(&["/usr/lib/x", "/usr/lib", "/usr"]));
    }

    /// The program's own directory may hold the library, and ld.so is named by the program and by the C library.
    #[test]
    fn what_is_needed_twice_is_taken_away_once() {
        let swept = swept(&[("root", "empty")], &["/lib64/ld.so", "/app/a", "/app/b.so", "/lib64/ld.so", "/app/b.so"]);
        assert_eq!(swept.unwrap().binds, all(&["/app/a", "/app/b.so", "/lib64/ld.so"]));
    }

    #[test]
    fn what_was_asked_for_stays() {
        let settings = [("root", "empty"), ("dir", "/usr/lib"), ("tmpfs", "/opt"), ("bind-ro", "/srv")];
        let swept = swept(&settings, &["/usr/lib/x/a.so", "/opt/y/b.so", "/srv/z/c.so"]).unwrap();
        assert_eq!(swept.binds.len(), 3);
        let made = |mount: &str| swept.made.iter().find(|made| made.mount == c(mount));
        assert_eq!(made("/").unwrap().directories, all(&["/usr/lib/x"]));
        assert_eq!(made("/opt").unwrap().directories, all(&["/opt/y"]));
        // A name of the host's: the mount is taken away, and nothing was made.
        assert!(made("/srv").is_none() && swept.made.len() == 2, "{swept:?}");
    }

    #[test]
    fn below_a_link_it_is_where_the_link_leads() {
        let swept = swept(&[("root", "empty"), ("symlink", "usr/lib:/lib")], &["/lib/a.so"]).unwrap();
        assert_eq!(swept.made[0].files, all(&["/lib/a.so"]));
        assert_eq!(swept.made[0].directories, all(&["/usr/lib", "/usr"]));
    }

    #[test]
    fn a_place_that_is_taken_or_cannot_be_freed_is_an_error() {
        let taken = swept(&[("root", "empty"), ("file", "/etc/ld.so.cache:x")], &["/etc/ld.so.cache"]);
        assert!(taken.unwrap_err().to_string().contains("/etc/ld.so.cache"));
        let overlaid = swept(&[("overlay", "/:lower=/usr")], &["/lib/a.so"]);
        assert!(overlaid.unwrap_err().to_string().contains("could not be taken"));
    }
}
