//! What may be asked of a request. Every input becomes one of these.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::candidate::Candidate;
use crate::commit::{Commit, Kind};
use crate::event::{Decision, EffectEnd, Event, Revision};
use crate::hash::Hash;
use crate::ids::{CalendarId, Entity, PersonId, RequestId, StepId};
use crate::payload::TemplateRef;

/// A command. Texts are salted hashes here; the shell keeps the words.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A new request.
    Submit(Submit),
    /// An approver's answer.
    Vote(Vote),
    /// A new revision of a returned request.
    Resubmit(Resubmit),
    /// The end, by the requester.
    Cancel {
        /// Why.
        reason: Option<Hash>,
    },
    /// A seat passes to another person.
    Reassign {
        /// The step.
        step: StepId,
        /// Whose seat; the caller's own if left out.
        from: Option<PersonId>,
        /// Whose it becomes.
        to: PersonId,
        /// Why.
        reason: Hash,
    },
    /// Another person asks from the next revision on.
    Transfer {
        /// Who.
        to: PersonId,
        /// Why.
        reason: Hash,
    },
    /// A party says something.
    Comment {
        /// What.
        comment: Hash,
    },
    /// The directory changed: is anything stuck, or free again?
    Reroute,
    /// A reminder is due.
    Remind {
        /// The step.
        step: StepId,
        /// Which, from 1.
        number: u32,
    },
    /// A level of escalation is due.
    Escalate {
        /// The step.
        step: StepId,
        /// Which, from 1.
        level: u32,
    },
    /// A step's time is up.
    TimeOut {
        /// The step.
        step: StepId,
    },
    /// A reminder of a returned request is due.
    RemindRequester {
        /// Which, from 1.
        number: u32,
    },
    /// A returned request lay too long, or an approved one was not started in time.
    Expire,
    /// What was approved takes effect now.
    StartEffect {
        /// What was approved, as the caller has it.
        payload_hash: Hash,
    },
    /// What was started is done, or failed.
    FinishEffect {
        /// Which.
        end: EffectEnd,
        /// The caller's own name of it, such as a payment's number.
        reference: Option<Hash>,
    },
    /// What was started is late.
    RemindEffect,
    /// Approvals are void; the request goes back.
    Recall {
        /// Why.
        reason: Hash,
        /// The person whose approval it was, if not the caller's own.
        on_behalf_of: Option<PersonId>,
    },
    /// What people wrote in it is erased.
    Erase {
        /// Why.
        reason: Hash,
    },
    /// A vote is taken back.
    WithdrawVote {
        /// The step.
        step: StepId,
        /// The person whose right was used, if not the caller.
        on_behalf_of: Option<PersonId>,
    },
}

/// A new request.
#[derive(Debug, Clone, PartialEq)]
pub struct Submit {
    /// The template's version to pin.
    pub template: TemplateRef,
    /// What it is about.
    pub entity: Entity,
    /// Who asks, if not the caller.
    pub requester: Option<PersonId>,
    /// The closed request of the same entity before it.
    pub previous: Option<RequestId>,
    /// Content.
    pub content: Content,
}

/// A new revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Resubmit {
    /// What changed.
    pub comment: Option<Hash>,
    /// Content.
    pub content: Content,
}

/// Content of a revision and what the template's expressions gave for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Over the whole payload.
    pub payload_hash: Hash,
    /// Results of the template's expressions.
    pub results: Results,
}

/// Results of a template's expressions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results {
    /// Whether a step's condition holds, by step; a step without condition is missing here.
    pub conditions: BTreeMap<StepId, bool>,
    /// What approver expressions named, by [`crate::template::Expression::name`].
    pub named: BTreeMap<String, Vec<Candidate>>,
    /// The amount.
    pub amount: Option<Amount>,
    /// The tenant's calendar, where a step follows it.
    pub calendar: Option<CalendarId>,
}

/// An approver's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// The step.
    pub step: StepId,
    /// The answer.
    pub decision: Decision,
    /// What was shown.
    pub payload_hash: Option<Hash>,
    /// The revision that was shown.
    pub revision: Option<u32>,
    /// The round of the seat that was shown.
    pub round: Option<u32>,
    /// The person voted for, if not the voter.
    pub on_behalf_of: Option<PersonId>,
    /// Said with it.
    pub comment: Option<Hash>,
}

