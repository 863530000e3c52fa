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
