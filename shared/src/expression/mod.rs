//! Expressions of templates, language 1: CEL behind fences (DESIGN §3, §6). The domain sees only their results.
//!
//! Taken are: `metadata`, `entity`, `requester`; members, `[0]`, `["name"]`; `has()`, `size()`, `startsWith()`, `endsWith()`,
//! `contains()`, `in`, `?:`, `+ - * /` on numbers, comparisons of two numbers or two texts, `== !=` of single values, `&& || !`,
//! lists. Every number is a finite double. Evaluation goes from left to right, and what it reads must be there.

mod compile;
mod error;
mod evaluate;
mod parse;
mod reads;
mod scan;
mod tree;
mod types;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::limits;
use approvals_domain::template::{self, Gives, Template};
use serde::Serialize;

pub use error::{Code, Error, Failure, Path, Problem};
pub use reads::fields_read;
pub use types::Declared;
pub use variables::{Requester, Variables};

use evaluate::Evaluation;
use tree::{Node, Variable};
use types::Type;
use variables::Value;

/// Candidates that one expression may name.
pub const CANDIDATES: usize = limits::APPROVERS;
/// Bytes of a text result, such as a currency: it stands in the commit.
pub const TEXT_BYTES: usize = limits::ID_CHARS;

/// A compiled expression: bounded in size, evaluated in bounded time.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    tree: Node,
    gives: Gives,
    undeclared: Vec<String>,
}

/// What an expression gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Evaluated {
    /// Whether the step is planned.
    Condition(bool),
    /// `user:ID` or `role:NAME` each, checked, in the order given, without duplicates, at most [`CANDIDATES`].
    Candidates(Vec<String>),
    /// Finite.
    Number(f64),
    /// At most [`TEXT_BYTES`].
    Text(String),
}

impl Expression {
    /// Compiles a text, or says the first thing wrong with it. Types are checked as far as the declared fields allow.
    pub fn compile(text: &str, gives: Gives, names: &Declared) -> Result<Self, Error> {
        parse::with_room(|| Self::compile_here(text, gives, names)).unwrap_or_else(|| Err(gave_up()))
    }

    fn compile_here(text: &str, gives: Gives, names: &Declared) -> Result<Self, Error> {
        let compile::Compiled { node: tree, kind: found, undeclared } = compile::compile(text, names)?;
        let texts = Type::List(Box::new(Type::Text));
        let (fits, wanted) = match gives {
            Gives::Condition => (found.may_be(&Type::Bool), "true or false"),
            Gives::Candidates => (found.may_be(&Type::Text) || found.may_be(&texts), "a text or a list of texts"),
            Gives::Number => (found.may_be(&Type::Number), "a number"),
            Gives::Text => (found.may_be(&Type::Text), "a text"),
        };
        if !fits {
            let message = format!("the expression gives {}", found.words());
            return Err(Error::new(Code::Type, 0, message, format!("here it must give {wanted}")));
        }
        Ok(Self { tree, gives, undeclared })
    }

    /// Fields that `has()` asks for although fields are declared and these are not among them: they are never there.
    pub fn undeclared(&self) -> &[String] {
        &self.undeclared
    }

    /// Whether its result rests on who asked, as the directory knew them then.
    pub fn reads_requester(&self) -> bool {
        self.tree.reads(Variable::Requester)
    }

    /// Evaluates it. Pure; no panic, no unbounded time or memory, whatever the variables hold.
    pub fn evaluate(&self, variables: &Variables<'_>) -> Result<Evaluated, Failure> {
        let evaluation = Evaluation { variables };
        match self.gives {
            Gives::Condition => evaluation.bool(&self.tree).map(Evaluated::Condition),
            Gives::Number => evaluation.number(&self.tree).map(Evaluated::Number),
            Gives::Text => match evaluation.text(&self.tree)? {
                text if text.len() > TEXT_BYTES => {
                    Err(Failure { field: evaluation.path(&self.tree), problem: Problem::TooLong(text.len()) })
                }
                text => Ok(Evaluated::Text(text.to_owned())),
            },
            Gives::Candidates => self.candidates(evaluation).map(Evaluated::Candidates),
        }
    }

    fn candidates(&self, evaluation: Evaluation<'_>) -> Result<Vec<String>, Failure> {
        let field = |index: Option<usize>| {
            let path = evaluation.path(&self.tree)?;
            Some(match index {
                Some(index) => path.index(index),
                None => path,
            })
        };
        let one = |index, value: Value<'_>| match value {
            Value::Text(text) => candidate(text).map_err(|problem| Failure { field: field(index), problem }),
            other => Err(Failure {
                field: field(index),
                problem: Problem::Mistyped { wanted: "a text that names a candidate", found: other.words() },
            }),
        };
        let items: Vec<Value<'_>> = match evaluation.value(&self.tree)? {
            Value::List(items) => items,
            Value::Array(items) if items.len() <= CANDIDATES => items.iter().map(Value::from).collect(),
            Value::Array(items) => return Err(Failure { field: field(None), problem: Problem::TooManyCandidates(items.len()) }),
            single => return one(None, single).map(|text| vec![text]),
        };
        if items.len() > CANDIDATES {
            return Err(Failure { field: field(None), problem: Problem::TooManyCandidates(items.len()) });
        }
        let mut candidates = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let text = one(Some(index), item)?;
            if !candidates.contains(&text) {
                candidates.push(text);
            }
        }
        Ok(candidates)
    }
}