impl Command {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Submit(_) => Kind::Submit,
            Self::Vote(_) => Kind::Vote,
            Self::Resubmit(_) => Kind::Resubmit,
            Self::Cancel { .. } => Kind::Cancel,
            Self::Reassign { .. } => Kind::Reassign,
            Self::Comment { .. } => Kind::Comment,
            Self::Reroute => Kind::Reroute,
            Self::Remind { .. } => Kind::Remind,
            Self::Escalate { .. } => Kind::Escalate,
            Self::TimeOut { .. } => Kind::TimeOut,
            Self::Transfer { .. } => Kind::Transfer,
            Self::RemindRequester { .. } => Kind::RemindRequester,
            Self::Expire => Kind::Expire,
            Self::StartEffect { .. } => Kind::StartEffect,
            Self::FinishEffect { .. } => Kind::FinishEffect,
            Self::RemindEffect => Kind::RemindEffect,
            Self::Recall { .. } => Kind::Recall,
            Self::WithdrawVote { .. } => Kind::WithdrawVote,
            Self::Erase { .. } => Kind::Erase,
        }
    }

    /// The command a commit answers, rebuilt from its events: what a verifier decides again. `None` if no command makes such events.
    pub fn of(commit: &Commit) -> Option<Self> {
        let first = commit.events.first()?;
        Some(match (commit.command.kind, first) {
            (Kind::Submit, Event::Submitted { template, entity, requester, previous, revision }) => Self::Submit(Submit {
                template: template.clone().into(),
                entity: entity.clone(),
                requester: requester.clone(),
                previous: previous.clone(),
                content: content(revision),
            }),
            (Kind::Resubmit, Event::Resubmitted { comment, revision }) => {
                Self::Resubmit(Resubmit { comment: *comment, content: content(revision) })
            }
            (Kind::Vote, Event::Voted(voted)) => Self::Vote(Vote {
                step: voted.step.clone(),
                decision: voted.decision,
                payload_hash: voted.payload_hash,
                revision: voted.revision,
                round: voted.round,
                on_behalf_of: voted.on_behalf_of.clone(),
                comment: voted.comment,
            }),
            (Kind::Cancel, _) => commit.events.iter().find_map(|event| match event {
                Event::Cancelled { reason } => Some(Self::Cancel { reason: *reason }),
                _ => None,
            })?,
            (Kind::Reassign, Event::Reassigned { step, from, to, reason, .. }) => {
                Self::Reassign { step: step.clone(), from: Some(from.clone()), to: to.clone(), reason: *reason }
            }
            (Kind::Comment, Event::Commented { comment }) => Self::Comment { comment: *comment },
            (Kind::Reroute, _) => Self::Reroute,
            (Kind::Remind, Event::Reminded { step, number }) => Self::Remind { step: step.clone(), number: *number },
            (Kind::Escalate, Event::Escalated { step, level, .. }) => Self::Escalate { step: step.clone(), level: *level },
            (Kind::TimeOut, Event::TimedOut { step, .. }) => Self::TimeOut { step: step.clone() },
            (Kind::Transfer, Event::Transferred { to, reason }) => Self::Transfer { to: to.clone(), reason: *reason },
            (Kind::RemindRequester, Event::RequesterReminded { number }) => Self::RemindRequester { number: *number },
            (Kind::Expire, Event::Expired {}) => Self::Expire,
            (Kind::StartEffect, Event::EffectStarted { payload_hash, .. }) => Self::StartEffect { payload_hash: *payload_hash },
            (Kind::FinishEffect, Event::EffectFinished { end, reference, .. }) => Self::FinishEffect { end: *end, reference: *reference },
            (Kind::RemindEffect, Event::EffectReminded {}) => Self::RemindEffect,
            (Kind::Recall, Event::Recalled { on_behalf_of, reason }) => {
                Self::Recall { reason: *reason, on_behalf_of: on_behalf_of.clone() }
            }
            (Kind::Erase, Event::Erased { reason }) => Self::Erase { reason: *reason },
            (Kind::WithdrawVote, Event::VoteWithdrawn { step, person }) => {
                Self::WithdrawVote { step: step.clone(), on_behalf_of: Some(person.clone()) }
            }
            _ => return None,
        })
    }
}

fn content(revision: &Revision) -> Content {
    let conditions = revision.plan.iter().map(|id| (id.clone(), !revision.skipped.contains(id))).collect();
    let results =
        Results { conditions, named: revision.named.clone(), amount: revision.amount.clone(), calendar: revision.calendar.clone() };
    Content { payload_hash: revision.payload_hash, results }
}
