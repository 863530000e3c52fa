//! ELF files: what is read of one is what the kernel would map, and a damaged one is refused soon.

use std::fs::File;
use std::io::Write;

use rustix::fs::{MemfdFlags, memfd_create};
use sandbox_launcher::early::{self, Imports};
use sandbox_launcher::elf::{Image, Object};

const PAGE: u64 = 4096;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;

/// A file with these bytes.
pub fn file(bytes: &[u8]) -> File {
    let mut file = File::from(memfd_create("elf", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    file
}

pub fn holds(bytes: &[u8]) {
    let image = Image::of(file(bytes)).unwrap();
    let object = match Object::read(&image) {
        Ok(object) => object,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            return;
        }
    };
    let headers = headers(bytes).expect("it was read");
    if let Ok(loader) = object.interpreter() {
        assert_eq!(loader.as_deref(), interpreter(bytes, &headers), "the loader");
    }
    // Others, neither the kernel nor ld.so maps.
    let loads = || headers.iter().filter(|header| header.kind == LOAD);
    let aligned = loads().all(|header| header.offset % PAGE == header.address % PAGE);
    for segment in loads().filter(|_| aligned) {
        let middle = segment.address.wrapping_add(segment.in_file / 2);
        for address in [segment.address, middle, segment.address.wrapping_add(segment.in_file).wrapping_sub(16)] {
            if let Ok(read) = object.memory(address, 16) {
                let mapped: Option<Vec<u8>> = (0..16).map(|at| mapped(bytes, &headers, address + at)).collect();
                assert_eq!(Some(read), mapped, "{address:#x}");
            }
        }
    }
    // As it is done for a program, with what it wants from others itself; what is refused is refused in words.
    let imports = Imports::of(&object).unwrap_or_default();
    for result in [early::check(&object, &imports), early::check(&object, &Imports::default())] {
        if let Err(why) = result {
            assert!(!why.to_string().is_empty());
        }
    }
    // ignored: that they end is all
    let _ = (object.find(b"mark"), object.is_whole(), object.kind());
}

struct Header {
    kind: u32,
    offset: u64,
    address: u64,
    in_file: u64,
    in_memory: u64,
}

fn long(bytes: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Program headers, from elf(5) alone.
fn headers(bytes: &[u8]) -> Option<Vec<Header>> {
    let (start, count) = (long(bytes, 32)?, long(bytes, 56)? & 0xffff);
    let header = |at: u64| {
        let at = start.checked_add(at * 56)?;
        let [offset, address, in_file, in_memory] = [8, 16, 32, 40].map(|field| long(bytes, at + field));
        let kind = (long(bytes, at)? & 0xffff_ffff) as u32;
        Some(Header { kind, offset: offset?, address: address?, in_file: in_file?, in_memory: in_memory? })
    };
    (0..count).map(header).collect()
}

/// The name of the loader, as load_elf_binary() reads it.
fn interpreter<'a>(bytes: &'a [u8], headers: &[Header]) -> Option<&'a [u8]> {
    let header = headers.iter().find(|header| header.kind == INTERPRETER)?;
    let from = usize::try_from(header.offset).ok()?;
    let name = bytes.get(from..from.checked_add(usize::try_from(header.in_file).ok()?)?)?;
    name.split(|&b| b == 0).next()
}

/// The byte at an address as the kernel maps it: by pages, of which the last mapping covers the others.
fn mapped(bytes: &[u8], headers: &[Header], address: u64) -> Option<u8> {
    let covers = |header: &&Header| {
        let end = u128::from(header.address) + u128::from(header.in_memory.max(header.in_file));
        let end = end.div_ceil(u128::from(PAGE)) * u128::from(PAGE);
        header.kind == LOAD && header.address / PAGE * PAGE <= address && u128::from(address) < end
    };
    let header = headers.iter().rev().find(covers)?;
    let offset = header.offset.checked_sub(header.address % PAGE)?;
    let at = offset.checked_add(address - header.address / PAGE * PAGE)?;
    bytes.get(usize::try_from(at).ok()?).copied()
}
