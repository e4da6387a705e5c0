//! Fields of a form from a template's fields, and read back into metadata.

use approvals::app::queries::values;
use approvals::json;
use approvals::web::problem::Problem;
use approvals::wire::plain::line;
use approvals_domain::template::{self, Approver, FieldKind, Template};
use page_views::form::{Field, Input};
use page_views::parts::Choice;
use serde_json::{Map, Value as Json, json};

use crate::visit::Visit;
use crate::{people, words};
use approvals::web::form::Fields;

/// The field of templates that declare none.
const METADATA: &str = "metadata";

/// What is wrong with a form: the id of a field, and why.
pub(crate) type Wrongs = Vec<(String, String)>;

/// The fields of a template, or one for all of it.
pub(crate) fn inputs(template: &Template, typed: &dyn Fn(&str) -> String, shaped: &dyn Fn(&str) -> bool) -> Vec<Field> {
    if template.fields.is_empty() {
        let hint = "JSON: an object, such as {\"amount\": 480}".to_owned();
        let (name, label) = (METADATA.to_owned(), "What belongs to it".to_owned());
        return vec![Field { value: typed(METADATA), name, label, hint, input: Input::Json, required: false }];
    }
    let each = template.fields_in_order().map(|(key, field)| {
        let name = format!("field.{key}");
        let value = typed(&name);
        let input = if shaped(key) { Input::Json } else { input(field, &value) };
        Field {
            label: values::label(key, field),
            hint: hint(field, &input, values::is_amount(template, key)),
            input,
            required: field.required,
            value,
            name,
        }
    });
    each.collect()
}

fn input(field: &template::Field, value: &str) -> Input {
    let none = |label: &str| Choice::new("", label, value);
    match (field.kind, &field.one_of) {
        (FieldKind::String, Some(allowed)) => {
            let first = none(if field.required { "choose one" } else { "not given" });
            Input::Choice(std::iter::once(first).chain(allowed.iter().map(|one| Choice::new(one, line(one, 200), value))).collect())
        }
        (FieldKind::Boolean, _) => {
            let first = none(if field.required { "choose" } else { "not given" });
            Input::YesNo(vec![first, Choice::new("true", "yes", value), Choice::new("false", "no", value)])
        }
        (FieldKind::Number, _) => Input::Number,
        (FieldKind::Date, _) => Input::Date,
        (FieldKind::User, _) => Input::Person,
        (FieldKind::List, _) => Input::List,
        (FieldKind::Object, _) => Input::Json,
        (FieldKind::String, None) => Input::Text,
    }
}

fn hint(field: &template::Field, input: &Input, amount: bool) -> String {
    let such = if amount { ", such as 1250.50" } else { "" };
    match input {
        Input::Number => match (field.min, field.max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}{such}"),
            (Some(min), None) => format!("a number, at least {min}{such}"),
            (None, Some(max)) => format!("a number, at most {max}{such}"),
            (None, None) => format!("a number{such}"),
        },
        Input::Person => "name or id".to_owned(),
        Input::List => "one a line".to_owned(),
        Input::Json => "JSON".to_owned(),
        Input::Text | Input::Choice(_) | Input::YesNo(_) | Input::Date => String::new(),
    }
}

/// A list of texts or numbers, or a single value: what a plain field can hold.
pub(crate) fn plain(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().all(Json::is_string),
        Json::Object(_) => false,
        _ => true,
    }
}

pub(crate) fn written(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) if plain(value) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("\n"),
        Json::Array(_) | Json::Object(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// What a form says, as metadata; and what is wrong with it. An empty field is an absent one.
pub(crate) async fn metadata(visit: &Visit, template: &Template, fields: &Fields) -> Result<(Json, Wrongs), Problem> {
    if template.fields.is_empty() {
        let text = fields.given(METADATA).unwrap_or("{}");
        return Ok(match parsed(text) {
            Ok(Json::Object(map)) => (Json::Object(map), Vec::new()),
            Ok(_) => {
                (json!({}), vec![(METADATA.to_owned(), "What belongs to it: an object is wanted, such as {\"amount\": 480}.".to_owned())])
            }
            Err(said) => (json!({}), vec![(METADATA.to_owned(), format!("What belongs to it: {said}."))]),
        });
    }
    let (mut map, mut wrongs) = (Map::new(), Vec::new());
    let sent = fields.under("field.");
    for (key, field) in template.fields_in_order() {
        let text = sent.get(key).copied().unwrap_or_default();
        let read = match (text.trim().is_empty(), field.kind) {
            (true, _) if field.required => Err("something is needed here".to_owned()),
            (true, _) => continue,
            (false, FieldKind::User) => people::named(visit, text).await?.map(|id| json!(id)),
            (false, FieldKind::List) if names_people(template, key) && !text.trim_start().starts_with('[') => {
                people_of(visit, text).await?
            }
            (false, kind) => value(kind, text),
        };
        match read {
            Ok(value) => drop(map.insert(key.to_owned(), value)),
            Err(said) => wrongs.push((format!("field.{key}"), format!("{}: {}.", values::label(key, field), said.trim_end_matches('.')))),
        }
    }
    Ok((Json::Object(map), wrongs))
}

fn value(kind: FieldKind, text: &str) -> Result<Json, String> {
    match kind {
        FieldKind::Number => number(text.trim()).map_err(str::to_owned),
        FieldKind::Boolean => match text.trim() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err("choose yes or no".to_owned()),
        },
        FieldKind::Date => {
            words::day(text.trim()).map(|_| json!(text.trim())).ok_or_else(|| "a day is wanted, such as 2026-01-31".to_owned())
        }
        FieldKind::List if text.trim_start().starts_with('[') => parsed(text),
        FieldKind::List => Ok(json!(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>())),
        FieldKind::Object => parsed(text),
        FieldKind::String | FieldKind::User => Ok(json!(text.trim_end())),
    }
}

