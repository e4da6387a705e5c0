//! What nobody without a login may see: fields marked `sensitive`, and those whose author may have forgotten to say.

use super::Step;
use crate::template::finding::Findings;
use crate::template::shape::below;
use crate::template::source::{Member, Node, What};

/// A sensitive field is never mailed and never shown behind a link, so that a link cannot decide what its page does not show.
pub(super) fn check(root: &Node, steps: &[Step<'_>], findings: &mut Findings) {
    let fields = root.get("fields").map(Node::members).unwrap_or_default();
    let sensitive: Vec<&Member> = fields.iter().filter(|field| is(&field.node, "sensitive")).collect();
    for field in &sensitive {
        if let Some(node) = field.node.get("mail").filter(|_| is(&field.node, "mail")) {
            let pointer = below(&below("/fields", &field.key), "mail");
            let message = format!("`{:.60}` is sensitive, and would be mailed", field.key);
            findings.error(node.at, &pointer, "sensitive_mailed", message, "mail: false, or without `sensitive`");
        }
    }
    let by_link: Vec<&Step<'_>> = steps.iter().filter(|step| step.node.get("assurance").and_then(Node::text) != Some("login")).collect();
    if let Some(first) = sensitive.first() {
        for step in by_link {
            let message = format!("a link would decide here, and its page does not show the sensitive field `{:.60}`", first.key);
            let at = step.node.get("assurance").unwrap_or(step.node).at;
            findings.error(at, &below(&step.pointer, "assurance"), "sensitive_by_link", message, "assurance: login");
        }
    } else if !by_link.is_empty() {
        unsaid(root, fields, findings);
    }
}

fn is(node: &Node, key: &str) -> bool {
    node.get(key).is_some_and(|node| node.what == What::Bool(true))
}

/// One note on all fields that are neither mailed nor say whether they are sensitive: whoever holds a link reads them.
fn unsaid(root: &Node, fields: &[Member], findings: &mut Findings) {
    let unsaid = fields.iter().filter(|field| !is(&field.node, "mail") && field.node.get("sensitive").is_none());
    let names: Vec<String> = unsaid.map(|field| format!("`{:.60}`", field.key)).collect();
    if let (false, Some(node)) = (names.is_empty(), root.get("fields")) {
        let more = if names.len() > 6 { format!(" and {} more", names.len() - 6) } else { String::new() };
        let shown = names.iter().take(6).map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("whoever holds a link to a step reads {shown}{more}");
        let hint = "sensitive: true, for what only a login may show; else say `sensitive: false`";
        findings.note(node.at, "/fields", "sensitive_unsaid", message, hint);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::template::{Severity, Syntax, lint};

    fn found(fields: Value, steps: Value) -> Vec<(Severity, String, String)> {
        let template = json!({ "key": "t", "title": "T", "fields": fields, "steps": steps });
        let report = lint(&template.to_string(), Syntax::Json, None);
        report.findings.into_iter().map(|finding| (finding.severity, finding.code, finding.pointer)).collect()
    }

    fn step(assurance: &str) -> Value {
        json!([{ "id": "one", "approvers": [{ "user": "a" }], "assurance": assurance }])
    }

    #[test]
    fn c5_a_sensitive_field_is_never_mailed() {
        let field = |mail: bool| json!({ "salary": { "type": "number", "sensitive": true, "mail": mail } });
        let error = |code: &str, pointer: &str| (Severity::Error, code.to_owned(), pointer.to_owned());
        assert_eq!(found(field(true), step("login")), [error("sensitive_mailed", "/fields/salary/mail")]);
        assert_eq!(found(field(false), step("login")), []);
    }

    #[test]
    fn c1_a_step_of_a_template_with_a_sensitive_field_needs_a_login() {
        let field = json!({ "salary": { "type": "number", "sensitive": true } });
        let plain = json!([[{ "id": "one", "approvers": [{ "user": "a" }] }, { "id": "two", "approvers": [{ "user": "b" }], "assurance": "link" }]]);
        let error = |pointer: &str| (Severity::Error, "sensitive_by_link".to_owned(), pointer.to_owned());
        assert_eq!(found(field.clone(), plain), [error("/steps/0/0/assurance"), error("/steps/0/1/assurance")]);
        assert_eq!(found(field, step("login")), []);
    }

    #[test]
    fn c1_one_note_names_the_fields_of_link_steps_that_do_not_say() {
        let fields = json!({
            "why": { "type": "string" }, "sum": { "type": "number", "mail": true }, "place": { "type": "string", "sensitive": false },
            "kept": { "type": "string", "mail": false },
        });
        assert_eq!(found(fields.clone(), step("link")), [(Severity::Note, "sensitive_unsaid".to_owned(), "/fields".to_owned())]);
        assert_eq!(found(fields, step("login")), [], "a login shows everything");
        let many: serde_json::Map<String, Value> = (0..40).map(|n| (format!("f{n}"), json!({ "type": "string" }))).collect();
        assert_eq!(found(many.into(), step("link")).len(), 1, "one, however many fields");
        assert_eq!(found(json!({ "sum": { "type": "number", "mail": true } }), step("link")), []);
    }
}
