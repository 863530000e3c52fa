//! The grammar of Kafel, and what its names mean: from tokens to rules in the order in which they are asked.
//!
//! As in google/kafel: what stands outside of a POLICY is the policy, USE puts a policy's body in its place, and the
//! first rule that matches a call decides.

use std::collections::HashMap;
use std::rc::Rc;

use sandbox_filter::{Action, Expr, Rel, Value, Width};

use crate::arguments;
use crate::include::{Place, Token, Tokens};
use crate::names;
use crate::source::Mistake;

/// How deep parentheses, negations and chains of operators may be.
const MAX_DEPTH: usize = 200;

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

/// One rule: for a number, and for some arguments or for all.
#[derive(Debug)]
pub struct Rule {
    pub nr: u32,
    pub when: Option<Expr>,
    pub action: Action,
    pub place: Place,
    /// Of the action that it stands under.
    pub group: Place,
}

/// A body: rules, and bodies that stand in their place.
#[derive(Debug)]
pub enum Entry {
    Rule(Rule),
    Use(Rc<Vec<Entry>>, Place),
}

/// What a text says.
#[derive(Debug, Default)]
pub struct Policy {
    pub body: Vec<Entry>,
    pub default: Option<Action>,
}

pub fn parse(tokens: &Tokens) -> Result<Policy, Mistake> {
    let mut parser = Parser { tokens, at: 0, constants: HashMap::new(), policies: HashMap::new(), depth: 0 };
    parser.program()
}

struct Parser<'t> {
    tokens: &'t Tokens<'t>,
    at: usize,
    constants: HashMap<String, u64>,
    /// With how deep they use each other.
    policies: HashMap<String, (Rc<Vec<Entry>>, usize)>,
    depth: usize,
}

