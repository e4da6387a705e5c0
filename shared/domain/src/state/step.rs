//! A step of a request: where it stands, who may vote, and the votes cast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Request;
use crate::actor::{Caller, Channel};
use crate::candidate::Placed;
use crate::event::{Decision, Voted, is_zero};
use crate::hash::Hash;
use crate::ids::{PersonId, StepId};
use crate::seat::Seat;
use crate::time::Timestamp;

/// A step of the present revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Where it stands.
    pub phase: StepPhase,
    /// What was fixed when it opened; none if it never did.
    pub opening: Option<Opening>,
    /// The votes cast.
    pub votes: Vec<Vote>,
    /// How often all its votes became void within this revision.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub voided: u32,
    /// How often a vote was taken back, by seat and by voter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawn: BTreeMap<String, u32>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPhase {
    /// An earlier one is not through.
    Waiting,
    /// May be voted on.
    Open,
    /// Too few can vote.
    Blocked,
    /// Enough approvals.
    Approved,
    /// Declined.
    Rejected,
    /// Not needed.
    Skipped,
    /// Sent back here.
    Returned,
    /// Its request ended or was returned around it.
    Closed,
}

impl StepPhase {
    /// As in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Blocked => "blocked",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Returned => "returned",
            Self::Closed => "closed",
        }
    }

    /// Open or blocked: opened, and not at its end.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Blocked)
    }

    /// A later step may open.
    pub const fn lets_pass(self) -> bool {
        matches!(self, Self::Approved | Self::Skipped)
    }
}

/// What is fixed when a step opens, and what was added since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Who may vote.
    pub candidates: Vec<Placed>,
    /// How many approvals it needs.
    pub need: u32,
    /// When its clock started.
    pub opened_at: Timestamp,
    /// When it is late.
    pub due_at: Timestamp,
    /// Those whose seat passed to another, and to whom.
    pub released: BTreeMap<PersonId, Passed>,
    /// It has been open, so `need` stays; a step blocked from the start counts its seats when it opens.
    pub was_open: bool,
    /// When it came to its end.
    pub closed_at: Option<Timestamp>,
    /// By a calendar: the instants of [`crate::template::Step::fractions`]. Empty: wall clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub working: Vec<Timestamp>,
    /// The last reminder given, from 1; 0: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u32,
    /// The last level of escalation that fired, from 1; 0: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub level: u32,
    /// Its time was up, and the step went to `approval_admin` instead of being approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// Who was a candidate and is none any more, but for givers of seats: they keep sight of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Placed>,
}

/// A seat that passed to another person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passed {
    /// Who holds it.
    pub to: PersonId,
    /// The giver's place among the candidates, if they were asked by name: it is theirs again when the holder leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Placed>,
}

/// A vote that was cast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The human, and how they proved who they are.
    pub by: Caller,
    /// The way it came.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// Of the commit.
    pub version: u64,
    /// Of the commit.
    pub commit: Hash,
    /// Of the request.
    pub revision: u32,
    /// What was voted.
    pub voted: Voted,
}

impl Vote {
    /// An approval that nobody cast, to see what it would leave.
    pub(crate) fn supposed(request: &Request, step: &StepId, voter: &PersonId, seat: &Seat) -> Self {
        Self {
            by: Caller::bare(voter.clone()),
            channel: Channel::Api,
            at: request.updated_at,
            version: request.version,
            commit: Hash::ZERO,
            revision: request.revision,
            voted: Voted::on(seat, voter, step.clone(), Decision::Approve),
        }
    }

    /// The person whose right it was.
    pub fn person(&self) -> &PersonId {
        self.voted.on_behalf_of.as_ref().unwrap_or(&self.by.id)
    }

    /// What may be filled once: the person, or the `any_of` candidate.
    pub fn seat(&self) -> String {
        self.voted.any_of.as_ref().map_or_else(|| self.person().to_string(), ToString::to_string)
    }

    /// Voter or person voted for.
    pub fn involves(&self, id: &PersonId) -> bool {
        self.by.id == *id || self.person() == id
    }
}

impl Step {
    /// A step that has not opened.
    pub fn new(id: StepId, phase: StepPhase) -> Self {
        Self { id, phase, opening: None, votes: Vec::new(), voided: 0, withdrawn: BTreeMap::new() }
    }

    /// The round of a person's vote on a seat, from 1.
    ///
    /// INVARIANT (rounds): a vote is cast in one round of one revision. Whatever was made for an earlier round counts no more.
    pub fn round(&self, voter: &PersonId, seat: &str) -> u32 {
        let taken_back = |key: &str| self.withdrawn.get(key).copied().unwrap_or(0);
        1 + self.voided + taken_back(voter.as_str()).max(taken_back(seat))
    }

    /// A recall: the votes of the round stay where one can read them, and count no more.
    pub(crate) fn void(&mut self) {
        self.voided += 1;
        if self.phase == StepPhase::Approved {
            self.phase = StepPhase::Closed;
        }
    }

    /// How many approvals it has.
    pub fn approvals(&self) -> usize {
        if self.voided > 0 {
            return 0;
        }
        self.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count()
    }
}
