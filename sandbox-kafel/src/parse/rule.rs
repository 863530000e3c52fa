//! One rule: the call, the names of its arguments, the architectures it is for, and what is asked of it.

use sandbox_filter::Action;

use super::expression::{Named, Scope, fit};
use super::{Entry, Parser, Rule};
use crate::arguments;
use crate::include::Place;
use crate::names;
use crate::source::Mistake;

/// The architectures that a rule can be limited to.
const ARCHITECTURES: [&str; 16] = [
    "x86_64",
    "amd64",
    "x86",
    "i386",
    "x32",
    "arm",
    "aarch64",
    "mips",
    "mips64",
    "mipso32",
    "mips64n32",
    "riscv64",
    "m68k",
    "s390x",
    "ppc64le",
    "loongarch64",
];
const OURS: [&str; 2] = ["x86_64", "amd64"];

enum Call {
    Number(u32),
    Name(String),
}

impl Parser<'_> {
    /// One rule, unless it is for other architectures only.
    pub(super) fn rule(&mut self, (action, group): (Action, Place), body: &mut Vec<Entry>) -> Result<(), Mistake> {
        let place = self.place();
        let call = self.call()?;
        let declared = self.declared()?;
        if !self.guard()? {
            return self.skip_expression();
        }
        let (nr, called) = match call {
            Call::Number(nr) => (nr, format!("call {nr}")),
            Call::Name(name) => match names::number(&name) {
                Some(nr) => (nr, name),
                None if names::is_foreign(&name) => {
                    return self.fail(place, format!("{name} is a system call of other architectures only"));
                }
                None => return self.fail(place, format!("no system call is named {name}")),
            },
        };
        if nr == sandbox_filter::MARKER_NR {
            return self.fail(place, "every filter answers this number itself");
        }
        if !sandbox_filter::is_known(nr) && !action.refuses() {
            return self.fail(place, format!("no system call has the number {nr:#x}: every filter refuses it"));
        }
        let names_before = declared.is_none().then_some(nr);
        let arguments = match declared {
            None => arguments::of(nr).iter().map(|a| Named { name: a.name.into(), width: a.width }).collect(),
            // The kernel does not look at more of an argument for its being called differently.
            Some(names) => (0..).zip(names).map(|(at, name)| Named { name, width: arguments::width(nr, at) }).collect(),
        };
        let mut when = None;
        if self.sign("{") && !self.sign("}") {
            when = Some(self.any(&Scope { called, names_before, arguments })?);
            self.need("}", "after the expression")?;
        }
        body.push(Entry::Rule(Rule { nr, when, action, place, group }));
        Ok(())
    }

    fn call(&mut self) -> Result<Call, Mistake> {
        if self.word("SYSCALL") {
            self.need("[", "and a number")?;
            let (number, place) = self.number()?;
            self.need("]", "after the number")?;
            return self.call_number(number, place).map(Call::Number);
        }
        let (name, place) = self.name("the name of a system call")?;
        match self.constants.get(&name) {
            Some(&number) => self.call_number(number, place).map(Call::Number),
            None => Ok(Call::Name(name)),
        }
    }

    /// Numbers are 32 bits in the kernel; a negative one is its two's complement.
    fn call_number(&self, number: u64, place: Place) -> Result<u32, Mistake> {
        fit(number, 32)
            .and_then(|nr| u32::try_from(nr).ok())
            .map_or_else(|| self.fail(place, "the number of a system call has 32 bits"), Ok)
    }

    /// The names of arguments, where they are given.
    fn declared(&mut self) -> Result<Option<Vec<String>>, Mistake> {
        if !self.sign("(") {
            return Ok(None);
        }
        let mut names = Vec::new();
        if self.sign(")") {
            return Ok(Some(names));
        }
        loop {
            let (name, place) = self.name("the name of an argument")?;
            if names.contains(&name) {
                return self.fail(place, format!("there is an argument {name} already"));
            }
            if names.len() == 6 {
                return self.fail(place, "a system call has six arguments at most");
            }
            names.push(name);
            if !self.sign(",") {
                break;
            }
        }
        self.need(")", "or ',' after an argument")?;
        Ok(Some(names))
    }

    /// Whether the rule is for this architecture.
    fn guard(&mut self) -> Result<bool, Mistake> {
        if !self.word("ON") {
            return Ok(true);
        }
        let several = self.sign("{");
        let mut ours = false;
        loop {
            let (name, place) = self.name("the name of an architecture")?;
            if !ARCHITECTURES.contains(&name.as_str()) {
                return self.fail(place, format!("no architecture is named {name}"));
            }
            ours |= OURS.contains(&name.as_str());
            if !several || !self.sign(",") {
                break;
            }
        }
        if several {
            self.need("}", "or ',' after an architecture")?;
        }
        Ok(ours)
    }

    fn skip_expression(&mut self) -> Result<(), Mistake> {
        if !self.sign("{") {
            return Ok(());
        }
        while !self.is_sign("}") {
            if self.peek().is_none() || self.is_sign("{") {
                return self.expected("'}' after the expression");
            }
            self.at += 1;
        }
        self.need("}", "after the expression")
    }
}
