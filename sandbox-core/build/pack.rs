//! What the library keeps of the filters, as source text: `src/seccomp/shipped.rs` includes and reads it.

use std::fmt::Write;

use libc::sock_filter;
use sandbox_filter::{Action, Clause, Cond, Filter, Rule};
use sandbox_kafel::Explained;

/// A rule is one number: that of the call below, that of the answer above.
const NUMBER_BITS: u32 = 9;

/// Rules of all filters, each once.
#[derive(Default)]
pub struct Pack {
    code: String,
    answers: Vec<Answer>,
    clauses: Vec<(Vec<Cond>, Action)>,
}

#[derive(PartialEq)]
enum Answer {
    Always(Action),
    ByArgs { first: usize, count: usize, otherwise: Action },
}

impl Pack {
    pub fn program(&mut self, name: &str, program: &[sock_filter]) {
        let instructions: String =
            program.iter().map(|i| format!("    insn({:#04x}, {}, {}, {:#x}),\n", i.code, i.jt, i.jf, i.k)).collect();
        self.line(&format!("pub static {name}: [sock_filter; {}] = [\n{instructions}];", program.len()));
    }

    pub fn rules(&mut self, name: &str, filter: &Filter) -> Result<(), String> {
        let mut rules = Vec::new();
        for (&nr, rule) in &filter.rules {
            let answer = self.answer(rule)?;
            let packed = u16::try_from(answer << NUMBER_BITS | nr as usize).ok().filter(|_| nr >> NUMBER_BITS == 0);
            rules.push(packed.ok_or_else(|| format!("{name}: there is no room for a rule for {nr}"))?);
        }
        self.line(&format!(
            "pub static {name}_RULES: Rules<[u16; {}]> = Rules {{ default: {:?}, rules: {rules:?} }};",
            rules.len(),
            filter.default
        ));
        Ok(())
    }

    /// Numbers and why they have a rule.
    pub fn reasons(&mut self, name: &str, filter: &Filter, policy: &Explained) {
        let reasons: Vec<_> = filter.rules.keys().filter_map(|nr| Some((*nr, policy.why(*nr)?))).collect();
        self.line(&format!("pub static {name}_REASONS: [(u32, &str); {}] = {reasons:?};", reasons.len()));
    }

    fn answer(&mut self, rule: &Rule) -> Result<usize, String> {
        let answer = match rule {
            Rule::Always(action) => Answer::Always(*action),
            Rule::ByArgs { clauses, otherwise } => {
                let clauses: Vec<_> = clauses.iter().map(|Clause { when, action }| (when.clone(), *action)).collect();
                let (known, count) =
                    (self.clauses.windows(clauses.len()).position(|known| *known == clauses), clauses.len());
                let first = known.unwrap_or(self.clauses.len());
                if known.is_none() {
                    self.clauses.extend(clauses);
                }
                Answer::ByArgs { first, count, otherwise: *otherwise }
            }
            Rule::ByExpr { .. } => return Err("expressions are not packed".into()),
        };
        let known = self.answers.iter().position(|known| *known == answer);
        Ok(known.unwrap_or_else(|| {
            self.answers.push(answer);
            self.answers.len() - 1
        }))
    }

    /// All of it.
    pub fn code(mut self) -> String {
        let (mut conds, mut clauses) = (Vec::new(), String::new());
        for (when, action) in std::mem::take(&mut self.clauses) {
            let _ = write!(clauses, "({}, {}, {action:?}), ", conds.len(), when.len()); // a string takes all
            conds.extend(when);
        }
        let answer = |answer: &Answer| match answer {
            Answer::Always(action) => format!("Answer::Always({action:?}), "),
            Answer::ByArgs { first, count, otherwise } => format!("Answer::ByArgs({first}, {count}, {otherwise:?}), "),
        };
        let answers: String = self.answers.iter().map(answer).collect();
        self.line(&format!("pub const NUMBER_BITS: u32 = {NUMBER_BITS};"));
        self.line(&format!("pub static CONDS: [Cond; {}] = {conds:?};", conds.len()));
        self.line(&format!(
            "pub static CLAUSES: [(u8, u8, Action); {}] = [{clauses}];",
            clauses.matches("), ").count()
        ));
        self.line(&format!("pub static ANSWERS: [Answer; {}] = [{answers}];", self.answers.len()));
        self.code
    }

    fn line(&mut self, text: &str) {
        self.code.push_str(text);
        self.code.push('\n');
    }
}
