//! Templates as they are written: read with places, linted, hashed.

pub mod metadata;

mod fields;
mod finding;
mod read;
mod rules;
mod shape;
mod source;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use approvals_domain::ids::RoleId;
use approvals_domain::template::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

pub use finding::{Finding, Severity};

use finding::{Findings, Place};
use source::Node;

/// Bytes of a template's text.
pub const TEMPLATE_BYTES: usize = 64 * 1024;
/// Expressions of a template: 50 steps with a condition and three computed approvers each. Compiling one takes milliseconds.
pub const EXPRESSIONS: usize = 200;
/// Nesting of a template's text; the deepest template there is has 10 levels.
const DEPTH: usize = 16;
/// Characters of a field's label and of a text an `enum` allows.
const LABEL_CHARS: usize = 100;
/// Hours of an SLA: ten years. With 100 SLAs until the last level a time still has four digits in its year.
const HOURS_MAX: f64 = 87_600.0;

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.2 without anchors, aliases, tags and further documents.
    Yaml,
    /// RFC 8259, as [`crate::json::parse_strict`] takes it.
    Json,
}

/// A template that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// Its content.
    pub template: Template,
    /// RFC 8785 bytes of the content with every default written out: the same for every way to write it.
    pub canonical: Vec<u8>,
    /// SHA-256 of these, base64url without padding.
    pub hash: String,
    /// Warnings and notes.
    pub warnings: Vec<Finding>,
}

/// What the linter found, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Errors, warnings and notes.
    pub findings: Vec<Finding>,
}

impl Report {
    /// No error.
    pub fn ok(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Roles, people and calendars, either those a directory has or those a template names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// By id.
    pub roles: BTreeSet<String>,
    /// By id.
    pub people: BTreeSet<String>,
    /// By id.
    pub calendars: BTreeSet<String>,
}

/// Reads a template, or says everything that is wrong with it. Pure; bounded by [`TEMPLATE_BYTES`].
pub fn parse(text: &str, syntax: Syntax) -> Result<Parsed, Vec<Finding>> {
    let (findings, node) = examine(text, syntax, None);
    let warnings = match node {
        Some(node) if findings.clean() => return build(&node, findings),
        _ => findings.sorted(),
    };
    Err(warnings)
}

/// Says everything about a template. With a directory, roles and people it does not have are warnings; ask [`named`] whom to look up.
pub fn lint(text: &str, syntax: Syntax, directory: Option<&Known>) -> Report {
    let (findings, node) = examine(text, syntax, directory);
    let findings = match node {
        Some(node) if findings.clean() => match build(&node, findings) {
            Ok(parsed) => parsed.warnings,
            Err(findings) => findings,
        },
        _ => findings.sorted(),
    };
    Report { findings }
}

/// The roles, people and calendars a template names, as far as it can be read.
pub fn named(text: &str, syntax: Syntax) -> Known {
    let mut known = Known::default();
    if let (_, Some(root)) = read(text, syntax) {
        collect(&root, &mut known);
    }
    known
}

fn collect(node: &Node, known: &mut Known) {
    for member in node.members() {
        match (member.key.as_str(), member.node.text()) {
            ("role", Some(role)) => _ = known.roles.insert(role.to_owned()),
            ("user", Some(person)) => _ = known.people.insert(person.to_owned()),
            ("calendar", Some(calendar)) => _ = known.calendars.insert(calendar.to_owned()),
            ("effect", None) if member.node.get("by").is_none() => _ = known.roles.insert(RoleId::APPROVAL_EFFECT.to_owned()),
            _ => collect(&member.node, known),
        }
    }
    for item in node.items() {
        collect(item, known);
    }
}

fn read(text: &str, syntax: Syntax) -> (Findings, Option<Node>) {
    let mut findings = Findings::default();
    if text.len() > TEMPLATE_BYTES {
        let hint = format!("at most {TEMPLATE_BYTES} bytes");
        findings.error(Place::START, "", "too_large", format!("the template has {} bytes", text.len()), hint);
        return (findings, None);
    }
    let node = read::read(text, syntax, &mut findings);
    (findings, node)
}

fn examine(text: &str, syntax: Syntax, directory: Option<&Known>) -> (Findings, Option<Node>) {
    let (mut findings, node) = read(text, syntax);
    if let Some(root) = &node {
        shape::check(&shape::TEMPLATE, root, "", &mut findings);
        rules::check(text, root, directory, &mut findings);
    }
    (findings, node)
}

/// The structure was checked, so the types take it; if they do not, that is a finding and not a panic.
fn build(node: &Node, mut findings: Findings) -> Result<Parsed, Vec<Finding>> {
    let made = serde_json::from_value::<Template>(node.to_json()).and_then(|template| {
        // Canonical JSON sorts the fields: what was written first would be lost.
        let template = Template { field_order: fields::in_order(node), ..template };
        Ok((crate::json::canonical(&template)?, template))
    });
    match made {
        Ok((canonical, template)) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&canonical));
            Ok(Parsed { template, canonical, hash, warnings: findings.sorted() })
        }
        Err(error) => {
            findings.error(node.at, "", "structure", format!("this is no template: {error}"), "see template.schema.json");
            Err(findings.sorted())
        }
    }
}
