//! The domain's "no". Each has a name, a stable code, and a test.

use crate::effect::EffectState;
use crate::event::Decision;
use crate::hash::Hash;
use crate::ids::{CalendarId, PersonId, RequestId, StepId};
use crate::limits;
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
    #[error("that timer is not due")]
    NotDue,
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
    /// The right chosen in `on_behalf_of` is one that others need; the voter has another.
    #[error("a vote on the right of `{person}` would block step `{step}`, and one on the right of `{instead}` would not")]
    WouldBlock {
        /// The step.
        step: StepId,
        /// Whose right was chosen.
        person: PersonId,
        /// Whose right would do.
        instead: PersonId,
    },
    /// An approval must say what was shown.
    #[error("an approval must carry the `payload_hash` that was shown")]
    PayloadHashRequired,
    /// What was shown is not what stands there.
    #[error("the request changed since it was shown: its payload hash is now {0}")]
    StaleRevision(Hash),
    /// From the second revision on a rejection or a return must say which revision was shown.
    #[error("from revision 2 on a rejection or a return must carry the `payload_hash` or the `revision` that was shown")]
    RevisionRequired,
    /// A vote was taken back on this seat: another one must say that it is a new one.
    #[error("a vote on this seat was taken back: a new one must carry `round`, which is now {0}")]
    RoundRequired(u32),
    /// A vote of another round than the seat's.
    #[error("this vote names another round: on this seat it is now {0}")]
    StaleRound(u32),
    /// Nothing is to be started or recalled.
    #[error("the request is {}, not approved and waiting for its effect", .0.as_str())]
    NotApproved(Status),
    /// Only what is over can be erased.
    #[error("the request is {}, and can still change: only what is over is erased", .0.as_str())]
    NotClosed(Status),
    /// The effect was started: nothing brings the request back.
    #[error("the effect was started at {at} by `{by}`")]
    EffectStarted {
        /// Who started it.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// Nothing to finish.
    #[error("no effect is under way: its state is {}", .0.as_str())]
    EffectNotStarted(EffectState),
    /// The vote helped to close its step: it is not taken back by itself.
    #[error("step `{step}` is {}: a vote that counted is not taken back alone; recall the request instead", .phase.as_str())]
    VoteCounted {
        /// The step.
        step: StepId,
        /// Where it stands.
        phase: StepPhase,
    },
    /// The caller has no vote there that could be taken back.
    #[error("there is no vote of yours on step `{0}`")]
    NoSuchVote(StepId),
    /// The template asks for a reason.
    #[error("step `{step}` asks for a comment with this decision")]
    ReasonRequired {
        /// The step.
        step: StepId,
    },
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
    /// A seat, or the request itself, cannot go there.
    #[error("this cannot pass to `{to}`: {why}")]
    InvalidTarget {
        /// Who was named.
        to: PersonId,
        /// The reason.
        why: String,
    },
    /// Every limit of the request is used up.
    #[error("the request is full: {0}")]
    RequestFull(&'static str),
    /// There is none, or none that the caller may see.
    #[error("there is no such request")]
    NoRequest,
    /// Nothing of the directory stands under that id, or nothing the caller may know of.
    #[error("there is no such {0}")]
    NoObject(&'static str),
    /// The client lacks the scope `decide`.
    #[error("the token needs the scope `approvals:decide`")]
    DecideNeeded,
    /// The caller saw an older version (`If-Match`).
    #[error("it was changed since you read it; read it again and decide anew")]
    PreconditionFailed {
        /// The version now.
        version: u64,
    },
    /// A person that a directory command names.
    #[error("{}", no_such_user(.person, *.named_as))]
    NoSuchUser {
        /// Who was named.
        person: PersonId,
        /// As what.
        named_as: NamedAs,
    },
    /// A calendar that settings name.
    #[error("there is no calendar `{0}`")]
    NoSuchCalendar(CalendarId),
    /// Two persons' ids differ in more than letter case, and so do two roles' names.
    #[error("`{0}` exists already, and two ids must differ in more than letter case")]
    IdCaseConflict(String),
    /// One more would be too many.
    #[error("{}", .0.text())]
    LimitReached(Limit),
    /// With delegations that are there it makes a ring: these persons, the first one again at the end.
    #[error("at some time everybody would stand in for everybody: {}", names(.0).join(" → "))]
    DelegationCycle(Vec<PersonId>),
    /// The same command made it before, and it was revoked or has ended since.
    #[error("this delegation was made before, and is not there any more")]
    DelegationRevoked,
    /// Nothing is sent to an endpoint that is switched off.
    #[error("the endpoint is switched off; switch it on, then replay what it missed")]
    EndpointInactive,
}

/// As what a directory command names a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedAs {
    /// Who is to hold a role.
    Member,
    /// Whom somebody reports to.
    Manager,
    /// Whose right a delegation passes on.
    From,
    /// Who receives it.
    To,
}

/// Limits of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Delegations a person receives at a time.
    Received,
    /// Delegations a person gives at a time.
    Given,
    /// Delegations from one giver to one receiver.
    Between,
    /// Roles of a person.
    Roles,
    /// Webhook endpoints of a tenant.
    Endpoints,
}

