//! The evaluator of language 1.
//!
//! Why not cel's own: it says `no such key` without the path, compares a text with a number as merely unequal, forgives a
//! missing value on one side of `||`, and copies the metadata into its own values. Here a missing or mistyped value is a failure
//! that names its field. Whatever value this evaluator gives, cel's interpreter gives too: a property test holds them together.

use std::cmp::Ordering;

use super::error::{Failure, Path, Problem};
use super::tree::{Arithmetic, Compare, Node, Test};
use super::variables::{Value, Variables};

type Result<T> = std::result::Result<T, Failure>;

/// One evaluation: pure, without loops beyond the length of the values read.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'v> {
    pub(super) variables: &'v Variables<'v>,
}

impl<'v> Evaluation<'v> {
    pub(super) fn value(self, node: &'v Node) -> Result<Value<'v>> {
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(value) => Value::Number(*value),
            Node::Text(text) => Value::Text(text),
            Node::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect::<Result<_>>()?),
            Node::Variable(variable) => self.variables.of(*variable).into(),
            Node::Member(of, name) => self.member(node, of, name)?,
            Node::Lookup(of, key) => self.member(node, of, self.text(key)?)?,
            Node::Item(of, index) => self.item(node, of, *index)?,
            Node::If(condition, a, b) => self.value(if self.bool(condition)? { a } else { b })?,
            Node::Negate(_) | Node::Arithmetic(..) | Node::Size(_) => Value::Number(self.number(node)?),
            Node::Has(..)
            | Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Compare(..)
            | Node::Equal(..)
            | Node::In(..)
            | Node::Test(..) => Value::Bool(self.bool(node)?),
        })
    }

    pub(super) fn bool(self, node: &'v Node) -> Result<bool> {
        Ok(match node {
            Node::If(condition, a, b) => self.bool(if self.bool(condition)? { a } else { b })?,
            Node::Has(of, name) => match self.value(of)? {
                Value::Object(map) => map.contains_key(name),
                other => return Err(self.mistyped(of, "an object", &other)),
            },
            Node::Not(of) => !self.bool(of)?,
            Node::And(a, b) => self.bool(a)? && self.bool(b)?,
            Node::Or(a, b) => self.bool(a)? || self.bool(b)?,
            Node::Compare(how, a, b) => self.compare(*how, a, b)?,
            Node::Equal(a, b) => self.equal(a, &self.value(a)?, b, &self.value(b)?)?,
            Node::In(a, b) => self.contained(a, b)?,
            Node::Test(test, text, part) => {
                let (text, part) = (self.text(text)?, self.text(part)?);
                match test {
                    Test::StartsWith => text.starts_with(part),
                    Test::EndsWith => text.ends_with(part),
                    Test::Contains => text.contains(part),
                }
            }
            _ => match self.value(node)? {
                Value::Bool(value) => value,
                other => return Err(self.mistyped(node, "true or false", &other)),
            },
        })
    }

    pub(super) fn number(self, node: &'v Node) -> Result<f64> {
        let number = match node {
            Node::If(condition, a, b) => self.number(if self.bool(condition)? { a } else { b })?,
            Node::Negate(of) => -self.number(of)?,
            Node::Arithmetic(how, a, b) => {
                let (a, b) = (self.number(a)?, self.number(b)?);
                match how {
                    Arithmetic::Add => a + b,
                    Arithmetic::Subtract => a - b,
                    Arithmetic::Multiply => a * b,
                    Arithmetic::Divide => a / b,
                }
            }
            Node::Size(of) => count(match self.value(of)? {
                Value::Text(text) => text.chars().count(),
                Value::List(items) => items.len(),
                Value::Array(items) => items.len(),
                Value::Object(map) => map.len(),
                other => return Err(self.mistyped(of, "a text, a list or an object", &other)),
            }),
            _ => match self.value(node)? {
                Value::Number(number) => number,
                other => return Err(self.mistyped(node, "a number", &other)),
            },
        };
        if number.is_finite() { Ok(number) } else { Err(Failure { field: None, problem: Problem::NotFinite }) }
    }

    pub(super) fn text(self, node: &'v Node) -> Result<&'v str> {
        match node {
            Node::If(condition, a, b) => self.text(if self.bool(condition)? { a } else { b }),
            _ => match self.value(node)? {
                Value::Text(text) => Ok(text),
                other => Err(self.mistyped(node, "a text", &other)),
            },
        }
    }

    fn member(self, node: &'v Node, of: &'v Node, name: &str) -> Result<Value<'v>> {
        match self.value(of)? {
            Value::Object(map) => map.get(name).map(Value::from).ok_or_else(|| self.missing(node)),
            other => Err(self.mistyped(of, "an object", &other)),
        }
    }

    fn item(self, node: &'v Node, of: &'v Node, index: usize) -> Result<Value<'v>> {
        match self.value(of)? {
            Value::Array(items) => items.get(index).map(Value::from).ok_or_else(|| self.missing(node)),
            Value::List(mut items) if index < items.len() => Ok(items.swap_remove(index)),
            Value::List(_) => Err(self.missing(node)),
            other => Err(self.mistyped(of, "a list", &other)),
        }
    }

    fn compare(self, how: Compare, a: &'v Node, b: &'v Node) -> Result<bool> {
        let order = match (self.value(a)?, self.value(b)?) {
            (Value::Number(a), Value::Number(b)) => a.total_cmp(&b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (left @ (Value::Number(_) | Value::Text(_)), right) => return Err(self.mismatch(a, &left, b, &right)),
            (left, right @ Value::Text(_)) => return Err(self.mistyped(a, right.words(), &left)),
            (left, _) => return Err(self.mistyped(a, "a number", &left)),
        };
        Ok(match how {
            Compare::Less => order == Ordering::Less,
            Compare::LessOrEqual => order != Ordering::Greater,
            Compare::Greater => order == Ordering::Greater,
            Compare::GreaterOrEqual => order != Ordering::Less,
        })
    }

    /// Null equals null alone; otherwise both sides have one type.
    fn equal(self, a: &'v Node, left: &Value<'v>, b: &'v Node, right: &Value<'v>) -> Result<bool> {
        match (left, right) {
            (Value::Null, Value::Null) => Ok(true),
            (Value::Null, _) | (_, Value::Null) => Ok(false),
            (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
            (Value::Number(left), Value::Number(right)) => Ok(left == right),
            (Value::Text(left), Value::Text(right)) => Ok(left == right),
            (Value::List(_) | Value::Array(_) | Value::Object(_), _) => Err(self.mistyped(a, "a single value", left)),
            (_, Value::List(_) | Value::Array(_) | Value::Object(_)) => Err(self.mistyped(b, "a single value", right)),
            _ => Err(self.mismatch(a, left, b, right)),
        }
    }

    /// Of two sides with different types the field is to blame, not what the template says; of two fields the left one.
    fn mismatch(self, a: &'v Node, left: &Value<'v>, b: &'v Node, right: &Value<'v>) -> Failure {
        if self.path(a).is_some() { self.mistyped(a, right.words(), left) } else { self.mistyped(b, left.words(), right) }
    }

    fn contained(self, a: &'v Node, b: &'v Node) -> Result<bool> {
        let wanted = self.value(a)?;
        match (self.value(b)?, &wanted) {
            (Value::Object(map), Value::Text(name)) => Ok(map.contains_key(*name)),
            (Value::Object(_), other) => Err(self.mistyped(a, "a text", other)),
            (Value::List(items), _) => self.any(a, &wanted, b, items.into_iter()),
            (Value::Array(items), _) => self.any(a, &wanted, b, items.iter().map(Value::from)),
            (other, _) => Err(self.mistyped(b, "a list or an object", &other)),
        }
    }

    fn any(self, a: &'v Node, wanted: &Value<'v>, b: &'v Node, items: impl Iterator<Item = Value<'v>>) -> Result<bool> {
        for item in items {
            if self.equal(a, wanted, b, &item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn missing(self, node: &'v Node) -> Failure {
        Failure { field: self.path(node), problem: Problem::Missing }
    }

    pub(super) fn mistyped(self, node: &'v Node, wanted: &'static str, found: &Value<'_>) -> Failure {
        Failure { field: self.path(node), problem: Problem::Mistyped { wanted, found: found.words() } }
    }

    /// Where the value of a node stands among the variables, if it stands there.
    pub(super) fn path(self, node: &'v Node) -> Option<Path> {
        match node {
            Node::Variable(variable) => Some(Path::root(variable.name())),
            Node::Member(of, name) => Some(self.path(of)?.name(name)),
            Node::Item(of, index) => Some(self.path(of)?.index(*index)),
            Node::Lookup(of, key) => Some(self.path(of)?.name(self.text(key).ok()?)),
            Node::If(condition, a, b) => self.path(if self.bool(condition).ok()? { a } else { b }),
            _ => None,
        }
    }
}

/// A length as a double; exact, since no value here has 2^32 parts.
fn count(length: usize) -> f64 {
    f64::from(u32::try_from(length).unwrap_or(u32::MAX))
}
