//! The tokens of a policy with those of the files it includes in their place.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::Read;
use crate::lex::{self, lex};
use crate::source::{Mistake, Source};

/// Files within files, as Kafel bounds them.
const MAX_DEPTH: usize = 16;
/// What all files of a policy may come to.
const MAX_TOTAL: usize = 4 << 20;

/// A token that is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    Word(String),
    Number(u64),
    Sign(&'static str),
}

/// Where a token is: in which of the sources, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    source: usize,
    at: usize,
}

/// A policy as tokens.
pub struct Tokens<'r> {
    read: Read<'r>,
    sources: Vec<Rc<Source>>,
    pub tokens: Vec<(Token, Place)>,
    /// The files that are being read, the innermost last.
    open: Vec<PathBuf>,
    total: usize,
}

impl<'r> Tokens<'r> {
    /// All tokens of `source`; names of included files are relative to `directory`.
    ///
    /// # Errors
    /// A text that is no tokens, a file that cannot be read, files that include each other.
    pub fn of(source: Source, directory: &Path, read: Read<'r>) -> Result<Self, Mistake> {
        let mut tokens = Tokens::new(read);
        tokens.append(source, directory)?;
        Ok(tokens)
    }

    fn new(read: Read<'r>) -> Self {
        Tokens { read, sources: Vec::new(), tokens: Vec::new(), open: Vec::new(), total: 0 }
    }

    /// A mistake at this place.
    pub fn mistake(&self, place: Place, what: impl Into<String>) -> Mistake {
        match self.sources.get(place.source) {
            Some(source) => source.mistake(place.at, what),
            // There is a source to every place; were there not, the message would still be one.
            None => Source { name: String::new(), text: String::new() }.mistake(0, what),
        }
    }

    /// What the lines of comment say that end right above the line of this place, on which nothing precedes it.
    pub fn comment_above(&self, place: Place) -> Option<String> {
        self.sources.get(place.source)?.comment_above(place.at)
    }

    /// The place after the last token.
    pub fn end(&self) -> Place {
        Place { source: 0, at: self.sources.first().map_or(0, |source| source.text.trim_end().len()) }
    }

    fn append(&mut self, source: Source, directory: &Path) -> Result<(), Mistake> {
        let (source, index) = (Rc::new(source), self.sources.len());
        self.sources.push(source.clone());
        let placed = lex(&source)?;
        let mut at = 0;
        while let Some(&(token, start)) = placed.get(at) {
            let place = Place { source: index, at: start };
            at += 1;
            match token {
                lex::Token::Sign("#") if matches!(placed.get(at), Some((lex::Token::Word("include"), _))) => {
                    at = self.include(&source, &placed, at + 1, directory)?;
                }
                lex::Token::Word(word) => self.tokens.push((Token::Word(word.into()), place)),
                lex::Token::Number(number) => self.tokens.push((Token::Number(number), place)),
                lex::Token::Sign(sign) => self.tokens.push((Token::Sign(sign), place)),
                lex::Token::Text(_) | lex::Token::Newline => {
                    return Err(source.mistake(start, "a name between quotes belongs to #include"));
                }
            }
        }
        Ok(())
    }

    /// Takes the names from the token number `at` on; gives the number of the token after the end of the statement.
    fn include(&mut self, by: &Source, placed: &[lex::Placed], at: usize, directory: &Path) -> Result<usize, Mistake> {
        let names = placed.get(at..).unwrap_or_default().iter().map_while(|(token, start)| match token {
            lex::Token::Text(name) => Some((*name, *start)),
            _ => None,
        });
        let names: Vec<_> = names.collect();
        let after = at + names.len();
        let place_after = placed.get(after).map_or(by.text.trim_end().len(), |(_, start)| *start);
        if names.is_empty() {
            return Err(by.mistake(place_after, "expected the name of a file between quotes"));
        }
        match placed.get(after) {
            None | Some((lex::Token::Newline | lex::Token::Sign(";"), _)) => {}
            Some(_) => return Err(by.mistake(place_after, "expected another name, ';' or the end of the line")),
        }
        for (name, start) in names {
            self.file(&directory.join(name)).map_err(|trouble| match trouble {
                Trouble::Here(what) => by.mistake(start, format!("{name}: {what}")),
                Trouble::Inside(mistake) => mistake,
            })?;
        }
        Ok(after + usize::from(after < placed.len()))
    }

    fn file(&mut self, path: &Path) -> Result<(), Trouble> {
        let text = (self.read)(path).map_err(Trouble::Here)?;
        // One file by many names is one file.
        let real = path.canonicalize().map_err(|error| Trouble::Here(error.to_string()))?;
        if self.open.contains(&real) {
            return Err(Trouble::Here("includes itself".into()));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Trouble::Here(format!("files include each other more than {MAX_DEPTH} deep")));
        }
        self.total += text.len();
        if self.total > MAX_TOTAL {
            return Err(Trouble::Here("what is included comes to more than 4 MiB".into()));
        }
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        self.open.push(real);
        self.append(Source { name: path.display().to_string(), text }, &directory).map_err(Trouble::Inside)?;
        self.open.pop();
        Ok(())
    }

    /// Counts a file as open that is read from elsewhere: the policy itself.
    pub fn of_file(source: Source, path: &Path, read: Read<'r>) -> Result<Self, Mistake> {
        let mut tokens = Tokens::new(read);
        tokens.open.extend(path.canonicalize());
        tokens.append(source, path.parent().unwrap_or(Path::new("")))?;
        Ok(tokens)
    }
}

enum Trouble {
    /// With the statement that includes.
    Here(String),
    /// Within the file.
    Inside(Mistake),
}
