//! A template's text as a tree whose every node knows its place.

use serde_json::{Map, Number, Value as Json};

use super::finding::Place;
use crate::json::SAFE_INTEGER;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Null,
    Bool(bool),
    /// Finite, within ±(2^53 − 1).
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) at: Place,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.node)
    }

    pub(super) fn members(&self) -> &[Member] {
        match &self.what {
            What::Map(members) => members,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.what {
            What::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> &'static str {
        match self.what {
            What::Null => "empty",
            What::Bool(_) => "true or false",
            What::Number(_) => "a number",
            What::Text(_) => "a text",
            What::List(_) => "a list",
            What::Map(_) => "an object",
        }
    }

    /// Whole numbers become integers, so `2.0` is taken wherever `2` is.
    pub(super) fn to_json(&self) -> Json {
        match &self.what {
            What::Null => Json::Null,
            What::Bool(value) => Json::Bool(*value),
            What::Number(number) => whole(*number).map_or_else(|| Number::from_f64(*number).map_or(Json::Null, Json::Number), Json::from),
            What::Text(text) => Json::String(text.clone()),
            What::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            What::Map(members) => members.iter().map(|member| (member.key.clone(), member.node.to_json())).collect::<Map<_, _>>().into(),
        }
    }

    pub(super) fn from_json(json: &Json) -> Self {
        let what = match json {
            Json::Null => What::Null,
            Json::Bool(value) => What::Bool(*value),
            Json::Number(number) => What::Number(number.as_f64().unwrap_or_default()),
            Json::String(text) => What::Text(text.clone()),
            Json::Array(items) => What::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => {
                let member = |(key, inner): (&String, &Json)| Member { at: Place::START, key: key.clone(), node: Self::from_json(inner) };
                What::Map(map.iter().map(member).collect())
            }
        };
        Self { at: Place::START, what }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the number is whole and within ±(2^53 − 1)")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && in_range(number)).then_some(number as i64)
}

pub(super) fn in_range(number: f64) -> bool {
    number.abs() <= SAFE_INTEGER as f64
}

/// The place of a byte of a text node, when the node stands in the source letter by letter, plain or in quotes.
pub(super) fn inside(source: &str, node: &Node, byte: usize) -> Place {
    let within = || {
        let text = node.text()?;
        let line = source.lines().nth(node.at.line.checked_sub(1)?)?;
        let start = line.char_indices().nth(node.at.column.checked_sub(1)?)?.0;
        let rest = line.get(start..)?;
        let before = text.get(..byte)?.chars().count();
        let quote = match rest.strip_prefix(['"', '\'']) {
            Some(quoted) if quoted.starts_with(text) => 1,
            _ if rest.starts_with(text) => 0,
            _ => return None,
        };
        Some(Place { line: node.at.line, column: node.at.column + quote + before })
    };
    within().unwrap_or(node.at)
}
