//! The effect of an approval: started once, with a receipt, and reported as done or failed.

use approvals::app::Error;
use approvals::app::commands::effect::Started;
use approvals::app::commands::execute::Order;
use approvals::app::commands::idempotency::Tag;
use approvals::store::requests::Text;
use approvals::web::problem::Problem;
use approvals::web::{Body, CarriesOut, IdempotencyKey, Ids, Via, answer, blind};
use approvals::wire::api::{FinishEffectBody, StartEffectBody, StartedEffect, check_words};
use approvals::wire::view::RequestView;
use approvals_domain::command::Command;
use approvals_domain::ids::RequestId;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::Service;

/// Starts the effect of an approval. It succeeds once; the same key gives the same receipt.
#[utoipa::path(post, path = "/v1/requests/{id}/effect/start", tag = "effects", request_body = StartEffectBody, params(("id" = String, Path),
    ("Idempotency-Key" = Option<String>, Header, description = "a retry with the same key gets the same receipt")),
    responses((status = 200, body = StartedEffect), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:effect"]), ("bearer" = ["approvals:submit_for"])))]
pub(crate) async fn start(
    State(service): State<Service>,
    CarriesOut(identity): CarriesOut,
    Ids(id): Ids<RequestId>,
    headers: HeaderMap,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<StartEffectBody>,
) -> Result<Response, Problem> {
    // Nothing is started whose receipt could not be signed.
    let issuer = service.address.of(&headers).ok_or_else(|| Problem::new(400, "invalid_host", "the call names no `Host`"))?;
    service.receipts.ready().await.map_err(Error::from)?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("start {id}"), key.as_deref(), &bytes);
    let command = Command::StartEffect { payload_hash: body.payload_hash };
    let Started { commit, request, record, replayed } =
        service.app.start_effect(Order::new(&identity, id, tag, channel, command, None)).await?;
    if replayed && let Some(blind) = blind(&service.app, &identity, &record, StatusCode::OK).await? {
        return Ok(blind);
    }
    let receipt = service.receipts.sign(&issuer, &request, &commit).await.map_err(Error::from)?;
    let receipt = receipt.ok_or_else(|| Error::Damaged("a start that starts nothing".to_owned()))?;
    let started = StartedEffect { request: request.id.to_string(), payload_hash: request.payload_hash.to_string(), receipt };
    let mut response = (StatusCode::OK, Json(started)).into_response();
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Reports that an effect is done, or failed. After the first failure it may be started once more.
#[utoipa::path(post, path = "/v1/requests/{id}/effect/finish", tag = "effects", request_body = FinishEffectBody, params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:effect"]), ("bearer" = ["approvals:submit_for"])))]
pub(crate) async fn finish(
    State(service): State<Service>,
    CarriesOut(identity): CarriesOut,
    Ids(id): Ids<RequestId>,
    IdempotencyKey(key): IdempotencyKey,
    Via(channel): Via,
    Body(body, bytes): Body<FinishEffectBody>,
) -> Result<Response, Problem> {
    body.reference.as_deref().map_or(Ok(()), |words| check_words("/reference", words))?;
    let tag = Tag::new(&service.app.entropy, &identity, &format!("finish {id}"), key.as_deref(), &bytes);
    let text = body.reference.map(|words| Text::new(service.app.entropy.salt(), &words));
    let command = Command::FinishEffect { end: body.outcome, reference: text.as_ref().map(Text::hash) };
    let outcome = service.app.execute(Order::new(&identity, id, tag, channel, command, text)).await?;
    answer(&service.app, &identity, StatusCode::OK, outcome).await
}

/// The public keys of receipts, as a JSON Web Key Set.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "effects", responses((status = 200, body = Object)), security(()))]
pub(crate) async fn keys(State(service): State<Service>) -> Result<Json<Value>, Problem> {
    Ok(Json(service.receipts.key_set().await.map_err(Error::from)?))
}
