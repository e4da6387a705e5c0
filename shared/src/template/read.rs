//! Reads a template's text, YAML or JSON, into its tree.

use serde_json::Value as Json;

use super::Syntax;
use super::finding::{Findings, Place};
use super::source::{Node, What};
use super::yaml::Reader;
use crate::json::parse_strict;

/// Reads a text; `None` when findings say why there is no tree.
pub(super) fn read(text: &str, syntax: Syntax, findings: &mut Findings) -> Option<Node> {
    match syntax {
        Syntax::Yaml => Reader::new(text, findings).read(),
        Syntax::Json => match parse_strict(text.as_bytes()) {
            // JSON is nearly YAML, so YAML's reader knows the places. Where the two differ, JSON is right and places are lost.
            Ok(json) => match Reader::new(text, &mut Findings::default()).read() {
                Some(node) if same(&node, &json) => Some(node),
                _ => Some(Node::from_json(&json)),
            },
            Err(error) => {
                let at = Place { line: error.line.max(1), column: error.column.max(1) };
                findings.error(at, &error.pointer, error.code, error.detail, "JSON as RFC 8259 says, each key once");
                None
            }
        },
    }
}

fn same(node: &Node, json: &Json) -> bool {
    match (&node.what, json) {
        (What::Null, Json::Null) => true,
        (What::Bool(one), Json::Bool(other)) => one == other,
        (What::Number(one), Json::Number(other)) => Some(*one) == other.as_f64(),
        (What::Text(one), Json::String(other)) => one == other,
        (What::List(one), Json::Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b)),
        (What::Map(one), Json::Object(other)) => {
            one.len() == other.len() && one.iter().all(|member| other.get(&member.key).is_some_and(|inner| same(&member.node, inner)))
        }
        _ => false,
    }
}
