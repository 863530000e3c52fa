//! Policies, constants, and statements: rules under their action.

use std::rc::Rc;

use sandbox_filter::Action;

use super::{Entry, MAX_DEPTH, Parser, Policy};
use crate::include::Token;
use crate::source::Mistake;

impl Parser<'_> {
    pub(super) fn program(&mut self) -> Result<Policy, Mistake> {
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
}
