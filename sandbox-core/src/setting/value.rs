//! What a setting's place in the policy can do, whatever its type: take text, give text back.

use crate::setting::text;

/// How a value was spelled: it decides where escapes apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// A flag's argument or a string of a policy file: one element, nothing separated.
    Element,
    /// A variable: the elements of a list separated by `,`.
    Variable,
}

/// One value as text. `parse(show(x)) = x`.
pub trait Text: Sized {
    /// Whether the value has `:`-separated fields, so that escapes mean something in every spelling.
    const FIELDED: bool = false;
    /// Reads the value; the error says what was expected, without naming the setting.
    fn parse(text: &[u8]) -> Result<Self, String>;
    /// The value as text, escaped where `FIELDED`.
    fn show(&self) -> Vec<u8>;
}

/// A setting's place in the policy.
pub trait Value {
    /// Takes `text`; a scalar is replaced, a repeated setting grows.
    fn assign(&mut self, text: &[u8], spelling: Spelling) -> Result<(), String>;
    /// What was assigned, `None` when nothing was: absent is not empty.
    fn given(&self) -> Option<Given>;
}

/// An assigned value as text, for encoding into any spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A switch.
    Switch(bool),
    /// One value.
    One(Vec<u8>),
    /// Elements, in `Spelling::Element`; an empty first element takes back what came before.
    Many { elements: Vec<Vec<u8>>, fielded: bool },
}

impl Given {
    /// The value of the variable that assigns this.
    pub fn variable(&self) -> Vec<u8> {
        match self {
            Given::Switch(on) => (if *on { "true" } else { "false" }).into(),
            Given::One(text) => text.clone(),
            Given::Many { elements, fielded } => {
                let mut joined = Vec::new();
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        joined.push(b',');
                    }
                    if *fielded {
                        joined.extend_from_slice(element);
                    } else {
                        text::escape(element, b",", &mut joined);
                    }
                }
                joined
            }
        }
    }
}

/// A switch: absent, on or off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch(pub Option<bool>);

impl Switch {
    /// On was asked for.
    pub fn on(&self) -> bool {
        self.0 == Some(true)
    }
}

impl Value for Switch {
    fn assign(&mut self, text: &[u8], _: Spelling) -> Result<(), String> {
        self.0 = Some(match text {
            b"true" | b"1" => true,
            b"false" | b"0" => false,
            _ => return Err("expected true or false".into()),
        });
        Ok(())
    }
    fn given(&self) -> Option<Given> {
        self.0.map(Given::Switch)
    }
}

impl<T: Text> Value for Option<T> {
    fn assign(&mut self, text: &[u8], _: Spelling) -> Result<(), String> {
        *self = Some(T::parse(text)?);
        Ok(())
    }
    fn given(&self) -> Option<Given> {
        self.as_ref().map(|value| Given::One(value.show()))
    }
}

/// A list that is one value: whoever names it later replaces it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> List<T> {
    /// The elements; none when absent.
    pub fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<T: Text> Value for List<T> {
    fn assign(&mut self, text: &[u8], _: Spelling) -> Result<(), String> {
        let mut items = Vec::new();
        if !text.is_empty() {
            for piece in text::split(text, b',') {
                items.push(T::parse(&text::unescape(piece)?)?);
            }
        }
        self.0 = Some(items);
        Ok(())
    }
    fn given(&self) -> Option<Given> {
        let items = self.0.as_ref()?;
        let mut joined = Vec::new();
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                joined.push(b',');
            }
            text::escape(&item.show(), b",", &mut joined);
        }
        Some(Given::One(joined))
    }
}

/// A setting given any number of times: each adds to what weaker origins gave, an empty element takes all back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat<T> {
    reset: bool,
    items: Vec<T>,
}

impl<T> Default for Repeat<T> {
    fn default() -> Self {
        Self { reset: false, items: Vec::new() }
    }
}

impl<T> Repeat<T> {
    /// The elements, in the order given.
    pub fn items(&self) -> &[T] {
        &self.items
    }
}

impl<T: Text> Value for Repeat<T> {
    fn assign(&mut self, text: &[u8], spelling: Spelling) -> Result<(), String> {
        let pieces = match spelling {
            Spelling::Element => vec![text],
            Spelling::Variable => text::split(text, b','),
        };
        for piece in pieces {
            if piece.is_empty() {
                self.reset = true;
                self.items.clear();
            } else if spelling == Spelling::Variable && !T::FIELDED {
                self.items.push(T::parse(&text::unescape(piece)?)?);
            } else {
                self.items.push(T::parse(piece)?);
            }
        }
        Ok(())
    }
    fn given(&self) -> Option<Given> {
        if !self.reset && self.items.is_empty() {
            return None;
        }
        let reset = self.reset.then(Vec::new);
        let elements = reset.into_iter().chain(self.items.iter().map(Text::show)).collect();
        Some(Given::Many { elements, fielded: T::FIELDED })
    }
}
