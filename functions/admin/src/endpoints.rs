//! Webhook endpoints: where events go, what became of them, and what is to be sent again. Sending belongs to notifications.

mod log;

use std::collections::BTreeSet;

use approvals::app::commands::amend;
use approvals::app::commands::endpoints::AmendEndpoint;
use approvals::destinations::Destinations;
use approvals::store::directory::endpoints::{Endpoint, EndpointWrite, OVERLAP_MS, fresh_secret, wrapped};
use approvals::web::problem::Problem;
use approvals::web::{Body, Ids, IfMatch, Query, etag};
use approvals::wire::event_v1::TYPES;
use approvals_domain::ids::EndpointId;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::caller::{Keeper, Writer};
use crate::faults::Faults;
use crate::history::{self, DirectoryHistory};
use crate::path::Named;
use approvals::web::{List, Paging};

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/endpoints", get(endpoints))
        .route("/v1/endpoints/{id}", put(put_endpoint).get(endpoint).delete(remove_endpoint))
        .route("/v1/endpoints/{id}/rotate", post(rotate_endpoint))
        .route("/v1/endpoints/{id}/history", get(endpoint_history))
        .merge(log::router())
}

#[derive(OpenApi)]
#[openapi(paths(endpoints, put_endpoint, endpoint, remove_endpoint, rotate_endpoint, endpoint_history, log::deliveries, log::replay))]
pub(crate) struct Api;

/// An endpoint in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointRecord)]
struct EndpointView {
    id: String,
    url: String,
    events: BTreeSet<String>,
    active: bool,
    /// The number in the ETag.
    version: u64,
    /// Signs its events (Standard Webhooks). Shown once, in the answer that made the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl EndpointView {
    fn new(id: &EndpointId, endpoint: Endpoint, version: u64, secret: Option<String>) -> Self {
        let Endpoint { url, events, active } = endpoint;
        Self { id: id.to_string(), url, events, active, version, secret }
    }
}

