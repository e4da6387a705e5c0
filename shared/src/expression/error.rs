//! Why an expression is not taken, and why one gave no result.

use std::fmt;

use serde_json::Value as Json;

use crate::json::push_pointer;

/// What kind of fault an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// More bytes than allowed.
    TooLong,
    /// More operators and brackets than allowed.
    TooComplex,
    /// Not CEL.
    Syntax,
    /// CEL, but not part of language 1.
    Forbidden,
    /// A name that is no variable, or no declared field.
    Undeclared,
    /// Operands or the result have the wrong type.
    Type,
}

impl Code {
    /// The stable text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "expression_too_long",
            Self::TooComplex => "expression_too_complex",
            Self::Syntax => "expression_syntax",
            Self::Forbidden => "expression_forbidden",
            Self::Undeclared => "undeclared_name",
            Self::Type => "expression_type",
        }
    }
}

/// An expression that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {hint}")]
pub struct Error {
    /// What kind of fault.
    pub code: Code,
    /// Bytes into the expression's text, as near as is known.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl Error {
    pub(super) fn new(code: Code, at: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, at, message: message.into(), hint: hint.into() }
    }
}

/// Where a value stands among the variables, such as `metadata.items[0].price`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Index(usize),
}

impl Path {
    pub(super) fn root(variable: &str) -> Self {
        Self(vec![Segment::Name(variable.to_owned())])
    }

    pub(super) fn name(mut self, name: &str) -> Self {
        self.0.push(Segment::Name(name.to_owned()));
        self
    }

    pub(super) fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// RFC 6901, for example `/metadata/items/0/price`.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Name(name) => push_pointer(&mut pointer, name),
                Segment::Index(index) => push_pointer(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Name(name) if position == 0 => f.write_str(name)?,
                Segment::Name(name) if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => write!(f, ".{name}")?,
                Segment::Name(name) => write!(f, "[{}]", Json::from(name.as_str()))?,
            }
        }
        Ok(())
    }
}

/// An expression that gave no result for these variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The value that is to blame, if one value is.
    pub field: Option<Path>,
    /// What about it.
    pub problem: Problem,
}

/// What went wrong in an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// It is not there.
    Missing,
    /// It has another type.
    Mistyped {
        /// For example `a number`.
        wanted: &'static str,
        /// For example `a text`.
        found: &'static str,
    },
    /// A calculation left the finite numbers.
    NotFinite,
    /// A text that names no candidate, cut to 128 characters.
    NoCandidate(String),
    /// A list of more candidates than allowed.
    TooManyCandidates(usize),
    /// A text result of more bytes than allowed.
    TooLong(usize),
    /// The expression itself is not taken (any more).
    Broken(Error),
}

impl Problem {
    /// The stable text, for an entry of a problem body.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Mistyped { .. } => "mistyped",
            Self::NotFinite => "not_finite",
            Self::NoCandidate(_) => "no_candidate",
            Self::TooManyCandidates(_) => "too_many_candidates",
            Self::TooLong(_) => "too_long",
            Self::Broken(error) => error.code.as_str(),
        }
    }
}

impl Failure {
    pub(super) fn broken(error: Error) -> Self {
        Self { field: None, problem: Problem::Broken(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "`{field}` ")?,
            None => f.write_str("the result ")?,
        }
        match &self.problem {
            Problem::Missing => f.write_str("is missing"),
            Problem::Mistyped { wanted, found } => write!(f, "is {found}, not {wanted}"),
            Problem::NotFinite => f.write_str("is not a finite number"),
            Problem::NoCandidate(text) => {
                write!(f, "names no candidate: {} is not `user:ID`, `role:NAME` or a person id", Json::from(text.as_str()))
            }
            Problem::TooManyCandidates(count) => write!(f, "names {count} candidates, at most {} are taken", super::CANDIDATES),
            Problem::TooLong(bytes) => write!(f, "has {bytes} bytes, at most {} are taken", super::TEXT_BYTES),
            Problem::Broken(error) => write!(f, "cannot be computed: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
