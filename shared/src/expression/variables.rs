//! What an expression may read.

use std::borrow::Cow;

use approvals_domain::ids::{Entity, PersonId, RoleId};
use serde_json::{Map, Value as Json, json};

use super::tree::Variable;

/// The variables of language 1.
#[derive(Debug, Clone)]
pub struct Variables<'a> {
    metadata: Cow<'a, Json>,
    entity: Json,
    requester: Json,
}

/// The requester as the directory knows them when the request is submitted.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'a> {
    /// Who.
    pub id: &'a PersonId,
    /// Their manager, if they have one; else `requester.manager` is missing.
    pub manager: Option<&'a PersonId>,
    /// Their roles.
    pub roles: &'a [RoleId],
    /// What else the directory says of them.
    pub attributes: Option<&'a Map<String, Json>>,
}

impl<'a> Variables<'a> {
    /// Puts them together. Numbers in metadata and attributes must be finite and within ±(2^53 − 1), as
    /// [`crate::json::parse_strict`] sees to.
    pub fn new(metadata: &'a Json, entity: &Entity, requester: Requester<'_>) -> Self {
        let roles: Vec<&str> = requester.roles.iter().map(RoleId::as_str).collect();
        let mut person = Map::new();
        person.insert("id".to_owned(), json!(requester.id));
        person.insert("roles".to_owned(), json!(roles));
        person.insert("attributes".to_owned(), Json::Object(requester.attributes.cloned().unwrap_or_default()));
        if let Some(manager) = requester.manager {
            person.insert("manager".to_owned(), json!(manager));
        }
        Self { metadata: present(metadata), entity: json!({ "type": entity.kind, "id": entity.id }), requester: Json::Object(person) }
    }

    pub(super) fn of(&self, variable: Variable) -> &Json {
        match variable {
            Variable::Metadata => &self.metadata,
            Variable::Entity => &self.entity,
            Variable::Requester => &self.requester,
        }
    }
}

/// Without members that are `null`: a field left empty is an absent one, for `has()` too.
fn present(json: &Json) -> Cow<'_, Json> {
    fn has_null(json: &Json) -> bool {
        json.as_object().is_some_and(|map| map.values().any(|value| value.is_null() || has_null(value)))
    }
    fn strip(json: &mut Json) {
        if let Json::Object(map) = json {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(strip);
        }
    }
    if !has_null(json) {
        return Cow::Borrowed(json);
    }
    let mut stripped = json.clone();
    strip(&mut stripped);
    Cow::Owned(stripped)
}

/// A value while an expression is evaluated. It borrows; only a list written in the expression is built, so an evaluation
/// allocates no more than the expression's own length.
#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Number(f64),
    Text(&'v str),
    List(Vec<Value<'v>>),
    Array(&'v [Json]),
    Object(&'v Map<String, Json>),
}

impl<'v> From<&'v Json> for Value<'v> {
    fn from(json: &'v Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            // Without `arbitrary_precision` every JSON number is a double, or a whole number near one.
            Json::Number(number) => number.as_f64().map_or(Self::Null, Self::Number),
            Json::String(text) => Self::Text(text),
            Json::Array(items) => Self::Array(items),
            Json::Object(map) => Self::Object(map),
        }
    }
}

impl Value<'_> {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) | Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