impl Limit {
    /// Its number.
    pub const fn most(self) -> usize {
        match self {
            Self::Received => limits::DELEGATORS,
            Self::Given => limits::DELEGATIONS_GIVEN,
            Self::Between => limits::DELEGATIONS_BETWEEN,
            Self::Roles => limits::ROLES_PER_PERSON,
            Self::Endpoints => limits::ENDPOINTS,
        }
    }

    fn text(self) -> String {
        let most = self.most();
        match self {
            Self::Received => format!("a person receives at most {most} delegations at a time"),
            Self::Given => format!("a person gives at most {most} delegations at a time"),
            Self::Between => format!("a person gives another at most {most} delegations at a time"),
            Self::Roles => format!("a person holds at most {most} roles"),
            Self::Endpoints => format!("a tenant has at most {most} webhook endpoints"),
        }
    }
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
    /// Only stands in, and enough others can vote.
    NotNeeded,
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
            Self::NotNeeded => "not_needed",
            Self::NotACandidate => "not_a_candidate",
        }
    }
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not in the directory"),
            Self::Inactive => f.write_str("is not active"),
            Self::OwnRequest => f.write_str("is or was the requester, submitted the request, or wrote a revision of it"),
            Self::Barred => f.write_str("is barred by the template"),
            Self::Counted(step) => write!(f, "already counted in step `{step}`, from which this one must be distinct"),
            Self::Released => f.write_str("passed this seat to somebody else"),
            Self::NotNeeded => f.write_str("only stands in, and enough others can vote on this step"),
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
            Self::NotDue => "not_due",
            Self::SeatTaken { .. } => "seat_taken",
            Self::WouldBlock { .. } => "would_block",
            Self::PayloadHashRequired => "payload_hash_required",
            Self::StaleRevision(_) => "stale_revision",
            Self::RevisionRequired => "revision_required",
            Self::ReasonRequired { .. } => "reason_required",
            Self::RoundRequired(_) => "round_required",
            Self::StaleRound(_) => "stale_round",
            Self::NotApproved(_) => "not_approved",
            Self::NotClosed(_) => "not_closed",
            Self::EffectStarted { .. } => "effect_started",
            Self::EffectNotStarted(_) => "effect_not_started",
            Self::VoteCounted { .. } => "vote_counted",
            Self::NoSuchVote(_) => "no_such_vote",
            Self::FromRequired => "from_required",
            Self::NoSuchSeat { .. } => "no_such_seat",
            Self::InvalidTarget { .. } => "invalid_target",
            Self::RequestFull(_) => "request_full",
            Self::NoRequest | Self::NoObject(_) => "not_found",
            Self::DecideNeeded => "insufficient_scope",
            Self::PreconditionFailed { .. } => "precondition_failed",
            Self::NoSuchUser { .. } => "no_such_user",
            Self::NoSuchCalendar(_) => "no_such_calendar",
            Self::IdCaseConflict(_) => "id_case_conflict",
            Self::LimitReached(_) => "limit_reached",
            Self::DelegationCycle(_) => "delegation_cycle",
            Self::DelegationRevoked => "delegation_revoked",
            Self::EndpointInactive => "endpoint_inactive",
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

fn names(ids: &[PersonId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn no_such_user(person: &PersonId, named_as: NamedAs) -> String {
    match named_as {
        NamedAs::Member | NamedAs::Manager => format!("there is no user `{person}`"),
        NamedAs::From | NamedAs::To => format!("`{person}` is not an active person of the directory"),
    }
}
