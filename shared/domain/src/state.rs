//! A request as its commits made it: `state = fold(commits)`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::amount::Amount;
use crate::candidate::Candidate;
use crate::effect::{Effect, EffectState};
use crate::event::{Decision, is_zero};
use crate::hash::Hash;
use crate::ids::{CalendarId, Entity, PersonId, RequestId, RoleId, StepId, TenantId};
use crate::payload::TemplateRef;
use crate::quota::Acts;
use crate::template::Template;
use crate::time::Timestamp;

mod step;

pub use step::{Opening, Passed, Step, StepPhase, Vote};

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
    /// Who called: with the first revision, and after a transfer with the one that followed it.
    pub submitted_by: PersonId,
    /// Who else wrote a revision: bound as the requester is, in this request for good.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revised_by: BTreeSet<PersonId>,
    /// Who asked, and who submitted it, before the request was transferred: bound for good, without any power.
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
    /// How far the effect of its approval is; none if it never waited for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The version that erased what people wrote before it; none: nothing is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<u64>,
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

    /// Approved, and its effect may be started: the request can still be recalled, cancelled, or expire.
    pub fn is_pending(&self) -> bool {
        self.status() == Status::Approved && self.effect_state() == EffectState::Pending
    }

    /// Where its effect stands.
    pub fn effect_state(&self) -> EffectState {
        self.effect.as_ref().map_or(EffectState::None, |effect| effect.state)
    }

    /// Nothing changes its outcome now.
    ///
    /// INVARIANT (I2): what is approved is not over until its effect has started.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed(_)) && !self.is_pending()
    }

    /// More than words may follow: it is not over, or the end of its effect is still to be reported.
    pub fn may_change(&self) -> bool {
        !self.is_over() || self.effect_state() == EffectState::Started
    }

    /// Its entity is taken: it is not over, or a failure of its effect would open it again.
    pub fn holds_entity(&self) -> bool {
        let may_open = |effect: &Effect| effect.state == EffectState::Started && effect.may_fail_again();
        !self.is_over() || self.effect.as_ref().is_some_and(may_open)
    }

    /// The outcome, once it is decided. An approval that waits for its effect may still be recalled.
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
        self.asks() == id || self.submitter() == Some(id)
    }

    /// Who submitted it for whoever asks now. From a transfer until the revision that follows it, a requester who submitted it themselves
    /// has handed that over as well; whoever submitted it for another may still write that revision.
    pub fn submitter(&self) -> Option<&PersonId> {
        Some(&self.submitted_by).filter(|by| self.successor.is_none() || **by != self.requester)
    }

    /// Whose request it is or ever was: requesters, the submitter, and whoever wrote a revision.
    ///
    /// INVARIANT (I5): none of them ever votes on it, unless the step allows it.
    pub fn is_own(&self, id: &PersonId) -> bool {
        let now = self.asks() == id || self.requester == *id || self.submitted_by == *id;
        now || self.revised_by.contains(id) || self.earlier_requesters.contains(id)
    }

    /// Whether an approval of this revision is somebody's: cast by them, or on their right; with `on_behalf_of` on that person's right.
    pub fn counted(&self, by: &PersonId, on_behalf_of: Option<&PersonId>) -> bool {
        let mut approvals = self.votes().filter(|vote| vote.voted.decision == Decision::Approve);
        approvals.any(|vote| vote.involves(by) && on_behalf_of.is_none_or(|person| vote.person() == person))
    }

    /// Whether somebody may recall it as the one who asks: while its steps are under way, if the template lets them.
    pub fn recalled_by_its_own(&self, by: &PersonId, template: &Template) -> bool {
        template.recall && self.phase == Phase::Running && self.acts_for(by)
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
