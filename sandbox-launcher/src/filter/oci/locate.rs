//! Where a part of a JSON text is: serde_json tells the place of what has the wrong shape, and nothing of the rest.

/// One step from a value to a part of it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Key(&'static str),
    Index(usize),
}

/// The byte at which the part at this path begins, of a text that is JSON; the nearest there is on the way where a part
/// is not there.
pub fn locate(text: &str, path: &[Step]) -> usize {
    let mut walk = Walk { bytes: text.as_bytes(), at: 0 };
    walk.blanks();
    for step in path {
        let here = walk.at;
        if walk.enter(*step).is_none() {
            return here;
        }
    }
    walk.at
}

struct Walk<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Moves from the start of a value to that of its part.
    fn enter(&mut self, step: Step) -> Option<()> {
        let open = self.peek()?;
        self.at += 1;
        let mut count = 0;
        loop {
            self.blanks();
            match (self.peek()?, step) {
                (b'}' | b']', _) => return None,
                (b',', _) => {
                    self.at += 1;
                    continue;
                }
                (_, Step::Index(index)) if open == b'[' => {
                    if count == index {
                        return Some(());
                    }
                    count += 1;
                }
                (_, Step::Key(key)) if open == b'{' => {
                    let found = self.string()?;
                    let found = found == key.as_bytes();
                    self.blanks();
                    self.at += 1;
                    self.blanks();
                    if found {
                        return Some(());
                    }
                }
                _ => return None,
            }
            self.value()?;
        }
    }

    /// Moves over a string; gives what is between its quotes, as it is written.
    fn string(&mut self) -> Option<&[u8]> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.bytes.get(start..self.at - 1)
    }

    /// Moves over a value.
    fn value(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if open == 0 => return Some(()),
                b'}' | b']' => {
                    open -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if open == 0 && matches!(self.peek()?, b'}' | b']' | b',') {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{Index, Key};
    use super::*;

    #[test]
    fn parts_are_found_by_their_path() {
        let text = r#" { "a\"b" : "]}", "s": [ {"n": ["x", "y,\\"]} , {"n":["z"], "v": -1.5e3}], "l": null }"#;
        let from = |path: &[Step]| &text[locate(text, path)..];
        assert!(from(&[]).starts_with("{ \"a"));
        assert!(from(&[Key("s"), Index(0), Key("n"), Index(1)]).starts_with("\"y,"));
        assert!(from(&[Key("s"), Index(1), Key("n"), Index(0)]).starts_with("\"z\""));
        assert!(from(&[Key("s"), Index(1), Key("v")]).starts_with("-1.5e3"));
        assert!(from(&[Key("l")]).starts_with("null"));
        // What is not there is where it would be.
        assert!(from(&[Key("s"), Index(1), Key("none")]).starts_with("{\"n\":[\"z\""));
        assert!(from(&[Key("s"), Index(7)]).starts_with("[ {"));
        assert!(from(&[Key("l"), Index(0)]).starts_with("null"));
    }
}
