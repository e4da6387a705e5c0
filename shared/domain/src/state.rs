//! A request as its commits made it: `state = fold(commits)`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Caller, Channel};
use crate::amount::Amount;
use crate::candidate::{Candidate, Placed};
use crate::event::{Decision, Voted, is_zero};
use crate::hash::Hash;
use crate::ids::{CalendarId, Entity, PersonId, RequestId, RoleId, StepId, TenantId};
use crate::payload::TemplateRef;
use crate::quota::Acts;
use crate::seat::Seat;
use crate::time::Timestamp;

/// A request, or none yet.
pub type State = Option<Request>;

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: RequestId,
    /// The template it started with, and keeps.
    pub template: TemplateRef,
    /// What it is about.
    pub entity: Entity,
    /// Who asks.
    pub requester: PersonId,
    /// Who called.
    pub submitted_by: PersonId,
    /// Who else wrote a revision: bound as the requester is, in this request for good.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revised_by: BTreeSet<PersonId>,
    /// Who asked before the request was transferred.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub earlier_requesters: BTreeSet<PersonId>,
    /// Who asks from the next revision on: the request was transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<PersonId>,
    /// The closed request of the same entity before it.
    pub previous: Option<RequestId>,
    /// From 1.
    pub revision: u32,
    /// What approvers of this revision are shown.
    pub payload_hash: Hash,
    /// Payload hashes of earlier revisions, oldest first.
    pub earlier_payloads: Vec<Hash>,
    /// What approver expressions gave for this revision.
    pub named: BTreeMap<String, Vec<Candidate>>,
    /// What a delegation's limit is compared with.
    pub amount: Option<Amount>,
    /// The calendar of steps that name none, in a template that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarId>,
    /// Where it stands.
    pub phase: Phase,
    /// All steps of this revision, in the template's order.
    pub steps: Vec<Step>,
    /// Who voted in earlier revisions: they stay parties.
    pub earlier_voters: BTreeSet<PersonId>,
    /// Who was asked by name in earlier revisions, and in which last. At most [`crate::limits::ASKED`], those asked longest ago dropped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier_asked: BTreeMap<PersonId, u32>,
    /// Which roles were asked in earlier revisions, and in which last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier_roles: BTreeMap<RoleId, u32>,
    /// What each person did that a request takes only so often.
    #[serde(rename = "q", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acts: BTreeMap<PersonId, Acts>,
    /// How many comments it has.
    pub comments: u32,
    /// Of the last commit.
    pub version: u64,
    /// Of the last commit.
    pub hash: Hash,
    /// Of the first commit.
    pub created_at: Timestamp,
    /// Of the last commit.
    pub updated_at: Timestamp,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Steps are under way.
    Running,
    /// With the requester.
    Returned {
        /// Since when.
        at: Timestamp,
        /// The last reminder given to the requester, from 1; 0: none.
        #[serde(default, skip_serializing_if = "is_zero")]
        reminded: u32,
    },
    /// Over.
    Closed(Outcome),
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// One of the four final ones.
    pub status: Status,
    /// Whose act it was.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Salted hash of the reason given.
    pub reason: Option<Hash>,
}

/// What a request is called in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; its next step is blocked and nothing is open.
    Pending,
    /// A step is open.
    InProgress,
    /// With the requester.
    Returned,
    /// Final.
    Approved,
    /// Final.
    Rejected,
    /// Final.
    Cancelled,
    /// Final.
    Expired,
}

impl Status {
    /// As in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

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
        Self { id, phase, opening: None, votes: Vec::new() }
    }

    /// How many approvals it has.
    pub fn approvals(&self) -> usize {
        self.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count()
    }
}

impl Request {
    /// What it is called in answers.
    pub fn status(&self) -> Status {
        match &self.phase {
            Phase::Returned { .. } => Status::Returned,
            Phase::Closed(outcome) => outcome.status,
            Phase::Running if self.steps.iter().any(|step| step.phase == StepPhase::Open) => Status::InProgress,
            Phase::Running => Status::Pending,
        }
    }

    /// A step is blocked.
    pub fn blocked(&self) -> bool {
        self.steps.iter().any(|step| step.phase == StepPhase::Blocked)
    }

    /// The outcome, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Closed(outcome) => Some(outcome),
            Phase::Running | Phase::Returned { .. } => None,
        }
    }

    /// The step of that id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// Who asks now: after a transfer the new requester, though the revision that stands is still the old one's.
    pub fn asks(&self) -> &PersonId {
        self.successor.as_ref().unwrap_or(&self.requester)
    }

    /// Acts for the request: who asks now, and the submitter.
    pub fn acts_for(&self, id: &PersonId) -> bool {
        self.asks() == id || self.submitted_by == *id
    }

    /// Whose request it is or ever was: requesters, the submitter, and whoever wrote a revision.
    ///
    /// INVARIANT (I5): none of them ever votes on it, unless the step allows it.
    pub fn is_own(&self, id: &PersonId) -> bool {
        self.acts_for(id) || self.requester == *id || self.revised_by.contains(id) || self.earlier_requesters.contains(id)
    }

    /// The steps that are open or blocked, with what was fixed at opening.
    pub fn live_steps(&self) -> impl Iterator<Item = (&Step, &Opening)> {
        self.steps.iter().filter(|step| step.phase.is_live()).filter_map(|step| Some((step, step.opening.as_ref()?)))
    }

    /// Everybody named in a step of this revision that opened: candidates, and both ends of a seat that passed on.
    pub fn asked_by_name(&self) -> impl Iterator<Item = &PersonId> {
        let openings = || self.steps.iter().filter_map(|step| step.opening.as_ref());
        let passed = openings().flat_map(|opening| &opening.released).flat_map(|(giver, passed)| [giver, &passed.to]);
        self.asked().filter_map(Candidate::person).chain(passed)
    }

    /// The roles that were asked in a step of this revision.
    pub fn asked_roles(&self) -> impl Iterator<Item = &RoleId> {
        self.asked().filter_map(Candidate::role)
    }

    fn asked(&self) -> impl Iterator<Item = &Candidate> {
        let openings = self.steps.iter().filter_map(|step| step.opening.as_ref());
        openings.flat_map(|opening| opening.candidates.iter().chain(&opening.left)).flat_map(|placed| placed.candidate.members())
    }

    /// Votes of this revision, all steps.
    pub fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.steps.iter().flat_map(|step| &step.votes)
    }
}
