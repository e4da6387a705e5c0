//! What happened, from the commits: all revisions, in words.

use std::collections::BTreeMap;

use approvals::app::queries::brief::Names;
use approvals::store::requests::Text;
use approvals_domain::commit::Sealed;
use approvals_domain::event::{Decision, EffectEnd, Event, Unapproved, Voted};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::state::Request;
use approvals_domain::template::Template;
use page_views::parts::Tone;
use page_views::request::{Commit, Happened};

use crate::words::{Here, listed, text};
use crate::{names, words};

/// Names in a sentence.
const NAMED: usize = 5;

/// What the story is told from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teller<'a> {
    pub(crate) request: &'a Request,
    pub(crate) template: &'a Template,
    pub(crate) names: &'a Names,
    pub(crate) texts: &'a BTreeMap<Hash, Text>,
    pub(crate) here: Here,
}

/// Hashes of the texts that a story tells.
pub(crate) fn texts(commits: &[Sealed]) -> Vec<Hash> {
    commits.iter().flat_map(|sealed| &sealed.commit.events).filter_map(Event::text).collect()
}

/// Everybody who acted, or was passed a seat.
pub(crate) fn people(commits: &[Sealed]) -> Vec<PersonId> {
    let actors = commits.iter().filter_map(|sealed| sealed.commit.actor.person().cloned());
    let passed = commits.iter().flat_map(|sealed| &sealed.commit.events).filter_map(|event| match event {
        Event::Reassigned { from, to, .. } => Some([from.clone(), to.clone()]),
        _ => None,
    });
    actors.chain(passed.flatten()).collect()
}

