//! Errors as RFC 9457 problem bodies: a stable code, what was wrong, where, and what would be right. HTTP statuses stand here alone.

use approvals_domain::ids::PersonId;
use approvals_domain::refusal::{NamedAs, Refusal};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::app::Error;
use crate::wire::fault::{Fault, Faults, Part};
use crate::{identity, secrets, store};

/// Why a call was not served.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:approvals:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code as words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable, for machines.
    pub code: String,
    /// For the person who must act: what was wrong and what would be right.
    pub detail: String,
    /// Each fault with its place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// Further facts, such as the open request of an `entity_busy`.
    #[serde(flatten)]
    #[schema(ignore)]
    pub facts: Map<String, Value>,
    /// Seconds after which a further try makes sense.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of this status and code.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let (kind, title) = (format!("urn:approvals:problem:{code}"), code.replace('_', " "));
        let code = code.to_owned();
        Self { kind, title, status, code, detail: detail.into(), errors: Vec::new(), facts: Map::new(), retry_after: None }
    }

    /// With faults.
    #[must_use]
    pub fn at(mut self, errors: impl IntoIterator<Item = Fault>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// With a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// 404, the same for what is missing and for what the caller may not know of.
    pub fn not_found() -> Self {
        Error::NotFound.into()
    }

    /// 503: come again.
    pub fn busy(detail: &str) -> Self {
        Error::Busy(detail.to_owned()).into()
    }

    /// 500: a human is needed. The detail is for the log, not for the caller.
    pub fn internal(detail: &str) -> Self {
        Error::Broken(detail.to_owned()).into()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let retry_after = match error {
            Error::TooFast { seconds, .. } => Some(seconds),
            _ => error.retryable().then_some(1),
        };
        let problem = Self { retry_after, ..Self::new(status(&error), error.code(), detail(&error)) };
        match error {
            Error::Refused(refusal) => with_facts(problem, refusal),
            Error::Invalid(faults) => problem.at(faults.each),
            Error::Denied(identity::Error::ScopeNeeded(scopes)) => problem.with("scopes", identity::names(&scopes)),
            Error::Denied(identity::Error::Unknown(_) | identity::Error::LoginNeeded)
            | Error::NotFound
            | Error::KeyReused
            | Error::TooFast { .. }
            | Error::Busy(_)
            | Error::Unavailable(_)
            | Error::Damaged(_)
            | Error::Broken(_) => problem,
        }
    }
}

/// What the caller is told. What happened inside goes to the log alone.
fn detail(error: &Error) -> String {
    match error {
        Error::Busy(what) => format!("{what}; try again in a second"),
        Error::Unavailable(what) => {
            tracing::warn!(what, "store not available");
            "the store did not answer; try again in a second".to_owned()
        }
        Error::Damaged(what) => {
            tracing::error!(detail = what, "damaged");
            "what is stored here is not what was written; nothing was decided on it, and it was logged".to_owned()
        }
        Error::Broken(what) => {
            tracing::error!(detail = what, "internal error");
            "something is wrong on our side; it was logged".to_owned()
        }
        Error::Refused(_) | Error::Invalid(_) | Error::Denied(_) | Error::NotFound | Error::KeyReused | Error::TooFast { .. } => {
            error.to_string()
        }
    }
}