/// A value whose numbers have not been fitted to the arguments beside them.
enum Loose {
    Number(u64, Place),
    Arg(u8, Width),
    Pair(fn(Box<Value>, Box<Value>) -> Value, Box<Loose>, Box<Loose>),
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.tokens.get(self.at).map(|(token, _)| token)
    }

    fn place(&self) -> Place {
        self.tokens.tokens.get(self.at).map_or(self.tokens.end(), |(_, place)| *place)
    }

    fn fail<T>(&self, place: Place, what: impl Into<String>) -> Result<T, Mistake> {
        Err(self.tokens.mistake(place, what))
    }

    fn expected<T>(&self, what: &str) -> Result<T, Mistake> {
        let found = match self.peek() {
            Some(Token::Word(word)) => format!("'{word}'"),
            Some(Token::Number(_)) => "a number".into(),
            Some(Token::Sign(sign)) => format!("'{sign}'"),
            None => "the end".into(),
        };
        self.fail(self.place(), format!("expected {what}, found {found}"))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(found)) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    /// Takes this sign if it is next.
    fn sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.at += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    fn need(&mut self, sign: &str, context: &str) -> Result<(), Mistake> {
        if self.sign(sign) { Ok(()) } else { self.expected(&format!("'{sign}' {context}")) }
    }

    /// A name of the policy's own, or of a call.
    fn name(&mut self, what: &str) -> Result<(String, Place), Mistake> {
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
    fn number(&mut self) -> Result<(u64, Place), Mistake> {
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

    fn program(&mut self) -> Result<Policy, Mistake> {
        let mut policy = Policy::default();
        if self.peek().is_none() {
            return self.fail(self.place(), "the policy is empty");
        }
        while self.peek().is_some() {
            let place = self.place();
            if self.sign("#") {
                self.define()?;
            } else if self.word("POLICY") {
                self.policy()?;
            } else if self.word("DEFAULT") {
                if policy.default.is_some() {
                    return self.fail(place, "there is a DEFAULT already");
                }
                policy.default = Some(self.action("an action")?);
            } else {
                self.statements(&mut policy.body, "POLICY, USE, DEFAULT, #define or an action")?;
            }
        }
        if policy.body.is_empty() && !self.policies.is_empty() {
            // A policy that was meant and is not in force would be missed by nobody.
            return self.fail(self.tokens.end(), "no POLICY is in force: USE one");
        }
        Ok(policy)
    }

    fn define(&mut self) -> Result<(), Mistake> {
        if !self.word("define") {
            return self.expected("define or include after '#'");
        }
        let (name, place) = self.name("the name of a constant")?;
        let (value, _) = self.number()?;
        match self.constants.insert(name.clone(), value) {
            Some(other) if other != value => self.fail(place, format!("{name} is {other} already")),
            _ => Ok(()),
        }
    }

    fn policy(&mut self) -> Result<(), Mistake> {
        let (name, place) = self.name("the name of a policy")?;
        if self.policies.contains_key(&name) {
            return self.fail(place, format!("there is a policy {name} already"));
        }
        self.need("{", "before the policy's body")?;
        let (mut body, mut deep) = (Vec::new(), 1);
        if !self.is_sign("}") {
            deep += self.statements(&mut body, "USE or an action")?;
        }
        if deep > MAX_DEPTH {
            return self.fail(place, format!("policies use each other more than {MAX_DEPTH} deep"));
        }
        self.need("}", "or ',' after a statement")?;
        self.policies.insert(name, (Rc::new(body), deep));
        Ok(())
    }

    /// Statements between commas; gives how deep the policies they use do use others.
    fn statements(&mut self, body: &mut Vec<Entry>, expected: &str) -> Result<usize, Mistake> {
        let mut used = 0;
        loop {
            if self.word("USE") {
                let (name, place) = self.name("the name of a policy")?;
                match self.policies.get(&name) {
                    Some((policy, deep)) => {
                        used = used.max(*deep);
                        body.push(Entry::Use(policy.clone(), place));
                    }
                    None => return self.fail(place, format!("no policy {name} stands before this")),
                }
            } else {
                let group = self.place();
                let action = self.action(expected)?;
                self.need("{", "after the action")?;
                if !self.is_sign("}") {
                    self.rule((action, group), body)?;
                    while self.sign(",") {
                        self.rule((action, group), body)?;
                    }
                }
                self.need("}", "or ',' after a rule")?;
            }
            if !self.sign(",") {
                return Ok(used);
            }
        }
    }

    fn action(&mut self, expected: &str) -> Result<Action, Mistake> {
        let Some(Token::Word(word)) = self.peek() else {
            return self.expected(expected);
        };
        let with: Option<fn(u16) -> Action> = match word.as_str() {
            "ERRNO" => Some(Action::Errno),
            "TRAP" => Some(Action::Trap),
            "TRACE" => Some(Action::Trace),
            _ => None,
        };
        let action = match word.as_str() {
            "ALLOW" => Action::Allow,
            "LOG" => Action::Log,
            "KILL" | "KILL_THREAD" | "DENY" => Action::KillThread,
            "KILL_PROCESS" => Action::KillProcess,
            "USER_NOTIF" => Action::Notify,
            _ if with.is_some() => Action::Allow,
            _ => return self.expected(expected),
        };
        self.at += 1;
        let Some(with) = with else { return Ok(action) };
        self.need("(", "and a number")?;
        let (number, place) = self.number()?;
        let number = u16::try_from(number).or_else(|_| self.fail(place, "larger than 65535"))?;
        self.need(")", "after the number")?;
        Ok(with(number))
    }

    /// One rule, unless it is for other architectures only.
    fn rule(&mut self, (action, group): (Action, Place), body: &mut Vec<Entry>) -> Result<(), Mistake> {
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

    /// `,` means `||` and binds least.
    fn any(&mut self, scope: &Scope) -> Result<Expr, Mistake> {
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

enum Call {
    Number(u32),
    Name(String),
}

struct Named {
    name: String,
    width: Width,
}

/// The arguments that an expression can name.
struct Scope {
    called: String,
    /// The call whose arguments can be named as in earlier kernels: where the policy does not name them.
    names_before: Option<u32>,
    arguments: Vec<Named>,
}

impl Scope {
    fn list(&self) -> String {
        let names: Vec<_> = self.arguments.iter().map(|argument| argument.name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(": it has {}", names.join(", ")) }
    }
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
