//! What happened, in the past tense. These bytes are hashed and archived: a field is never renamed, never removed, never reused.
//! New fields are optional; a new meaning is a new event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::actor::SystemPart;
use crate::amount::Amount;
use crate::candidate::{Candidate, Placed};
use crate::hash::Hash;
use crate::ids::{CalendarId, DelegationId, Entity, PersonId, RequestId, RoleId, StepId};
use crate::payload::TemplateRef;
use crate::seat::Seat;
use crate::time::Timestamp;

mod answers;
mod text;

pub use answers::{Decision, EffectEnd, Resume, ReturnTo, StepEnd, Unapproved};

/// One fact of a request. `k` in the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Event {
    /// The request exists; its route is planned.
    Submitted {
        /// The pinned template.
        #[serde(rename = "t")]
        template: PinnedTemplate,
        /// What it is about.
        #[serde(rename = "y")]
        entity: Entity,
        /// Who asks, if not the actor.
        #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
        requester: Option<PersonId>,
        /// The closed request of the same entity before it.
        #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
        previous: Option<RequestId>,
        /// Content and route.
        #[serde(flatten)]
        revision: Revision,
    },
    /// The requester answered a return with a new revision.
    Resubmitted {
        /// Salted hash of the comment.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        comment: Option<Hash>,
        /// Content and route.
        #[serde(flatten)]
        revision: Revision,
    },
    /// A step may be voted on.
    Opened {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Who may vote.
        #[serde(rename = "c")]
        candidates: Vec<Placed>,
        /// How many approvals it needs.
        #[serde(rename = "n")]
        need: u32,
        /// When it is late.
        #[serde(rename = "d")]
        due_at: Timestamp,
        /// By a calendar: the instants of [`crate::template::Step::fractions`], counted once, when the step's clock starts. Empty: wall clock.
        #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
        working: Vec<Timestamp>,
        /// The last reminder whose time had come when the step opened again: asking counts as giving it.
        #[serde(rename = "m", default, skip_serializing_if = "is_zero")]
        reminded: u32,
    },
    /// Too few can vote, and nobody stands in.
    Blocked {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Who may vote.
        #[serde(rename = "c")]
        candidates: Vec<Placed>,
        /// How many approvals it needs.
        #[serde(rename = "n")]
        need: u32,
        /// When it is late: the clock runs while blocked.
        #[serde(rename = "d")]
        due_at: Timestamp,
        /// As in [`Event::Opened`].
        #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
        working: Vec<Timestamp>,
    },
    /// Candidates were added to an open step, because too few could vote.
    Widened {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Who is added.
        #[serde(rename = "c")]
        candidates: Vec<Placed>,
    },
    /// Reserves left an open step: enough others can vote again.
    Narrowed {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Who is no candidate any more.
        #[serde(rename = "c")]
        candidates: Vec<Placed>,
    },
    /// A passed seat went back to its giver: the holder has left.
    SeatReturned {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Who has left.
        #[serde(rename = "f")]
        from: PersonId,
        /// Whose seat it is again.
        #[serde(rename = "o")]
        to: PersonId,
    },
    /// A reminder is due: whoever may vote is told again.
    Reminded {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Which, from 1 in order of time.
        #[serde(rename = "n")]
        number: u32,
    },
    /// A level of escalation fired.
    Escalated {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Which, from 1.
        #[serde(rename = "l")]
        level: u32,
        /// Who is added; nobody, if all of them could vote before.
        #[serde(rename = "c")]
        candidates: Vec<Placed>,
    },
    /// The step's time is up; what the template says follows.
    TimedOut {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Why `on_timeout: approve` did not approve it.
        #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
        why: Option<Unapproved>,
        /// Who decides instead.
        #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<Placed>,
    },
    /// An approver answered.
    Voted(Voted),
    /// A step came to its end.
    Closed {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// How.
        #[serde(rename = "r")]
        how: StepEnd,
    },
    /// A seat passed to another person.
    Reassigned {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// Whose seat it was.
        #[serde(rename = "f")]
        from: PersonId,
        /// Whose it is.
        #[serde(rename = "o")]
        to: PersonId,
        /// The escalation level the seat came with.
        #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
        level: u32,
        /// The seat is a reserve's.
        #[serde(rename = "v", default, skip_serializing_if = "std::ops::Not::not")]
        reserve: bool,
        /// Salted hash of the reason.
        #[serde(rename = "c")]
        reason: Hash,
    },
    /// A party said something.
    Commented {
        /// Salted hash of the comment.
        #[serde(rename = "c")]
        comment: Hash,
    },
    /// The request went back.
    Returned {
        /// To whom.
        #[serde(rename = "o")]
        to: ReturnTo,
        /// Where it goes on.
        #[serde(rename = "m")]
        resume: Resume,
    },
    /// Another person asks from the next revision on.
    Transferred {
        /// Who.
        #[serde(rename = "o")]
        to: PersonId,
        /// Salted hash of the reason.
        #[serde(rename = "c")]
        reason: Hash,
    },
    /// The requester of a returned request is reminded of it.
    RequesterReminded {
        /// Which reminder, from 1 in order of time.
        #[serde(rename = "n")]
        number: u32,
    },
    /// Every step approved or skipped: the end, unless its effect waits to be started.
    Approved {
        /// The part of the service whose act it was, where it was not the actor's.
        #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
        by: Option<SystemPart>,
        /// Its effect waits to be started, until then.
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The effect of the approval is under way: it was started, once.
    EffectStarted {
        /// The payload that was approved, as whoever started it has it.
        #[serde(rename = "h")]
        payload_hash: Hash,
        /// The attempt, from 1, counted over all revisions.
        #[serde(rename = "n")]
        attempt: u32,
    },
    /// What came of an attempt.
    EffectFinished {
        /// What.
        #[serde(rename = "r")]
        end: EffectEnd,
        /// Salted hash of the reference given.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        reference: Option<Hash>,
        /// After the first failure: it may be started once more, until then.
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// What was started is not finished, a day later: `approval_admin` is told.
    EffectReminded {},
    /// The approvals are void; the request goes back to the requester.
    Recalled {
        /// The person whose approval it was, where the caller gave it for them.
        #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<PersonId>,
        /// Salted hash of the reason.
        #[serde(rename = "c")]
        reason: Hash,
    },
    /// A vote on an open step was taken back: its seat is free again, in its next round.
    VoteWithdrawn {
        /// The step.
        #[serde(rename = "s")]
        step: StepId,
        /// The person whose right was used.
        #[serde(rename = "f")]
        person: PersonId,
    },
    /// Title, metadata, attachments and all texts of the commits before this one are erased, in every revision.
    Erased {
        /// Salted hash of the reason.
        #[serde(rename = "c")]
        reason: Hash,
    },
    /// The end: declined.
    Rejected {},
    /// The end: taken back.
    Cancelled {
        /// Salted hash of the reason.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        reason: Option<Hash>,
    },
    /// The end: too late.
    Expired {},
}

/// The pinned template, short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTemplate {
    /// Its key.
    #[serde(rename = "k")]
    pub key: crate::ids::TemplateKey,
    /// Its version, from 1.
    #[serde(rename = "v")]
    pub version: u32,
}

