//! Fields of a form from a template's fields, and read back into metadata.

use approvals::web::problem::Problem;
use approvals::wire::plain::line;
use approvals_domain::template::{self, FieldKind, Template};
use page_views::form::{Field, Input};
use page_views::parts::Choice;
use serde_json::{Map, Number, Value as Json, json};

use crate::fields::Fields;
use crate::visit::Visit;
use crate::{people, values, words};

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
        Field { label: values::label(key, field), hint: hint(field, &input), input, required: field.required, value, name }
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

fn hint(field: &template::Field, input: &Input) -> String {
    match input {
        Input::Number => match (field.min, field.max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}, such as 1250.50"),
            (Some(min), None) => format!("a number, at least {min}, such as 1250.50"),
            (None, Some(max)) => format!("a number, at most {max}, such as 1250.50"),
            (None, None) => "a number, such as 1250.50".to_owned(),
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
        return Ok(match serde_json::from_str(text) {
            Ok(Json::Object(map)) => (Json::Object(map), Vec::new()),
            Ok(_) => (json!({}), vec![(METADATA.to_owned(), "An object is wanted, such as {\"amount\": 480}.".to_owned())]),
            Err(error) => (json!({}), vec![(METADATA.to_owned(), format!("This is not JSON: {error}."))]),
        });
    }
    let (mut map, mut wrongs) = (Map::new(), Vec::new());
    let sent = fields.under("field.");
    for (key, field) in template.fields_in_order() {
        let text = sent.get(key).copied().unwrap_or_default();
        let read = match (text.trim().is_empty(), field.kind) {
            (true, _) if field.required => Err("is needed".to_owned()),
            (true, _) => continue,
            (false, FieldKind::User) => people::named(visit, text).await?.map(|id| json!(id)),
            (false, kind) => value(kind, text),
        };
        match read {
            Ok(value) => drop(map.insert(key.to_owned(), value)),
            Err(said) => wrongs.push((format!("field.{key}"), format!("{}: {said}", values::label(key, field)))),
        }
    }
    Ok((Json::Object(map), wrongs))
}

fn value(kind: FieldKind, text: &str) -> Result<Json, String> {
    match kind {
        FieldKind::Number => {
            number(text.trim()).ok_or_else(|| "a number is wanted, such as 1250.50: digits, and a point before the cents".to_owned())
        }
        FieldKind::Boolean => match text.trim() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err("choose yes or no".to_owned()),
        },
        FieldKind::Date => {
            words::day(text.trim()).map(|_| json!(text.trim())).ok_or_else(|| "a day is wanted, such as 2026-01-31".to_owned())
        }
        FieldKind::List if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))
        }
        FieldKind::List => Ok(json!(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>())),
        FieldKind::Object => serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}")),
        FieldKind::String | FieldKind::User => Ok(json!(text.trim_end())),
    }
}

/// `-?\d+(\.\d+)?`: nothing that two people could read as two numbers.
pub(crate) fn number(text: &str) -> Option<Json> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(whole, fraction)| (whole, Some(fraction)));
    if !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    match fraction {
        None => text.parse::<i64>().ok().map(Json::from),
        Some(_) => text.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number),
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
        for bad in ["", "-", "1,250", "1.250,50", "1e3", "1.", ".5", "+1", "NaN", "0x10", "1 000", "९", "99999999999999999999"] {
            assert!(number(bad).is_none(), "{bad}");
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
