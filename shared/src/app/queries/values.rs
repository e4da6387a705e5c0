//! What a request says, as people read it: every field in one form, in the template's order, wherever it is shown.
//!
//! INVARIANT (shown is signed): a page shows all that the payload's hash covers, and cuts nothing. A mail keeps to the fields marked `mail`. A page
//! behind a link hides sensitive fields, and says so.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use approvals_domain::amount::Amount;
use approvals_domain::ids::PersonId;
use approvals_domain::payload::Attachment;
use approvals_domain::template::{Field, FieldKind, Template};
use chrono_tz::Tz;
use serde_json::{Map, Value as Json};

use super::names::Names;
use crate::expression::fields_read;
use crate::wire::plain::line;
use crate::wire::words::{date_time, day, money, money_of, number, size, text, yes_no};

/// Characters of a value in a mail.
const MAIL_CHARS: usize = 200;
/// Characters of a value in a list of requests.
const LIST_CHARS: usize = 80;
/// How deep a nested value is taken apart. Deeper ones stay JSON.
const DEPTH: usize = 16;

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Words of a person, a number, a sum, a moment; line breaks stay.
    Text(String),
    /// Several, each on its line.
    List(Vec<String>),
    /// Named by an id.
    Person {
        /// How they are called.
        name: String,
        /// Their id.
        id: String,
    },
    /// A day: as it was written, and in words.
    Day(String, String),
    /// An attached file.
    File(File),
    /// Something with parts: lines, indented.
    Nested(Vec<String>),
    /// Nothing was given.
    Nothing,
    /// It is not shown here.
    Hidden,
}

/// An attached file. Nothing of it was checked here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// File name.
    pub name: String,
    /// `https` only; empty: no link is shown.
    pub href: String,
    /// Its host.
    pub host: String,
    /// For people, such as `182 kB`.
    pub size: String,
    /// Media type.
    pub kind: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// A labelled value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: Value,
    /// A field of the template says what it is; else whoever sent it does.
    pub declared: bool,
}

impl Value {
    /// On one line; lists and nested values with their parts apart.
    pub fn said(&self) -> String {
        match self {
            Self::Text(text) => line(text, usize::MAX),
            Self::List(items) => items.iter().map(|item| line(item, usize::MAX)).collect::<Vec<_>>().join("; "),
            Self::Person { name, .. } => name.clone(),
            Self::Day(_, words) => words.clone(),
            Self::File(file) => format!("{} ({})", file.name, file.size),
            Self::Nested(lines) => lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; "),
            Self::Nothing | Self::Hidden => String::new(),
        }
    }
}

/// What a request says.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// Its template.
    pub template: &'a Template,
    /// Its metadata.
    pub metadata: &'a Map<String, Json>,
    /// What it amounts to.
    pub amount: Option<&'a Amount>,
    /// Of those whom fields name.
    pub names: &'a Names,
    /// The reader's.
    pub zone: Tz,
}

