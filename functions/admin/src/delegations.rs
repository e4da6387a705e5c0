//! Delegations: a person's right in another's hands, for a time.

use std::collections::BTreeSet;

use approvals::app::commands::delegations::{MakeDelegation, RevokeDelegation};
use approvals::app::commands::idempotency::Tag;
use approvals::app::commands::{amend, authority};
use approvals::app::queries::scope;
use approvals::identity::Identity;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::web::problem::Problem;
use approvals::web::{Body, Delegator, IdempotencyKey, Ids, List, Paging, Query};
use approvals::wire::api::{UNSEEN, check_scope};
use approvals::wire::fault::Fault;
use approvals::wire::view::actor_name;
use approvals_domain::amount::Amount;
use approvals_domain::facts::Delegation;
use approvals_domain::ids::{DelegationId, PersonId, StepId, TemplateKey};
use approvals_domain::limits;
use approvals_domain::payload::is_blank;
use approvals_domain::time::Timestamp;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Service;
use crate::faults::Faults;
use crate::history::{self, DirectoryHistory};
use crate::written::author;

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/delegations", post(delegate).get(delegations))
        .route("/v1/delegations/{id}", get(delegation).delete(revoke))
        .route("/v1/delegations/{id}/history", get(delegation_history))
}

#[derive(OpenApi)]
#[openapi(paths(delegate, delegations, delegation, revoke, delegation_history), components(schemas(Direction)))]
pub(crate) struct Api;

/// A new delegation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DelegationBody {
    /// Whose right; the caller if not said. Only an administrator names another.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: Option<PersonId>,
    /// Who may use it.
    #[schema(value_type = String)]
    to: PersonId,
    /// From then on: RFC 3339.
    #[schema(format = DateTime)]
    starts_at: String,
    /// Until just before then: RFC 3339.
    #[schema(format = DateTime)]
    ends_at: String,
    /// Only requests of these templates.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    templates: Option<BTreeSet<TemplateKey>>,
    /// Only steps of these ids.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    steps: Option<BTreeSet<StepId>>,
    /// Only requests up to this amount, in this currency: of the template's `amount`.
    #[serde(default)]
    max: Option<Max>,
    /// Why, for those who read it later.
    #[schema(max_length = 500)]
    reason: String,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DelegationMax)]
struct Max {
    amount: f64,
    /// For example `EUR`.
    currency: String,
}

/// A delegation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegation)]
struct DelegationView {
    id: String,
    from: String,
    to: String,
    starts_at: String,
    ends_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Max>,
    reason: Option<String>,
    /// `upcoming`, `in_force` or `ended`, now.
    status: &'static str,
    created_by: String,
    created_at: String,
    /// What of its scope nothing can meet now. Only in the answer that makes it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Fault>,
}

impl DelegationView {
    fn new(stored: StoredDelegation, now: Timestamp) -> Self {
        let StoredDelegation { delegation, to, reason, made_by, made_at } = stored;
        let Delegation { id, from, starts_at, ends_at, templates, steps, max, .. } = delegation;
        Self {
            id: id.to_string(),
            from: from.to_string(),
            to: to.to_string(),
            starts_at: starts_at.to_string(),
            ends_at: ends_at.to_string(),
            templates: templates.map(|all| all.iter().map(ToString::to_string).collect()),
            steps: steps.map(|all| all.iter().map(ToString::to_string).collect()),
            max: max.map(|Amount { value, currency }| Max { amount: value, currency }),
            reason,
            status: if now < starts_at {
                "upcoming"
            } else if now < ends_at {
                "in_force"
            } else {
                "ended"
            },
            created_by: made_by,
            created_at: made_at.to_string(),
            warnings: Vec::new(),
        }
    }
}

/// A page of delegations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delegations)]
struct Page {
    items: Vec<DelegationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which delegations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// `given` (default) or `received`.
    direction: Option<Direction>,
    /// Whose; the caller's if not said. Only an administrator names another.
    #[param(value_type = Option<String>)]
    user: Option<PersonId>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100, by default 25.
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DelegationDirection)]
enum Direction {
    Given,
    Received,
}

/// Passes a right on for a time.
#[utoipa::path(post, path = "/v1/delegations", tag = "directory", request_body = DelegationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "a retry with the same key makes no second one")),
    responses((status = 201, body = DelegationView),
        (status = 403, body = Problem, description = "`not_allowed`: only an administrator names another person", content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "`delegation_cycle` names the ring in `cycle`; `delegation_revoked`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`no_such_user`, `limit_reached`, `idempotency_key_reused`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:admin"])))]
