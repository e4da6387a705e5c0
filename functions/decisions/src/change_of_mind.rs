//! A change of mind: recall what was approved, withdraw a vote on an open step.

use approvals::app::commands::execute::Order;
use approvals::app::commands::idempotency::Tag;
use approvals::store::requests::Text;
use approvals::web::problem::Problem;
use approvals::web::{Body, Decides, IdempotencyKey, Ids, Quiet, Speaks, Via, answer};
use approvals::wire::api::{RecallBody, WithdrawVoteBody, check_words};
use approvals::wire::view::RequestView;
use approvals_domain::command::Command;
use approvals_domain::ids::RequestId;
use axum::extract::State;
use axum::response::Response;
use lambda_http::http::StatusCode;

use crate::Service;

/// Recalls a request: its approvals are void, and it goes back to the requester.
#[utoipa::path(post, path = "/v1/requests/{id}/recall", tag = "decisions", request_body = RecallBody, params(("id" = String, Path), ("notify" = Option<bool>, Query, description = "`false`: no person hears of it, as for an import; systems do. Needs `approvals:submit_for`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:submit"])))]
pub(crate) async fn recall(
    State(service): State<Service>,
    Speaks(identity): Speaks,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Quiet(quiet): Quiet,
    Body(body, bytes): Body<RecallBody>,
) -> Result<Response, Problem> {
    check_words("/reason", &body.reason)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("recall {id}"), key.as_deref(), &bytes).quietly(quiet, &identity)?;
    let text = Text::new(service.app.entropy.salt(), &body.reason);
    let command = Command::Recall { reason: text.hash(), on_behalf_of: body.on_behalf_of };
    let outcome = service.app.recall(&identity, Order::new(&identity, id, tag, channel, command, Some(text))).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// Withdraws a vote: its seat is free again, in its next round.
#[utoipa::path(post, path = "/v1/requests/{id}/withdraw-vote", tag = "decisions", request_body = WithdrawVoteBody,
    params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
pub(crate) async fn withdraw_vote(
    State(service): State<Service>,
    Decides(identity): Decides,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<WithdrawVoteBody>,
) -> Result<Response, Problem> {
    let tag = Tag::new(&service.app.entropy, &identity, &format!("withdraw {id}"), key.as_deref(), &bytes);
    let command = Command::WithdrawVote { step: body.step, on_behalf_of: body.on_behalf_of };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, None)).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}
