//! What a resubmission changed: the title, fields declared or not, and files.

use approvals_domain::payload::Attachment;
use approvals_domain::template::Template;
use serde_json::{Map, Value, json};

use super::{Content, Conversation, Entry, Kind};
use crate::wire::plain::line;

/// What files are called in JSON pointers.
pub const FILES: &str = "/attachments";

/// A value that is another one now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The field of the metadata; none: the title, or a file.
    pub field: Option<String>,
    /// Which value: a JSON pointer into what was sent.
    pub pointer: String,
    /// What it is called.
    pub label: String,
    /// Before; none: there was none.
    pub old: Option<Value>,
    /// Now; none: there is none.
    pub new: Option<Value>,
}

impl Conversation {
    /// What an entry changed; none: it changes nothing, or what it was is gone or was erased.
    pub fn changes(&self, entry: &Entry<'_>, template: &Template) -> Option<Vec<Change>> {
        if entry.kind != Kind::Resubmitted {
            return None;
        }
        let before = self.revisions.get(&entry.revision.checked_sub(1)?)?;
        Some(between(before, self.revisions.get(&entry.revision)?, template))
    }
}

/// What differs, the title first, then fields in the template's order, undeclared ones, and files.
fn between(before: &Content, after: &Content, template: &Template) -> Vec<Change> {
    let (old, new) = (&before.metadata, &after.metadata);
    let declared: Vec<&str> = template.fields_in_order().map(|(name, _)| name).collect();
    let mut undeclared: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).filter(|name| !declared.contains(name)).collect();
    undeclared.sort_unstable();
    undeclared.dedup();
    let title = change(None, "/title".to_owned(), "Title", Some(json!(before.title)), Some(json!(after.title)));
    let fields = declared.iter().chain(&undeclared).filter_map(|name| {
        let label = template.fields.get(*name).and_then(|field| field.label.as_deref()).unwrap_or(name);
        let given = |of: &Map<String, Value>| of.get(*name).filter(|value| !value.is_null()).cloned();
        change(Some((*name).to_owned()), format!("/metadata/{}", escaped(name)), label, given(old), given(new))
    });
    title.into_iter().chain(fields).chain(files(before, after)).collect()
}

/// Files by name. Of another file the value is the hash of its bytes; of the same bytes it is what else a payload's hash covers: where they
/// lie, how many they are said to be, their media type, and the order of files.
fn files(before: &Content, after: &Content) -> Vec<Change> {
    let mut names: Vec<&str> = Vec::new();
    for file in before.attachments.iter().chain(&after.attachments) {
        if !names.contains(&file.name.as_str()) {
            names.push(&file.name);
        }
    }
    let changes: Vec<Change> = names.iter().flat_map(|name| file(name, before, after)).collect();
    if !changes.is_empty() || before.attachments == after.attachments {
        return changes;
    }
    let order = |of: &Content| Some(json!(of.attachments.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ")));
    change(None, FILES.to_owned(), "Order of files", order(before), order(after)).into_iter().collect()
}

/// What differs between the files of a name.
fn file(name: &str, before: &Content, after: &Content) -> Vec<Change> {
    let named = |of: &'_ Content| -> Vec<(usize, Attachment)> {
        of.attachments.iter().cloned().enumerate().filter(|(_, file)| file.name == name).collect()
    };
    let (old, new) = (named(before), named(after));
    let hashes = |of: &[(usize, Attachment)]| of.iter().map(|(_, file)| file.sha256.as_str()).collect::<Vec<_>>().join(", ");
    let label = format!("File {name}");
    if hashes(&old) != hashes(&new) {
        let value = |of: &[(usize, Attachment)]| (!of.is_empty()).then(|| json!(hashes(of)));
        return change(None, FILES.to_owned(), &label, value(&old), value(&new)).into_iter().collect();
    }
    let each = old.iter().zip(&new).flat_map(|((_, old), (at, new))| {
        let part = |of: &str, old: Value, new: Value| {
            change(None, format!("{FILES}/{at}/{of}"), &format!("{label}, {}", of.replace('_', " ")), Some(old), Some(new))
        };
        [
            part("url", json!(old.url), json!(new.url)),
            part("size", json!(old.size), json!(new.size)),
            part("media_type", json!(old.media_type), json!(new.media_type)),
        ]
    });
    each.flatten().collect()
}

fn change(field: Option<String>, pointer: String, label: &str, old: Option<Value>, new: Option<Value>) -> Option<Change> {
    (old != new).then(|| Change { field, pointer, label: line(label, 100), old, new })
}

/// A name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
