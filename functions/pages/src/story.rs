//! What happened, as the pages show it.

use std::collections::BTreeMap;

use approvals::app::queries::brief::Names;
use approvals::app::queries::conversation::Entry;
use approvals::app::queries::conversation::short::Changed;
use approvals::app::queries::conversation::words::{self as told, Told};
use approvals::store::requests::Text;
use approvals_domain::commit::Sealed;
use approvals_domain::event::{Decision, Event};
use approvals_domain::hash::Hash;
use approvals_domain::state::Request;
use page_views::parts::Tone;
use page_views::request::{Change, Commit, Happened};

use crate::words::{Here, text};

/// Tells entries as the pages show them.
pub(crate) struct Story<'a> {
    pub(crate) teller: told::Teller<'a>,
    pub(crate) here: Here,
}

impl Story<'_> {
    /// Entries, newest first.
    pub(crate) fn tell(&self, entries: &[Entry<'_>]) -> Vec<Happened> {
        entries.iter().rev().map(|entry| self.happened(entry)).collect()
    }

    fn happened(&self, entry: &Entry<'_>) -> Happened {
        let Told { at, what, words, erased, changes, tone } = self.teller.told(entry);
        let tone = match tone {
            told::Tone::Plain => Tone::Plain,
            told::Tone::Good => Tone::Good,
            told::Tone::Warn => Tone::Warn,
            told::Tone::Bad => Tone::Bad,
        };
        let changes = changes.iter().flatten().map(|change| self.teller.changed(change)).map(|Changed { label, old, new, .. }| Change {
            label,
            old,
            new,
        });
        Happened { at: self.here.moment(at), what, words: words.join("\n"), erased, changes: changes.collect(), tone }
    }

    /// The commits as a table, newest first.
    pub(crate) fn history(&self, commits: &[Sealed]) -> Vec<Commit> {
        let row = |sealed: &Sealed| Commit {
            version: sealed.commit.version,
            at: self.here.moment(sealed.commit.at),
            by: self.teller.names.actor(&sealed.commit.actor),
            what: sealed.commit.events.iter().map(approvals::wire::history::event_type).collect::<Vec<_>>().join(", "),
            hash: sealed.hash.to_string(),
        };
        commits.iter().rev().map(row).collect()
    }
}

/// Whose words the revision that is shown is, if another's than the requester's.
pub(crate) fn revised_by(commits: &[Sealed], request: &Request, names: &Names) -> String {
    let resubmitted = |sealed: &&Sealed| sealed.commit.events.iter().any(|event| matches!(event, Event::Resubmitted { .. }));
    let by = commits.iter().rev().find(resubmitted).and_then(|sealed| sealed.commit.actor.person());
    by.filter(|by| **by != request.requester).map(|by| names.of(by)).unwrap_or_default()
}

/// The last revision's comment by who sent it back: who, and the words.
pub(crate) fn why_back(commits: &[Sealed], texts: &BTreeMap<Hash, Text>, names: &Names) -> Option<(String, String)> {
    let returned = commits.iter().rev().flat_map(|sealed| sealed.commit.events.iter().map(move |event| (sealed, event)));
    let mut returned = returned.filter_map(|(sealed, event)| match event {
        Event::Voted(voted) if voted.decision != Decision::Approve => Some((sealed, voted)),
        _ => None,
    });
    let (sealed, voted) = returned.next()?;
    let said = voted.comment.and_then(|hash| texts.get(&hash)).map(|said| text(&said.words));
    Some((format!("{} sent it back:", names.actor(&sealed.commit.actor)), said.unwrap_or_else(|| "no reason given".to_owned())))
}
