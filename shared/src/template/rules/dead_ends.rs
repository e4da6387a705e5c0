//! What a template says that can never work, though each part of it is well-formed. Warnings: the template may still be what was meant.

use std::collections::BTreeSet;

use super::Step;
use crate::template::finding::Findings;
use crate::template::shape::below;
use crate::template::source::Node;

/// Looks at everything that can be known without a directory and a request.
pub(super) fn check(root: &Node, steps: &[Step<'_>], findings: &mut Findings) {
    for step in steps {
        skipped_and_distinct(step, findings);
        nobody_left(step, steps, findings);
        manager_of_nobody(step, steps, findings);
    }
    let fields = root.get("fields").map(Node::members).unwrap_or_default();
    // A truth, a number or a day names nobody.
    let names_somebody = |kind: Option<&str>| !matches!(kind, Some("boolean" | "number" | "date" | "object"));
    let names: BTreeSet<&str> =
        fields.iter().filter(|field| names_somebody(field.node.get("type").and_then(Node::text))).map(|field| field.key.as_str()).collect();
    walk(root, "", &mut |node, pointer| {
        field_as_name(node, pointer, &names, findings);
        if let Some(text) = node.text() {
            for (field, literal) in comparisons(text) {
                let one_of = fields.iter().find(|known| known.key == field).and_then(|known| known.node.get("enum"));
                let Some(allowed) = one_of.map(|list| list.items().iter().filter_map(Node::text).collect::<Vec<_>>()) else { continue };
                if !allowed.contains(&literal) {
                    let shown = allowed.iter().take(12).map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
                    let message = format!("`{field}` is never `{literal:.60}`");
                    findings.warning(node.at, pointer, "never_true", message, format!("one of {shown}"));
                }
            }
        }
    });
}

fn walk(node: &Node, pointer: &str, look: &mut impl FnMut(&Node, &str)) {
    look(node, pointer);
    for member in node.members() {
        walk(&member.node, &below(pointer, &member.key), look);
    }
    for (index, item) in node.items().iter().enumerate() {
        walk(item, &format!("{pointer}/{index}"), look);
    }
}

fn named<'n>(step: &Step<'n>, key: &str) -> Vec<&'n str> {
    step.node.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect()
}

/// Whoever approved there may not act here, so nobody who approved there could have done so here.
fn skipped_and_distinct(step: &Step<'_>, findings: &mut Findings) {
    let distinct = named(step, "distinct_from");
    for (index, node) in step.node.get("skip_if_approved_by").map(Node::items).unwrap_or_default().iter().enumerate() {
        let Some(id) = node.text().filter(|id| distinct.contains(id)) else { continue };
        let pointer = format!("{}/skip_if_approved_by/{index}", step.pointer);
        let message = format!("the step is never skipped: nobody who approved `{id:.60}` may act here");
        let hint = format!("distinct_from: {}, or leave it out here", without(&distinct, &[id]));
        findings.warning(node.at, &pointer, "never_skipped", message, hint);
    }
}

/// The persons an approver list names, if it names nothing else.
fn persons<'n>(step: &Step<'n>) -> Option<BTreeSet<&'n str>> {
    step.node.get("approvers").map(Node::items)?.iter().map(|approver| approver.get("user").and_then(Node::text)).collect()
}

/// A list of steps as it is written, without some.
fn without(steps: &[&str], some: &[&str]) -> String {
    let left: Vec<String> = steps.iter().filter(|id| !some.contains(*id)).map(|id| format!("{id:.60}")).collect();
    format!("[{}]", left.join(", "))
}

/// How many of so many must approve.
fn required(step: &Step<'_>, of: usize) -> usize {
    let Some(node) = step.node.get("required") else { return of.min(1) };
    match (node.number(), node.text()) {
        (Some(number), _) => (0..of).find(|&n| u32::try_from(n).is_ok_and(|n| f64::from(n) >= number)).unwrap_or(of),
        (_, Some("all")) => of,
        _ => of / 2 + 1,
    }
}

