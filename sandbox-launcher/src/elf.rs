//! ELF files, read as the kernel and ld.so will see them: by program headers, a few bytes at a time.
//!
//! Section headers are not believed: neither the kernel nor ld.so looks at them. Where a file says the same thing twice
//! and differently, it is refused; it was made to be read in two ways.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::Header;
use goblin::elf::dynamic::{DF_1_INITFIRST, DT_FLAGS_1, DT_NULL};
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, ET_EXEC, header64};
use goblin::elf::program_header::{PF_R, PT_DYNAMIC, PT_INTERP, PT_LOAD, ProgramHeader, program_header64};

/// Tables larger than this that have to be held in memory belong to no file that anybody would run in a sandbox.
const TABLE_MAX: u64 = 64 << 20;
/// The dynamic section of no such file is larger. What it names is held in memory, entry by entry.
const DYNAMIC_MAX: u64 = 1 << 20;
const PAGE: u64 = 4096;
/// How much of a large table is read at once: a multiple of the size of its entries, which is 24 or 4.
const CHUNK: usize = 24 * 256;

/// A file, read where it is needed.
#[derive(Debug)]
pub struct Image {
    file: File,
    length: u64,
}

impl Image {
    pub fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn into_file(self) -> File {
        self.file
    }

    /// Exactly `length` bytes from `offset` on. The length comes from the file: no memory before it is known to hold
    /// that much.
    fn bytes(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        if offset.checked_add(length).is_none_or(|end| length > TABLE_MAX || end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer)
    }

    /// Hands out `length` bytes from `offset` on in pieces, with the bytes that came before each, until `take` says stop.
    fn pieces(&self, offset: u64, length: u64, mut take: impl FnMut(u64, &[u8]) -> bool) -> io::Result<()> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut buffer = vec![0; CHUNK.min(usize::try_from(length).unwrap_or(CHUNK))];
        let mut done = 0;
        while done < length {
            let left = usize::try_from(length - done).unwrap_or(CHUNK).min(CHUNK);
            let piece = buffer.get_mut(..left).unwrap_or_default();
            self.file.read_exact_at(piece, offset + done)?;
            if !take(done, piece) {
                break;
            }
            done += left as u64;
        }
        Ok(())
    }
}

/// Why a file is no ELF file of this system.
#[derive(Debug)]
pub enum Unreadable {
    NotElf,
    /// Another word size or another processor.
    Foreign,
    /// Neither a program nor a library.
    NotLoadable,
    Damaged(&'static str),
    Io(io::Error),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::NotElf => f.write_str("not an ELF file"),
            Unreadable::Foreign => f.write_str("not for x86-64"),
            Unreadable::NotLoadable => f.write_str("neither a program nor a library"),
            Unreadable::Damaged(what) => write!(f, "damaged: {what}"),
            Unreadable::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => f.write_str("damaged: cut short"),
            Unreadable::Io(error) => f.write_str(&crate::error::system_text(error)),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Io(error)
    }
}

const OUTSIDE: Unreadable = Unreadable::Damaged("a table outside of what is mapped");

/// An ELF program or library for x86-64.
pub struct Object<'a> {
    source: &'a Image,
    kind: u16,
    /// Where the section headers end, which linkers put last.
    end: u64,
    headers: Vec<ProgramHeader>,
    /// Tags and values up to DT_NULL; `None` without a PT_DYNAMIC.
    dynamic: Option<Vec<(u64, u64)>>,
}