impl From<PinnedTemplate> for TemplateRef {
    fn from(pinned: PinnedTemplate) -> Self {
        Self { key: pinned.key, version: pinned.version }
    }
}

impl From<TemplateRef> for PinnedTemplate {
    fn from(template: TemplateRef) -> Self {
        Self { key: template.key, version: template.version }
    }
}

/// Content and route of one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// What approvers are shown.
    #[serde(rename = "h")]
    pub payload_hash: Hash,
    /// All steps, in the template's order.
    #[serde(rename = "p")]
    pub plan: Vec<StepId>,
    /// Those of them whose condition was false.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<StepId>,
    /// What approver expressions gave, by [`crate::template::Expression::name`]. With `plan`, `skipped` and `amount` these are all results.
    #[serde(rename = "e", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<String, Vec<Candidate>>,
    /// What a delegation's limit is compared with.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The tenant's calendar at that time: of steps that name none, in a template that names none.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
}

/// A vote. Who and when stand in the commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voted {
    /// The step.
    #[serde(rename = "s")]
    pub step: StepId,
    /// The answer.
    #[serde(rename = "d")]
    pub decision: Decision,
    /// The payload hash the approver gave: what was shown.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub payload_hash: Option<Hash>,
    /// The person voted for, if not the voter.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// The `any_of` candidate filled, if it was one.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Candidate>,
    /// The role that gave the right, if one did.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// The delegations between, the voter's own first.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub delegations: Vec<DelegationId>,
    /// The escalation level of the candidate.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    pub level: u32,
    /// Cast as a reserve: counted against the votes that were missing.
    #[serde(rename = "v", default, skip_serializing_if = "std::ops::Not::not")]
    pub reserve: bool,
    /// The revision the voter named.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The round the voter named.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// What it means, if not `approval`.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Salted hash of the comment.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Hash>,
}

impl Voted {
    /// A vote on a seat, and nothing said with it.
    pub(crate) fn on(seat: &Seat, voter: &PersonId, step: StepId, decision: Decision) -> Self {
        Self {
            step,
            decision,
            payload_hash: None,
            on_behalf_of: Some(seat.person.clone()).filter(|person| person != voter),
            any_of: seat.any_of.clone(),
            role: seat.role.clone(),
            delegations: seat.delegations.clone(),
            level: seat.level,
            reserve: seat.reserve,
            revision: None,
            round: None,
            meaning: None,
            comment: None,
        }
    }
}

pub(crate) fn is_zero(n: &u32) -> bool {
    *n == 0
}