/// Everybody named here must have acted in a step that this one is distinct from.
fn nobody_left(step: &Step<'_>, steps: &[Step<'_>], findings: &mut Findings) {
    let Some(here) = persons(step).filter(|here| !here.is_empty()) else { return };
    let distinct = named(step, "distinct_from");
    let earlier = steps.iter().filter(|other| other.group < step.group && other.id.is_some_and(|id| distinct.contains(&id)));
    let surely = earlier.filter(|other| other.node.get("when").is_none() && other.node.get("skip_if_approved_by").is_none());
    let surely: Vec<&Step<'_>> = surely.collect();
    let used_up: Vec<&str> = surely.iter().filter_map(|other| other.id).collect();
    let acted: BTreeSet<&str> =
        surely.iter().filter_map(|other| persons(other).filter(|all| required(other, all.len()) >= all.len())).flatten().collect();
    let left = here.iter().filter(|id| !acted.contains(*id)).count();
    if left < required(step, here.len()) {
        let pointer = below(&step.pointer, "distinct_from");
        let message = format!("of {} who are named here {left} may act: the others act in an earlier step", here.len());
        let hint = format!("distinct_from: {}, or other approvers here", without(&distinct, &used_up));
        findings.warning(step.node.at, &pointer, "nobody_left", message, hint);
    }
}

/// `manager_of` a step that may end without an approver.
fn manager_of_nobody(step: &Step<'_>, steps: &[Step<'_>], findings: &mut Findings) {
    for (index, approver) in step.node.get("approvers").map(Node::items).unwrap_or_default().iter().enumerate() {
        let Some((node, of)) = approver.get("manager_of").and_then(|node| Some((node, node.text()?))) else { continue };
        let Some(other) = steps.iter().find(|other| other.id == Some(of)) else { continue };
        let times_out = other.node.get("on_timeout").and_then(Node::text) == Some("approve");
        let why = match () {
            () if other.node.get("when").is_some() => "may not be planned",
            () if !named(other, "skip_if_approved_by").is_empty() => "may be skipped",
            () if times_out => "may be approved by the clock",
            () => continue,
        };
        let pointer = format!("{}/approvers/{index}/manager_of", step.pointer);
        let hint = "manager_of: requester, if that is who is meant; as it is, the nearest approver before it counts, else the requester";
        findings.warning(node.at, &pointer, "may_have_no_approver", format!("step `{of:.60}` {why}"), hint);
    }
}

/// A person or role that has the name of a field: an expression was meant.
fn field_as_name(node: &Node, pointer: &str, fields: &BTreeSet<&str>, findings: &mut Findings) {
    for kind in ["user", "role"] {
        let Some((named, id)) = node.get(kind).and_then(|named| Some((named, named.text()?))) else { continue };
        let field = id.strip_prefix("metadata.").unwrap_or(id);
        if fields.contains(field) {
            let message = format!("`{field:.60}` is a field of this template; `{kind}` names one {kind} for all requests");
            findings.warning(named.at, &below(pointer, kind), "field_as_name", message, format!("expression: metadata.{field}"));
        }
    }
}