/// The metadata as an object; empty if it is none.
pub fn object(metadata: &str) -> Map<String, Json> {
    match serde_json::from_str(metadata) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What a field is called.
pub fn label(name: &str, field: &Field) -> String {
    line(field.label.as_deref().unwrap_or(name), usize::MAX)
}

/// The people that fields name.
pub fn people(template: &Template, metadata: &Map<String, Json>) -> BTreeSet<PersonId> {
    let users = template.fields.iter().filter(|(_, field)| field.kind == FieldKind::User);
    users.filter_map(|(name, _)| PersonId::new(metadata.get(name)?.as_str()?).ok()).collect()
}

/// Whether a field is the amount itself.
pub fn is_amount(template: &Template, name: &str) -> bool {
    template.amount.as_ref().is_some_and(|spec| spec.value.trim() == format!("metadata.{name}"))
}

impl Content<'_> {
    /// Every field, declared or not. A declared one that is not there says so.
    pub fn facts(&self) -> Vec<Fact> {
        let shown = |label: String, name: &str| {
            let declared = self.template.fields.contains_key(name);
            Fact { label, value: self.value(name, self.metadata.get(name)), declared }
        };
        let declared = self.template.fields_in_order().map(|(name, field)| shown(label(name, field), name));
        let undeclared = self.metadata.iter().filter(|(name, _)| !self.template.fields.contains_key(*name));
        let undeclared = undeclared.map(|(name, _)| shown(line(name, usize::MAX), name));
        declared.chain(undeclared).collect()
    }

    /// The same where nobody has logged in: sensitive fields are hidden.
    pub fn facts_by_link(&self) -> Vec<Fact> {
        let hidden = self.template.fields_in_order().map(|(_, field)| field.sensitive).chain(std::iter::repeat(false));
        let shown = |(fact, hidden): (Fact, bool)| if hidden { Fact { value: Value::Hidden, ..fact } } else { fact };
        self.facts().into_iter().zip(hidden).map(shown).collect()
    }

    /// One field's value; of one of an earlier revision too.
    pub fn value(&self, name: &str, value: Option<&Json>) -> Value {
        let Some(value) = value else { return Value::Nothing };
        match (self.template.fields.get(name).map(|field| field.kind), value) {
            (_, Json::Null) => Value::Nothing,
            (Some(FieldKind::Number), Json::Number(given)) if is_amount(self.template, name) => {
                Value::Text(self.amount.map_or_else(|| number(given), |amount| money_of(given, &amount.currency)))
            }
            (Some(FieldKind::User), Json::String(id)) => match PersonId::new(id.as_str()) {
                Ok(person) => Value::Person { name: self.names.of(&person), id: id.clone() },
                Err(_) => Value::Text(text(id)),
            },
            (Some(FieldKind::Date) | None, Json::String(given)) if day(given).is_some() => {
                Value::Day(given.clone(), day(given).unwrap_or_default())
            }
            (_, Json::Array(items)) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
                Value::List(items.iter().map(|item| self.single(item)).collect())
            }
            (_, Json::Array(_) | Json::Object(_)) => {
                let mut lines = Vec::new();
                self.nested(value, 0, &mut lines);
                Value::Nested(lines)
            }
            (_, other) => Value::Text(match other {
                Json::String(given) => date_time(given, self.zone).unwrap_or_else(|| text(given)),
                other => self.single(other),
            }),
        }
    }

    /// A value without parts, inside another. A text that could pass for something else stands in quotes.
    fn single(&self, value: &Json) -> String {
        match value {
            Json::Null => "nothing".to_owned(),
            Json::Bool(yes) => yes_no(*yes),
            Json::Number(given) => number(given),
            Json::String(given) if given.trim() != given || given.is_empty() || given.contains(char::is_control) => {
                line(&value.to_string(), usize::MAX)
            }
            Json::String(given) => date_time(given, self.zone).unwrap_or_else(|| line(given, usize::MAX)),
            other => line(&other.to_string(), usize::MAX),
        }
    }

    fn nested(&self, value: &Json, depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        let mut part = |label: &str, part: &Json| match part {
            Json::Array(items) if items.is_empty() => lines.push(format!("{indent}{label} none")),
            Json::Object(members) if members.is_empty() => lines.push(format!("{indent}{label} none")),
            Json::Array(_) | Json::Object(_) if depth < DEPTH => {
                lines.push(format!("{indent}{label}"));
                self.nested(part, depth + 1, lines);
            }
            single => lines.push(format!("{indent}{label} {}", self.single(single))),
        };
        match value {
            Json::Array(items) => items.iter().for_each(|item| part("•", item)),
            Json::Object(members) => members.iter().for_each(|(key, member)| part(&format!("{}:", line(key, usize::MAX)), member)),
            _ => {}
        }
    }

    /// The amount, where its reader may know every field that it is made of.
    fn amount_if(&self, known: impl Fn(&Field) -> bool, undeclared: bool) -> Option<String> {
        let (spec, amount) = (self.template.amount.as_ref()?, self.amount?);
        let reads = [&spec.value, &spec.currency].map(|text| fields_read(text));
        let may = |name: &String| self.template.fields.get(name).map_or(undeclared, &known);
        let all = || self.template.fields.values().all(&known) && (undeclared || !self.template.fields.is_empty());
        let knows = reads.iter().all(|fields| fields.as_ref().map_or_else(all, |fields| fields.iter().all(may)));
        knows.then(|| money(amount))
    }

    /// The amount as a mail may say it: if every field that it reads is marked.
    pub fn amount_by_mail(&self) -> Option<String> {
        self.amount_if(|field| field.mail, false)
    }

    /// The amount as a page behind a link may say it: if no field that it reads is sensitive.
    pub fn amount_by_link(&self) -> Option<String> {
        self.amount_if(|field| !field.sensitive, true)
    }

    /// The fields marked `mail` that are given, those that the amount says left out; and whether one was cut.
    fn marked(&self, amount: bool, chars: usize) -> (Vec<(String, String)>, bool) {
        let said = |name: &str| {
            let path = format!("metadata.{name}");
            amount && self.template.amount.as_ref().is_some_and(|spec| spec.value.trim() == path || spec.currency.trim() == path)
        };
        let shown = self.template.fields_in_order().filter(|(name, field)| field.mail && !field.sensitive && !said(name));
        let values = shown.map(|(name, field)| (label(name, field), self.value(name, self.metadata.get(name)).said()));
        let given: Vec<(String, String)> = values.filter(|(_, value)| !value.is_empty()).collect();
        let cut = given.iter().any(|(_, value)| value.chars().count() > chars);
        (given.into_iter().map(|(label, value)| (label, line(&value, chars))).collect(), cut)
    }

    /// What stands in a list of requests.
    pub fn short(&self, most: usize) -> Vec<(String, String)> {
        let (mut fields, _) = self.marked(self.amount.is_some(), LIST_CHARS);
        fields.truncate(most);
        fields
    }

    /// The fields of a mail; and whether the page shows more of the metadata than these and the amount.
    pub fn by_mail(&self) -> (Vec<(String, String)>, bool) {
        let amount = self.amount_by_mail().is_some();
        let (fields, cut) = self.marked(amount, MAIL_CHARS);
        let marked = |name: &String| self.template.fields.get(name).is_some_and(|field| field.mail && !field.sensitive);
        let unsaid = self.metadata.iter().any(|(name, value)| !value.is_null() && !marked(name));
        (fields, cut || unsaid || (self.amount.is_some() && !amount))
    }
}

/// An attached file. Only `https` is linked: nothing of it was checked here.
pub fn file(attachment: &Attachment) -> File {
    let host = attachment.url.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    File {
        name: line(&attachment.name, usize::MAX),
        href: host.map(|_| attachment.url.clone()).unwrap_or_default(),
        host: line(host.unwrap_or_default(), usize::MAX),
        size: size(attachment.size),
        kind: line(&attachment.media_type, usize::MAX),
        sha256: line(&attachment.sha256, 64),
    }
}
