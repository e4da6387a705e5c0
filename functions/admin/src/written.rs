//! A directory write: who writes, and how its answer looks.

use approvals::app::commands::Amended;
use approvals::identity::Identity;
use approvals::store::directory::chain::Author;
use approvals_domain::actor::Actor;
use axum::http::StatusCode;

use crate::Service;

/// Who writes, with fresh randomness.
pub(crate) fn author<'a>(service: &Service, identity: &'a Identity, actor: &'a Actor) -> Author<'a> {
    Author::new(&identity.tenant, actor, service.clock.now(), service.entropy.salt())
}

/// 201 for the first version of an object, else 200.
pub(crate) fn status<V>(amended: &Amended<V>) -> StatusCode {
    if amended.changed && amended.version == 1 { StatusCode::CREATED } else { StatusCode::OK }
}