/// What else is said of a refusal: places and facts.
fn with_facts(problem: Problem, refusal: Refusal) -> Problem {
    match refusal {
        Refusal::EntityBusy(request) => problem.with("request", request.as_str()),
        Refusal::NotEligible { why, .. } => problem.at([Fault::new("", why.code(), why.to_string())]),
        Refusal::RequestClosed { status, by, at } => {
            problem.with("outcome", json!({ "status": status.as_str(), "by": by.trim_matches('`'), "at": at.to_string() }))
        }
        Refusal::StaleRevision(hash) => problem.with("payload_hash", hash.to_string()),
        Refusal::PayloadHashRequired => problem.at([Fault::new("/payload_hash", "required", "an approval names what was shown")]),
        Refusal::RevisionRequired => {
            problem.at([Fault::new("/revision", "required", "name the revision, or the payload hash, that was shown")])
        }
        Refusal::RoundRequired(round) => {
            problem.with("round", round).at([Fault::new("/round", "required", "a vote was taken back here: name the round of this one")])
        }
        Refusal::StaleRound(round) => problem.with("round", round),
        Refusal::EffectStarted { by, at } => problem.with("effect", json!({ "by": by, "started_at": at.to_string() })),
        Refusal::ReasonRequired { .. } => problem.at([Fault::new("/comment", "required", "say why")]),
        Refusal::FromRequired => problem.at([Fault::new("/from", "required", "name the person whose seat passes on")]),
        Refusal::Unroutable(steps) => {
            problem.at(steps.iter().map(|step| Fault::new("/template", "unroutable", format!("nobody could vote on step `{step}`"))))
        }
        Refusal::NoRequest | Refusal::NoObject(_) => Problem::not_found(),
        Refusal::DecideNeeded => problem.with("scopes", vec!["decide"]),
        Refusal::PreconditionFailed { version } => problem.with("version", version),
        Refusal::NoSuchUser { person, named_as } => no_such_user(problem, &person, named_as),
        Refusal::NoSuchCalendar(id) => {
            let detail = format!("{}; PUT /v1/calendars/{id} first", problem.detail);
            Problem { detail: detail.clone(), ..problem }.at([Fault::new("/calendar", "unknown", detail)])
        }
        Refusal::IdCaseConflict(other) => problem.with("id", other),
        Refusal::DelegationCycle(ring) => problem.with("cycle", ring.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Refusal::UnknownStep(_) => problem.at([Fault::new("/step", "unknown", "use the id of a step of this request")]),
        _ => problem,
    }
}

/// With the place where the body names somebody who is not there.
fn no_such_user(problem: Problem, person: &PersonId, named_as: NamedAs) -> Problem {
    let pointer = match named_as {
        NamedAs::Member => return Problem { detail: format!("{}; PUT /v1/users/{person} first", problem.detail), ..problem },
        NamedAs::Manager => "/manager",
        NamedAs::From => "/from",
        NamedAs::To => "/to",
    };
    let fault = Fault::new(pointer, "no_such_user", problem.detail.as_str());
    problem.at([fault])
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Error::from(refusal).into()
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        Error::from(faults).into()
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<secrets::Error> for Problem {
    fn from(error: secrets::Error) -> Self {
        Error::from(error).into()
    }
}

/// The HTTP status of an error.
const fn status(error: &Error) -> u16 {
    match error {
        Error::Refused(refusal) => status_of_refusal(refusal),
        Error::Invalid(faults) => match faults.part {
            Part::Body => 400,
            Part::Size => 413,
            Part::Metadata | Part::Expression | Part::UnknownTemplate | Part::InactiveTemplate => 422,
        },
        Error::Denied(identity::Error::Unknown(_)) => 401,
        Error::Denied(identity::Error::ScopeNeeded(_) | identity::Error::LoginNeeded) => 403,
        Error::NotFound => 404,
        Error::KeyReused => 422,
        Error::TooFast { .. } => 429,
        Error::Busy(_) | Error::Unavailable(_) => 503,
        Error::Damaged(_) | Error::Broken(_) => 500,
    }
}

/// The HTTP status of a refusal.
const fn status_of_refusal(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::PayloadHashRequired | Refusal::FromRequired => 400,
        Refusal::UnknownUser(_)
        | Refusal::SubmitForNeeded
        | Refusal::NotEligible { .. }
        | Refusal::NotAllowed { .. }
        | Refusal::DecideNeeded => 403,
        Refusal::UnknownStep(_) | Refusal::NoRequest | Refusal::NoObject(_) => 404,
        Refusal::EntityBusy(_)
        | Refusal::AlreadyVoted { .. }
        | Refusal::RequestClosed { .. }
        | Refusal::NotReturned(_)
        | Refusal::StepNotOpen { .. }
        | Refusal::NotDue
        | Refusal::SeatTaken { .. }
        | Refusal::WouldBlock { .. }
        | Refusal::StaleRevision(_)
        | Refusal::StaleRound(_)
        | Refusal::NotApproved(_)
        | Refusal::NotClosed(_)
        | Refusal::EffectStarted { .. }
        | Refusal::EffectNotStarted(_)
        | Refusal::NoSuchVote(_)
        | Refusal::VoteCounted { .. }
        | Refusal::RequestFull(_)
        | Refusal::IdCaseConflict(_)
        | Refusal::DelegationCycle(_)
        | Refusal::DelegationRevoked
        | Refusal::EndpointInactive => 409,
        Refusal::PreconditionFailed { .. } => 412,
        Refusal::EmptyPlan
        | Refusal::Unroutable(_)
        | Refusal::RevisionRequired
        | Refusal::RoundRequired(_)
        | Refusal::ReasonRequired { .. }
        | Refusal::NoSuchSeat { .. }
        | Refusal::InvalidTarget { .. }
        | Refusal::NoSuchUser { .. }
        | Refusal::NoSuchCalendar(_)
        | Refusal::LimitReached(_) => 422,
    }
}

/// The code of the problem that an answer tells of, beside the answer itself: for who counts them.
#[derive(Debug, Clone)]
pub struct Code(pub String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (retry_after, code) = (self.retry_after, Code(self.code.clone()));
        let mut response = (status, axum::Json(self)).into_response();
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use approvals_domain::effect::EffectState;
    use approvals_domain::event::Decision;
    use approvals_domain::refusal::{Limit, WhyNot};
    use approvals_domain::state::{Status, StepPhase};
    use approvals_domain::time::Timestamp;

    use super::*;

    /// One of each; a test of the domain sees to it that the document names every kind.
    fn refusals() -> Vec<Refusal> {
        let step = || "x".parse().unwrap();
        let person = || "ann".parse().unwrap();
        let request = || "0123456789abcdefghjkmnpqrs".parse().unwrap();
        let at = Timestamp::from_millis(0);
        vec![
            Refusal::UnknownUser(person()),
            Refusal::SubmitForNeeded,
            Refusal::EntityBusy(request()),
            Refusal::EmptyPlan,
            Refusal::Unroutable(vec![step()]),
            Refusal::UnknownStep(step()),
            Refusal::AlreadyVoted { step: step(), decision: Decision::Approve },
            Refusal::NotEligible { person: person(), step: step(), why: WhyNot::NotACandidate },
            Refusal::NotAllowed { who: "nobody" },
            Refusal::RequestClosed { status: Status::Approved, by: "ann".to_owned(), at },
            Refusal::NotReturned(Status::Pending),
            Refusal::StepNotOpen { step: step(), phase: StepPhase::Waiting },
            Refusal::NotDue,
            Refusal::RoundRequired(2),
            Refusal::StaleRound(2),
            Refusal::NotApproved(Status::Pending),
            Refusal::NotClosed(Status::Pending),
            Refusal::EffectStarted { by: person(), at },
            Refusal::EffectNotStarted(EffectState::None),
            Refusal::NoSuchVote(step()),
            Refusal::VoteCounted { step: step(), phase: StepPhase::Approved },
            Refusal::SeatTaken { step: step(), seat: "ann".to_owned(), by: person() },
            Refusal::WouldBlock { step: step(), person: person(), instead: person() },
            Refusal::PayloadHashRequired,
            Refusal::StaleRevision(approvals_domain::hash::Hash::of(&[b"x"])),
            Refusal::RevisionRequired,
            Refusal::ReasonRequired { step: step() },
            Refusal::FromRequired,
            Refusal::NoSuchSeat { person: person(), step: step() },
            Refusal::InvalidTarget { to: person(), why: "why".to_owned() },
            Refusal::RequestFull("full"),
            Refusal::NoRequest,
            Refusal::NoObject("endpoint"),
            Refusal::DecideNeeded,
            Refusal::PreconditionFailed { version: 2 },
            Refusal::NoSuchUser { person: person(), named_as: NamedAs::To },
            Refusal::NoSuchCalendar("nl".parse().unwrap()),
            Refusal::IdCaseConflict("ann".to_owned()),
            Refusal::LimitReached(Limit::Roles),
            Refusal::DelegationCycle(vec![person(), person()]),
            Refusal::DelegationRevoked,
            Refusal::EndpointInactive,
        ]
    }

    #[test]
    fn every_refusal_has_the_status_its_document_says() {
        let document = include_str!("../../../docs/refusals.md");
        let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).collect::<Vec<_>>();
        let problems: Vec<Problem> = refusals().into_iter().map(Problem::from).collect();
        assert_eq!(rows.len(), problems.len(), "each line has an example here");
        for (code, rest) in rows {
            let problem = problems.iter().find(|problem| problem.code == code).unwrap_or_else(|| panic!("no example of {code}"));
            assert!(rest.starts_with(&format!("{} |", problem.status)), "{code}: {} and `{rest}`", problem.status);
        }
    }

    #[test]
    fn what_may_go_better_later_says_when() {
        for error in [Error::Busy("many are writing".to_owned()), Error::Unavailable("throttled".to_owned())] {
            assert!(error.retryable());
            let problem = Problem::from(error);
            assert_eq!((problem.status, problem.code.as_str(), problem.retry_after), (503, "busy", Some(1)), "{problem:?}");
            assert!(!problem.detail.contains("throttled"), "{problem:?}");
        }
        let damaged = Problem::from(Error::Damaged("a secret place".to_owned()));
        assert_eq!((damaged.status, damaged.code.as_str(), damaged.retry_after), (500, "damaged", None));
        assert!(!damaged.detail.contains("secret"), "{damaged:?}");
    }

    #[test]
    fn a_caller_without_the_right_hears_which_one_is_missing() {
        use crate::identity::Scope;
        let denied = |error| Problem::from(Error::Denied(error));
        let scopes = denied(identity::Error::ScopeNeeded(vec![Scope::Read, Scope::Audit]));
        assert_eq!((scopes.status, scopes.code.as_str()), (403, "insufficient_scope"));
        assert_eq!(scopes.detail, "the token needs the scope `approvals:read` or `approvals:audit`");
        assert_eq!(scopes.facts["scopes"], json!(["read", "audit"]));
        let unknown = denied(identity::Error::Unknown("send a bearer token".to_owned()));
        assert_eq!((unknown.status, unknown.code.as_str()), (401, "unauthorized"));
        assert_eq!(denied(identity::Error::LoginNeeded).status, 403);
    }
}
