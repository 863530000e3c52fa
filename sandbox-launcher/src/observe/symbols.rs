//! Which function of a file an offset lies in. The file is a hostile process's: everything is read within bounds, and
//! what does not fit together is no symbol.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Symbols and names of a file that are looked at, at most, each.
const TABLE_MAX: u64 = 32 << 20;
const SECTIONS_MAX: u64 = 512;
const NAME_MAX: usize = 120;

const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;
const PT_LOAD: u32 = 1;

fn bytes(file: &File, offset: u64, length: u64) -> Option<Vec<u8>> {
    if length > TABLE_MAX || offset.checked_add(length)? > file.metadata().ok()?.len() {
        return None;
    }
    let mut buffer = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut buffer, offset).ok()?;
    Some(buffer)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

/// The function in which the byte at `offset` of a 64-bit ELF file lies, and how far into it that is.
pub fn at(file: &File, offset: u64) -> Option<(Vec<u8>, u64)> {
    let header = bytes(file, 0, 64).filter(|header| header.starts_with(b"\x7fELF\x02\x01"))?;
    let address = address(file, &header, offset)?;
    let (start, count) = (long(&header, 0x28)?, u64::from(half(&header, 0x3c)?));
    if half(&header, 0x3a)? != 64 || count > SECTIONS_MAX {
        return None;
    }
    let sections = bytes(file, start, count * 64)?;
    let section = |at: u64| sections.chunks_exact(64).nth(usize::try_from(at).ok()?);
    // The whole table where there is one, else the one for the loader.
    [SHT_SYMTAB, SHT_DYNSYM].into_iter().find_map(|kind| {
        let table = sections.chunks_exact(64).find(|s| word(s, 4) == Some(kind))?;
        let names = section(u64::from(word(table, 0x28)?))?;
        let symbols = bytes(file, long(table, 0x18)?, long(table, 0x20)?)?;
        let (symbol, start) = nearest(&symbols, address)?;
        let names = bytes(file, long(names, 0x18)?, long(names, 0x20)?)?;
        let name = names.get(usize::try_from(symbol).ok()?..)?;
        let name = name.get(..name.iter().take(NAME_MAX).position(|&b| b == 0)?)?;
        (!name.is_empty()).then(|| (name.to_vec(), address - start))
    })
}

/// Where the file wants that byte in memory, but for its base.
fn address(file: &File, header: &[u8], offset: u64) -> Option<u64> {
    let (start, count) = (long(header, 0x20)?, u64::from(half(header, 0x38)?));
    if half(header, 0x36)? != 56 || count > SECTIONS_MAX {
        return None;
    }
    let segments = bytes(file, start, count * 56)?;
    segments.chunks_exact(56).find_map(|segment| {
        let (from, to, length) = (long(segment, 0x08)?, long(segment, 0x10)?, long(segment, 0x20)?);
        let within = offset.checked_sub(from).filter(|&within| within < length)?;
        (word(segment, 0) == Some(PT_LOAD)).then(|| to.checked_add(within))?
    })
}

/// Of the functions that hold an address (or, of those without a size, begin before it), the last to begin: the place of
/// its name, and where it begins.
fn nearest(symbols: &[u8], address: u64) -> Option<(u32, u64)> {
    const FUNCTION: u8 = 2;
    const INDIRECT: u8 = 10;
    let functions = symbols.chunks_exact(24).filter_map(|symbol| {
        let (name, kind, section) = (word(symbol, 0)?, symbol.get(4)? & 0xf, half(symbol, 6)?);
        let (start, size) = (long(symbol, 8)?, long(symbol, 16)?);
        let within = address.checked_sub(start)?;
        let holds = within < size || size == 0;
        (matches!(kind, FUNCTION | INDIRECT) && section != 0 && holds).then_some((name, start))
    });
    functions.max_by_key(|&(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_function_of_this_very_program_is_found_by_its_address() {
        let maps = std::fs::read("/proc/self/maps").unwrap();
        let address = at as *const () as u64;
        let mapping = super::super::process::mapping(&maps, address).unwrap();
        let file = File::open("/proc/self/exe").unwrap();
        let (name, within) = at(&file, address - mapping.start + mapping.offset).unwrap();
        assert_eq!(within, 0);
        assert!(String::from_utf8(name).unwrap().contains("symbols"));
    }

    #[test]
    fn the_function_that_begins_last_of_those_that_hold_an_address_is_it() {
        let symbol = |name: u32, kind: u8, section: u16, start: u64, size: u64| {
            let mut bytes = name.to_le_bytes().to_vec();
            bytes.extend([kind, 0]);
            bytes.extend(section.to_le_bytes());
            bytes.extend(start.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            bytes
        };
        let table = [
            symbol(1, 2, 1, 0x1000, 0x1000),
            symbol(2, 2, 1, 0x1100, 0x10),
            symbol(3, 1, 1, 0x1200, 0x100),
            symbol(4, 2, 0, 0x1200, 0x100),
            symbol(5, 10, 1, 0x1400, 0x10),
            symbol(6, 2, 1, 0x3000, 0),
        ]
        .concat();
        for (address, found) in [
            (0xfff, None),
            (0x1000, Some((1, 0x1000))),
            (0x110f, Some((2, 0x1100))),
            (0x1110, Some((1, 0x1000))),
            // Data, and what lies in another file.
            (0x1210, Some((1, 0x1000))),
            (0x1400, Some((5, 0x1400))),
            (0x2000, None),
            (0x9000, Some((6, 0x3000))),
        ] {
            assert_eq!(nearest(&table, address), found, "{address:#x}");
        }
    }

    #[test]
    fn damaged_files_have_no_symbols() {
        let good = std::fs::read("/proc/self/exe").unwrap();
        let path = std::env::temp_dir().join(format!("sbx-symbols-{}", std::process::id()));
        // Every byte of the header made extreme, and files cut short.
        for at_byte in 0..64 {
            for value in [0, 0x7f, 0xff] {
                let mut head = good.get(..4096).unwrap().to_vec();
                head[at_byte] = value;
                File::create(&path).unwrap().write_all(&head).unwrap();
                // Whatever it says, it says it without a panic.
                let _ = at(&File::open(&path).unwrap(), 0x1000);
            }
        }
        for length in [0, 1, 63, 64, 100] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert_eq!(at(&File::open(&path).unwrap(), 0), None);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