fn gave_up() -> Error {
    Error::new(Code::Syntax, 0, "the parser gave up", "write it more simply")
}

/// `user:ID` and `role:NAME` as they are, a bare person id as `user:ID`.
fn candidate(text: &str) -> Result<String, Problem> {
    let checked = match (text.strip_prefix("user:"), text.strip_prefix("role:")) {
        (_, Some(role)) => RoleId::new(role).map(|role| format!("role:{role}")),
        (Some(person), None) => PersonId::new(person).map(|person| format!("user:{person}")),
        (None, None) => PersonId::new(text).map(|person| format!("user:{person}")),
    };
    checked.map_err(|_| Problem::NoCandidate(text.chars().take(limits::ID_CHARS).collect()))
}

/// An expression of a template that gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}`{expression}` ({name}): {failure}", step.as_ref().map(|step| format!("step `{step}`, ")).unwrap_or_default())]
pub struct Failed {
    /// The step it belongs to, if any.
    pub step: Option<StepId>,
    /// The name its result would have, such as `when:finance`.
    pub name: String,
    /// Its text.
    pub expression: String,
    /// Which value, and what about it.
    pub failure: Failure,
}

/// Every expression of a template, compiled once.
#[derive(Debug, Clone, PartialEq)]
pub struct Program(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
struct Part {
    name: String,
    step: Option<StepId>,
    text: String,
    expression: Expression,
}

impl Program {
    /// Compiles all; a template that passed the linter compiles.
    pub fn compile(template: &Template) -> Result<Self, Vec<Failed>> {
        let (declared, found) = (Declared::of(template), template.expressions());
        let compile = |part: &template::Expression<'_>| Expression::compile_here(part.text, part.gives, &declared);
        let compiled = parse::with_room(|| found.iter().map(compile).collect::<Vec<_>>());
        let compiled = compiled.unwrap_or_else(|| vec![Err(gave_up()); found.len()]);
        let (mut parts, mut failed) = (Vec::new(), Vec::new());
        for (found, compiled) in found.into_iter().zip(compiled) {
            let (name, step, text) = (found.name, found.step.cloned(), found.text.to_owned());
            match compiled {
                Ok(expression) => parts.push(Part { name, step, text, expression }),
                Err(error) => failed.push(Failed { step, name, expression: text, failure: Failure::broken(error) }),
            }
        }
        if failed.is_empty() { Ok(Self(parts)) } else { Err(failed) }
    }

    /// The results by name, or every failure. Of a step whose `when` is false nothing else is evaluated, and no result stands here:
    /// so `when: has(metadata.owner)` guards `expression: metadata.owner`.
    pub fn evaluate(&self, variables: &Variables<'_>) -> Result<BTreeMap<String, Evaluated>, Vec<Failed>> {
        let (mut results, mut failed) = (BTreeMap::new(), Vec::new());
        let mut unplanned: Option<&StepId> = None;
        for part in &self.0 {
            if unplanned.is_some() && unplanned == part.step.as_ref() {
                continue;
            }
            match part.expression.evaluate(variables) {
                Ok(result) => {
                    // A step's `when` comes before its other expressions.
                    if result == Evaluated::Condition(false) {
                        unplanned = part.step.as_ref();
                    }
                    results.insert(part.name.clone(), result);
                }
                Err(failure) => {
                    failed.push(Failed { step: part.step.clone(), name: part.name.clone(), expression: part.text.clone(), failure })
                }
            }
        }
        if failed.is_empty() { Ok(results) } else { Err(failed) }
    }
}

/// What expressions give when nobody knows any more who the requester was: see [`Program::evaluate_again`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Again {
    /// Results by name.
    pub results: BTreeMap<String, Evaluated>,
    /// Those that give none.
    pub failed: Vec<Failed>,
    /// Names of those that rest on the requester.
    pub not_checked: Vec<String>,
}

impl Program {
    /// Evaluates what rests on metadata and entity alone. `planned` says whether a step was taken into the plan: of others only the condition is
    /// evaluated.
    pub fn evaluate_again(&self, variables: &Variables<'_>, planned: impl Fn(&StepId) -> bool) -> Again {
        let mut again = Again::default();
        for part in &self.0 {
            let condition = part.expression.gives == Gives::Condition;
            if !condition && part.step.as_ref().is_some_and(|step| !planned(step)) {
                continue;
            }
            if part.expression.reads_requester() {
                again.not_checked.push(part.name.clone());
                continue;
            }
            match part.expression.evaluate(variables) {
                Ok(result) => drop(again.results.insert(part.name.clone(), result)),
                Err(failure) => {
                    let (step, name, expression) = (part.step.clone(), part.name.clone(), part.text.clone());
                    again.failed.push(Failed { step, name, expression, failure });
                }
            }
        }
        again
    }
}

/// Compiles and evaluates every expression of a template: [`Program::compile`], then [`Program::evaluate`].
pub fn evaluate_all(template: &Template, variables: &Variables<'_>) -> Result<BTreeMap<String, Evaluated>, Vec<Failed>> {
    Program::compile(template)?.evaluate(variables)
}
