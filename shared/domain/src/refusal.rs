//! The domain's "no". Each has a name, a stable code, and a test.

use crate::event::Decision;
use crate::hash::Hash;
use crate::ids::{PersonId, RequestId, StepId};
use crate::state::{Status, StepPhase};
use crate::time::Timestamp;

/// A command the domain declines. Nothing changes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The caller, or the requester named, is no active person.
    #[error("`{0}` is not an active person of the directory")]
    UnknownUser(PersonId),
    /// Only a client with the scope `submit_for` names another requester.
    #[error("naming another requester needs the scope `submit_for`")]
    SubmitForNeeded,
    /// Something open stands for the entity already.
    #[error("the entity already has an open request of this template, `{0}`")]
    EntityBusy(RequestId),
    /// No step is planned.
    #[error("no step of the template applies, and the template does not say `when_empty: approve`")]
    EmptyPlan,
    /// Steps nobody could ever vote on.
    #[error("nobody could vote on {}, and no fallback stands in", steps(.0))]
    Unroutable(Vec<StepId>),
    /// No such step.
    #[error("the request has no step `{0}`")]
    UnknownStep(StepId),
    /// One vote per person, step and revision.
    #[error("you already voted `{}` on step `{step}`", word(.decision))]
    AlreadyVoted {
        /// The step.
        step: StepId,
        /// The vote that stands.
        decision: Decision,
    },
    /// No right to vote here.
    #[error("`{person}` may not vote on step `{step}`: {why}", why = .why.to_string())]
    NotEligible {
        /// Who asked.
        person: PersonId,
        /// The step.
        step: StepId,
        /// The reason.
        why: WhyNot,
    },
    /// Not the requester's, submitter's or an administrator's act.
    #[error("only {who} may do this")]
    NotAllowed {
        /// Those who may.
        who: &'static str,
    },
    /// Over.
    #[error("the request was {} at {at} by `{by}`", .status.as_str())]
    RequestClosed {
        /// How it ended.
        status: Status,
        /// Whose act: a person's id, or `system`.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Only a returned request takes a new revision.
    #[error("the request is {}, not returned", .0.as_str())]
    NotReturned(Status),
    /// The step takes no vote.
    #[error("step `{step}` is {}, not open", .phase.as_str())]
    StepNotOpen {
        /// The step.
        step: StepId,
        /// Where it stands.
        phase: StepPhase,
    },
    /// Fired, overtaken, or still to come: only the tick asks it.
    #[error("that timer of step `{step}` is not due")]
    NotDue {
        /// The step.
        step: StepId,
    },
    /// The right is used up.
    #[error("the seat of `{seat}` on step `{step}` was already filled by `{by}`")]
    SeatTaken {
        /// The step.
        step: StepId,
        /// Person or `any_of` candidate.
        seat: String,
        /// The voter.
        by: PersonId,
    },
    /// An approval must say what was shown.
    #[error("an approval must carry the `payload_hash` that was shown")]
    PayloadHashRequired,
    /// What was shown is not what stands there.
    #[error("the request changed since it was shown: its payload hash is now {0}")]
    StaleRevision(Hash),
    /// The caller holds no single seat.
    #[error("name the seat to pass on in `from`: yours is not a single one")]
    FromRequired,
    /// Nobody's seat.
    #[error("`{person}` holds no free seat on step `{step}`")]
    NoSuchSeat {
        /// Whose seat was named.
        person: PersonId,
        /// The step.
        step: StepId,
    },
    /// The seat cannot go there.
    #[error("the seat cannot pass to `{to}`: {why}")]
    InvalidTarget {
        /// Who was named.
        to: PersonId,
        /// The reason.
        why: String,
    },
    /// Every limit of the request is used up.
    #[error("the request is full: {0}")]
    RequestFull(&'static str),
    /// Not for this state of things; only a newer or a foreign caller asks it.
    #[error("there is no such request")]
    NoRequest,
}

/// Why a person may not vote on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNot {
    /// Not in the directory.
    Unknown,
    /// Has left.
    Inactive,
    /// Asked for it, or submitted it.
    OwnRequest,
    /// Barred by the template.
    Barred,
    /// Counted in a step this one must be distinct from.
    Counted(StepId),
    /// Passed the seat on.
    Released,
    /// No candidate, and nobody's delegate here.
    NotACandidate,
}

impl WhyNot {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_user",
            Self::Inactive => "inactive",
            Self::OwnRequest => "own_request",
            Self::Barred => "barred",
            Self::Counted(_) => "distinct_from",
            Self::Released => "reassigned",
            Self::NotACandidate => "not_a_candidate",
        }
    }
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not in the directory"),
            Self::Inactive => f.write_str("is not active"),
            Self::OwnRequest => f.write_str("is the requester or submitter, or acts for one"),
            Self::Barred => f.write_str("is barred by the template"),
            Self::Counted(step) => write!(f, "already counted in step `{step}`, from which this one must be distinct"),
            Self::Released => f.write_str("passed this seat to somebody else"),
            Self::NotACandidate => f.write_str("is no candidate of this step and delegate of none"),
        }
    }
}

impl Refusal {
    /// Stable code, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownUser(_) => "unknown_user",
            Self::SubmitForNeeded => "submit_for_required",
            Self::EntityBusy(_) => "entity_busy",
            Self::EmptyPlan => "empty_plan",
            Self::Unroutable(_) => "unroutable",
            Self::UnknownStep(_) => "unknown_step",
            Self::AlreadyVoted { .. } => "already_voted",
            Self::NotEligible { .. } => "not_eligible",
            Self::NotAllowed { .. } => "not_allowed",
            Self::RequestClosed { .. } => "request_closed",
            Self::NotReturned(_) => "not_returned",
            Self::StepNotOpen { .. } => "step_not_open",
            Self::NotDue { .. } => "not_due",
            Self::SeatTaken { .. } => "seat_taken",
            Self::PayloadHashRequired => "payload_hash_required",
            Self::StaleRevision(_) => "stale_revision",
            Self::FromRequired => "from_required",
            Self::NoSuchSeat { .. } => "no_such_seat",
            Self::InvalidTarget { .. } => "invalid_target",
            Self::RequestFull(_) => "request_full",
            Self::NoRequest => "not_found",
        }
    }
}

const fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
        Decision::Return => "return",
    }
}

fn steps(ids: &[StepId]) -> String {
    ids.iter().map(|id| format!("step `{id}`")).collect::<Vec<_>>().join(", ")
}
