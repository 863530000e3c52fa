//! Symbol tables as ld.so searches them: through the hash tables, which decide what can be found at all.

use std::borrow::Cow;

use goblin::elf::dynamic::{
    DT_GNU_HASH, DT_HASH, DT_JMPREL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, DT_STRSZ, DT_STRTAB, DT_SYMTAB,
};
use goblin::elf::reloc::{R_X86_64_COPY, R_X86_64_IRELATIVE};
use goblin::elf::sym::{STT_GNU_IFUNC, STT_OBJECT};

use crate::elf::{Object, Unreadable, half, word};

const SYMBOL: usize = 24;
const RELOCATION: usize = 24;
/// How many hashes are read at once, at most.
const CHAIN_PIECE: u64 = 1024;
const DAMAGED: Unreadable = Unreadable::Damaged("symbol tables");

/// A name, and what a file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its place in the table.
    pub number: u64,
    pub name: Vec<u8>,
    pub value: u64,
    kind: u8,
    section: u16,
}

impl Symbol {
    /// Data rather than code, as far as the file is to be believed.
    pub fn is_data(&self) -> bool {
        self.kind == STT_OBJECT
    }

    /// The file has it, rather than wants it.
    pub fn is_defined(&self) -> bool {
        self.section != 0
    }

    /// do_lookup_x() takes an undefined symbol with a value too: the address of a PLT entry.
    fn is_found(&self) -> bool {
        self.is_defined() || self.value != 0
    }
}

/// One entry of a relocation table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u64,
}

impl Relocation {
    /// ld.so writes the initial value of a library's variable there.
    pub fn is_copy(&self) -> bool {
        self.kind == R_X86_64_COPY
    }
}

