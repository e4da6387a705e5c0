//! Submission: submit, preview, cancel, resubmit, transfer, comment, erase; and what becomes of an approval.

mod effect;

use approvals::app::App;
use approvals::app::commands::execute::Order;
use approvals::app::commands::idempotency::Tag;
use approvals::receipt::Receipts;
use approvals::store::requests::Text;
use approvals::web::address::Address;
use approvals::web::preview::PreviewView;
use approvals::web::problem::Problem;
use approvals::web::{self, Administers, Body, IdempotencyKey, Ids, Quiet, Speaks, Submits, Via, answer};
use approvals::wire::api::{CancelBody, CommentBody, EraseBody, ResubmitBody, SubmitBody, TransferBody, check_words};
use approvals::wire::view::RequestView;
use approvals_domain::command::Command;
use approvals_domain::ids::RequestId;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use lambda_http::http::StatusCode;
use utoipa::OpenApi;

/// What this function may touch.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Requests and the directory.
    pub app: App,
    /// Signs receipts of effects.
    pub receipts: Receipts,
    /// Where the public keys of receipts stand.
    pub address: Address,
}

/// What its handlers are given.
pub type Service = web::Service<Submission>;

/// The routes.
pub fn router() -> Router<Service> {
    Router::new()
        .route("/v1/requests", post(submit))
        .route("/v1/requests/preview", post(preview))
        .route("/v1/requests/{id}/cancel", post(cancel))
        .route("/v1/requests/{id}/resubmit", post(resubmit))
        .route("/v1/requests/{id}/transfer", post(transfer))
        .route("/v1/requests/{id}/comments", post(comment))
        .route("/v1/requests/{id}/erase", post(erase))
        .route("/v1/requests/{id}/effect/start", post(effect::start))
        .route("/v1/requests/{id}/effect/finish", post(effect::finish))
        .route("/.well-known/jwks.json", get(effect::keys))
}

#[derive(OpenApi)]
#[openapi(paths(submit, preview, cancel, resubmit, transfer, comment, erase, effect::start, effect::finish, effect::keys))]
struct Api;

/// Its part of the API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// Submits a request.
#[utoipa::path(post, path = "/v1/requests", tag = "requests", request_body = SubmitBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "a retry with the same key finds its request"),
        ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"])))]
async fn submit(
    State(service): State<Service>,
    Submits(identity): Submits,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<SubmitBody>,
) -> Result<Response, Problem> {
    let tag = Tag::new(&service.app.entropy, &identity, "submit", key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let outcome = service.app.submit(&identity, body, tag, channel).await?;
    answer(&service.app, &identity, StatusCode::CREATED, outcome).await
}

/// Says what a submission would do. Writes nothing.
#[utoipa::path(post, path = "/v1/requests/preview", tag = "requests", request_body = SubmitBody,
    responses((status = 200, body = PreviewView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"])))]
async fn preview(
    State(service): State<Service>,
    Submits(identity): Submits,
    Body(body, _): Body<SubmitBody>,
) -> Result<Json<PreviewView>, Problem> {
    let id = service.app.entropy.request_id();
    let prepared = service.app.prepare(&identity, body, &id).await?;
    Ok(Json(PreviewView::new(&service.app.preview(&identity, prepared, &id).await?)))
}

/// Cancels a request.
#[utoipa::path(post, path = "/v1/requests/{id}/cancel", tag = "requests", request_body = CancelBody, params(("id" = String, Path), ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"])))]
async fn cancel(
    State(service): State<Service>,
    Submits(identity): Submits,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<CancelBody>,
) -> Result<Response, Problem> {
    body.reason.as_deref().map_or(Ok(()), |words| check_words("/reason", words))?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("cancel {id}"), key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let text = body.reason.map(|words| Text::new(service.app.entropy.salt(), &words));
    let command = Command::Cancel { reason: text.as_ref().map(Text::hash) };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, text)).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// Answers a return with a new revision.
#[utoipa::path(post, path = "/v1/requests/{id}/resubmit", tag = "requests", request_body = ResubmitBody, params(("id" = String, Path), ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"])))]
async fn resubmit(
    State(service): State<Service>,
    Submits(identity): Submits,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<ResubmitBody>,
) -> Result<Response, Problem> {
    let tag = Tag::new(&service.app.entropy, &identity, &format!("resubmit {id}"), key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let outcome = service.app.resubmit(&identity, &id, body, tag, channel).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// Names another requester from the next revision on. A running request is returned by it.
#[utoipa::path(post, path = "/v1/requests/{id}/transfer", tag = "requests", request_body = TransferBody, params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"])))]
async fn transfer(
    State(service): State<Service>,
    Submits(identity): Submits,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<TransferBody>,
) -> Result<Response, Problem> {
    check_words("/reason", &body.reason)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("transfer {id}"), key.as_deref(), &bytes);
    let text = Text::new(service.app.entropy.salt(), &body.reason);
    let command = Command::Transfer { to: body.to, reason: text.hash() };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, Some(text))).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// Comments on a request.
#[utoipa::path(post, path = "/v1/requests/{id}/comments", tag = "requests", request_body = CommentBody, params(("id" = String, Path), ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:submit"]), ("bearer" = ["approvals:decide"])))]
async fn comment(
    State(service): State<Service>,
    Speaks(identity): Speaks,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<CommentBody>,
) -> Result<Response, Problem> {
    check_words("/comment", &body.comment)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("comment {id}"), key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let text = Text::new(service.app.entropy.salt(), &body.comment);
    let command = Command::Comment { comment: text.hash() };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, Some(text))).await?;
    answer(&service.app, &identity, StatusCode::CREATED, outcome).await
}

/// Erases title, metadata, attachments and all that was written, of a request that is over. Its commits, hashes and proofs stay.
#[utoipa::path(post, path = "/v1/requests/{id}/erase", tag = "requests", request_body = EraseBody, params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn erase(
    State(service): State<Service>,
    Administers(identity): Administers,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<EraseBody>,
) -> Result<Response, Problem> {
    check_words("/reason", &body.reason)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("erase {id}"), key.as_deref(), &bytes);
    let text = Text::new(service.app.entropy.salt(), &body.reason);
    let command = Command::Erase { reason: text.hash() };
    let outcome = service.app.erase(&identity, Order::new(&identity, id, tag, channel, command, Some(text))).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}
