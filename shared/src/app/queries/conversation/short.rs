//! What a mail and the page behind its link tell of what happened: the newest entries, what is new to the reader apart.

use approvals_domain::ids::PersonId;
use approvals_domain::seat::Seat;
use approvals_domain::template::FieldKind;
use serde_json::Value;

use super::Entry;
use super::changes::Change;
use super::words::{Teller, Told};
use crate::wire::plain::line;

/// Entries that are told; older ones are counted.
const NEWEST: usize = 10;
/// Characters of a value that changed.
const VALUE_CHARS: usize = 200;

/// What happened, for one reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Since the reader was last asked or acted, oldest first; empty for whoever is asked for the first time.
    pub news: Vec<Happened>,
    /// Before that, oldest first.
    pub so_far: Vec<Happened>,
    /// How many are older than these.
    pub older: usize,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// When, in the reader's zone.
    pub at: String,
    /// Who did what.
    pub what: String,
    /// In whose words.
    pub words: Vec<String>,
    /// There were words, and they were erased.
    pub erased: bool,
    /// What changed.
    pub changes: Vec<Changed>,
}

/// A value that is another one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The field of the metadata; none: the title, or a file.
    pub field: Option<String>,
    /// What it is called.
    pub label: String,
    /// Before; empty: there was none.
    pub old: String,
    /// Now; empty: there is none.
    pub new: String,
}

impl Teller<'_> {
    /// What happened, for one reader on a seat, if they have one.
    pub fn past(&self, reader: &PersonId, seat: Option<&Seat>) -> Past {
        let all = self.conversation.entries();
        let news = self.conversation.news(reader, seat);
        let from = news.first().map_or(usize::MAX, |first| all.iter().position(|entry| entry.id() == first.id()).unwrap_or(usize::MAX));
        let before = all.get(..from.min(all.len())).unwrap_or_default();
        let newest = |entries: &[Entry<'_>], most: usize| -> Vec<Happened> {
            entries.iter().skip(entries.len().saturating_sub(most)).map(|entry| self.happened(entry)).collect()
        };
        let news = newest(&news, NEWEST);
        let so_far = newest(before, NEWEST - news.len());
        Past { older: before.len() - so_far.len(), news, so_far }
    }

    fn happened(&self, entry: &Entry<'_>) -> Happened {
        let Told { at, what, words, erased, changes, .. } = self.told(entry);
        Happened { at: (self.moment)(at), what, words, erased, changes: changes.iter().map(|change| self.changed(change)).collect() }
    }

    /// A change in words: people by name.
    pub fn changed(&self, change: &Change) -> Changed {
        let Change { field, label, old, new, .. } = change;
        let kind = field.as_ref().and_then(|field| self.template.fields.get(field)).map(|field| field.kind);
        let value = |value: &Option<Value>| match (kind, value) {
            (Some(FieldKind::User), Some(Value::String(id))) => {
                PersonId::new(id.as_str()).map_or_else(|_| id.clone(), |id| self.names.of(&id))
            }
            (_, Some(value)) => written(value),
            (_, None) => String::new(),
        };
        Changed { field: field.clone(), label: label.clone(), old: value(old), new: value(new) }
    }
}

/// A value on one line.
pub fn written(value: &Value) -> String {
    match value {
        Value::String(text) => line(text, VALUE_CHARS),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => line(&other.to_string(), VALUE_CHARS),
    }
}
