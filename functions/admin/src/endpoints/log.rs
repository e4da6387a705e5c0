//! What became of an endpoint's events, and sending some of them again.

use std::collections::BTreeSet;

use approvals::app;
use approvals::app::commands::idempotency::Tag;
use approvals::store::deliveries::{Delivery, Stage};
use approvals::store::jobs::{About, Job, Replay};
use approvals::store::webhook::parse_to_endpoint;
use approvals::web::problem::Problem;
use approvals::web::{Body, IdempotencyKey, Ids, List, Paging, Query};
use approvals::wire::event_v1;
use approvals_domain::directory::endpoint;
use approvals_domain::ids::EndpointId;
use approvals_domain::time::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check_events;
use crate::Service;
use crate::caller::{Keeper, Writer};
use crate::faults::Faults;

pub(super) fn router() -> Router<Service> {
    Router::new().route("/v1/endpoints/{id}/deliveries", get(deliveries)).route("/v1/endpoints/{id}/replay", post(replay))
}

/// A page of an endpoint's log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointDeliveries)]
pub(super) struct Page {
    /// Newest first, by when the events happened.
    items: Vec<DeliveryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One event on its way to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndpointDelivery)]
struct DeliveryView {
    /// The event's id, and its `webhook-id`.
    event: String,
    /// Such as `approvals.request.approved.v1`.
    #[serde(rename = "type")]
    kind: String,
    request: String,
    /// When it happened.
    at: String,
    /// `sending`, `sent`, `failed` (and tried again), or `parked`: not tried again unless somebody asks for
    /// it; `dropped`: it did not matter any more.
    state: &'static str,
    /// How often it was tried.
    attempts: u64,
    /// Why it is not there: `busy`, `failing`, `refused`, `redirected`, `gone`, `timed_out`, `unreachable`, `unresolved`, `tls_failed`,
    /// `broken_answer`, `forbidden_address`, `endpoint_failing` (the one before it failed), `switched_off`, `removed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// What the receiver answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_tried_at: Option<String>,
    /// At the latest; while it is new the queue may bring it sooner.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<String>,
}

impl DeliveryView {
    fn new(delivery: Delivery) -> Self {
        let index = parse_to_endpoint(&delivery.to).map_or(0, |(_, index)| index);
        let state = match delivery.stage {
            Stage::Sending => "sending",
            Stage::Sent => "sent",
            Stage::Failed => "failed",
            Stage::Parked => "parked",
            Stage::Dropped => "dropped",
        };
        Self {
            event: event_v1::id(&delivery.notice.commit, index),
            kind: delivery.event.unwrap_or_default(),
            request: delivery.notice.about().to_owned(),
            at: delivery.notice.at.to_string(),
            state,
            attempts: delivery.attempts,
            outcome: delivery.error,
            http_status: delivery.status,
            last_tried_at: delivery.tried_at.map(|at| at.to_string()),
            next_try_at: (delivery.stage == Stage::Failed).then(|| delivery.due_at.to_string()),
        }
    }
}

/// What was to be sent to an endpoint in the last 90 days, and what became of it.
#[utoipa::path(get, path = "/v1/endpoints/{id}/deliveries", tag = "endpoints", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn deliveries(
    State(service): State<Service>,
    Keeper(identity): Keeper,
    Ids(id): Ids<EndpointId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page>, Problem> {
    let list = List::new(&service.cursors, &identity, &format!("deliveries {id}"));
    let (below, limit) = list.start::<String>(&paging).await?;
    let page = service.deliveries.log(&identity.tenant, &id, below.as_deref(), limit).await?;
    if page.deliveries.is_empty() && !service.directory.knows_endpoint(&identity.tenant, &id).await? {
        return Err(Problem::not_found());
    }
    let next_cursor = list.next(page.next).await?;
    Ok(Json(Page { items: page.deliveries.into_iter().map(DeliveryView::new).collect(), next_cursor }))
}

/// What to send again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayBody)]
pub(super) struct ReplayBody {
    /// Events that happened from then on: RFC 3339.
    from: String,
    /// Until just before then: RFC 3339.
    to: String,
    /// Only of these types.
    #[serde(default)]
    events: Option<BTreeSet<String>>,
}

/// A replay that was taken on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReplayTaken)]
pub(super) struct ReplayView {
    id: String,
    endpoint: String,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<BTreeSet<String>>,
}

impl ReplayBody {
    fn read(self, endpoint: EndpointId) -> Result<Replay, Problem> {
        let mut faults = Faults::default();
        let mut time = |pointer: &str, text: &str| {
            let time = Timestamp::parse(text);
            if time.is_none() {
                faults.add(pointer, "invalid", "a time such as `2026-01-05T09:00:00Z` is wanted");
            }
            time.unwrap_or(Timestamp::MAX)
        };
        let (from, to) = (time("/from", &self.from), time("/to", &self.to));
        if from >= to && to != Timestamp::MAX {
            faults.add("/to", "out_of_order", "`to` must be later than `from`");
        }
        if let Some(events) = &self.events {
            check_events(events, &mut faults);
        }
        faults.done()?;
        Ok(Replay { endpoint, from, to, events: self.events })
    }
}

/// Sends an endpoint again what it was to get in a time, with the same ids, what it missed while it was switched off included. The tick
/// takes it on within a minute.
#[utoipa::path(post, path = "/v1/endpoints/{id}/replay", tag = "endpoints", request_body = ReplayBody,
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "a retry with the same key sends nothing twice")),
    responses((status = 202, body = ReplayView),
        (status = 409, body = Problem, description = "`endpoint_inactive`: switch it on first", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`idempotency_key_reused`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
pub(super) async fn replay(
    State(service): State<Service>,
    Writer(identity): Writer,
    Ids(id): Ids<EndpointId>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body, bytes): Body<ReplayBody>,
) -> Result<Response, Problem> {
    let replay = body.read(id.clone())?;
    let found = service.directory.endpoint(&identity.tenant, &id).await?;
    endpoint::may_replay(found.map(|(endpoint, _)| endpoint.webhook()).as_ref())?;
    let tag = Tag::new(&service.entropy, &identity, &format!("replay {id}"), key.as_deref(), &bytes);
    let job = Job::new(&identity.tenant, format!("replay|{}", tag.id), About::Replay(replay.clone()), service.clock.now());
    let before = service.jobs.file_replay(&job).await?;
    if before.as_ref().is_some_and(|before| *before != job.about) {
        return Err(app::Error::KeyReused.into());
    }
    let Replay { endpoint, from, to, events } = replay;
    let view = ReplayView { id: tag.id, endpoint: endpoint.to_string(), from: from.to_string(), to: to.to_string(), events };
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    if before.is_some() {
        response.headers_mut().insert("idempotent-replayed", axum::http::HeaderValue::from_static("true"));
    }
    Ok(response)
}
