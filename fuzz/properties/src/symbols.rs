//! Functions found by their addresses in a file of a hostile process.

use sandbox_launcher::observe::symbols::at;

use crate::elf::file;

/// An offset, and the file.
pub fn holds(data: &[u8]) {
    let Some((offset, bytes)) = data.split_first_chunk::<8>() else { return };
    let offset = u64::from_le_bytes(*offset);
    let file = file(bytes);
    for offset in [offset, offset % 0x1_0000, 0] {
        if let Some((name, within)) = at(&file, offset) {
            assert!(!name.is_empty() && name.len() < 120 && !name.contains(&0));
            // It is there in so many words.
            assert!(bytes.windows(name.len()).any(|window| window == name), "{name:?} {within}");
        }
    }
}
