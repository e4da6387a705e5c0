//! `approvals template lint`: `FILE:LINE:COL: error: …`, as editors read it. It calls nobody, unless it is asked to.

use approvals::template::{Finding, Report, Severity, Syntax, lint};
use serde_json::json;

use super::content_type;
use crate::Session;
use crate::client::Call;
use crate::content::file;
use crate::failure::Failure;
use crate::output::{Ink, Shown, Style, plain};

/// Checks each file; an error in any is a no. Which roles and people there are is not known here: the service says so on publishing.
pub fn run(files: &[String], style: Style) -> Result<Shown, Failure> {
    checked(files, style, |text| Ok(lint(text, syntax(text), None).findings))
}

/// The same by the service, which knows the tenant's roles, people and calendars.
pub(super) fn against(files: &[String], session: &Session) -> Result<Shown, Failure> {
    checked(files, session.style, |text| {
        let call = Call::question("/v1/templates/lint", content_type(text), text.to_owned());
        Ok(session.client.ask::<Report>(&call)?.0.findings)
    })
}

fn checked(files: &[String], style: Style, check: impl Fn(&str) -> Result<Vec<Finding>, Failure>) -> Result<Shown, Failure> {
    let mut checked = Vec::new();
    for path in files {
        let text = file(path)?;
        checked.push((path.as_str(), check(&text)?));
    }
    let found = show(&checked, style);
    match errors(checked.iter().flat_map(|(_, findings)| findings)) {
        0 => Ok(found),
        n => Err(Failure::Declined { reason: mistakes(n), found }),
    }
}

/// The no to publishing what is wrong.
pub(super) fn declined(path: &str, findings: &[Finding], style: Style) -> Failure {
    let reason = format!("{}; nothing was sent", mistakes(errors(findings)));
    Failure::Declined { reason, found: show(&[(path, findings.to_vec())], style) }
}

/// JSON begins with a brace; a template in YAML that does is written as JSON.
pub(super) fn syntax(text: &str) -> Syntax {
    if text.trim_start().starts_with('{') { Syntax::Json } else { Syntax::Yaml }
}

fn errors<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> usize {
    findings.into_iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn mistakes(n: usize) -> String {
    if n == 1 { "1 mistake".to_owned() } else { format!("{n} mistakes") }
}

fn show(checked: &[(&str, Vec<Finding>)], style: Style) -> Shown {
    let mut lines = Vec::new();
    for (path, findings) in checked {
        lines.extend(findings.iter().map(|finding| draw(path, finding, style)));
        if findings.is_empty() {
            lines.push(format!("{}: {}", plain(path), style.ink(Ink::Good, "fine")));
        }
    }
    let items: Vec<_> = checked.iter().map(|(path, findings)| json!({"file": path, "findings": findings})).collect();
    Shown { text: lines.join("\n"), body: json!({"items": items}).to_string() }
}

/// `FILE:LINE:COL: severity: message`, and a hint below.
pub(super) fn draw(path: &str, finding: &Finding, style: Style) -> String {
    let word = match finding.severity {
        Severity::Error => style.ink(Ink::Bad, "error"),
        Severity::Warning => style.ink(Ink::Live, "warning"),
        Severity::Note => style.ink(Ink::Faint, "note"),
    };
    let mut line = format!("{}:{}:{}: {word}: {}", plain(path), finding.line, finding.column, plain(&finding.message));
    if !finding.hint.is_empty() {
        line.push_str(&format!("\n  {} {}", style.ink(Ink::Faint, "hint:"), plain(&finding.hint)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        std::fs::write(&path, text).unwrap();
        let path = path.display().to_string();
        (dir, path)
    }

    #[test]
    fn mistakes_have_a_place_and_a_hint_and_end_with_1() {
        let (_dir, path) = written("key: a\ntitel: A\nsteps:\n  - id: m\n    approvers: [{ user: bob }]\n");
        let Err(failure @ Failure::Declined { .. }) = run(std::slice::from_ref(&path), Style::default()) else { panic!("must be refused") };
        assert_eq!(failure.exit(), 1);
        let Failure::Declined { found, .. } = failure else { unreachable!() };
        assert!(found.text.contains(&format!("{path}:2:1: error: `titel`")), "{}", found.text);
        assert!(found.text.contains("\n  hint: did you mean `title`?"), "{}", found.text);
        assert!(found.body.starts_with(r#"{"items":[{"file":"#));
    }

    #[test]
    fn a_template_without_mistakes_is_fine() {
        let (_dir, path) = written("key: a\ntitle: A\nlanguage: 1\nsteps:\n  - id: m\n    approvers: [{ user: bob }]\n");
        assert_eq!(run(std::slice::from_ref(&path), Style::default()).unwrap().text, format!("{path}: fine"));
        assert!(run(&["/no/such".to_owned()], Style::default()).is_err());
    }
}