impl Teller<'_> {
    /// What happened, newest first; after a version.
    pub(crate) fn story(&self, commits: &[Sealed], after: u64, but: Option<&PersonId>) -> Vec<Happened> {
        let told = commits.iter().filter(|sealed| sealed.commit.version > after);
        let told = told.filter(|sealed| but.is_none_or(|but| sealed.commit.actor.person() != Some(but)));
        let mut story: Vec<Happened> =
            told.flat_map(|sealed| sealed.commit.events.iter().filter_map(|event| self.told(sealed, event))).collect();
        story.reverse();
        story
    }

    /// The commits as a table, newest first.
    pub(crate) fn history(&self, commits: &[Sealed]) -> Vec<Commit> {
        let row = |sealed: &Sealed| Commit {
            version: sealed.commit.version,
            at: self.here.moment(sealed.commit.at),
            by: self.names.actor(&sealed.commit.actor),
            what: sealed.commit.events.iter().map(approvals::wire::history::event_type).collect::<Vec<_>>().join(", "),
            hash: sealed.hash.to_string(),
        };
        commits.iter().rev().map(row).collect()
    }

    fn told(&self, sealed: &Sealed, event: &Event) -> Option<Happened> {
        let who = self.names.actor(&sealed.commit.actor);
        let (what, said, tone) = match event {
            Event::Submitted { .. } => (self.submitted(&who), None, Tone::Plain),
            Event::Resubmitted { comment, .. } => (format!("{who} changed it and submitted it again"), *comment, Tone::Plain),
            Event::Voted(voted) => self.voted(&who, voted),
            Event::Commented { comment } => (format!("{who} said"), Some(*comment), Tone::Plain),
            Event::Reassigned { step, from, to, reason, .. } => (self.passed(sealed, &who, (step, from, to)), Some(*reason), Tone::Plain),
            Event::Cancelled { reason } => (format!("{who} cancelled it"), *reason, Tone::Plain),
            Event::Widened { step, candidates } | Event::Escalated { step, candidates, .. } => {
                let added: Vec<String> = candidates.iter().map(|placed| names::candidate(&placed.candidate, self.names)).collect();
                let late = if matches!(event, Event::Escalated { .. }) { "nobody answered in time" } else { "too few could answer" };
                let asked = if added.is_empty() { "reminded".to_owned() } else { format!("asked too: {}", listed(&added, NAMED)) };
                (format!("{}: {late}; {asked}", self.step(step)), None, Tone::Warn)
            }
            Event::Reminded { step, .. } => (format!("{}: those who are asked were reminded", self.step(step)), None, Tone::Plain),
            Event::TimedOut { step, why: None, .. } => (format!("{}: the time was up", self.step(step)), None, Tone::Warn),
            Event::TimedOut { step, why: Some(why), .. } => {
                let because = match why {
                    Unapproved::Blocked => "too few could answer",
                    Unapproved::Rejection => "somebody had rejected it",
                };
                (format!("{}: the time was up, and {because}; the administrators decide", self.step(step)), None, Tone::Warn)
            }
            Event::SeatReturned { step, from, to } => {
                let (from, to) = (self.names.of(from), self.names.of(to));
                (format!("{}: {from} has left, so it is with {to} again", self.step(step)), None, Tone::Plain)
            }
            Event::Transferred { to, reason } => (format!("{who} handed it over to {}", self.names.of(to)), Some(*reason), Tone::Plain),
            Event::RequesterReminded { .. } => (format!("{} was reminded", self.names.of(&self.request.requester)), None, Tone::Plain),
            Event::Blocked { step, .. } => {
                (format!("{}: nobody could answer; the administrators were told", self.step(step)), None, Tone::Bad)
            }
            Event::Approved { until: Some(until), .. } => {
                (format!("It is approved; its effect may start until {}", self.here.moment(*until).words), None, Tone::Good)
            }
            Event::Approved { .. } => ("It is approved".to_owned(), None, Tone::Good),
            Event::EffectStarted { attempt: 1, .. } => (format!("{who} started its effect"), None, Tone::Good),
            Event::EffectStarted { attempt, .. } => (format!("{who} started its effect, attempt {attempt}"), None, Tone::Good),
            Event::EffectFinished { end: EffectEnd::Done, reference, .. } => {
                (format!("{who} reported that its effect is done"), *reference, Tone::Good)
            }
            Event::EffectFinished { end: EffectEnd::Failed, reference, until } => {
                let again =
                    until.map_or_else(String::new, |at| format!("; it may be started once more until {}", self.here.moment(at).words));
                (format!("{who} reported that its effect failed{again}"), *reference, Tone::Bad)
            }
            Event::EffectReminded {} => {
                ("Its effect was started and is not finished; the administrators were told".to_owned(), None, Tone::Warn)
            }
            Event::Recalled { on_behalf_of, reason } => {
                let instead = on_behalf_of.as_ref().map_or_else(String::new, |person| format!(", for {}", self.names.of(person)));
                (format!("{who} recalled it{instead}: its approvals no longer count"), Some(*reason), Tone::Warn)
            }
            Event::Erased { reason } => (format!("{who} erased what was written in it"), Some(*reason), Tone::Warn),
            Event::VoteWithdrawn { step, person } => (self.withdrawn(sealed, &who, step, person), None, Tone::Warn),
            Event::Rejected {} => ("It is rejected".to_owned(), None, Tone::Bad),
            Event::Expired {} => ("It expired: nobody answered in time".to_owned(), None, Tone::Bad),
            Event::Returned { .. } | Event::Opened { .. } | Event::Narrowed { .. } | Event::Closed { .. } => return None,
        };
        let words = said.and_then(|hash| self.texts.get(&hash)).map(|said| text(&said.words));
        let erased = said.is_some() && words.is_none();
        Some(Happened { at: self.here.moment(sealed.commit.at), what, words: words.unwrap_or_default(), erased, changes: Vec::new(), tone })
    }

    fn step(&self, step: &StepId) -> String {
        approvals::wire::plain::line(names::step(self.template, step), 100)
    }

    fn submitted(&self, who: &str) -> String {
        let Request { requester, submitted_by, .. } = self.request;
        if requester == submitted_by {
            format!("{who} asked for it")
        } else {
            format!("{who} asked for it, for {}", self.names.of(requester))
        }
    }

    fn voted(&self, who: &str, voted: &Voted) -> (String, Option<Hash>, Tone) {
        let (did, tone) = match voted.decision {
            Decision::Approve => ("approved", Tone::Good),
            Decision::Reject => ("rejected", Tone::Bad),
            Decision::Return => ("sent it back", Tone::Warn),
        };
        let instead = voted.on_behalf_of.as_ref().map_or_else(String::new, |person| format!(", for {}", self.names.of(person)));
        let silent = if voted.comment.is_none() && voted.decision != Decision::Approve { "; no reason given" } else { "" };
        (format!("{who} {did}{instead}: {}{silent}", self.step(&voted.step)), voted.comment, tone)
    }

    fn withdrawn(&self, sealed: &Sealed, who: &str, step: &StepId, person: &PersonId) -> String {
        let step = self.step(step);
        if sealed.commit.actor.person() == Some(person) {
            format!("{who} took their answer back: {step}")
        } else {
            format!("{who} took back the answer given for {}: {step}", self.names.of(person))
        }
    }

    fn passed(&self, sealed: &Sealed, who: &str, (step, from, to): (&StepId, &PersonId, &PersonId)) -> String {
        let step = self.step(step);
        let to = self.names.of(to);
        if sealed.commit.actor.person() == Some(from) {
            format!("{who} passed it on to {to}: {step}")
        } else {
            format!("{who} passed {}’s place on to {to}: {step}", self.names.of(from))
        }
    }
}

/// The version in which somebody last answered; 0: never.
pub(crate) fn last_answer(commits: &[Sealed], person: &PersonId) -> u64 {
    let voted = |sealed: &&Sealed| {
        let own = sealed.commit.actor.person() == Some(person);
        own && sealed.commit.events.iter().any(|event| matches!(event, Event::Voted(_)))
    };
    commits.iter().rev().find(voted).map_or(0, |sealed| sealed.commit.version)
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
    let said = voted.comment.and_then(|hash| texts.get(&hash)).map(|said| words::text(&said.words));
    Some((format!("{} sent it back:", names.actor(&sealed.commit.actor)), said.unwrap_or_else(|| "no reason given".to_owned())))
}