/// JSON as the API takes it.
fn parsed(text: &str) -> Result<Json, String> {
    json::parse_strict(text.as_bytes()).map_err(|error| match error.code {
        "json_duplicate_key" => "one key stands twice in this JSON".to_owned(),
        "json_number" => "a number in this JSON is too large to be kept exactly".to_owned(),
        "json_too_deep" => "this JSON is nested too deep".to_owned(),
        _ => format!("this is not JSON: {error}"),
    })
}

/// Whether a list names people: a step asks exactly those who stand in it.
fn names_people(template: &Template, key: &str) -> bool {
    let is = |approver: &Approver| matches!(approver, Approver::Expression(of) if of.trim().strip_prefix("metadata.") == Some(key));
    template.all_steps().flat_map(|step| &step.approvers).any(|approver| match approver {
        Approver::AnyOf(members) => members.iter().any(is),
        one => is(one),
    })
}

/// People or roles, one a line: each a candidate as the API writes it, or the id or unique name of a person.
async fn people_of(visit: &Visit, text: &str) -> Result<Result<Json, String>, Problem> {
    let mut ids = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("user:") || line.starts_with("role:") {
            ids.push(line.to_owned());
            continue;
        }
        match people::named(visit, line).await? {
            Ok(id) => ids.push(id.to_string()),
            Err(said) => return Ok(Err(said)),
        }
    }
    Ok(Ok(json!(ids)))
}

/// `-?\d+(\.\d+)?`: nothing that two people could read as two numbers, and nothing that would be kept as another number.
pub(crate) fn number(text: &str) -> Result<Json, &'static str> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |unsigned| ("-", unsigned));
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    if !digits(whole) || !fraction.is_none_or(digits) {
        return Err("a number is wanted: digits, and a point before a fraction");
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.unwrap_or_default().trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let typed = match (fraction, whole) {
        ("", "0") => "0".to_owned(),
        ("", whole) => format!("{sign}{whole}"),
        (fraction, whole) => format!("{sign}{whole}.{fraction}"),
    };
    match json::parse_strict(typed.as_bytes()) {
        // The shortest text that is this number and no other: where it is not what was typed, digits would be lost.
        Ok(number) if number.as_f64().is_some_and(|number| number.to_string() == typed) => Ok(number),
        _ => Err("this number has too many digits to be kept exactly"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_one_way_only() {
        for (text, json) in [("480", "480"), ("-3", "-3"), ("12.50", "12.5"), ("007", "7"), ("0.125", "0.125")] {
            assert_eq!(number(text).unwrap().to_string(), json);
        }
        for (text, json) in [("9007199254740991", "9007199254740991"), ("-0", "0"), ("12.00", "12"), ("99999999999.99", "99999999999.99")] {
            assert_eq!(number(text).unwrap().to_string(), json);
        }
        for lost in ["9007199254740993", "9007199254740992", "1234567890123456.78", "0.12345678901234567890"] {
            assert!(number(lost).unwrap_err().contains("too many digits"), "{lost}");
        }
        for bad in ["", "-", "1,250", "1.250,50", "1e3", "1.", ".5", "+1", "NaN", "0x10", "1 000", "९", "99999999999999999999"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_stands_in_a_request_comes_back_as_it_was() {
        for value in [json!(12.5), json!("two\nlines"), json!(true), json!("2026-01-31"), json!(["a", "b"])] {
            let kind = match &value {
                Json::Number(_) => FieldKind::Number,
                Json::Bool(_) => FieldKind::Boolean,
                Json::Array(_) => FieldKind::List,
                _ => FieldKind::String,
            };
            assert_eq!(super::value(kind, &written(&value)), Ok(value));
        }
    }
}
