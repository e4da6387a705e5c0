//! What a resubmission changed: the title, fields declared or not, and files.

use approvals_domain::template::Template;
use serde_json::{Map, Value, json};

use super::{Content, Conversation, Entry, Kind};
use crate::wire::plain::line;

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
        if entry.kind != Some(Kind::Resubmitted) {
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

/// Files by name; the value is the hash of their bytes.
fn files(before: &Content, after: &Content) -> Vec<Change> {
    let mut names: Vec<&str> = Vec::new();
    for file in before.attachments.iter().chain(&after.attachments) {
        if !names.contains(&file.name.as_str()) {
            names.push(&file.name);
        }
    }
    let hash = |of: &Content, name: &str| {
        let of_name: Vec<&str> = of.attachments.iter().filter(|file| file.name == name).map(|file| file.sha256.as_str()).collect();
        (!of_name.is_empty()).then(|| json!(of_name.join(", ")))
    };
    let changed = |name: &&str| change(None, "/attachments".to_owned(), &format!("File {name}"), hash(before, name), hash(after, name));
    names.iter().filter_map(changed).collect()
}

fn change(field: Option<String>, pointer: String, label: &str, old: Option<Value>, new: Option<Value>) -> Option<Change> {
    (old != new).then(|| Change { field, pointer, label: line(label, 100), old, new })
}

/// A name in a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
