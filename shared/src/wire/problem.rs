//! Errors as RFC 9457 problem bodies: a stable code, what was wrong, where, and what would be right.

use approvals_domain::ids::PersonId;
use approvals_domain::refusal::{Part, Refusal};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::store;

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

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// JSON pointer into the body; empty: the whole.
    pub pointer: String,
    /// Stable, for machines.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into(), detail: detail.into() }
    }
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

    /// 422: one key, two bodies.
    pub fn key_reused() -> Self {
        Self::new(422, "idempotency_key_reused", "this Idempotency-Key was used with another body; use a fresh key for another call")
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

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(refusal.status(), refusal.code(), refusal.to_string());
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
            Refusal::NoRequest | Refusal::NoObject(_) => Self::not_found(),
            Refusal::DecideNeeded => problem.with("scopes", vec!["decide"]),
            Refusal::PreconditionFailed { version } => problem.with("version", version),
            Refusal::NoSuchUser { person, part } => problem.names_nobody(&person, part),
            Refusal::NoSuchCalendar(id) => {
                let detail = format!("{}; PUT /v1/calendars/{id} first", problem.detail);
                Self { detail: detail.clone(), ..problem }.at([Fault::new("/calendar", "unknown", detail)])
            }
            Refusal::IdCaseConflict(other) => problem.with("id", other.as_str()),
            Refusal::DelegationCycle(ring) => problem.with("cycle", ring.iter().map(ToString::to_string).collect::<Vec<_>>()),
            Refusal::UnknownStep(_) => problem.at([Fault::new("/step", "unknown", "use the id of a step of this request")]),
            _ => problem,
        }
    }
}

impl Problem {
    /// With the place where the body names somebody who is not there.
    fn names_nobody(self, person: &PersonId, part: Part) -> Self {
        let pointer = match part {
            Part::Member => return Self { detail: format!("{}; PUT /v1/users/{person} first", self.detail), ..self },
            Part::From => "/from",
            Part::To => "/to",
        };
        let fault = Fault::new(pointer, "no_such_user", self.detail.as_str());
        self.at([fault])
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(what) => {
                tracing::warn!(what, "store not available");
                Self::busy("the store did not answer")
            }
            store::Error::Damaged { .. } | store::Error::Refused(_) => Self::internal(&error.to_string()),
        }
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
