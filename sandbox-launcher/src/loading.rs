//! What ld.so opens before anything of the program runs: by the names that it will open them by.
//!
//! Where it looks in several places, all that is there counts: these files are to be seen while the program is loaded, and are
//! gone from its tree before it runs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use goblin::elf::dynamic::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use crate::early::{self, Early};
use crate::elf::{self, Image, Object, Unreadable};

const CACHE: &str = "/etc/ld.so.cache";
/// Where ld.so looks last, in this order, as Debian and Fedora build it.
const DEFAULT: [&str; 6] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// The cache, and the libraries that `objects` (the program first, then what is preloaded) need, with all that these need.
/// `search` is LD_LIBRARY_PATH.
///
/// # Errors
/// The file that cannot be followed, and why.
pub fn files(objects: &[PathBuf], search: &[u8]) -> Result<Vec<PathBuf>, (PathBuf, Early)> {
    let cache = fs::read(CACHE).unwrap_or_default();
    let mut loading =
        Loading { cache: &cache, directories: Vec::new(), found: Vec::new(), passed_by: Vec::new(), names: Vec::new() };
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |why| (path, why)
    };
    if let Some(program) = objects.first() {
        for directory in search.split(|b| b":;".contains(b)).filter(|_| !search.is_empty()) {
            loading.add(directory, program).map_err(failed(program))?;
        }
    }
    for object in objects {
        loading.read(object).map_err(failed(object))?;
    }
    // Until nothing new is found: a library may add both names and directories.
    loop {
        let missing = loading.names.iter().flat_map(|name| loading.places(name)).find(|file| !loading.is_seen(file));
        let Some(file) = missing else { break };
        match loading.read(&file).map_err(failed(&file))? {
            true => loading.found.push(file),
            false => loading.passed_by.push(file),
        }
    }
    if !cache.is_empty() {
        loading.found.push(CACHE.into());
    }
    Ok(loading.found)
}

struct Loading<'a> {
    cache: &'a [u8],
    /// Those that the caller or an object names.
    directories: Vec<PathBuf>,
    found: Vec<PathBuf>,
    passed_by: Vec<PathBuf>,
    names: Vec<Vec<u8>>,
}

impl Loading<'_> {
    fn is_seen(&self, file: &PathBuf) -> bool {
        self.found.contains(file) || self.passed_by.contains(file)
    }

    /// Whether it is one that ld.so loads.
    fn read(&mut self, path: &Path) -> Result<bool, Early> {
        let image = File::open(path).and_then(Image::of).map_err(|error| Early::Damaged(error.into()))?;
        let object = match Object::read(&image) {
            Ok(object) => object,
            // Of another word size: ld.so passes it by.
            Err(Unreadable::Foreign) => return Ok(false),
            Err(why) => return Err(Early::Damaged(why)),
        };
        for tag in [DT_RPATH, DT_RUNPATH] {
            for list in object.strings(tag).map_err(Early::Damaged)? {
                list.split(|&b| b == b':').try_for_each(|directory| self.add(directory, path))?;
            }
        }
        for name in object.strings(DT_NEEDED).map_err(Early::Damaged)? {
            let name = early::expand(&name, || origin(path))?;
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        Ok(true)
    }

    fn add(&mut self, directory: &[u8], object: &Path) -> Result<(), Early> {
        let directory = early::expand(directory, || origin(object))?;
        let directory = if directory.is_empty() { b"." } else { directory.as_slice() };
        let directory = PathBuf::from(OsStr::from_bytes(directory));
        let below = early::HARDWARE.iter().map(|name| directory.join(name));
        let new: Vec<_> = [directory.clone()].into_iter().chain(below).filter(|path| path.is_dir()).collect();
        self.directories.extend(new.into_iter().filter(|path| !path.as_os_str().is_empty()));
        self.directories.dedup();
        Ok(())
    }

    /// The files that the name may mean.
    fn places(&self, name: &[u8]) -> Vec<PathBuf> {
        let path = Path::new(OsStr::from_bytes(name));
        let absolute = |path: PathBuf| std::path::absolute(&path).ok().filter(|path| path.is_file());
        if name.contains(&b'/') {
            return absolute(path.into()).into_iter().collect();
        }
        let own = self.directories.iter().map(|directory| directory.join(path));
        let mut cached = cached(self.cache, name);
        if cached.is_empty() {
            let found = DEFAULT.iter().map(|directory| Path::new(directory).join(path)).find(|path| path.is_file());
            cached.extend(found);
        }
        own.chain(cached).filter_map(absolute).collect()
    }
}

/// ld.so takes it from /proc/self/exe, which is what a link leads to.
fn origin(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The files of this name in ld.so's cache, sysdeps/generic/dl-cache.h of glibc: a header, entries of numbers, and strings,
/// which the entries name by their place in the file.
fn cached(cache: &[u8], name: &[u8]) -> Vec<PathBuf> {
    const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
    const HEADER: usize = 48;
    const ENTRY: usize = 24;
    if !cache.starts_with(MAGIC) {
        return Vec::new();
    }
    let string = |at: usize| cache.get(at..)?.split(|&b| b == 0).next();
    let count = elf::half(cache, MAGIC.len()) as usize;
    let entries = cache.get(HEADER..).unwrap_or_default().chunks_exact(ENTRY).take(count);
    let files = entries.filter_map(|entry| {
        let (key, value) = (elf::half(entry, 4) as usize, elf::half(entry, 8) as usize);
        (string(key)? == name).then(|| string(value)).flatten()
    });
    files.map(|file| PathBuf::from(OsStr::from_bytes(file))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache as ldconfig(8) writes it, in the format that is alone in the file since glibc 2.32.
    fn cache(entries: &[(&str, &str)]) -> Vec<u8> {
        let start = 48 + 24 * entries.len();
        let (mut table, mut strings) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            let mut put = |text: &str| {
                let at = u32::try_from(start + strings.len()).unwrap();
                strings.extend_from_slice(text.as_bytes());
                strings.push(0);
                at
            };
            let (key, value) = (put(key), put(value));
            table.extend([0x303_u32, key, value, 0, 0, 0].iter().flat_map(|number| number.to_ne_bytes()));
        }
        let mut all = b"glibc-ld.so.cache1.1".to_vec();
        all.extend(u32::try_from(entries.len()).unwrap().to_ne_bytes());
        all.resize(48, 0);
        [all, table, strings].concat()
    }

    #[test]
    fn all_files_of_a_name_are_found_in_the_cache() {
        let cache = cache(&[("libc.so.6", "/lib/libc.so.6"), ("libm.so.6", "/m"), ("libc.so.6", "/hwcaps/libc.so.6")]);
        assert_eq!(cached(&cache, b"libc.so.6"), ["/lib/libc.so.6", "/hwcaps/libc.so.6"].map(PathBuf::from));
        assert!(cached(&cache, b"libc.so").is_empty());
        assert!(cached(b"ld.so-1.7.0", b"libc.so.6").is_empty());
        for end in 0..cache.len() {
            // However short, it is read without fault.
            let _ = cached(&cache[..end], b"libc.so.6");
        }
    }

    #[test]
    fn what_a_program_needs_is_found_with_all_that_this_needs() {
        let own = std::env::current_exe().unwrap();
        let found = files(&[own], b"").unwrap();
        let name = |file: &Path| file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"libc.so.6"));
        assert!(found.iter().any(|file| name(file)), "{found:?}");
        assert!(found.iter().all(|file| file.is_absolute() && file.is_file()), "{found:?}");
    }
}
