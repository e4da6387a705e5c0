//! The reference model: what the rulings say, in the fewest lines, written without a look at the core. See README.md beside this file.
//!
//! It keeps who was asked and who voted, and counts everything else anew each time: rights, reach, timers, sight.

mod acts;
mod clock;
mod effect;
mod kept;
mod people;
mod random;
mod seats;
mod sight;
mod steps;
mod strategies;
mod translate;

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{self, Template};
use approvals_domain::time::Timestamp;

use people::{Directory, Money};
use seats::{Candidate, Ticket, Who};

/// What an act came to: whether anything was written, or the code of the refusal.
pub(crate) type Answer = Result<bool, &'static str>;

/// One request and the world around it.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) template: Template,
    pub(crate) directory: Directory,
    pub(crate) now: Timestamp,
    pub(crate) requester: PersonId,
    /// Nobody from the transfer of a request its requester submitted until the revision that follows.
    pub(crate) submitter: Option<PersonId>,
    /// It was transferred since the last revision.
    pub(crate) transferred: bool,
    /// Requesters, submitter and authors of revisions, of all times: they never vote (I5, ruling on F1).
    pub(crate) bound: BTreeSet<PersonId>,
    pub(crate) revision: u32,
    pub(crate) content: Content,
    pub(crate) status: Status,
    pub(crate) steps: Vec<Step>,
    /// When it was returned, and the last reminder of that given to the requester.
    pub(crate) returned_at: Timestamp,
    pub(crate) requester_reminded: u32,
    /// Who was asked by name, and which roles, each with the last revision they were asked in.
    pub(crate) asked: BTreeMap<PersonId, u32>,
    pub(crate) asked_roles: BTreeMap<RoleId, u32>,
    pub(crate) voters: BTreeSet<PersonId>,
    /// None: there never was an approval that waits for its effect.
    pub(crate) effect: Option<effect::Effect>,
    /// Who started its effect, in this revision or another, the last one last.
    pub(crate) starters: Vec<PersonId>,
    /// Starts of all revisions.
    pub(crate) attempts: u32,
}

/// What a revision's expressions gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// By step, for steps with a condition.
    pub(crate) conditions: BTreeMap<StepId, bool>,
    /// By the expression's text.
    pub(crate) named: BTreeMap<String, Vec<Who>>,
    pub(crate) amount: Option<Money>,
}

/// Where the request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Running,
    Returned,
    Approved,
    Rejected,
    Cancelled,
    Expired,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Open,
    Blocked,
    Approved,
    Rejected,
    Skipped,
    Returned,
    Closed,
}

/// One step of the present revision.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) id: StepId,
    pub(crate) phase: Phase,
    pub(crate) candidates: Vec<Candidate>,
    /// Who passed their seat on.
    pub(crate) released: BTreeSet<PersonId>,
    pub(crate) need: u32,
    /// Its opening stands in the history, as open or as blocked.
    pub(crate) opened: bool,
    /// It has been open, so the need stays.
    pub(crate) was_open: bool,
    pub(crate) opened_at: Timestamp,
    pub(crate) votes: Vec<Vote>,
    pub(crate) reminded: u32,
    pub(crate) level: u32,
    pub(crate) timed_out: bool,
}

/// A vote: the human, the person whose right it was, the seat if it was an `any_of`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vote {
    pub(crate) by: PersonId,
    pub(crate) person: PersonId,
    pub(crate) any_of: Option<Who>,
    pub(crate) decision: Decision,
    pub(crate) reserve: bool,
}

impl Vote {
    fn with(ticket: &Ticket, decision: Decision) -> Self {
        let Ticket { human, person, any_of, reserve } = ticket.clone();
        Self { by: human, person, any_of, decision, reserve }
    }
}

impl Phase {
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Blocked)
    }

    pub(crate) fn as_str(self) -> &'static str {
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
}

impl Model {
    /// The status as in answers.
    pub(crate) fn status(&self) -> &'static str {
        match self.status {
            Status::Running if self.steps.iter().any(|step| step.phase == Phase::Open) => "in_progress",
            Status::Running => "pending",
            Status::Returned => "returned",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Cancelled => "cancelled",
            Status::Expired => "expired",
        }
    }

    /// Over: but what is approved is open until its effect starts.
    pub(crate) fn is_closed(&self) -> bool {
        !matches!(self.status, Status::Running | Status::Returned) && !self.is_pending()
    }

    pub(crate) fn at(&self, id: &StepId) -> Option<usize> {
        self.steps.iter().position(|step| step.id == *id)
    }

    pub(crate) fn rules(&self, step: &Step) -> &template::Step {
        self.template.step(&step.id).unwrap()
    }

    fn live(&self) -> Vec<usize> {
        (0..self.steps.len()).filter(|at| self.steps[*at].phase.is_live()).collect()
    }
}
