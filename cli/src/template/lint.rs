//! `approvals template lint`: `FILE:LINE:COL: error: …`, as editors read it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::content_type;
use crate::Session;
use crate::client::Call;
use crate::content::file;
use crate::failure::Failure;
use crate::output::{Ink, Shown, Style, plain};

/// Something about a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Finding {
    /// `error` or `warning`.
    severity: String,
    /// From 1.
    line: u64,
    /// From 1.
    column: u64,
    /// Stable.
    code: String,
    /// What is wrong.
    message: String,
    /// What would be right.
    hint: Option<String>,
}

/// Checks each file; an error in any is a no.
pub(super) fn run(files: &[String], session: &Session) -> Result<Shown, Failure> {
    let mut lines = Vec::new();
    let mut body = Vec::new();
    let mut errors = 0_usize;
    for path in files {
        let findings = findings(&file(path)?, session)?;
        errors += findings.iter().filter(|finding| finding.severity == "error").count();
        lines.extend(findings.iter().map(|finding| draw(path, finding, session.style)));
        if findings.is_empty() {
            lines.push(format!("{}: fine", plain(path)));
        }
        body.push(json!({"file": path, "findings": findings}));
    }
    let found = Shown { text: lines.join("\n"), body: json!({"items": body}).to_string() };
    match errors {
        0 => Ok(found),
        1 => Err(Failure::Declined { reason: "1 mistake".to_owned(), found }),
        n => Err(Failure::Declined { reason: format!("{n} mistakes"), found }),
    }
}

/// What there is to say about one template.
fn findings(text: &str, session: &Session) -> Result<Vec<Finding>, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        findings: Vec<Finding>,
    }
    let call = Call::put("/v1/templates/lint", content_type(text), text.to_owned());
    session.client.ask::<Answer>(&call).map(|(answer, _)| answer.findings)
}

fn draw(path: &str, finding: &Finding, style: Style) -> String {
    let ink = if finding.severity == "error" { Ink::Bad } else { Ink::Live };
    let word = style.ink(ink, &plain(&finding.severity));
    let mut line = format!("{}:{}:{}: {word}: {}", plain(path), finding.line, finding.column, plain(&finding.message));
    if let Some(hint) = &finding.hint {
        line.push_str(&format!("\n  {} {}", style.ink(Ink::Faint, "hint:"), plain(hint)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_editors_expect() {
        let finding = Finding {
            severity: "error".to_owned(),
            line: 4,
            column: 7,
            message: "unknown field `titel`".to_owned(),
            hint: Some("did you mean `title`?".to_owned()),
            ..Finding::default()
        };
        assert_eq!(draw("a.yaml", &finding, Style::default()), "a.yaml:4:7: error: unknown field `titel`\n  hint: did you mean `title`?");
    }
}