impl Object<'_> {
    /// All that ld.so writes before any constructor; `take` says whether to go on.
    fn each_relocation(&self, mut take: impl FnMut(Relocation) -> bool) -> Result<(), Unreadable> {
        for (address, size) in [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)] {
            let (Some(address), Some(size)) = (self.value(address), self.value(size)) else { continue };
            let mut all = |_, piece: &[u8]| piece.chunks_exact(RELOCATION).all(|entry| take(relocation(entry)));
            self.entries(address, size / RELOCATION as u64, RELOCATION as u64, &mut all)?;
        }
        Ok(())
    }

    /// The relocations that write to the word at `address`, or to a part of it.
    pub fn relocations_at(&self, address: u64) -> Result<Vec<Relocation>, Unreadable> {
        let mut found = Vec::new();
        let touches = |r: &Relocation| r.offset < address.saturating_add(8) && address < r.offset.saturating_add(8);
        self.each_relocation(|r| {
            found.extend(Some(r).filter(touches));
            true
        })?;
        Ok(found)
    }

    /// Whether ld.so calls functions of the file to learn addresses, while it relocates or looks up symbols.
    pub fn has_resolvers(&self) -> Result<bool, Unreadable> {
        let mut found = false;
        self.each_relocation(|r| {
            found |= r.kind == R_X86_64_IRELATIVE;
            !found
        })?;
        let (first, end) = self.range()?;
        let (Some(table), false) = (self.value(DT_SYMTAB), found || first >= end) else { return Ok(found) };
        let table = table.checked_add(first * SYMBOL as u64).ok_or(DAMAGED)?;
        self.entries(table, end - first, SYMBOL as u64, |_, piece| {
            found |=
                piece.chunks_exact(SYMBOL).any(|entry| entry.get(4).is_some_and(|kind| kind & 0xf == STT_GNU_IFUNC));
            !found
        })?;
        Ok(found)
    }

    /// The symbols it wants from others.
    pub fn imports(&self) -> Result<Vec<Symbol>, Unreadable> {
        let mut numbers = Vec::new();
        self.each_relocation(|r| {
            numbers.extend(Some(r.symbol).filter(|&n| n != 0));
            true
        })?;
        numbers.sort_unstable();
        numbers.dedup();
        let mut symbols = self.symbols(&numbers)?;
        symbols.retain(|s| !s.is_defined());
        Ok(symbols)
    }

    /// The symbols that others find in it, of those that are `wanted`.
    pub fn found(&self, wanted: &[Symbol]) -> Result<Vec<Symbol>, Unreadable> {
        let (first, end) = self.range()?;
        let mut numbers = Vec::new();
        if let Some(table) = self.value(DT_GNU_HASH) {
            // The chains hold the hash of every name, but for the last bit.
            let mut hashes: Vec<u32> = wanted.iter().map(|s| gnu_hash(&s.name) | 1).collect();
            hashes.sort_unstable();
            let (_, chains) = self.gnu_header(table)?;
            self.entries(chains, end - first, 4, |done, piece| {
                let entries = piece.chunks_exact(4).zip(first + done..);
                numbers
                    .extend(entries.filter(|(e, _)| hashes.binary_search(&(half(e, 0) | 1)).is_ok()).map(|(_, n)| n));
                true
            })?;
        } else if end > first {
            // How many there are is the file's own word: not to be kept, only those that are wanted.
            let table = self.value(DT_SYMTAB).ok_or(DAMAGED)?;
            let names = Table::of(self, DT_STRTAB, self.value(DT_STRSZ).unwrap_or(0))?;
            let is_wanted = |entry: &[u8]| {
                let name = names.string(half(entry, 0).into())?;
                Ok::<_, Unreadable>(wanted.iter().any(|symbol| symbol.name == name))
            };
            let mut damage = None;
            self.entries(table, end, SYMBOL as u64, |done, piece| {
                for (entry, number) in piece.chunks_exact(SYMBOL).zip(done..) {
                    match is_wanted(entry) {
                        Ok(true) => numbers.push(number),
                        Ok(false) => {}
                        Err(why) => damage = Some(why),
                    }
                }
                damage.is_none()
            })?;
            damage.map_or(Ok(()), Err)?;
        }
        let mut symbols = self.symbols(&numbers)?;
        symbols.retain(|symbol| symbol.is_found() && wanted.iter().any(|w| w.name == symbol.name));
        Ok(symbols)
    }

    /// Which symbols ld.so can find at all: those that its hash table reaches.
    fn range(&self) -> Result<(u64, u64), Unreadable> {
        match (self.value(DT_GNU_HASH), self.value(DT_HASH)) {
            (Some(table), _) => self.gnu_range(table),
            (None, Some(table)) => Ok((0, half(&self.memory(table, 8)?, 4).into())),
            (None, None) => Ok((0, 0)),
        }
    }

    /// Of a GNU hash table: its count of buckets, its first symbol, its bloom filter's size; and where its chains are.
    fn gnu_header(&self, table: u64) -> Result<([u64; 3], u64), Unreadable> {
        let header = self.memory(table, 16)?;
        let [buckets, first, bloom] = [0, 4, 8].map(|at| u64::from(half(&header, at)));
        let chains = table.checked_add(16 + bloom * 8 + buckets * 4).ok_or(DAMAGED)?;
        Ok(([buckets, first, bloom], chains))
    }

    /// From the first symbol that is hashed to the end of the last chain.
    fn gnu_range(&self, table: u64) -> Result<(u64, u64), Unreadable> {
        let ([buckets, first, _], chains) = self.gnu_header(table)?;
        let used = self.memory(chains - buckets * 4, buckets * 4)?;
        let used = used.chunks_exact(4).map(|b| u64::from(half(b, 0))).filter(|&b| b != 0);
        let (Some(least), Some(mut last)) = (used.clone().min(), used.max()) else { return Ok((first, first)) };
        if least < first {
            return Err(DAMAGED);
        }
        // A chain ends at an odd hash; every chain that begins earlier has ended there too. Most end soon, and one that does
        // not is read in larger pieces as long as there are.
        let mut count = 1;
        loop {
            let piece = match self.memory(chains.checked_add((last - first) * 4).ok_or(DAMAGED)?, count * 4) {
                Err(_) if count > 1 => {
                    count = 1;
                    continue;
                }
                piece => piece?,
            };
            if let Some(end) = (last..).zip(piece.chunks_exact(4)).find(|(_, hash)| half(hash, 0) & 1 == 1) {
                return Ok((first, end.0 + 1));
            }
            last += count;
            count = (count * 2).min(CHAIN_PIECE);
        }
    }

    fn symbols(&self, numbers: &[u64]) -> Result<Vec<Symbol>, Unreadable> {
        let Some(last) = numbers.last() else { return Ok(Vec::new()) };
        let table = Table::of(self, DT_SYMTAB, (last + 1) * SYMBOL as u64)?;
        let names = Table::of(self, DT_STRTAB, self.value(DT_STRSZ).unwrap_or(0))?;
        let read = |&number: &u64| {
            let entry = table.get(number * SYMBOL as u64, SYMBOL as u64)?;
            let [_, _, _, _, info, _, low, high, ..] = *entry else { return Err(DAMAGED) };
            Ok(Symbol {
                number,
                name: names.string(half(&entry, 0).into())?,
                value: word(&entry, 8),
                kind: info & 0xf,
                section: u16::from_le_bytes([low, high]),
            })
        };
        numbers.iter().map(read).collect()
    }

    /// The strings that entries of the dynamic section name.
    pub fn strings(&self, tag: u64) -> Result<Vec<Vec<u8>>, Unreadable> {
        let mut named = self.values(tag).peekable();
        if named.peek().is_none() {
            return Ok(Vec::new());
        }
        let names = Table::of(self, DT_STRTAB, self.value(DT_STRSZ).unwrap_or(0))?;
        named.map(|at| names.string(at)).collect()
    }
}