/// Comparisons of a field with a text: `metadata.FIELD == "TEXT"`, either way round.
fn comparisons(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("==") {
        let (Some(left), Some(right)) = (text.get(..at), text.get(at + 2..)) else { continue };
        let (left, right) = (left.trim_end(), right.trim_start());
        let both = (field_at_end(left), literal_at_start(right));
        let turned = (field_at_start(right), literal_at_end(left));
        for (field, literal) in [both, turned] {
            found.extend(field.zip(literal));
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn field_at_end(text: &str) -> Option<&str> {
    let name = text.rsplit(|c| !is_name(c)).next().filter(|name| !name.is_empty())?;
    text.strip_suffix(name)?.ends_with("metadata.").then_some(name)
}

fn field_at_start(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("metadata.")?;
    rest.split(|c| !is_name(c)).next().filter(|name| !name.is_empty())
}

fn literal_at_start(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    text.strip_prefix(quote)?.split(quote).next()
}

fn literal_at_end(text: &str) -> Option<&str> {
    let quote = text.chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
    text.strip_suffix(quote)?.rsplit(quote).next()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::template::{Report, Syntax, lint};

    fn report(steps: Value) -> Report {
        let template = json!({
            "key": "t", "title": "T", "steps": steps,
            "fields": { "kind": { "type": "string", "enum": ["small", "large"], "mail": true }, "owner": { "type": "user", "mail": true } },
        });
        let report = lint(&template.to_string(), Syntax::Json, None);
        assert!(report.ok(), "warnings only: {:?}", report.findings);
        report
    }

    fn codes(steps: Value) -> Vec<(String, String)> {
        report(steps).findings.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    fn warns(code: &str, pointer: &str, steps: Value) {
        assert_eq!(codes(steps), [(code.to_owned(), pointer.to_owned())]);
    }

    /// docs/linter.md says of each of these findings what mends it; here each is mended by the literal that its hint begins with.
    #[test]
    fn each_hint_begins_with_the_literal_that_mends_it() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/linter.md")).unwrap();
        let one = json!({ "id": "one", "approvers": [{ "user": "a" }] });
        let named = |more: Value| {
            let mut step = json!({ "id": "two", "approvers": [{ "user": "a" }] });
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([one, step])
        };
        let late = json!([{ "id": "one", "approvers": [{ "user": "a" }], "on_timeout": "approve" }, { "id": "two", "approvers": [{ "manager_of": "one" }] }]);
        for (code, wrong, literal, right) in [
            ("nobody_left", named(json!({ "distinct_from": ["one"] })), "distinct_from: []", named(json!({ "distinct_from": [] }))),
            (
                "never_skipped",
                named(json!({ "approvers": [{ "role": "p" }], "distinct_from": ["one"], "skip_if_approved_by": ["one"] })),
                "distinct_from: []",
                named(json!({ "approvers": [{ "role": "p" }], "distinct_from": [], "skip_if_approved_by": ["one"] })),
            ),
            ("may_have_no_approver", late, "manager_of: requester", named(json!({ "approvers": [{ "manager_of": "requester" }] }))),
            (
                "field_as_name",
                named(json!({ "approvers": [{ "user": "owner" }] })),
                "expression: metadata.owner",
                named(json!({ "approvers": [{ "expression": "metadata.owner" }] })),
            ),
            (
                "never_true",
                named(json!({ "when": "metadata.kind == 'big'" })),
                "one of `small`, `large`",
                named(json!({ "when": "metadata.kind == 'large'" })),
            ),
        ] {
            let found = report(wrong).findings;
            assert_eq!(found.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), [code]);
            assert!(found.iter().all(|finding| finding.hint.starts_with(literal)), "{found:?}");
            assert_eq!(codes(right), [], "{code}: {literal}");
            let row = page.lines().find(|line| line.starts_with(&format!("| `{code}` |"))).unwrap_or_else(|| panic!("no row of {code}"));
            assert!(row.contains(literal), "{row}");
        }
    }

    #[test]
    fn s4_a_dead_end_is_known_at_publish() {
        let first = json!({ "id": "one", "approvers": [{ "user": "a" }] });
        let second = |more: Value| {
            let mut step = json!({ "id": "two", "approvers": [{ "user": "a" }], "distinct_from": ["one"] });
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([first.clone(), step])
        };
        warns("nobody_left", "/steps/1/distinct_from", second(json!({ "fallback": "none" })));
        assert_eq!(codes(second(json!({ "approvers": [{ "user": "a" }, { "user": "b" }] }))), []);
        assert_eq!(codes(second(json!({ "approvers": [{ "role": "p" }] }))), []);
        warns(
            "never_skipped",
            "/steps/1/skip_if_approved_by/0",
            second(json!({ "approvers": [{ "role": "p" }], "skip_if_approved_by": ["one"] })),
        );
    }

    #[test]
    fn s3_the_manager_of_a_step_that_may_have_no_approver_is_warned_of() {
        for more in [json!({ "when": "metadata.kind == 'large'" }), json!({ "on_timeout": "approve" })] {
            let mut one = json!({ "id": "one", "approvers": [{ "user": "a" }] });
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let two = json!({ "id": "two", "approvers": [{ "manager_of": "one" }] });
            warns("may_have_no_approver", "/steps/1/approvers/0/manager_of", json!([one, two]));
        }
    }

    #[test]
    fn a_comparison_that_no_value_satisfies_is_warned_of() {
        for when in ["metadata.kind == 'big'", "\"big\" == metadata.kind", "true && metadata.kind==\"big\""] {
            warns("never_true", "/steps/0/when", json!([{ "id": "one", "when": when, "approvers": [{ "user": "a" }] }]));
        }
        for when in ["metadata.kind == 'small'", "'large' == metadata.kind", "metadata.kind != 'big'"] {
            assert_eq!(codes(json!([{ "id": "one", "when": when, "approvers": [{ "user": "a" }] }])), [], "{when}");
        }
    }

    #[test]
    fn a_field_named_as_a_person_or_a_role_is_warned_of() {
        for (kind, name) in [("user", "owner"), ("role", "owner"), ("user", "metadata.owner")] {
            let pointer = format!("/steps/0/approvers/0/{kind}");
            warns("field_as_name", &pointer, json!([{ "id": "one", "approvers": [{ kind: name }] }]));
        }
    }
}
