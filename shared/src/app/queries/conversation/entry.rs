//! One thing that happened.

use approvals_domain::commit::Sealed;
use approvals_domain::event::{Decision, Event, StepEnd};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::time::Timestamp;
use serde::Serialize;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was asked for.
    Submitted,
    /// It was changed and asked for again.
    Resubmitted,
    /// Somebody approved a step; without a step: it was approved without an answer.
    Approved,
    /// Somebody rejected; without a step: time did.
    Rejected,
    /// It was sent back.
    Returned,
    /// Somebody said something.
    Commented,
    /// A seat passed to another person.
    Reassigned,
    /// More people are asked.
    Escalated,
    /// Those who are asked, or the requester of a returned one, were asked again.
    Reminded,
    /// It was taken back for good.
    Cancelled,
    /// Its time was up.
    Expired,
    /// Another person asks from the next revision on.
    Transferred,
    /// Its approvals were made void.
    Recalled,
    /// An answer was taken back.
    Withdrawn,
    /// Its effect was started.
    EffectStarted,
    /// Its effect ended.
    EffectFinished,
    /// What follows from an act that is told beside it, or what the service notes: a step is blocked, its time was up, words were erased.
    Noted,
}

/// One thing that happened: an event, in its commit.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its commit.
    pub sealed: &'a Sealed,
    /// Which event of it, from 0.
    pub index: usize,
    /// The event.
    pub event: &'a Event,
    /// What it is to people.
    pub kind: Kind,
    /// The revision in force, from 1.
    pub revision: u32,
}

impl<'a> Entry<'a> {
    /// Of an event; none: it says nothing that another one does not say.
    pub(super) fn of(sealed: &'a Sealed, index: usize, event: &'a Event, revision: u32) -> Option<Self> {
        let events = &sealed.commit.events;
        let voted = |decision| events.iter().any(|event| matches!(event, Event::Voted(voted) if voted.decision == decision));
        let by_time = |step: &StepId| {
            events.iter().any(|event| matches!(event, Event::Closed { step: closed, how: StepEnd::Approved } if closed == step))
        };
        let noted = |is: bool, kind: Kind| if is { kind } else { Kind::Noted };
        let kind = match event {
            Event::Submitted { .. } => Kind::Submitted,
            Event::Resubmitted { .. } => Kind::Resubmitted,
            Event::Voted(voted) => match voted.decision {
                Decision::Approve => Kind::Approved,
                Decision::Reject => Kind::Rejected,
                Decision::Return => Kind::Returned,
            },
            Event::Commented { .. } => Kind::Commented,
            Event::Reassigned { .. } | Event::SeatReturned { .. } => Kind::Reassigned,
            Event::Escalated { candidates, .. } if candidates.is_empty() => Kind::Reminded,
            Event::Widened { .. } | Event::Escalated { .. } | Event::TimedOut { why: Some(_), .. } => Kind::Escalated,
            Event::TimedOut { step, why: None, .. } => noted(by_time(step), Kind::Approved),
            Event::Reminded { .. } | Event::RequesterReminded { .. } => Kind::Reminded,
            Event::Cancelled { .. } => Kind::Cancelled,
            Event::Expired {} => Kind::Expired,
            Event::Transferred { .. } => Kind::Transferred,
            Event::Recalled { .. } => Kind::Recalled,
            Event::VoteWithdrawn { .. } => Kind::Withdrawn,
            Event::EffectStarted { .. } => Kind::EffectStarted,
            Event::EffectFinished { .. } => Kind::EffectFinished,
            // The vote says so already.
            Event::Approved { .. } => noted(!voted(Decision::Approve), Kind::Approved),
            Event::Rejected {} => noted(!voted(Decision::Reject), Kind::Rejected),
            Event::Returned { .. } if voted(Decision::Return) || recalled(events) => return None,
            Event::Returned { .. } => Kind::Returned,
            Event::Blocked { .. } | Event::Erased { .. } | Event::EffectReminded {} => Kind::Noted,
            Event::Opened { .. } | Event::Narrowed { .. } | Event::Closed { .. } => return None,
        };
        Some(Self { sealed, index, event, kind, revision })
    }

    /// The same for ever: version and place of its event.
    pub fn id(&self) -> String {
        format!("{}-{}", self.version(), self.index)
    }

    /// Of its commit.
    pub const fn version(&self) -> u64 {
        self.sealed.commit.version
    }

    /// When.
    pub const fn at(&self) -> Timestamp {
        self.sealed.commit.at
    }

    /// Whose act it was; none: the service's, as the template says.
    pub fn by(&self) -> Option<&'a PersonId> {
        let by_service = matches!(
            self.event,
            Event::Widened { .. }
                | Event::Escalated { .. }
                | Event::Reminded { .. }
                | Event::RequesterReminded { .. }
                | Event::EffectReminded {}
                | Event::TimedOut { .. }
                | Event::SeatReturned { .. }
                | Event::Blocked { .. }
                | Event::Approved { .. }
                | Event::Rejected {}
                | Event::Expired {}
        );
        self.sealed.commit.actor.person().filter(|_| !by_service)
    }

    /// Of which step.
    pub const fn step(&self) -> Option<&'a StepId> {
        match self.event {
            Event::Voted(voted) => Some(&voted.step),
            Event::Reassigned { step, .. }
            | Event::SeatReturned { step, .. }
            | Event::Widened { step, .. }
            | Event::Escalated { step, .. }
            | Event::Reminded { step, .. }
            | Event::TimedOut { step, .. }
            | Event::VoteWithdrawn { step, .. }
            | Event::Blocked { step, .. } => Some(step),
            _ => None,
        }
    }

    /// Whose right was used, if another's than the actor's.
    pub fn on_behalf_of(&self) -> Option<&'a PersonId> {
        let whose = match self.event {
            Event::Voted(voted) => voted.on_behalf_of.as_ref(),
            Event::Recalled { on_behalf_of, .. } => on_behalf_of.as_ref(),
            Event::VoteWithdrawn { person, .. } => Some(person),
            Event::Submitted { requester, .. } => requester.as_ref(),
            Event::Reassigned { from, .. } => Some(from),
            _ => None,
        };
        whose.filter(|whose| self.sealed.commit.actor.person() != Some(*whose))
    }

    /// To whom something passed.
    pub const fn to(&self) -> Option<&'a PersonId> {
        match self.event {
            Event::Reassigned { to, .. } | Event::SeatReturned { to, .. } | Event::Transferred { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The salted hash of what was written along with it.
    pub const fn text(&self) -> Option<Hash> {
        self.event.text()
    }
}

fn recalled(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Recalled { .. }))
}
