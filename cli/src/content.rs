//! What a request says, as typed: metadata and attachments as JSON, in the argument itself, in a file (`@order.json`) or on standard
//! input (`@-`).

use std::io::Read;

use approvals::json::parse_strict;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// Content of a request.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Content {
    /// The data the template's conditions look at: a JSON object, or @FILE.
    #[arg(long, value_name = "JSON|@FILE")]
    metadata: String,
    /// A reference to a file: `{name, media_type, size, sha256, url}` as JSON, or @FILE with one or a list; may be repeated.
    #[arg(long = "attachment", value_name = "JSON|@FILE")]
    attachments: Vec<String>,
}

impl Content {
    /// The fields of a body.
    pub fn read(&self) -> Result<Map<String, Value>, Failure> {
        let metadata = value("--metadata", &self.metadata)?;
        if !metadata.is_object() {
            return Err(Failure::usage("--metadata is not a JSON object, such as '{\"amount\": 480}'"));
        }
        let mut fields = Map::from_iter([("metadata".to_owned(), metadata)]);
        let mut attachments = Vec::new();
        for given in &self.attachments {
            match value("--attachment", given)? {
                Value::Array(several) => attachments.extend(several),
                one => attachments.push(one),
            }
        }
        if !attachments.is_empty() {
            fields.insert("attachments".to_owned(), Value::Array(attachments));
        }
        Ok(fields)
    }
}

/// JSON from an argument, a file or standard input.
fn value(option: &str, given: &str) -> Result<Value, Failure> {
    let (text, place) = match given.strip_prefix('@') {
        None => (given.to_owned(), option.to_owned()),
        Some(path) => (file(path)?, format!("{option} {path}")),
    };
    // As the service reads it: a key that stands there twice is no longer there once it was read in any other way.
    parse_strict(text.as_bytes()).map_err(|error| Failure::usage(format!("{place} is not JSON: {error}")))
}

/// The text of a file, or of standard input for `-`.
pub fn file(path: &str) -> Result<String, Failure> {
    let read = if path == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| Failure::usage(format!("cannot read `{path}`: {error}")))
}

/// `TYPE/ID` as an entity.
pub fn entity(text: &str) -> Result<Value, String> {
    match text.split_once('/') {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(json!({"type": kind, "id": id})),
        _ => Err("expected TYPE/ID, such as order/PO-1042".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_from_arguments_and_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("refs.json");
        std::fs::write(&path, r#"[{"name":"b"},{"name":"c"}]"#).unwrap();
        let content = Content {
            metadata: r#"{"amount":1}"#.to_owned(),
            attachments: vec![r#"{"name":"a"}"#.to_owned(), format!("@{}", path.display())],
        };
        let read = Value::Object(content.read().unwrap());
        assert_eq!(read, json!({"metadata": {"amount": 1}, "attachments": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}));
    }

    #[test]
    fn what_is_no_json_object_is_refused_before_anything_is_sent() {
        for (metadata, words) in
            [("[1]", "not a JSON object"), ("{amount: 1}", "--metadata is not JSON"), ("@/no/such", "cannot read `/no/such`")]
        {
            let failure = Content { metadata: metadata.to_owned(), attachments: Vec::new() }.read().unwrap_err();
            assert_eq!(failure.exit(), 2);
            assert!(failure.to_string().contains(words), "{failure}");
        }
    }

    /// 50000 would be gone before it was sent.
    #[test]
    fn f13_a_key_that_stands_twice_is_refused_before_anything_is_sent() {
        for twice in [r#"{"amount": 50000, "amount": 5}"#, r#"{"a": {"b": 1, "\u0062": 2}}"#] {
            let failure = Content { metadata: twice.to_owned(), attachments: Vec::new() }.read().unwrap_err();
            assert!(failure.exit() == 2 && failure.to_string().contains("the key stands twice"), "{failure}");
        }
    }

    #[test]
    fn an_entity_is_a_type_and_an_id() {
        assert_eq!(entity("order/PO-1").unwrap(), json!({"type": "order", "id": "PO-1"}));
        assert!(["order", "/x", "order/"].iter().all(|text| entity(text).is_err()));
    }
}
