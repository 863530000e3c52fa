//! What comes next: signs, words, names and numbers, and what is said where something else was expected.

use super::Parser;
use crate::include::{Place, Token};
use crate::source::Mistake;

/// What the words of the language cannot name.
const RESERVED: [&str; 16] = [
    "SYSCALL",
    "ALLOW",
    "LOG",
    "USER_NOTIF",
    "ERRNO",
    "KILL_PROCESS",
    "KILL_THREAD",
    "KILL",
    "DENY",
    "TRAP",
    "TRACE",
    "USE",
    "POLICY",
    "DEFAULT",
    "define",
    "include",
];

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(super) fn place(&self) -> Place {
        self.tokens.tokens.get(self.at).map_or(self.tokens.end(), |(_, place)| *place)
    }

    pub(super) fn fail<T>(&self, place: Place, what: impl Into<String>) -> Result<T, Mistake> {
        Err(self.tokens.mistake(place, what))
    }

    pub(super) fn expected<T>(&self, what: &str) -> Result<T, Mistake> {
        let found = match self.peek() {
            Some(Token::Word(word)) => format!("'{word}'"),
            Some(Token::Number(_)) => "a number".into(),
            Some(Token::Sign(sign)) => format!("'{sign}'"),
            None => "the end".into(),
        };
        self.fail(self.place(), format!("expected {what}, found {found}"))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    /// Takes this sign if it is next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.at += usize::from(there);
        there
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    pub(super) fn need(&mut self, sign: &str, context: &str) -> Result<(), Mistake> {
        if self.sign(sign) { Ok(()) } else { self.expected(&format!("'{sign}' {context}")) }
    }

    /// A name of the policy's own, or of a call.
    pub(super) fn name(&mut self, what: &str) -> Result<(String, Place), Mistake> {
        let place = self.place();
        match self.peek() {
            Some(Token::Word(word)) if !RESERVED.contains(&word.as_str()) => {
                let word = word.clone();
                self.at += 1;
                Ok((word, place))
            }
            _ => self.expected(what),
        }
    }

    /// A number or the name of one.
    pub(super) fn number(&mut self) -> Result<(u64, Place), Mistake> {
        let place = self.place();
        let number = match self.peek() {
            Some(Token::Number(number)) => *number,
            Some(Token::Word(word)) if self.constants.contains_key(word) => {
                self.constants.get(word).copied().unwrap_or_default()
            }
            _ => return self.expected("a number"),
        };
        self.at += 1;
        Ok((number, place))
    }
}
