//! The grammar of Kafel, and what its names mean: from tokens to rules in the order in which they are asked.
//!
//! As in google/kafel: what stands outside of a POLICY is the policy, USE puts a policy's body in its place, and the
//! first rule that matches a call decides.

mod expression;
mod policy;
mod rule;
mod tokens;

use std::collections::HashMap;
use std::rc::Rc;

use sandbox_filter::{Action, Expr};

use crate::include::{Place, Tokens};
use crate::source::Mistake;
pub use expression::{bits, fit};

/// How deep parentheses, negations and chains of operators may be.
const MAX_DEPTH: usize = 200;

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
