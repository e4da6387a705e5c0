//! What the linter says: where, what is wrong, what would be right.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The template is not taken.
    Error,
    /// The template is taken, but may not do what was meant.
    Warning,
}

/// One thing the linter found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// RFC 6901 pointer into the template.
    pub pointer: String,
    /// Stable.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{} {severity}: {}; {}", self.line, self.column, self.message, self.hint)
    }
}

/// A place in the text, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// Findings as they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn error(&mut self, at: Place, pointer: &str, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, at, pointer, code, message.into(), hint.into());
    }

    pub(super) fn warning(&mut self, at: Place, pointer: &str, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, at, pointer, code, message.into(), hint.into());
    }

    fn add(&mut self, severity: Severity, at: Place, pointer: &str, code: &str, message: String, hint: String) {
        let (pointer, code) = (pointer.to_owned(), code.to_owned());
        self.0.push(Finding { severity, line: at.line, column: at.column, pointer, code, message, hint });
    }

    pub(super) fn clean(&self) -> bool {
        self.0.iter().all(|finding| finding.severity == Severity::Warning)
    }

    /// In the order of the text.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| (finding.line, finding.column, finding.severity));
        self.0
    }
}
