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
use crate::{identity, store};

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
        Self::new(404, "not_found", "there is nothing here, or nothing you may see")
    }

    /// 503: come again.
    pub fn busy(detail: &str) -> Self {
        Self { retry_after: Some(1), ..Self::new(503, "busy", format!("{detail}; try again in a second")) }
    }

    /// 500: a human is needed. The detail is for the log, not for the caller.
    pub fn internal(detail: &str) -> Self {
        tracing::error!(detail, "internal error");
        Self::new(500, "internal", "something is wrong on our side; it was logged")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code, detail) = (status(&error), error.code(), error.to_string());
        let problem = Self { retry_after: error.retryable().then_some(1), ..Self::new(status, code, detail) };
        match error {
            Error::Refused(refusal) => with_facts(problem, refusal),
            Error::Invalid(faults) => problem.at(faults.each),
            Error::Denied(identity::Error::ScopeNeeded(scopes)) => problem.with("scopes", identity::names(&scopes)),
            Error::Denied(identity::Error::Unknown(_) | identity::Error::LoginNeeded) | Error::NotFound | Error::KeyReused => problem,
            Error::Busy(what) => Self::busy(&what),
            Error::Unavailable(what) => {
                tracing::warn!(what, "store not available");
                Self::busy("the store did not answer")
            }
            Error::Damaged(what) => Self::internal(&what),
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
        Refusal::IdCaseConflict(other) => problem.with("id", other.as_str()),
        Refusal::DelegationCycle(ring) => problem.with("cycle", ring.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Refusal::UnknownStep(_) => problem.at([Fault::new("/step", "unknown", "use the id of a step of this request")]),
        _ => problem,
    }
}

/// With the place where the body names somebody who is not there.
fn no_such_user(problem: Problem, person: &PersonId, named_as: NamedAs) -> Problem {
    let pointer = match named_as {
        NamedAs::Member => return Problem { detail: format!("{}; PUT /v1/users/{person} first", problem.detail), ..problem },
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
        Error::Busy(_) | Error::Unavailable(_) => 503,
        Error::Damaged(_) => 500,
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
        | Refusal::NotDue { .. }
        | Refusal::SeatTaken { .. }
        | Refusal::StaleRevision(_)
        | Refusal::RequestFull(_)
        | Refusal::IdCaseConflict(_)
        | Refusal::DelegationCycle(_)
        | Refusal::DelegationRevoked
        | Refusal::EndpointInactive => 409,
        Refusal::PreconditionFailed { .. } => 412,
        Refusal::EmptyPlan
        | Refusal::Unroutable(_)
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
