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
    /// The template is taken and does what it says. The author may want to say more.
    Note,
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
            Severity::Note => "note",
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

/// Findings of one template that are told; the rest are counted. Nobody mends more at once, and a text of 64 kB can hold thousands.
const TOLD: usize = 100;

/// Findings as they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings {
    told: Vec<Finding>,
    /// Found, and not told; and the worst of these.
    more: usize,
    untold: Option<Severity>,
    errors: bool,
}

impl Findings {
    pub(super) fn error(&mut self, at: Place, pointer: &str, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, at, pointer, code, message.into(), hint.into());
    }

    pub(super) fn warning(&mut self, at: Place, pointer: &str, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, at, pointer, code, message.into(), hint.into());
    }

    pub(super) fn note(&mut self, at: Place, pointer: &str, code: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Note, at, pointer, code, message.into(), hint.into());
    }

    fn add(&mut self, severity: Severity, at: Place, pointer: &str, code: &str, message: String, hint: String) {
        self.errors |= severity == Severity::Error;
        if self.told.len() >= TOLD {
            self.more += 1;
            // Warnings never crowd out an error.
            let last = self.told.iter().rposition(|told| severity == Severity::Error && told.severity != Severity::Error);
            let untold = if last.is_some() { Severity::Warning } else { severity };
            self.untold = Some(self.untold.map_or(untold, |worst| worst.min(untold)));
            let Some(last) = last else { return };
            self.told.remove(last);
        }
        let (pointer, code) = (pointer.to_owned(), code.to_owned());
        self.told.push(Finding { severity, line: at.line, column: at.column, pointer, code, message, hint });
    }

    pub(super) fn clean(&self) -> bool {
        !self.errors
    }

    /// In the order of the text; at the end how many are not told, as bad as the worst of these.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.told.sort_by_key(|finding| (finding.line, finding.column, finding.severity));
        if let Some(severity) = self.untold {
            self.told.push(Finding {
                severity,
                line: 1,
                column: 1,
                pointer: String::new(),
                code: "more_findings".to_owned(),
                message: format!("{} more findings are not shown", self.more),
                hint: "mend these first".to_owned(),
            });
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(lines: usize) -> Findings {
        let mut findings = Findings::default();
        for line in (1..=lines).rev() {
            findings.warning(Place { line, column: 1 }, "", "x", "m", "h");
        }
        findings
    }

    #[test]
    fn a_hundred_findings_are_told_and_the_rest_counted() {
        let findings = warned(TOLD);
        assert_eq!(findings.sorted().len(), TOLD, "nothing is left out");
        let mut findings = warned(2 * TOLD);
        assert!(findings.clean());
        findings.error(Place::START, "", "y", "m", "h");
        assert!(!findings.clean());
        let told = findings.sorted();
        assert_eq!(told.len(), TOLD + 1);
        assert!(told.iter().any(|finding| finding.code == "y"), "warnings crowd out no error");
        let last = told.last().unwrap();
        assert_eq!((last.message.as_str(), last.severity), ("101 more findings are not shown", Severity::Warning));
    }

    #[test]
    fn the_count_is_as_bad_as_the_worst_that_is_not_told() {
        let mut findings = Findings::default();
        for line in 1..=TOLD + 1 {
            findings.error(Place { line, column: 1 }, "", "y", "m", "h");
        }
        findings.warning(Place::START, "", "x", "m", "h");
        let told = findings.sorted();
        let last = told.last().unwrap();
        assert_eq!((last.message.as_str(), last.severity), ("2 more findings are not shown", Severity::Error));
    }
}
