//! A person's own choices. Nobody else writes or reads them, administrators included.

use approvals::app::commands::documents::PutPreferences;
use approvals::app::commands::{amend, authority};
use approvals::store::directory::documents::Preferences;
use approvals::web::problem::Problem;
use approvals::web::{Body, Ids, IfMatch, Worker, etag};
use approvals_domain::ids::PersonId;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::caller::Owner;
use crate::faults::Faults;
use crate::written::{author, status};
use crate::zone;

pub(crate) fn router() -> Router<Service> {
    Router::new().route("/v1/users/{id}/preferences", put(put_preferences).get(preferences))
}

#[derive(OpenApi)]
#[openapi(paths(put_preferences, preferences))]
pub(crate) struct Api;

/// Preferences in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreferencesRecord)]
struct PreferencesView {
    #[serde(flatten)]
    preferences: Preferences,
    /// The number in the ETag; 0: never written, these are the defaults.
    version: u64,
}

/// Writes one's own preferences whole: 201 for the first time, else 200.
#[utoipa::path(put, path = "/v1/users/{id}/preferences", tag = "directory", request_body = Preferences,
    params(("id" = String, Path, description = "the caller"),
        ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 201, body = PreferencesView), (status = 200, body = PreferencesView),
        (status = 403, body = Problem, description = "`not_allowed`, `unknown_user`", content_type = "application/problem+json"),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:read"]), ("bearer" = ["approvals:submit"])))]
async fn put_preferences(
    State(service): State<Service>,
    Owner { identity, id }: Owner,
    IfMatch(seen): IfMatch,
    Body(preferences, _): Body<Preferences>,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    if preferences.time_zone.as_deref().is_some_and(|name| !zone::is_known(name)) {
        faults.add("/time_zone", "unknown_time_zone", zone::WANTED);
    }
    faults.done()?;
    service.pace.take(&identity.tenant, &identity.caller.id, service.clock.now()).await?;
    let actor = identity.actor();
    let command = PutPreferences { person: &id, preferences: &preferences };
    let put = amend(&service.directory, &author(&service, &identity, &actor), seen, command).await?;
    let view = PreferencesView { version: put.version, preferences };
    Ok((status(&put), [(ETAG, etag(put.version))], Json(view)).into_response())
}

/// One's own preferences.
#[utoipa::path(get, path = "/v1/users/{id}/preferences", tag = "directory", params(("id" = String, Path, description = "the caller")),
    responses((status = 200, body = PreferencesView),
        (status = 403, body = Problem, description = "`not_allowed`, `unknown_user`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:read"]), ("bearer" = ["approvals:submit"])))]
async fn preferences(State(service): State<Service>, Worker(identity): Worker, Ids(id): Ids<PersonId>) -> Result<Response, Problem> {
    authority::may_choose_for(&service.directory, &identity, &id).await?;
    let (preferences, version) = service.directory.preferences(&identity.tenant, &id).await?;
    Ok(([(ETAG, etag(version))], Json(PreferencesView { preferences, version })).into_response())
}
