//! What happened to a request, told from its commits, all revisions: one list for pages, mails, API and command line. What an entry says in
//! words stands in [`words`], what a resubmission changed in [`changes`], and what is new to a reader in [`news`].

pub mod changes;
mod entry;
pub mod news;
pub mod short;
pub mod view;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::commit::Sealed;
use approvals_domain::event::Event;
use approvals_domain::evolve::apply;
use approvals_domain::hash::Hash;
use approvals_domain::ids::PersonId;
use approvals_domain::payload::Attachment;
use approvals_domain::state::Request;
use approvals_domain::template::Template;
use serde_json::{Map, Value};

pub use entry::{Entry, Kind};

use crate::app::queries::values;
use crate::app::{App, Error};
use crate::store::requests::{Record, Revision, Text};

/// Entries that an answer or a page holds at once.
pub const ENTRIES: usize = 50;

/// Content of one revision, as it is compared.
#[derive(Debug, Clone)]
pub struct Content {
    /// One line.
    pub title: String,
    /// What was sent along.
    pub metadata: Map<String, Value>,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// What happened to a request, with what was written along with it.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// All commits, in order.
    pub commits: Vec<Sealed>,
    /// What people wrote, by its salted hash; erased words are missing.
    pub texts: BTreeMap<Hash, Text>,
    /// Content of the revisions that the newest entries speak of, by number; erased ones are missing.
    pub revisions: BTreeMap<u32, Content>,
}

impl Conversation {
    /// What happened, oldest first.
    pub fn entries(&self) -> Vec<Entry<'_>> {
        let mut revision = 0;
        let mut entries = Vec::new();
        for sealed in &self.commits {
            for (index, event) in sealed.commit.events.iter().enumerate() {
                revision += u32::from(matches!(event, Event::Submitted { .. } | Event::Resubmitted { .. }));
                entries.extend(Entry::of(sealed, index, event, revision));
            }
        }
        entries
    }

    /// The request just before a version; none: that one made it.
    pub fn before(&self, version: u64) -> Option<Request> {
        self.commits.iter().take_while(|sealed| sealed.commit.version < version).fold(None, apply)
    }

    /// Everybody whom it names, in fields that changed too.
    pub fn people(&self, template: &Template) -> BTreeSet<PersonId> {
        let events = self.commits.iter().flat_map(|sealed| &sealed.commit.events);
        let actors = self.commits.iter().filter_map(|sealed| sealed.commit.actor.person().cloned());
        let in_fields = self.revisions.values().flat_map(|content| values::people(template, &content.metadata));
        actors.chain(events.flat_map(named)).chain(in_fields).collect()
    }
}

/// The people whom an event names, but for who made it.
fn named(event: &Event) -> Vec<PersonId> {
    let candidates = |placed: &[Placed]| -> Vec<PersonId> {
        placed.iter().flat_map(|placed| placed.candidate.members()).filter_map(Candidate::person).cloned().collect()
    };
    match event {
        Event::Submitted { requester, .. } => requester.iter().cloned().collect(),
        Event::Reassigned { from, to, .. } | Event::SeatReturned { from, to, .. } => vec![from.clone(), to.clone()],
        Event::Transferred { to, .. } => vec![to.clone()],
        Event::Voted(voted) => voted.on_behalf_of.iter().cloned().collect(),
        Event::Recalled { on_behalf_of, .. } => on_behalf_of.iter().cloned().collect(),
        Event::VoteWithdrawn { person, .. } => vec![person.clone()],
        Event::Widened { candidates: placed, .. }
        | Event::Escalated { candidates: placed, .. }
        | Event::TimedOut { candidates: placed, .. } => candidates(placed),
        _ => Vec::new(),
    }
}

impl App {
    /// What happened to a request, with the words and contents of its newest entries.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn conversation(&self, record: &Record) -> Result<Conversation, Error> {
        self.conversation_until(record, usize::MAX, ENTRIES).await
    }

    /// The same, with the words and contents of so many of the first entries.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn conversation_until(&self, record: &Record, first: usize, most: usize) -> Result<Conversation, Error> {
        let (commits, paged) = self.requests.history(record).await?;
        let mut told = Conversation { commits, ..Conversation::default() };
        let entries = told.entries();
        let until = first.min(entries.len());
        let shown = entries.iter().take(until).skip(until.saturating_sub(most));
        let missing: Vec<Hash> = shown.clone().filter_map(|entry| entry.text()).filter(|hash| !paged.contains_key(hash)).collect();
        let resubmitted = shown.filter(|entry| entry.kind == Kind::Resubmitted).map(|entry| entry.revision);
        let wanted: BTreeSet<u32> = resubmitted.flat_map(|revision| [revision - 1, revision]).collect();
        let (texts, revisions) =
            tokio::try_join!(self.requests.texts(record, missing), self.requests.revisions(record, &told.commits, &wanted))?;
        told.texts = texts;
        told.texts.extend(paged);
        let content = |Revision { title, data }| Content { title, metadata: values::object(&data.metadata), attachments: data.attachments };
        told.revisions = revisions.into_iter().map(|(number, revision)| (number, content(revision))).collect();
        Ok(told)
    }
}
