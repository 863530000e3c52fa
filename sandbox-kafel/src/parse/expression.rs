//! What is asked of the arguments: comparisons of values, with `&&`, `||`, `!` and parentheses.

use sandbox_filter::{Expr, Rel, Value, Width};

use super::{MAX_DEPTH, Parser};
use crate::arguments;
use crate::include::{Place, Token};
use crate::source::Mistake;

/// An argument, as it can be named.
pub struct Named {
    pub name: String,
    pub width: Width,
}

/// The arguments that an expression can name.
pub struct Scope {
    pub called: String,
    /// The call whose arguments can be named as in earlier kernels: where the policy does not name them.
    pub names_before: Option<u32>,
    pub arguments: Vec<Named>,
}

impl Scope {
    fn list(&self) -> String {
        let names: Vec<_> = self.arguments.iter().map(|argument| argument.name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(": it has {}", names.join(", ")) }
    }
}

/// A value whose numbers have not been fitted to the arguments beside them.
enum Loose {
    Number(u64, Place),
    Arg(u8, Width),
    Pair(fn(Box<Value>, Box<Value>) -> Value, Box<Loose>, Box<Loose>),
}

impl Loose {
    /// The width of the widest argument in it.
    fn bits(&self) -> Option<u32> {
        match self {
            Loose::Number(..) => None,
            Loose::Arg(_, width) => Some(bits(*width)),
            Loose::Pair(_, left, right) => left.bits().max(right.bits()),
        }
    }
}

impl Parser<'_> {
    /// `,` means `||` and binds least.
    pub(super) fn any(&mut self, scope: &Scope) -> Result<Expr, Mistake> {
        let mut parts = vec![self.or(scope)?];
        while self.sign(",") {
            parts.push(self.or(scope)?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    fn or(&mut self, scope: &Scope) -> Result<Expr, Mistake> {
        let mut parts = vec![self.and(scope)?];
        while self.sign("||") {
            parts.push(self.and(scope)?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    fn and(&mut self, scope: &Scope) -> Result<Expr, Mistake> {
        let mut parts = vec![self.primary(scope)?];
        while self.sign("&&") {
            parts.push(self.primary(scope)?);
        }
        Ok(one_or(parts, Expr::All))
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.place(), format!("nested more than {MAX_DEPTH} deep"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn primary(&mut self, scope: &Scope) -> Result<Expr, Mistake> {
        if self.sign("!") {
            return self.deeper(|parser| Ok(Expr::Not(Box::new(parser.primary(scope)?))));
        }
        if self.is_sign("(") && !self.is_value_in_parentheses() {
            self.at += 1;
            let inner = self.deeper(|parser| parser.any(scope))?;
            self.need(")", "after the expression")?;
            return Ok(inner);
        }
        let left = self.bit_or(scope)?;
        let rel = match self.peek() {
            Some(Token::Sign("==")) => Rel::Eq,
            Some(Token::Sign("!=")) => Rel::Ne,
            Some(Token::Sign("<")) => Rel::Lt,
            Some(Token::Sign("<=")) => Rel::Le,
            Some(Token::Sign(">")) => Rel::Gt,
            Some(Token::Sign(">=")) => Rel::Ge,
            _ => return self.expected("a comparison"),
        };
        self.at += 1;
        let right = self.bit_or(scope)?;
        self.compare(left, rel, right)
    }

    /// A parenthesis opens a question, unless what follows its end works on a value.
    fn is_value_in_parentheses(&self) -> bool {
        let mut open = 0_usize;
        for (at, (token, _)) in self.tokens.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::Sign("(") => open += 1,
                Token::Sign(")") => open -= 1,
                Token::Sign("{" | "}") => return false,
                _ => {}
            }
            if open == 0 {
                let after = self.tokens.tokens.get(at + 1).map(|(token, _)| token);
                let value = ["==", "!=", "<", "<=", ">", ">=", "&", "|"];
                return matches!(after, Some(Token::Sign(sign)) if value.contains(sign));
            }
        }
        false
    }

    fn bit_or(&mut self, scope: &Scope) -> Result<Loose, Mistake> {
        self.chain(scope, "|", Value::Or, Self::bit_and)
    }

    fn bit_and(&mut self, scope: &Scope) -> Result<Loose, Mistake> {
        self.chain(scope, "&", Value::And, Self::operand)
    }

    fn chain(
        &mut self,
        scope: &Scope,
        sign: &str,
        pair: fn(Box<Value>, Box<Value>) -> Value,
        part: fn(&mut Self, &Scope) -> Result<Loose, Mistake>,
    ) -> Result<Loose, Mistake> {
        let mut value = part(self, scope)?;
        let mut length = 0;
        while self.is_sign(sign) {
            length += 1;
            if length > MAX_DEPTH {
                return self.fail(self.place(), format!("a chain of more than {MAX_DEPTH} operators"));
            }
            self.at += 1;
            value = Loose::Pair(pair, Box::new(value), Box::new(part(self, scope)?));
        }
        Ok(value)
    }

    fn operand(&mut self, scope: &Scope) -> Result<Loose, Mistake> {
        if self.sign("(") {
            let value = self.deeper(|parser| parser.bit_or(scope))?;
            self.need(")", "after the value")?;
            return Ok(value);
        }
        let place = self.place();
        if matches!(self.peek(), Some(Token::Number(_))) {
            return self.number().map(|(number, place)| Loose::Number(number, place));
        }
        let (name, _) = self.name("an argument or a number")?;
        if let Some(&number) = self.constants.get(&name) {
            return Ok(Loose::Number(number, place));
        }
        let now = scope.names_before.and_then(|nr| arguments::renamed(nr, &name)).unwrap_or(&name);
        match (0..).zip(&scope.arguments).find(|(_, argument)| argument.name == now) {
            Some((index, argument)) => Ok(Loose::Arg(index, argument.width)),
            None => self.fail(place, format!("{} has no argument {name}{}", scope.called, scope.list())),
        }
    }

    fn compare(&self, left: Loose, rel: Rel, right: Loose) -> Result<Expr, Mistake> {
        // A number beside narrow arguments only is as narrow: what is beyond, the kernel does not see.
        let bits = left.bits().max(right.bits()).unwrap_or(64);
        Ok(Expr::Compare(self.fitted(left, bits)?, rel, self.fitted(right, bits)?))
    }

    fn fitted(&self, value: Loose, bits: u32) -> Result<Value, Mistake> {
        Ok(match value {
            Loose::Arg(index, width) => Value::Arg(index, width),
            Loose::Pair(pair, left, right) => {
                pair(Box::new(self.fitted(*left, bits)?), Box::new(self.fitted(*right, bits)?))
            }
            Loose::Number(number, place) => match fit(number, bits) {
                Some(number) => Value::Number(number),
                None => return self.fail(place, format!("the kernel looks at {bits} bits of this argument only")),
            },
        })
    }
}

/// How many bits that is.
pub fn bits(width: Width) -> u32 {
    match width {
        Width::Short => 16,
        Width::Int => 32,
        Width::Long => 64,
    }
}

/// The number in so many bits: as it is, or what a negative one of that width was extended from.
pub fn fit(number: u64, bits: u32) -> Option<u64> {
    let low = u64::MAX >> (64 - bits);
    let negative = number | (low >> 1) == u64::MAX;
    (number <= low || negative).then_some(number & low)
}

fn one_or(mut parts: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            several(parts)
        }
    }
}
