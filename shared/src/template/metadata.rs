//! A request's metadata against the fields its template declares.

use approvals_domain::ids::PersonId;
use approvals_domain::template::{Field, FieldKind, Template};
use chrono::NaiveDate;
use serde_json::Value as Json;

use super::shape::below;
use crate::spelling::nearest;

/// One thing wrong with metadata: an entry of a problem's `errors`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Wrong {
    /// RFC 6901, relative to the request body: `/metadata/amount`.
    pub pointer: String,
    /// Stable: `not_an_object`, `required`, `unknown_field`, `wrong_type`, `below_min`, `above_max`, `not_in_enum`, `bad_date`, `bad_user`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// Everything wrong with the metadata; empty if it is as the template declares. Without declared fields any object goes.
/// A `null` of an optional field is an absent one. The caller bounds the size.
pub fn check(template: &Template, metadata: &Json) -> Vec<Wrong> {
    let root = "/metadata";
    let Json::Object(map) = metadata else { return vec![wrong(root, "not_an_object", "metadata is an object")] };
    let mut found = Vec::new();
    if template.fields.is_empty() {
        return found;
    }
    for (name, field) in &template.fields {
        match map.get(name) {
            Some(Json::Null) if !field.required => {}
            Some(value) => found.extend(value_of(field, value, &below(root, name))),
            None if field.required => found.push(wrong(&below(root, name), "required", format!("`{name}` is missing"))),
            None => {}
        }
    }
    for name in map.keys().filter(|name| !template.fields.contains_key(*name)) {
        let near = nearest(name, template.fields.keys().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        found.push(wrong(&below(root, name), "unknown_field", format!("`{name:.100}` is not a field of this template{hint}")));
    }
    found
}

fn wrong(pointer: &str, code: &'static str, detail: impl Into<String>) -> Wrong {
    Wrong { pointer: pointer.to_owned(), code, detail: detail.into() }
}

fn value_of(field: &Field, value: &Json, pointer: &str) -> Option<Wrong> {
    match (field.kind, value) {
        (FieldKind::Number, Json::Number(number)) => number.as_f64().and_then(|number| bounded(field, number, pointer)),
        (FieldKind::String, Json::String(text)) => match &field.one_of {
            Some(allowed) if !allowed.contains(text) => Some(wrong(pointer, "not_in_enum", format!("one of {}", shown(allowed)))),
            _ => None,
        },
        (FieldKind::Date, Json::String(text)) => (!date(text)).then(|| wrong(pointer, "bad_date", "a day such as 2026-01-31")),
        (FieldKind::User, Json::String(text)) => {
            PersonId::new(text.as_str()).err().map(|error| wrong(pointer, "bad_user", error.to_string()))
        }
        (FieldKind::Boolean, Json::Bool(_)) | (FieldKind::List, Json::Array(_)) | (FieldKind::Object, Json::Object(_)) => None,
        (kind, _) => Some(wrong(pointer, "wrong_type", format!("{} is wanted", words(kind)))),
    }
}

fn bounded(field: &Field, number: f64, pointer: &str) -> Option<Wrong> {
    match (field.min, field.max) {
        (Some(min), _) if number < min => Some(wrong(pointer, "below_min", format!("at least {min}"))),
        (_, Some(max)) if number > max => Some(wrong(pointer, "above_max", format!("at most {max}"))),
        _ => None,
    }
}

/// `YYYY-MM-DD`, a day that exists.
fn date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|day| day.format("%Y-%m-%d").to_string() == text)
}

fn shown(allowed: &[String]) -> String {
    allowed.iter().take(12).map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

fn words(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Number => "a number",
        FieldKind::String => "a text",
        FieldKind::Boolean => "true or false",
        FieldKind::Date => "a date as text",
        FieldKind::User => "a person id",
        FieldKind::List => "a list",
        FieldKind::Object => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(metadata: Json) -> Vec<(String, &'static str)> {
        let template: Template = serde_json::from_value(json!({
            "key": "t", "title": "T", "steps": [],
            "fields": {
                "amount": {"type": "number", "required": true, "min": 0, "max": 100},
                "currency": {"type": "string", "enum": ["EUR", "USD"]},
                "a/b": {"type": "string"}, "capex": {"type": "boolean"}, "day": {"type": "date"}, "owner": {"type": "user"},
                "tags": {"type": "list"}, "more": {"type": "object"},
            },
        }))
        .unwrap();
        check(&template, &metadata).into_iter().map(|wrong| (wrong.pointer, wrong.code)).collect()
    }

    #[test]
    fn metadata_as_declared_is_taken() {
        for fine in [
            json!({"amount": 0}),
            json!({"amount": 1, "capex": null, "currency": null, "day": null, "owner": null, "tags": null, "more": null}),
            json!({"amount": 100.0, "currency": "EUR", "a/b": "", "capex": false, "day": "2028-02-29", "owner": "u_1", "tags": [], "more": {}}),
        ] {
            assert_eq!(codes(fine), []);
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_place() {
        for (metadata, pointer, code) in [
            (json!([]), "/metadata", "not_an_object"),
            (json!(null), "/metadata", "not_an_object"),
            (json!({}), "/metadata/amount", "required"),
            (json!({"amount": null}), "/metadata/amount", "wrong_type"),
            (json!({"amount": "5"}), "/metadata/amount", "wrong_type"),
            (json!({"amount": -0.01}), "/metadata/amount", "below_min"),
            (json!({"amount": 100.01}), "/metadata/amount", "above_max"),
            (json!({"amount": 1, "currency": "eur"}), "/metadata/currency", "not_in_enum"),
            (json!({"amount": 1, "a/b": 1}), "/metadata/a~1b", "wrong_type"),
            (json!({"amount": 1, "capex": "true"}), "/metadata/capex", "wrong_type"),
            (json!({"amount": 1, "day": "2026-02-29"}), "/metadata/day", "bad_date"),
            (json!({"amount": 1, "day": "2026-1-05"}), "/metadata/day", "bad_date"),
            (json!({"amount": 1, "day": "+2026-1-5"}), "/metadata/day", "bad_date"),
            (json!({"amount": 1, "owner": "a b"}), "/metadata/owner", "bad_user"),
            (json!({"amount": 1, "owner": "role:finance"}), "/metadata/owner", "bad_user"),
            (json!({"amount": 1, "owner": "user:amy"}), "/metadata/owner", "bad_user"),
            (json!({"amount": 1, "tags": {}}), "/metadata/tags", "wrong_type"),
            (json!({"amount": 1, "more": []}), "/metadata/more", "wrong_type"),
            (json!({"amount": 1, "ammount": 2}), "/metadata/ammount", "unknown_field"),
        ] {
            assert_eq!(codes(metadata.clone()), [(pointer.to_owned(), code)], "{metadata}");
        }
        assert_eq!(codes(json!({"x": 1, "capex": 1})).len(), 3);
    }
}
