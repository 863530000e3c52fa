//! Jumps to other objects' functions, where a program pretends that these are its own.
//!
//! In a program linked without -pie, a function whose address is taken has the address of the program's own jump to it,
//! for all objects of the process: it is found in the program first, although it is not defined there. Whether there is
//! nothing but that jump is read from its machine code, in the forms that ld, gold and lld write.

use goblin::elf::dynamic::{
    DF_1_NOW, DF_BIND_NOW, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_JMPREL, DT_PLTGOT, DT_PLTRELSZ,
};
use goblin::elf::reloc::{R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT};

use crate::elf::{Object, half, word};
use crate::symbols::Symbol;

const ENDBR64: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
const BND: &[u8] = &[0xf2];
const JUMP_INDIRECT: &[u8] = &[0xff, 0x25];
const PUSH_INDIRECT: &[u8] = &[0xff, 0x35];
const PUSH: &[u8] = &[0x68];
const JUMP: &[u8] = &[0xe9];

/// Machine code being read.
struct Code {
    bytes: Vec<u8>,
    address: u64,
}

impl Code {
    fn at(object: &Object<'_>, address: u64) -> Option<Self> {
        // Two prefixes and two instructions.
        let bytes = object.memory(address, 16).ok()?;
        Some(Self { bytes, address })
    }

    fn skip(&mut self, prefix: &[u8]) {
        if self.bytes.starts_with(prefix) {
            self.bytes.drain(..prefix.len());
            self.address += prefix.len() as u64;
        }
    }

    /// The 32-bit operand of this instruction.
    fn operand(&mut self, instruction: &[u8]) -> Option<u32> {
        let rest = self.bytes.strip_prefix(instruction)?;
        let operand = rest.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
        self.bytes.drain(..instruction.len() + 4);
        self.address += instruction.len() as u64 + 4;
        Some(operand)
    }

    /// The address that the operand leads to from the next instruction.
    fn relative(&mut self, instruction: &[u8]) -> Option<u64> {
        let operand = self.operand(instruction)?.cast_signed();
        Some(self.address.wrapping_add_signed(operand.into()))
    }
}

/// Whether the undefined `symbol`'s value is a jump to what ld.so finds elsewhere, and to nothing else.
pub fn is_plain_jump(object: &Object<'_>, symbol: &Symbol) -> bool {
    !symbol.is_defined() && check(object, symbol).is_some()
}

fn check(object: &Object<'_>, symbol: &Symbol) -> Option<()> {
    let mut code = Code::at(object, symbol.value)?;
    code.skip(ENDBR64);
    code.skip(BND);
    let slot = code.relative(JUMP_INDIRECT)?;
    let [relocation] = object.relocations_at(slot).ok()?[..] else { return None };
    if relocation.offset != slot || relocation.symbol != symbol.number {
        return None;
    }
    match relocation.kind {
        R_X86_64_GLOB_DAT => Some(()),
        R_X86_64_JUMP_SLOT if binds_now(object) => Some(()),
        R_X86_64_JUMP_SLOT => check_lazy(object, slot),
        _ => None,
    }
}

fn binds_now(object: &Object<'_>) -> bool {
    let has = |tag, flag| object.value(tag).is_some_and(|flags| flags & flag != 0);
    object.value(DT_BIND_NOW).is_some() || has(DT_FLAGS, DF_BIND_NOW) || has(DT_FLAGS_1, DF_1_NOW)
}

/// Before its first call a slot leads to code that tells ld.so which relocation it is.
fn check_lazy(object: &Object<'_>, slot: u64) -> Option<()> {
    let mut code = Code::at(object, word(&object.memory(slot, 8).ok()?, 0))?;
    code.skip(ENDBR64);
    let index = usize::try_from(code.operand(PUSH)?).ok()?;
    let table = object.table(DT_JMPREL, DT_PLTRELSZ).ok()?;
    let entry = table.get(index.checked_mul(24)?..)?.get(..24)?;
    code.skip(BND);
    let first = code.relative(JUMP)?;
    let table = object.value(DT_PLTGOT)?;
    let mut code = Code::at(object, first)?;
    let pushed = code.relative(PUSH_INDIRECT)?;
    code.skip(BND);
    let called = code.relative(JUMP_INDIRECT)?;
    // The two words that ld.so fills with itself.
    let its_own = pushed == table.checked_add(8)? && called == table.checked_add(16)?;
    (its_own && word(entry, 0) == slot && half(entry, 8) == R_X86_64_JUMP_SLOT).then_some(())
}
