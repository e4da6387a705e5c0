//! Values of fields as they are shown: typed, in the template's order, undeclared ones too.

use std::collections::BTreeSet;

use approvals::app::queries::brief::Names;
use approvals::wire::plain::line;
use approvals_domain::amount::Amount;
use approvals_domain::ids::PersonId;
use approvals_domain::payload::Attachment;
use approvals_domain::template::{Field, FieldKind, Template};
use page_views::parts::{Fact, File, Value};
use serde_json::{Map, Value as Json};

use crate::words;

/// Characters of a value in a short view.
const SHORT_CHARS: usize = 80;

/// The metadata as an object; empty if it is none.
pub(crate) fn object(metadata: &str) -> Map<String, Json> {
    match serde_json::from_str(metadata) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What a field is called.
pub(crate) fn label(name: &str, field: &Field) -> String {
    line(field.label.as_deref().unwrap_or(name), 100)
}

/// The people that fields name.
pub(crate) fn people(template: &Template, metadata: &Map<String, Json>) -> BTreeSet<PersonId> {
    let users = template.fields.iter().filter(|(_, field)| field.kind == FieldKind::User);
    users.filter_map(|(name, _)| PersonId::new(metadata.get(name)?.as_str()?).ok()).collect()
}

/// Every field, declared or not. A declared one that is not there says so.
pub(crate) fn facts(template: &Template, metadata: &Map<String, Json>, amount: Option<&Amount>, names: &Names) -> Vec<Fact> {
    let declared = template.fields_in_order().map(|(name, field)| {
        let money = amount.filter(|_| is_amount(template, name));
        let given = metadata.get(name).filter(|value| !value.is_null());
        let value = match (money, given) {
            (_, None) => Value::Nothing,
            (Some(amount), Some(_)) => Value::Text(words::money(amount)),
            (None, Some(value)) => typed(field.kind, value, names),
        };
        Fact { label: label(name, field), value }
    });
    let undeclared = metadata.iter().filter(|(name, _)| !template.fields.contains_key(*name));
    let undeclared = undeclared.map(|(name, value)| Fact { label: line(name, 100), value: untyped(value) });
    declared.chain(undeclared).collect()
}

/// Fields marked for short views, those that the amount says left out.
pub(crate) fn short(template: &Template, metadata: &str, amount: bool, most: usize) -> Vec<(String, String)> {
    let metadata = object(metadata);
    let said = |name: &str| {
        let path = format!("metadata.{name}");
        amount && template.amount.as_ref().is_some_and(|spec| spec.value.trim() == path || spec.currency.trim() == path)
    };
    let marked = template.fields_in_order().filter(|(name, field)| field.mail && !said(name));
    let shown = marked.filter_map(|(name, field)| Some((label(name, field), plain(metadata.get(name)?)?)));
    shown.take(most).collect()
}

pub(crate) fn is_amount(template: &Template, name: &str) -> bool {
    template.amount.as_ref().is_some_and(|spec| spec.value.trim() == format!("metadata.{name}"))
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::Array(items) if items.is_empty() => None,
        Json::String(text) => Some(line(text, SHORT_CHARS)),
        Json::Bool(yes) => Some(yes_no(*yes)),
        other => Some(line(&other.to_string(), SHORT_CHARS)),
    }
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn typed(kind: FieldKind, value: &Json, names: &Names) -> Value {
    match (kind, value) {
        (FieldKind::User, Json::String(id)) => {
            PersonId::new(id.as_str()).map_or_else(|_| untyped(value), |person| Value::Person(names.of(&person), id.clone()))
        }
        (FieldKind::Date, Json::String(text)) => words::day(text).map_or_else(|| untyped(value), Value::Moment),
        _ => untyped(value),
    }
}

fn untyped(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nothing,
        Json::Array(items) if items.is_empty() => Value::Nothing,
        Json::Bool(yes) => Value::Text(yes_no(*yes)),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::String(text) => Value::Text(words::text(text)),
        Json::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            Value::List(items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), words::text)).collect())
        }
        other => Value::Code(words::text(&serde_json::to_string_pretty(other).unwrap_or_default())),
    }
}

/// An attached file. Only `https` is linked: nothing of it was checked here.
pub(crate) fn file(attachment: &Attachment) -> Value {
    let host = attachment.url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    Value::File(File {
        name: line(&attachment.name, 200),
        href: host.map(|_| attachment.url.clone()).unwrap_or_default(),
        host: line(host.unwrap_or_default(), 200),
        size: words::size(attachment.size),
        kind: line(&attachment.media_type, 100),
        sha256: attachment.sha256.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template() -> Template {
        serde_json::from_value(json!({
            "key": "t", "title": "T", "steps": [{ "id": "a", "approvers": [{ "user": "bob" }] }],
            "amount": { "value": "metadata.sum", "currency": "metadata.currency" },
            "fields": {
                "sum": { "type": "number", "label": "Sum", "mail": true }, "currency": { "type": "string", "mail": true },
                "day": { "type": "date" }, "owner": { "type": "user", "mail": true }, "urgent": { "type": "boolean" }
            }
        }))
        .unwrap()
    }

    #[test]
    fn every_field_is_shown_with_its_type_and_undeclared_ones_too() {
        let metadata = object(r#"{"sum": 12.5, "currency": "EUR", "day": "2026-01-30", "owner": "ivan", "more": {"a": [1]}}"#);
        let amount = Amount { value: 12.5, currency: "EUR".to_owned() };
        let facts = facts(&template(), &metadata, Some(&amount), &Names::default());
        let shown: Vec<String> = facts.iter().map(|fact| format!("{}: {:?}", fact.label, fact.value)).collect();
        assert_eq!(shown.len(), 6, "{shown:#?}");
        assert!(shown.contains(&r#"Sum: Text("EUR 12.50")"#.to_owned()), "{shown:#?}");
        assert!(shown.contains(&r#"owner: Person("ivan", "ivan")"#.to_owned()), "{shown:#?}");
        assert!(shown.contains(&"urgent: Nothing".to_owned()), "{shown:#?}");
        assert!(shown.iter().any(|line| line.starts_with("day: Moment") && line.contains("Friday 30 January 2026")), "{shown:#?}");
        assert!(shown.iter().any(|line| line.starts_with("more: Code")), "{shown:#?}");
    }

    #[test]
    fn a_file_is_linked_by_https_only() {
        let attachment = |url: &str| Attachment {
            name: "a.pdf".into(),
            media_type: "application/pdf".into(),
            size: 182_400,
            sha256: "0".repeat(64),
            url: url.into(),
        };
        let Value::File(shown) = file(&attachment("https://files.example.com/a?b")) else { unreachable!() };
        assert_eq!((shown.host.as_str(), shown.size.as_str()), ("files.example.com", "182 kB"));
        let Value::File(shown) = file(&attachment("javascript:alert(1)")) else { unreachable!() };
        assert_eq!(shown.href, "");
    }
}