/// A table of a file: a small one is read at once, of a large one only what is asked for.
struct Table<'o> {
    object: &'o Object<'o>,
    address: u64,
    length: u64,
    held: Option<Vec<u8>>,
}

impl<'o> Table<'o> {
    const SMALL: u64 = 64 << 10;
    /// Longer than any name that is looked for.
    const NAME_MAX: u64 = 4096;

    fn of(object: &'o Object<'o>, tag: u64, length: u64) -> Result<Self, Unreadable> {
        let address = object.value(tag).ok_or(DAMAGED)?;
        let held = if length <= Self::SMALL { Some(object.memory(address, length)?) } else { None };
        Ok(Self { object, address, length, held })
    }

    fn get(&self, at: u64, length: u64) -> Result<Cow<'_, [u8]>, Unreadable> {
        let end = at.checked_add(length).filter(|&end| end <= self.length).ok_or(DAMAGED)?;
        match &self.held {
            Some(held) => {
                let range = usize::try_from(at).ok().zip(usize::try_from(end).ok());
                range.and_then(|(at, end)| held.get(at..end)).map(Cow::Borrowed).ok_or(DAMAGED)
            }
            None => Ok(Cow::Owned(self.object.memory(self.address.checked_add(at).ok_or(DAMAGED)?, length)?)),
        }
    }

    fn string(&self, at: u64) -> Result<Vec<u8>, Unreadable> {
        let length = self.length.checked_sub(at).ok_or(DAMAGED)?.min(Self::NAME_MAX);
        let bytes = self.get(at, length)?;
        let end = memchr::memchr(0, &bytes).ok_or(DAMAGED)?;
        Ok(bytes.get(..end).unwrap_or_default().to_vec())
    }
}

fn relocation(entry: &[u8]) -> Relocation {
    Relocation { offset: word(entry, 0), kind: half(entry, 8), symbol: half(entry, 12).into() }
}

/// The hash function of DT_GNU_HASH.
fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}
