//! Development-only endpoints. They are in no Lambda binary.

use approvals::secrets::Links;
use approvals::web::Body;
use approvals::web::problem::Problem;
use approvals::wire::fault::Fault;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::time::Timestamp;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Local;

pub(super) fn router(local: Local) -> Router {
    Router::new()
        .route("/_dev/token", post(token))
        .route("/_dev/clock", post(clock))
        .route("/_dev/drain", post(drain))
        .route("/_dev/outbox", get(outbox))
        .route("/_dev/reconcile", post(reconcile))
        .route("/_dev/redrive", post(redrive))
        .route("/_dev/rotate-links", post(rotate_links))
        .with_state(local)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    user: PersonId,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    tenant: Option<TenantId>,
}

/// A token of anybody: this is a development server on this machine.
async fn token(State(local): State<Local>, Body(grant, _): Body<Grant>) -> Result<Json<Value>, Problem> {
    let tenant = grant.tenant.as_ref().map_or("default", TenantId::as_str);
    let granted = local.token(grant.user.as_str(), grant.scopes.as_deref(), tenant);
    let token = granted.map_err(|error| Problem::new(400, "invalid_body", error.clone()).at([Fault::new("/scopes", "unknown", error)]))?;
    Ok(Json(json!({ "token": token })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    #[serde(default)]
    advance_seconds: Option<f64>,
    #[serde(default)]
    now: Option<String>,
    /// Whether to wait for what is under way; what is due is waited for in any case.
    #[serde(default = "yes")]
    drain: bool,
}

const fn yes() -> bool {
    true
}

/// Moves the clock, and runs what is due. It never goes back.
async fn clock(State(local): State<Local>, Body(to, _): Body<Move>) -> Result<Json<Value>, Problem> {
    let wrong = |pointer: &str, detail: &str| Problem::new(400, "invalid_body", detail).at([Fault::new(pointer, "invalid", detail)]);
    let target = match (to.advance_seconds, &to.now) {
        (Some(seconds), None) if seconds.is_finite() && seconds >= 0.0 => local.clock.now().plus_hours(seconds / 3_600.0),
        (None, Some(text)) => Timestamp::parse(text).ok_or_else(|| wrong("/now", "`now` is RFC 3339, such as `2026-01-05T09:00:00Z`"))?,
        _ => return Err(wrong("", "send `advance_seconds`, not negative, or `now`")),
    };
    match local.clock.move_to(target).map_err(|error| Problem::internal(&error.to_string()))? {
        Ok(()) => {
            if to.drain || local.may_be_due() {
                local.drain().await.map_err(|error| Problem::internal(&error.to_string()))?;
            }
            Ok(Json(json!({ "now": local.clock.now().to_string() })))
        }
        Err(now) => Err(Problem::new(409, "clock_goes_forward", format!("the development clock never goes back: it is {now}"))
            .with("now", now.to_string())),
    }
}

/// Returns when nothing is under way.
async fn drain(State(local): State<Local>) -> Result<Json<Value>, Problem> {
    local.drain().await.map_err(|error| Problem::internal(&error.to_string()))?;
    Ok(Json(json!({ "quiet": true, "parked": local.parked() })))
}

/// What was sent, in that order.
async fn outbox(State(local): State<Local>) -> Result<Json<Value>, Problem> {
    let items = local.outbox().map_err(|error| Problem::internal(&error.to_string()))?;
    Ok(Json(json!({ "items": items })))
}

/// What `approvals admin reconcile` asks of the function `relay` on AWS.
async fn reconcile(State(local): State<Local>, Body(asked, _): Body<Value>) -> Result<Json<Value>, Problem> {
    local.reconcile(&asked).await.map(Json)
}

/// Puts what is parked on the queue again.
async fn redrive(State(local): State<Local>) -> Result<Json<Value>, Problem> {
    let moved = local.redrive().await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!(moved)))
}

/// A new version of the secret of links.
async fn rotate_links(State(local): State<Local>) -> Result<Json<Value>, Problem> {
    let version = local.secrets.rotate(Links::NAME).map_err(|error| Problem::internal(&error.to_string()))?;
    Ok(Json(json!({ "rotated": true, "version": version })))
}
