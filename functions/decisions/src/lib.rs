//! Decisions: vote, many votes at once, reassign, recall, withdraw a vote; and the pages behind action links.

mod actions;
mod change_of_mind;
mod page;
mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;

use approvals::app::App;
use approvals::app::commands::execute::{How, Order};
use approvals::app::commands::idempotency::Tag;
use approvals::identity::Identity;
use approvals::link::Link;
use approvals::runtime::metrics::refused;
use approvals::secrets::Links;
use approvals::store::requests::Text;
use approvals::store::{Sessions, Stores};
use approvals::web::problem::Problem;
use approvals::web::{self, Body, Decides, IdempotencyKey, Ids, Quiet, Via, answer, shape};
use approvals::wire::api::{BulkAnswer, BulkBody, BulkItem, BulkResult, DecisionBody, ReassignBody, check_words};
use approvals::wire::fault::invalid;
use approvals::wire::view::RequestView;
use approvals_domain::actor::Channel;
use approvals_domain::command::Command;
use approvals_domain::ids::RequestId;
use approvals_domain::limits;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::{self, StreamExt};
use lambda_http::http::StatusCode;
use serde_json::Value;
use utoipa::OpenApi;

/// Requests of one bulk call worked on at a time.
const BULK_AT_ONCE: usize = 8;

/// What this function may touch.
#[derive(Debug, Clone)]
pub struct Decisions {
    /// Requests, and the directory that says who may vote.
    pub app: App,
    /// Opens action links, and seals the forms of their pages.
    pub links: Links,
    /// Of whoever looks at such a page.
    pub sessions: Sessions,
    /// Name of the session's cookie.
    pub cookie: Arc<str>,
}

impl Decisions {
    /// Of these parts, over a table's rooms.
    pub fn new(stores: &Stores, app: App, links: Links, cookie: &str) -> Self {
        Self { app, links, sessions: stores.sessions.clone(), cookie: cookie.into() }
    }
}

/// What its handlers are given.
pub type Service = web::Service<Decisions>;

/// The routes.
pub fn router() -> Router<Service> {
    Router::new()
        .route("/v1/requests/{id}/decisions", post(decide))
        .route("/v1/requests/{id}/reassign", post(reassign))
        .route("/v1/requests/{id}/recall", post(change_of_mind::recall))
        .route("/v1/requests/{id}/withdraw-vote", post(change_of_mind::withdraw_vote))
        .route("/v1/decisions", post(bulk))
        .route("/v1/actions/{token}", get(actions::show).head(actions::look).post(actions::press))
        .route("/v1/actions/{token}/decide", post(actions::decide_by_link))
}

#[derive(OpenApi)]
#[openapi(
    paths(
        decide,
        reassign,
        change_of_mind::recall,
        change_of_mind::withdraw_vote,
        bulk,
        actions::show,
        actions::look,
        actions::press,
        actions::decide_by_link
    ),
    components(schemas(BulkItem))
)]
struct Api;

/// Its part of the API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// Votes on a step.
#[utoipa::path(post, path = "/v1/requests/{id}/decisions", tag = "decisions", request_body = DecisionBody, params(("id" = String, Path), ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
async fn decide(
    State(service): State<Service>,
    Decides(identity): Decides,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<DecisionBody>,
) -> Result<Response, Problem> {
    let tag = Tag::new(&service.app.entropy, &identity, &format!("decide {id}"), key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let outcome = service.app.vote(&identity, id, body, tag, channel).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// Votes on many steps. A bad one harms no other.
#[utoipa::path(post, path = "/v1/decisions", tag = "decisions", request_body = BulkBody,
    responses((status = 200, body = BulkAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
async fn bulk(
    State(service): State<Service>,
    Decides(identity): Decides,
    IdempotencyKey(key): IdempotencyKey,
    Body(body, bytes): Body<BulkBody>,
) -> Result<Json<BulkAnswer>, Problem> {
    if body.items.is_empty() || body.items.len() > limits::BULK_VOTES {
        return Err(invalid("/items", "length", format!("1 to {} votes are allowed, not {}", limits::BULK_VOTES, body.items.len())).into());
    }
    service.app.begin_bulk(&identity, &Tag::new(&service.app.entropy, &identity, "bulk", key.as_deref(), &bytes)).await?;
    let count = body.items.len();
    // Votes on one request go one after the other; requests side by side.
    let mut by_request: BTreeMap<String, Vec<(usize, Value)>> = BTreeMap::new();
    for (index, item) in body.items.into_iter().enumerate() {
        by_request.entry(item.get("request").map(Value::to_string).unwrap_or_default()).or_default().push((index, item));
    }
    let (service, identity, key, bytes) = (&service, &identity, key.as_deref(), &bytes);
    let in_turn = |group: Vec<(usize, Value)>| async move {
        let mut done = Vec::new();
        for (index, item) in group {
            let tag = Tag::new(&service.app.entropy, identity, &format!("bulk {index}"), key, bytes);
            done.push((index, one_of_many(&service.app, identity, index, item, tag).await));
        }
        done
    };
    let groups = stream::iter(by_request.into_values()).map(in_turn).buffer_unordered(BULK_AT_ONCE);
    let results: BTreeMap<usize, BulkResult> = groups.flat_map(stream::iter).collect().await;
    debug_assert_eq!(results.len(), count, "each vote has its answer");
    Ok(Json(BulkAnswer { items: results.into_values().collect() }))
}

async fn one_of_many(app: &App, identity: &Identity, index: usize, item: Value, tag: Tag) -> BulkResult {
    let (request, step) = (item.get("request").cloned().unwrap_or_default(), item.get("step").cloned().unwrap_or_default());
    let outcome = async {
        let BulkItem { request, step, decision, payload_hash, revision, round, comment, on_behalf_of } =
            shape(item, &format!("/items/{index}"))?;
        let body = DecisionBody { step, decision, payload_hash, revision, round, comment, on_behalf_of };
        Ok::<_, Problem>(app.vote(identity, request, body, tag, Channel::Bulk).await?)
    };
    match outcome.await {
        Ok(outcome) => {
            let code = (outcome.how != How::Done).then(|| "already_applied".to_owned());
            let votes = outcome.record.state.steps.iter().filter(|of| step == of.id.as_str()).flat_map(|of| &of.votes);
            let commit = votes.filter(|vote| vote.by.id == identity.caller.id).map(|vote| vote.commit.to_string()).next_back();
            BulkResult { request, step, status: 200, code, detail: None, commit }
        }
        Err(problem) => {
            refused(app.clock.now(), &problem.code);
            BulkResult { request, step, status: problem.status, code: Some(problem.code), detail: Some(problem.detail), commit: None }
        }
    }
}

/// Passes a seat to another person.
#[utoipa::path(post, path = "/v1/requests/{id}/reassign", tag = "decisions", request_body = ReassignBody, params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
async fn reassign(
    State(service): State<Service>,
    Decides(identity): Decides,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<ReassignBody>,
) -> Result<Response, Problem> {
    check_words("/reason", &body.reason)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("reassign {id}"), key.as_deref(), &bytes);
    let text = Text::new(service.app.entropy.salt(), &body.reason);
    let command = Command::Reassign { step: body.step, from: body.from, to: body.to, reason: text.hash() };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, Some(text))).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}
