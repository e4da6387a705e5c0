//! What is wrong with the content of a call, each fault with its place.

use serde::Serialize;

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON pointer into the body; empty: the whole.
    pub pointer: String,
    /// Stable, for machines.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
}

/// What part of a call is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A field of the body.
    Body,
    /// The body is larger than its limit.
    Size,
    /// The metadata does not fit the template's fields.
    Metadata,
    /// An expression of the template has no value for this metadata.
    Expression,
    /// The template named does not exist.
    UnknownTemplate,
    /// The template named takes no new requests.
    InactiveTemplate,
}

impl Part {
    /// Stable code, for machines.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Body => "invalid_body",
            Self::Size => "too_large",
            Self::Metadata => "invalid_metadata",
            Self::Expression => "expression_failed",
            Self::UnknownTemplate => "unknown_template",
            Self::InactiveTemplate => "template_inactive",
        }
    }
}

/// The faults of a call's content. The caller mends them and calls again.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Faults {
    /// What part is wrong.
    pub part: Part,
    /// What is wrong, in one sentence.
    pub detail: String,
    /// Each with its place.
    pub each: Vec<Fault>,
}

impl Faults {
    /// One fault, which says it all.
    pub fn one(part: Part, pointer: &str, code: &str, detail: String) -> Self {
        Self { part, each: vec![Fault::new(pointer, code, detail.clone())], detail }
    }
}

/// A fault of a field of the body.
pub fn invalid(pointer: &str, code: &str, detail: String) -> Faults {
    Faults::one(Part::Body, pointer, code, detail)
}
