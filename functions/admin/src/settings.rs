//! What holds for the whole tenant.

use approvals::app::commands::amend;
use approvals::app::commands::documents::PutSettings;
use approvals::store::directory::documents::Settings;
use approvals::store::keys;
use approvals::web::problem::Problem;
use approvals::web::{Body, IfMatch, Query, etag};
use approvals_domain::ids::CalendarId;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::caller::{Reader, Registrar};
use crate::history::{self, DirectoryHistory};
use crate::written::status;
use approvals::web::Paging;

pub(crate) fn router() -> Router<Service> {
    Router::new().route("/v1/settings", put(put_settings).get(settings)).route("/v1/settings/history", get(settings_history))
}

#[derive(OpenApi)]
#[openapi(paths(put_settings, settings, settings_history))]
pub(crate) struct Api;

/// Settings in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SettingsRecord)]
struct SettingsView {
    /// The calendar of templates that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    calendar: Option<CalendarId>,
    /// The number in the ETag; 0: never written.
    version: u64,
}

/// Writes the settings whole: 201 for the first time, else 200.
#[utoipa::path(put, path = "/v1/settings", tag = "directory", request_body = Settings,
    params(("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 201, body = SettingsView), (status = 200, body = SettingsView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`no_such_calendar`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn put_settings(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    IfMatch(seen): IfMatch,
    Body(settings, _): Body<Settings>,
) -> Result<Response, Problem> {
    let actor = identity.actor();
    let put = amend(&service.directory, &identity.author(&service, &actor), seen, PutSettings::new(&settings)).await?;
    service.directory.forget_calendar(&identity.tenant);
    let (status, version) = (status(&put), put.version);
    let view = SettingsView { calendar: settings.calendar, version };
    Ok((status, [(ETAG, etag(version))], Json(view)).into_response())
}

/// The settings.
#[utoipa::path(get, path = "/v1/settings", tag = "directory",
    responses((status = 200, body = SettingsView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn settings(State(service): State<Service>, Reader(identity): Reader) -> Result<Response, Problem> {
    let (Settings { calendar }, version) = service.directory.document(&keys::settings(&identity.tenant)).await?.unwrap_or_default();
    Ok(([(ETAG, etag(version))], Json(SettingsView { calendar, version })).into_response())
}

/// The settings' commits, newest first.
#[utoipa::path(get, path = "/v1/settings/history", tag = "directory", params(Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn settings_history(
    State(service): State<Service>,
    Reader(identity): Reader,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, "settings", &paging).await
}
