//! What is new to a reader since they were last asked.

use std::collections::BTreeSet;

use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::commit::Sealed;
use approvals_domain::event::Event;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::seat::Seat;

use super::{Conversation, Entry, Kind};

impl Conversation {
    /// What happened since a reader was last asked or acted, before they were asked as they are now; oldest first. Empty for whoever is
    /// asked for the first time: to them all of it is new.
    pub fn news(&self, reader: &PersonId, seat: Option<&Seat>) -> Vec<Entry<'_>> {
        let (seen, asked) = seen(&self.commits, reader, seat);
        if seen == 0 {
            return Vec::new();
        }
        let asks = |entry: &Entry<'_>| entry.kind == Kind::Reminded && entry.version() == asked;
        let own = |entry: &Entry<'_>| entry.sealed.commit.actor.person() == Some(reader);
        self.entries().into_iter().filter(|entry| entry.version() > seen && !own(entry) && !asks(entry)).collect()
    }
}

/// The version up to which a reader knows all, and the one that asked them last; 0: none.
fn seen(commits: &[Sealed], reader: &PersonId, seat: Option<&Seat>) -> (u64, u64) {
    let means = |candidate: &Candidate| {
        candidate.members().iter().any(|member| match member {
            Candidate::User(id) => id == reader || seat.is_some_and(|seat| seat.person == *id),
            Candidate::Role(role) => seat.is_some_and(|seat| seat.role.as_ref() == Some(role)),
            Candidate::AnyOf(_) => false,
        })
    };
    let any = |placed: &[Placed]| placed.iter().any(|placed| means(&placed.candidate));
    let mut on: BTreeSet<&StepId> = BTreeSet::new();
    let (mut acted, mut asked, mut asked_before) = (0, 0, 0);
    for sealed in commits {
        let version = sealed.commit.version;
        if sealed.commit.actor.person() == Some(reader) {
            acted = version;
        }
        for event in &sealed.commit.events {
            let asks = match event {
                Event::Opened { step, candidates, .. }
                | Event::Widened { step, candidates }
                | Event::Escalated { step, candidates, .. }
                | Event::TimedOut { step, candidates, .. } => any(candidates).then_some(step),
                Event::Reassigned { step, to, .. } | Event::SeatReturned { step, to, .. } => (to == reader).then_some(step),
                Event::Reminded { step, .. } => on.get(step).copied(),
                Event::Closed { step, .. } => {
                    on.remove(step);
                    None
                }
                _ => None,
            };
            on.extend(asks);
            if asks.is_some() && asked != version {
                (asked_before, asked) = (asked, version);
            }
        }
    }
    (acted.max(asked_before), asked)
}
