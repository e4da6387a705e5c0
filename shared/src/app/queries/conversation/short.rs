//! What a mail and the page behind its link tell of what happened: the newest entries, what is new to the reader apart.

use approvals_domain::ids::PersonId;
use approvals_domain::seat::Seat;
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::Entry;
use super::changes::Change;
use super::words::{Teller, Told};
use crate::app::queries::values::Content;
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
    /// Both are said behind a login only.
    pub sensitive: bool,
    /// A mail may say both.
    pub mailed: bool,
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

    /// A change in words, in the form of all values. A sum has no currency here: the other one may have had another.
    pub fn changed(&self, change: &Change) -> Changed {
        let Change { field, label, old, new, pointer } = change;
        let content = Content { template: self.template, metadata: &Map::new(), amount: None, names: self.names, zone: Tz::UTC };
        let name = field.as_deref().unwrap_or_default();
        let value = |value: &Option<Value>| line(&content.value(name, value.as_ref()).said(), VALUE_CHARS);
        let declared = self.template.fields.get(name);
        // A file may say what a field does.
        let file = pointer == "/attachments" && self.template.has_sensitive();
        let sensitive = file || declared.is_some_and(|field| field.sensitive);
        let mailed = match field {
            Some(_) => declared.is_some_and(|field| field.mail && !field.sensitive),
            None => self.template.mail.title && !sensitive,
        };
        Changed { field: field.clone(), label: label.clone(), old: value(old), new: value(new), sensitive, mailed }
    }
}
