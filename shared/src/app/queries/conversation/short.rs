//! What a mail and the page behind its link tell of what happened: the newest entries, what is new to the reader apart. A mail keeps to
//! fewer of them.

use approvals_domain::ids::PersonId;
use approvals_domain::seat::Seat;
use serde_json::{Map, Value};

use super::changes::{Change, FILES};
use super::words::{Teller, Told};
use super::{ENTRIES, Entry, Kind};
use crate::app::queries::values::Content;
use crate::wire::plain::line;
use crate::wire::words::size;

/// Characters of a value that changed.
const VALUE_CHARS: usize = 200;
/// Characters before the place where two long values differ.
const BEFORE: usize = 40;

/// What happened, for one reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Since the reader was last asked or acted, oldest first; empty for whoever is asked for the first time.
    pub news: Vec<Happened>,
    /// Before that, oldest first.
    pub so_far: Vec<Happened>,
    /// How many older ones are not told here.
    pub older: usize,
}

impl Past {
    /// Keeps the newest so many.
    pub fn keep_newest(&mut self, most: usize) {
        let old = (self.so_far.len() + self.news.len()).saturating_sub(most);
        let before = old.min(self.so_far.len());
        self.so_far.drain(..before);
        self.news.drain(..old - before);
        self.older += old;
    }

    /// Cuts each person's words to so many characters.
    pub fn cut_words(&mut self, chars: usize) {
        self.news.iter_mut().chain(&mut self.so_far).for_each(|happened| happened.words = excerpt(&happened.words, chars));
    }

    /// All that is told.
    pub fn all(&self) -> impl Iterator<Item = &Happened> {
        self.so_far.iter().chain(&self.news)
    }

    /// The same with every text changed alike.
    #[must_use]
    pub fn with_texts(self, change: impl Fn(&str) -> String) -> Self {
        let changed = |of: Changed| Changed { label: change(&of.label), old: change(&of.old), new: change(&of.new), ..of };
        let happened = |of: Happened| Happened {
            what: change(&of.what),
            words: of.words.iter().map(|words| change(words)).collect(),
            changes: of.changes.into_iter().map(&changed).collect(),
            ..of
        };
        let all = |of: Vec<Happened>| of.into_iter().map(&happened).collect();
        Self { news: all(self.news), so_far: all(self.so_far), older: self.older }
    }

    /// Keeps these changes alone, counting the others, and changes words.
    pub fn keep_to(&mut self, keeps: impl Fn(&Changed) -> bool, words: impl Fn(Vec<String>) -> Vec<String>) {
        for happened in self.news.iter_mut().chain(&mut self.so_far) {
            let all = happened.changes.len();
            happened.changes.retain(&keeps);
            happened.hidden += all - happened.changes.len();
            happened.words = words(std::mem::take(&mut happened.words));
        }
    }
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
    /// How many changes are not shown here.
    pub hidden: usize,
}

impl Happened {
    /// That values changed which are not shown here.
    pub fn others(&self) -> String {
        match (self.hidden, self.changes.is_empty()) {
            (1, true) => "One value changed: the request’s page shows it.".to_owned(),
            (1, false) => "One more value changed: the request’s page shows it.".to_owned(),
            (hidden, true) => format!("{hidden} values changed: the request’s page shows them."),
            (hidden, false) => format!("{hidden} more values changed: the request’s page shows them."),
        }
    }
}