/// A page of endpoints.
#[derive(Debug, Serialize, ToSchema)]
struct Endpoints {
    /// By id, without their secrets.
    items: Vec<EndpointView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Webhook endpoints, by id, without their secrets.
#[utoipa::path(get, path = "/v1/endpoints", tag = "endpoints", params(Paging),
    responses((status = 200, body = Endpoints), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn endpoints(
    State(service): State<Service>,
    Keeper(identity): Keeper,
    Query(paging): Query<Paging>,
) -> Result<Json<Endpoints>, Problem> {
    let list = List::new(&service.cursors, &identity, "endpoints");
    let (after, limit) = list.start::<EndpointId>(&paging).await?;
    // A tenant has a handful of them, all in one partition.
    let mut found = service.directory.endpoints(&identity.tenant).await?;
    found.retain(|(id, ..)| after.as_ref().is_none_or(|after| id > after));
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = list.next(found.last().map(|(id, ..)| id).filter(|_| more)).await?;
    let items = found.into_iter().map(|(id, endpoint, version)| EndpointView::new(&id, endpoint, version, None)).collect();
    Ok(Json(Endpoints { items, next_cursor }))
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
struct RotatedSecret {
    id: String,
    /// Signs its events from now on (Standard Webhooks). Shown once, here.
    secret: String,
    /// Until then the secret before it signs too; one before that no longer does.
    previous_valid_until: String,
    version: u64,
}

/// Writes an endpoint whole: 201 with its first secret if it was not there, else 200.
#[utoipa::path(put, path = "/v1/endpoints/{id}", tag = "endpoints", request_body = Endpoint,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 201, body = EndpointView), (status = 200, body = EndpointView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`limit_reached`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn put_endpoint(
    State(service): State<Service>,
    Writer(identity): Writer,
    Named(id): Named<EndpointId>,
    IfMatch(seen): IfMatch,
    Body(endpoint, _): Body<Endpoint>,
) -> Result<Response, Problem> {
    check(service.destinations, &endpoint).done()?;
    let fresh = fresh_secret(&service.entropy);
    let sealed = wrapped(&service.links, &identity.tenant, &id, &fresh).await?;
    let actor = identity.actor();
    let command = AmendEndpoint { id: &id, write: EndpointWrite::Put { endpoint: &endpoint, fresh: &sealed } };
    let put = amend(&service.directory, &identity.author(&service, &actor), seen, command).await?;
    let (version, new) = (put.version, put.is_new(&sealed));
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let view = EndpointView::new(&id, endpoint, version, new.then_some(fresh));
    Ok((status, [(ETAG, etag(version))], [(CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// An endpoint, without its secret.
#[utoipa::path(get, path = "/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn endpoint(State(service): State<Service>, Keeper(identity): Keeper, Ids(id): Ids<EndpointId>) -> Result<Response, Problem> {
    let (endpoint, version) = service.directory.endpoint(&identity.tenant, &id).await?.ok_or_else(Problem::not_found)?;
    Ok(([(ETAG, etag(version))], Json(EndpointView::new(&id, endpoint, version, None))).into_response())
}

/// Removes an endpoint and its secrets. Its history stays.
#[utoipa::path(delete, path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 204), (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn remove_endpoint(
    State(service): State<Service>,
    Writer(identity): Writer,
    Ids(id): Ids<EndpointId>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode, Problem> {
    let actor = identity.actor();
    let command = AmendEndpoint { id: &id, write: EndpointWrite::Remove };
    amend(&service.directory, &identity.author(&service, &actor), seen, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an endpoint a new secret. The one before it signs beside it for 24 hours.
#[utoipa::path(post, path = "/v1/endpoints/{id}/rotate", tag = "endpoints",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 200, body = RotatedSecret), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn rotate_endpoint(
    State(service): State<Service>,
    Writer(identity): Writer,
    Ids(id): Ids<EndpointId>,
    IfMatch(seen): IfMatch,
) -> Result<Response, Problem> {
    let secret = fresh_secret(&service.entropy);
    let sealed = wrapped(&service.links, &identity.tenant, &id, &secret).await?;
    let actor = identity.actor();
    let author = identity.author(&service, &actor);
    let command = AmendEndpoint { id: &id, write: EndpointWrite::Rotate { fresh: &sealed } };
    let version = amend(&service.directory, &author, seen, command).await?.version;
    let previous_valid_until = author.now.plus_millis(OVERLAP_MS).to_string();
    let view = RotatedSecret { id: id.to_string(), secret, previous_valid_until, version };
    Ok(([(ETAG, etag(version))], [(CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// An endpoint's commits, newest first: what it was, and when its secret changed.
#[utoipa::path(get, path = "/v1/endpoints/{id}/history", tag = "endpoints", params(("id" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn endpoint_history(
    State(service): State<Service>,
    Keeper(identity): Keeper,
    Ids(id): Ids<EndpointId>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("endpoint/{id}"), &paging).await
}

fn check(destinations: Destinations, endpoint: &Endpoint) -> Faults {
    let mut faults = Faults::default();
    if let Err((code, detail)) = destinations.check(&endpoint.url) {
        faults.add("/url", code, detail);
    }
    check_events(&endpoint.events, &mut faults);
    faults
}

/// Types of events, at least one, all known.
fn check_events(events: &BTreeSet<String>, faults: &mut Faults) {
    if events.is_empty() {
        faults.add("/events", "empty", "name at least one type of events, such as `approvals.request.approved.v1`");
    }
    if let Some(unknown) = events.iter().find(|event| !TYPES.contains(&event.as_str())) {
        let near = approvals::spelling::nearest(unknown, TYPES.iter().copied());
        let hint = near.map_or_else(|| format!("it is one of {}", TYPES.join(", ")), |near| format!("did you mean `{near}`?"));
        faults.add("/events", "unknown_event", format!("`{unknown:.80}` is no type of events; {hint}"));
    }
}
