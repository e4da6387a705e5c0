//! A directory write: who writes, and what became of it as an answer.

use approvals::identity::Identity;
use approvals::store::directory::{Author, Put};
use approvals::web::problem::Problem;
use approvals::web::{IfMatch, Service};
use approvals_domain::actor::Actor;
use axum::http::StatusCode;

/// Who writes, with fresh randomness.
pub(crate) fn author<'a>(service: &Service, identity: &'a Identity, actor: &'a Actor, IfMatch(if_match): IfMatch) -> Author<'a> {
    Author { tenant: &identity.tenant, actor, now: service.clock.now(), salt: service.entropy.salt(), if_match }
}

/// A write that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// The version now.
    pub(crate) version: u64,
    /// Something changed.
    pub(crate) changed: bool,
}

impl Written {
    /// 201 for the first version of an object, else 200.
    pub(crate) fn status(self) -> StatusCode {
        if self.changed && self.version == 1 { StatusCode::CREATED } else { StatusCode::OK }
    }
}

/// What became of a write; `missing` says what it means that something it needs is not there.
pub(crate) fn written(put: Put, missing: impl FnOnce(String) -> Problem) -> Result<Written, Problem> {
    match put {
        Put::Done(version, changed) => Ok(Written { version, changed }),
        Put::Precondition(version) => {
            let detail = "it was changed since you read it; read it again and decide anew";
            Err(Problem::new(412, "precondition_failed", detail).with("version", version))
        }
        Put::Missing(what) => Err(missing(what)),
        Put::CaseClash(other) => {
            let detail = format!("`{other}` exists already, and two ids must differ in more than letter case");
            Err(Problem::new(409, "id_case_conflict", detail).with("id", other))
        }
        Put::Full(what) => Err(Problem::new(422, "limit_reached", what)),
    }
}

/// For writes that need nothing else to be there.
pub(crate) fn needs_nothing(what: String) -> Problem {
    Problem::internal(&what)
}