async fn delegate(
    State(service): State<Service>,
    Delegator(identity): Delegator,
    IdempotencyKey(key): IdempotencyKey,
    Body(body, bytes): Body<DelegationBody>,
) -> Result<Response, Problem> {
    // Who may not act for the giver hears so, whatever else the body says.
    if let Some(giver) = body.from.as_ref().filter(|giver| **giver != identity.caller.id) {
        authority::may_act_for(&service.directory, &identity, giver).await?;
    }
    let now = service.clock.now();
    service.pace.take(&identity.tenant, &identity.caller.id, now).await?;
    let tag = Tag::new(&service.entropy, &identity, "delegate", key.as_deref(), &bytes);
    let new = checked(body, &identity, &tag, now)?;
    let (actor, asker) = (identity.actor(), authority::asker(&identity));
    let command = MakeDelegation { asker: &asker, new: &new, digest: tag.digest };
    let made = amend(&service.directory, &author(&service, &identity, &actor), None, command).await?;
    let replayed = made.earlier().is_some();
    let warnings = scope::unmet(&service.directory, &identity.tenant, &new.delegation).await?;
    let shown = DelegationView { warnings, ..DelegationView::new(made.earlier().cloned().unwrap_or(new), now) };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Delegations given or received, newest first.
#[utoipa::path(get, path = "/v1/delegations", tag = "directory", params(Which),
    responses((status = 200, body = Page), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:admin"])))]
async fn delegations(
    State(service): State<Service>,
    Delegator(identity): Delegator,
    Query(Which { direction, user, cursor, limit }): Query<Which>,
) -> Result<Json<Page>, Problem> {
    let person = user.unwrap_or_else(|| identity.caller.id.clone());
    authority::may_act_for(&service.directory, &identity, &person).await?;
    let received = direction == Some(Direction::Received);
    let list = List::new(&service.cursors, &identity, &format!("delegations {received} {person}"));
    let (after, limit) = list.start::<(Timestamp, DelegationId)>(&Paging { cursor, limit }).await?;
    let (found, more) = service.directory.delegations(&identity.tenant, &person, received, after.as_ref(), limit).await?;
    let next_cursor = list.next(found.last().map(|last| (last.made_at, last.delegation.id.clone())).filter(|_| more)).await?;
    let now = service.clock.now();
    Ok(Json(Page { items: found.into_iter().map(|stored| DelegationView::new(stored, now)).collect(), next_cursor }))
}

/// One delegation, for its two persons and administrators; for others the same 404 as a missing one.
#[utoipa::path(get, path = "/v1/delegations/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = DelegationView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:admin"])))]
async fn delegation(
    State(service): State<Service>,
    Delegator(identity): Delegator,
    Ids(id): Ids<DelegationId>,
) -> Result<Json<DelegationView>, Problem> {
    let stored = authority::visible_delegation(&service.directory, &identity, &id).await?;
    Ok(Json(DelegationView::new(stored, service.clock.now())))
}

/// Takes a delegation back, at once. Whoever gave it may, administrators, and whoever received it: nobody asked them.
#[utoipa::path(delete, path = "/v1/delegations/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 204, description = "it does not hold any more"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"]), ("bearer" = ["approvals:admin"])))]
async fn revoke(State(service): State<Service>, Delegator(identity): Delegator, Ids(id): Ids<DelegationId>) -> Result<StatusCode, Problem> {
    service.pace.take(&identity.tenant, &identity.caller.id, service.clock.now()).await?;
    let stored = authority::visible_delegation(&service.directory, &identity, &id).await?;
    let (actor, asker) = (identity.actor(), authority::asker(&identity));
    let command = RevokeDelegation { asker: &asker, stored: &stored };
    amend(&service.directory, &author(&service, &identity, &actor), None, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Commits of a delegation, newest first.
#[utoipa::path(get, path = "/v1/delegations/{id}/history", tag = "directory", params(("id" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn delegation_history(
    State(service): State<Service>,
    crate::caller::Keeper(identity): crate::caller::Keeper,
    Ids(id): Ids<DelegationId>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("delegation/{id}"), &paging).await
}

/// The delegation a body asks for; 400 with every fault of it.
fn checked(body: DelegationBody, identity: &Identity, tag: &Tag, now: Timestamp) -> Result<StoredDelegation, Problem> {
    let mut faults = Faults::default();
    let mut time = |pointer: &str, text: &str| {
        let read = Timestamp::parse(text);
        if read.is_none() {
            faults.add(pointer, "no_time", format!("`{text}` is no time: expected RFC 3339, such as 2026-01-05T09:00:00Z"));
        }
        read.unwrap_or(now)
    };
    let (starts_at, ends_at) = (time("/starts_at", &body.starts_at), time("/ends_at", &body.ends_at));
    if starts_at >= ends_at {
        faults.add("/ends_at", "window", "`ends_at` must be later than `starts_at`");
    } else if ends_at <= now {
        faults.add("/ends_at", "over", "`ends_at` is not in the future");
    }
    let from = body.from.unwrap_or_else(|| identity.caller.id.clone());
    if from == body.to {
        faults.add("/to", "same_person", "nobody stands in for themselves: name another person");
    }
    let length = body.reason.chars().count();
    if body.reason.is_empty() || length > limits::DELEGATION_REASON_CHARS {
        let most = limits::DELEGATION_REASON_CHARS;
        faults.add("/reason", "length", format!("1 to {most} characters are allowed, not {length}"));
    } else if is_blank(&body.reason) {
        faults.add("/reason", "length", UNSEEN);
    }
    let id = DelegationId::new(tag.request_id().as_str()).map_err(|error| Problem::internal(&error.to_string()))?;
    let max = body.max.map(|Max { amount, currency }| Amount { value: amount, currency });
    let (templates, steps) = (body.templates, body.steps);
    let delegation = Delegation { id, version: 1, from, giver_term: 0, starts_at, ends_at, templates, steps, max };
    check_scope(&delegation).into_iter().for_each(|fault| faults.add(fault.pointer, &fault.code, fault.detail));
    faults.done()?;
    let made_by = actor_name(&identity.actor());
    Ok(StoredDelegation { delegation, to: body.to, reason: Some(body.reason), made_by, made_at: now })
}