/// A value that is another one now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Mails may say it.
    pub mailed: bool,
    /// It is kept from pages behind links.
    pub sensitive: bool,
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
        // Whoever asked has done their part: to them it is one story.
        let news = if seat.is_some() { self.conversation.news(reader, seat) } else { Vec::new() };
        let place = |entry: &Entry<'_>| (entry.version(), entry.index);
        let from = news.first().map_or(all.len(), |first| all.partition_point(|entry| place(entry) < place(first)));
        let before = all.get(..from).unwrap_or_default();
        let newest = |entries: &[Entry<'_>], most: usize| -> Vec<Happened> {
            entries.iter().skip(entries.len().saturating_sub(most)).map(|entry| self.happened(entry)).collect()
        };
        let whole = news.len() + before.len();
        let news = newest(&news, ENTRIES);
        let so_far = newest(before, ENTRIES - news.len());
        Past { older: whole - so_far.len() - news.len(), news, so_far }
    }

    /// The last rejection or return of the revision in force, if there was one.
    pub fn objection(&self) -> Option<Happened> {
        let entries = self.conversation.entries();
        let objects = |entry: &&Entry<'_>| {
            entry.revision == self.request.revision && matches!(entry.kind, Kind::Rejected | Kind::Returned) && entry.by().is_some()
        };
        entries.iter().rev().find(objects).map(|entry| self.happened(entry))
    }

    fn happened(&self, entry: &Entry<'_>) -> Happened {
        let Told { at, what, words, erased, changes, .. } = self.told(entry);
        Happened {
            at: (self.moment)(at),
            what,
            words,
            erased,
            hidden: 0,
            changes: changes.iter().flatten().map(|change| self.changed(change)).collect(),
        }
    }

    /// A change in words: people by name.
    pub fn changed(&self, change: &Change) -> Changed {
        let Change { field, label, old, new, .. } = change;
        let declared = field.as_ref().and_then(|field| self.template.fields.get(field));
        let of_file = change.pointer.starts_with(FILES);
        let file = of_file && self.template.has_sensitive();
        let sensitive = file || declared.is_some_and(|field| field.sensitive);
        let mailed = match field {
            Some(_) => declared.is_some_and(|field| field.mail && !field.sensitive),
            // A file's name says what its request is about. Its address may open it to whoever reads the mail.
            None => self.template.mail.title && !file && !change.pointer.ends_with("/url"),
        };
        let (metadata, amount) = (Map::new(), self.request.amount.as_ref().filter(|_| self.one_currency()));
        let content = Content { template: self.template, metadata: &metadata, amount, names: self.names, zone: self.zone };
        let value = |value: &Option<Value>| match (field, value) {
            (Some(field), given) => content.value(field, given.as_ref()).said(),
            (None, Some(Value::String(text))) => line(text, usize::MAX),
            (None, Some(Value::Number(bytes))) => bytes.as_u64().map(size).unwrap_or_default(),
            (None, _) => String::new(),
        };
        let (old, new) = apart(value(old), value(new));
        Changed { mailed, sensitive, label: label.clone(), old, new }
    }

    /// Whether the sums of all revisions that are told have the currency of the present one. Else they are told as numbers.
    fn one_currency(&self) -> bool {
        let field = self.template.amount.as_ref().and_then(|spec| spec.currency.trim().strip_prefix("metadata."));
        let Some(field) = field else { return true };
        let now = self.request.amount.as_ref().map(|amount| amount.currency.as_str());
        self.conversation.revisions.values().all(|content| content.metadata.get(field).and_then(Value::as_str) == now)
    }
}

/// The first so many characters of somebody's words, and that there are more.
pub fn excerpt(words: &[String], chars: usize) -> Vec<String> {
    if words.iter().map(|line| line.chars().count() + 1).sum::<usize>() <= chars {
        return words.to_vec();
    }
    let mut left = chars;
    let mut kept = Vec::new();
    for line in words {
        if line.chars().count() >= left {
            let start: String = line.chars().take(left).collect();
            kept.push(format!("{}…", start.trim_end()));
            break;
        }
        left -= line.chars().count() + 1;
        kept.push(line.clone());
    }
    kept
}

/// Two values that are not the same, cut so that one sees where they differ.
fn apart(old: String, new: String) -> (String, String) {
    if old == new {
        // Only its form is another: a list or a text, one spelling of a letter or the other.
        return (line(&old, VALUE_CHARS), format!("{} (written differently)", line(&new, VALUE_CHARS)));
    }
    let (short, other) = (line(&old, VALUE_CHARS), line(&new, VALUE_CHARS));
    if short != other {
        return (short, other);
    }
    let same = old.chars().zip(new.chars()).take_while(|(one, other)| one == other).count();
    let from = |text: &str| format!("…{}", line(&text.chars().skip(same.saturating_sub(BEFORE)).collect::<String>(), VALUE_CHARS));
    (from(&old), from(&new))
}
