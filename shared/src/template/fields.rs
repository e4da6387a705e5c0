//! The declared fields of the metadata: are they consistent, and which names do they give to expressions?

use std::collections::BTreeSet;

use approvals_domain::template::FieldKind;

use super::finding::Findings;
use super::shape::below;
use super::source::Node;
use crate::expression::Declared;

/// The declared names, however broken their declarations; and what is wrong among these.
pub(super) fn declared(root: &Node, findings: &mut Findings) -> Declared {
    let Some(fields) = root.get("fields").filter(|fields| !fields.members().is_empty()) else { return Declared::anything() };
    order(root, fields, findings);
    for member in fields.members() {
        field(&member.node, &below("/fields", &member.key), findings);
    }
    Declared::fields(fields.members().iter().map(|member| (member.key.as_str(), kind(&member.node))))
}

/// Each name in `field_order` is a field's, and stands once.
fn order(root: &Node, fields: &Node, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (index, node) in root.get("field_order").map(Node::items).unwrap_or_default().iter().enumerate() {
        let Some(name) = node.text() else { continue };
        let pointer = format!("/field_order/{index}");
        if fields.get(name).is_none() {
            findings.error(node.at, &pointer, "field_spec", format!("there is no field `{name}`"), "the name of a field");
        } else if !seen.insert(name) {
            findings.error(node.at, &pointer, "field_spec", format!("`{name}` stands twice"), "each field once");
        }
    }
}

/// The fields' names in the order in which people see them: as `field_order` says, then as written. None: that is the order of the names.
pub(super) fn in_order(root: &Node) -> Vec<String> {
    let Some(fields) = root.get("fields") else { return Vec::new() };
    let named: Vec<&str> = root.get("field_order").map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
    let written = fields.members().iter().map(|member| member.key.as_str()).filter(|name| !named.contains(name));
    let all: Vec<String> = named.iter().copied().chain(written).map(str::to_owned).collect();
    if all.is_sorted() { Vec::new() } else { all }
}

fn kind(field: &Node) -> Option<FieldKind> {
    serde_json::from_value(field.get("type")?.to_json()).ok()
}

fn field(field: &Node, pointer: &str, findings: &mut Findings) {
    let kind = kind(field);
    for bound in ["min", "max"] {
        if let Some(node) = field.get(bound).filter(|_| kind.is_some_and(|kind| kind != FieldKind::Number)) {
            findings.error(
                node.at,
                &below(pointer, bound),
                "field_spec",
                format!("`{bound}` is for numbers"),
                "type: number, or leave it out",
            );
        }
    }
    let (min, max) = (field.get("min").and_then(Node::number), field.get("max").and_then(Node::number));
    if let (Some(min), Some(max), Some(node)) = (min, max, field.get("max"))
        && min > max
    {
        findings.error(
            node.at,
            &below(pointer, "max"),
            "field_spec",
            format!("`max` {max} is less than `min` {min}"),
            format!("at least {min}"),
        );
    }
    let Some(list) = field.get("enum") else { return };
    let pointer = below(pointer, "enum");
    if kind.is_some_and(|kind| kind != FieldKind::String) {
        findings.error(list.at, &pointer, "field_spec", "`enum` is for strings", "type: string, or leave it out");
    }
    let mut seen = BTreeSet::new();
    for (index, node) in list.items().iter().enumerate() {
        if node.text().is_some_and(|text| !seen.insert(text)) {
            findings.error(node.at, &format!("{pointer}/{index}"), "field_spec", "this text stands twice", "each text once");
        }
    }
}