impl<'a> Object<'a> {
    pub fn read(source: &'a Image) -> Result<Self, Unreadable> {
        let start = source.bytes(0, 64).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Unreadable::NotElf,
            _ => Unreadable::Io(error),
        })?;
        if !start.starts_with(ELFMAG) {
            return Err(Unreadable::NotElf);
        }
        if (start.get(EI_CLASS), start.get(EI_DATA)) != (Some(&ELFCLASS64), Some(&ELFDATA2LSB)) {
            return Err(Unreadable::Foreign);
        }
        let header = Header::from(*start.first_chunk().map(header64::Header::from_bytes).ok_or(Unreadable::NotElf)?);
        if header.e_machine != EM_X86_64 {
            return Err(Unreadable::Foreign);
        }
        if ![ET_EXEC, ET_DYN].contains(&header.e_type) {
            return Err(Unreadable::NotLoadable);
        }
        if usize::from(header.e_phentsize) != program_header64::SIZEOF_PHDR {
            return Err(Unreadable::Damaged("program headers of another size"));
        }
        let count = usize::from(header.e_phnum);
        let table = source.bytes(header.e_phoff, u64::from(header.e_phnum) * u64::from(header.e_phentsize))?;
        let context = Ctx::new(Container::Big, Endian::Little);
        let headers = ProgramHeader::parse(&table, 0, count, context);
        let headers = headers.map_err(|_| Unreadable::Damaged("program headers"))?;
        let mut object = Self {
            source,
            kind: header.e_type,
            end: header.e_shoff.saturating_add(u64::from(header.e_shnum) * u64::from(header.e_shentsize)),
            headers,
            dynamic: None,
        };
        object.dynamic = object.read_dynamic()?;
        Ok(object)
    }

    /// The program header of that type, of which there may be one.
    fn only(&self, kind: u32) -> Result<Option<&ProgramHeader>, Unreadable> {
        let mut found = self.headers.iter().filter(|h| h.p_type == kind);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Unreadable::Damaged("two program headers of a kind that is only one")),
            (first, None) => Ok(first),
        }
    }

    /// Nothing is missing at its end, as after a copy that broke off.
    pub fn is_whole(&self) -> bool {
        self.end <= self.source.length
    }

    /// ET_EXEC or ET_DYN.
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// Whether ld.so has anything to do for it.
    pub fn is_dynamic(&self) -> bool {
        self.dynamic.is_some()
    }

    /// The dynamic loader it asks the kernel for.
    pub fn interpreter(&self) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(header) = self.only(PT_INTERP)? else {
            return Ok(None);
        };
        // load_elf_binary(): at most PATH_MAX, and ending in a NUL byte.
        if !(2..=4096).contains(&header.p_filesz) {
            return Err(Unreadable::Damaged("the name of its loader"));
        }
        let name = self.source.bytes(header.p_offset, header.p_filesz)?;
        let end = name.iter().position(|&b| b == 0).ok_or(Unreadable::Damaged("the name of its loader"))?;
        Ok(name.get(..end).map(<[u8]>::to_vec))
    }

    /// It asks ld.so to initialise it before everything else, which only one object of a process can be granted.
    pub fn is_init_first(&self) -> bool {
        self.value(DT_FLAGS_1).is_some_and(|flags| flags & DF_1_INITFIRST != 0)
    }

    /// The last value of a tag: ld.so lets it stand.
    pub fn value(&self, tag: u64) -> Option<u64> {
        self.dynamic.as_deref()?.iter().rev().find(|(t, _)| *t == tag).map(|(_, value)| *value)
    }

    /// Every value of a tag.
    pub fn values(&self, tag: u64) -> impl Iterator<Item = u64> {
        self.dynamic.iter().flatten().filter(move |(t, _)| *t == tag).map(|(_, value)| *value)
    }

    /// The table whose address and size are the values of two tags; empty when there is none.
    pub fn table(&self, address: u64, size: u64) -> Result<Vec<u8>, Unreadable> {
        match (self.value(address), self.value(size)) {
            (Some(address), Some(size)) if size > 0 => self.memory(address, size),
            _ => Ok(Vec::new()),
        }
    }

    /// What the file puts at an address.
    pub fn memory(&self, address: u64, length: u64) -> Result<Vec<u8>, Unreadable> {
        Ok(self.source.bytes(self.offset(address, length)?, length)?)
    }

    /// The entries of a table, in pieces of many, each with the number of its first, until `take` says stop.
    pub fn entries(
        &self,
        address: u64,
        count: u64,
        size: u64,
        mut take: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), Unreadable> {
        let length = count.checked_mul(size).ok_or(OUTSIDE)?;
        let offset = self.offset(address, length)?;
        Ok(self.source.pieces(offset, length, |done, piece| take(done / size, piece))?)
    }

    /// Whether what is mapped for reading only has `needle` in it, and the bytes that follow it there.
    pub fn find(&self, needle: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
        const AFTER: usize = 64;
        for segment in self.headers.iter().filter(|h| h.p_type == PT_LOAD && h.p_flags == PF_R) {
            let (mut window, mut found) = (Vec::new(), None);
            self.source.pieces(segment.p_offset, segment.p_filesz, |_, piece| {
                // What ends in the next piece begins in the last bytes of this one.
                let keep = window.len().saturating_sub(needle.len() + AFTER);
                window.drain(..keep);
                window.extend_from_slice(piece);
                found = memchr::memmem::find(&window, needle)
                    .and_then(|at| Some(window.get(at + needle.len()..)?.iter().take(AFTER).copied().collect()));
                found.is_none()
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Where in the file an address is: through the one PT_LOAD that maps it.
    fn offset(&self, address: u64, length: u64) -> Result<u64, Unreadable> {
        let end = address.checked_add(length).ok_or(OUTSIDE)?;
        // Segments are mapped by pages, and a later one covers an earlier one. ld.so maps what is in the file even where
        // that is more than there is said to be in memory.
        let touches = |h: &&ProgramHeader| {
            h.p_type == PT_LOAD
                && h.p_vaddr / PAGE * PAGE < end
                && address < h.p_vaddr.saturating_add(h.p_memsz.max(h.p_filesz)).saturating_add(PAGE - 1) / PAGE * PAGE
        };
        let mut segments = self.headers.iter().filter(touches);
        let (Some(segment), None) = (segments.next(), segments.next()) else { return Err(OUTSIDE) };
        if address < segment.p_vaddr || end > segment.p_vaddr.saturating_add(segment.p_filesz) {
            return Err(OUTSIDE);
        }
        segment.p_offset.checked_add(address - segment.p_vaddr).ok_or(OUTSIDE)
    }

    fn read_dynamic(&self) -> Result<Option<Vec<(u64, u64)>>, Unreadable> {
        let Some(header) = self.only(PT_DYNAMIC)? else {
            return Ok(None);
        };
        if header.p_filesz > DYNAMIC_MAX {
            return Err(Unreadable::Damaged("a dynamic section larger than any"));
        }
        let bytes = self.memory(header.p_vaddr, header.p_filesz)?;
        let entries = bytes.chunks_exact(16).map(|entry| (word(entry, 0), word(entry, 8)));
        Ok(Some(entries.take_while(|(tag, _)| *tag != DT_NULL).collect()))
    }
}

/// The little-endian 64-bit word at `at`.
pub fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The little-endian 32-bit word at `at`.
pub fn half(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
