//! Queries: a request, lists, history, the inbox, who may act and why. Reads only.

mod list;

use approvals::app::App;
use approvals::app::queries::explain::Stand;
use approvals::app::queries::inbox::Task;
use approvals::identity::{Identity, Scope};
use approvals::store::{Cursors, Inboxes, Stores};
use approvals::web::problem::Problem;
use approvals::web::{self, Ids, List, Paging, Query};
use approvals::wire::history::CommitView;
use approvals::wire::view::{CandidateView, RequestView, TimerView};
use approvals_domain::event::Event;
use approvals_domain::facts::Facts;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{DelegationId, PersonId, RequestId};
use approvals_domain::limits;
use approvals_domain::standing::Seat;
use approvals_domain::state::{Request, StepPhase};
use approvals_domain::template::Template;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

const READERS: &[Scope] = &[Scope::Read, Scope::Audit];

/// What this function may touch; it reads alone.
#[derive(Debug, Clone)]
pub struct Queries {
    /// Requests, and the directory that says who may see them.
    pub app: App,
    /// Where tasks and blocked steps are found.
    pub inboxes: Inboxes,
    /// Signs where lists go on.
    pub cursors: Cursors,
}

impl Queries {
    /// Over a table's rooms.
    pub fn new(stores: &Stores, app: App) -> Self {
        let cursors = Cursors::new(stores.table.clone(), app.entropy.clone());
        Self { app, inboxes: stores.inboxes.clone(), cursors }
    }
}

/// What its handlers are given.
pub type Service = web::Service<Queries>;

/// The routes.
pub fn router() -> Router<Service> {
    Router::new()
        .route("/v1/requests", get(list::list))
        .route("/v1/requests/{id}", get(request))
        .route("/v1/requests/{id}/history", get(history))
        .route("/v1/requests/{id}/explain", get(explain))
        .route("/v1/inbox", get(inbox))
        .route("/v1/openapi.json", get(openapi_json))
}

#[derive(OpenApi)]
#[openapi(paths(list::list, request, history, explain, inbox, openapi_json))]
struct Api;

/// Its part of the API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// One request.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
async fn request(State(service): State<Service>, identity: Identity, Ids(id): Ids<RequestId>) -> Result<Json<RequestView>, Problem> {
    identity.need_one(READERS)?;
    let (record, _) = service.app.visible(&identity, &id).await?;
    Ok(Json(service.app.view(&record).await?))
}

/// A page of a request's commits.
#[derive(Debug, Serialize, ToSchema)]
struct History {
    /// In order.
    items: Vec<CommitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Its commits in order, with hashes that anybody can recompute.
#[utoipa::path(get, path = "/v1/requests/{id}/history", tag = "requests", params(("id" = String, Path), Paging),
    responses((status = 200, body = History), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
async fn history(
    State(service): State<Service>,
    identity: Identity,
    Ids(id): Ids<RequestId>,
    Query(paging): Query<Paging>,
) -> Result<Json<History>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(&service.cursors, &identity, &format!("history {id}"));
    // Commits are small: a page is as long as one may be, unless a shorter one is asked for.
    let paging = Paging { limit: paging.limit.or(Some(limits::PAGE)), ..paging };
    let (after, limit) = list.start::<u64>(&paging).await?;
    let after = after.unwrap_or(0);
    let (record, _) = service.app.visible(&identity, &id).await?;
    let (commits, texts) = service.app.requests.history(&record).await?;
    let page: Vec<_> = commits.iter().filter(|sealed| sealed.commit.version > after).take(limit).collect();
    let wanted: Vec<Hash> = page.iter().flat_map(|sealed| &sealed.commit.events).flat_map(event_texts).collect();
    let mut all = service.app.requests.texts(&record, wanted.into_iter().filter(|hash| !texts.contains_key(hash))).await?;
    all.extend(texts);
    let last = page.last().map(|sealed| sealed.commit.version).filter(|last| *last < record.state.version);
    let next_cursor = list.next(last).await?;
    Ok(Json(History { items: page.into_iter().map(|sealed| CommitView::new(sealed, &all)).collect(), next_cursor }))
}

fn event_texts(event: &Event) -> Option<Hash> {
    match event {
        Event::Voted(voted) => voted.comment,
        Event::Resubmitted { comment, .. } => *comment,
        Event::Commented { comment } => Some(*comment),
        Event::Reassigned { reason, .. } => Some(*reason),
        Event::Cancelled { reason } => *reason,
        _ => None,
    }
}

/// Whom to explain for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whom {
    /// A person; the caller if left out.
    #[param(value_type = Option<String>)]
    user: Option<PersonId>,
}

/// Who may act, and why or why not.
#[derive(Debug, Serialize, ToSchema)]
struct Explanation {
    user: String,
    /// May vote somewhere on this request now.
    may_vote: bool,
    status: &'static str,
    /// Steps that are open or blocked.
    steps: Vec<StepExplanation>,
    /// Why nobody may vote, if no step takes votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// The same for one step.
#[derive(Debug, Serialize, ToSchema)]
struct StepExplanation {
    step: String,
    state: &'static str,
    may_vote: bool,
    /// Who may vote here.
    candidates: Vec<CandidateView>,
    /// This person's rights to a vote here, used or not.
    seats: Vec<SeatExplanation>,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// When the step is late.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// Escalation level reached.
    level: u32,
    /// What the clock does next, if it does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_timer: Option<TimerView>,
}

/// A right to one vote.
#[derive(Debug, Serialize, ToSchema)]
struct SeatExplanation {
    seat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delegations: Vec<String>,
    /// Who stands in for whom, from this person to the one whose right it is; empty for an own seat.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chain: Vec<String>,
    level: u32,
    /// True: only stands in for others who are missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reserve: bool,
}

/// Why somebody may not vote.
#[derive(Debug, Serialize, ToSchema)]
struct Reason {
    code: &'static str,
    detail: String,
}

/// Who may act on a request now and why; why not this person.
#[utoipa::path(get, path = "/v1/requests/{id}/explain", tag = "requests", params(("id" = String, Path), Whom),
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
async fn explain(
    State(service): State<Service>,
    identity: Identity,
    Ids(id): Ids<RequestId>,
    Query(whom): Query<Whom>,
) -> Result<Json<Explanation>, Problem> {
    identity.need_one(READERS)?;
    let (record, mut known) = service.app.visible(&identity, &id).await?;
    let user = whom.user.unwrap_or_else(|| identity.caller.id.clone());
    let stands = service.app.stands(&record.state, &user, &mut known).await?;
    let template = service.app.pinned(&identity.tenant, &record.state.template).await?;
    let explain = |stand| explain_step(&record.state, &template, stand, &user, &known.facts);
    let steps: Vec<StepExplanation> = stands.iter().map(explain).collect();
    let may_vote = steps.iter().any(|step| step.may_vote);
    let status = record.state.status().as_str();
    let reason = steps.is_empty().then(|| match record.state.outcome() {
        Some(_) if record.state.is_pending() => {
            let detail = "the request is approved and waits for the start of its effect; until then it can be recalled";
            Reason { code: "effect_pending", detail: detail.to_owned() }
        }
        Some(outcome) => {
            let by = approvals::wire::view::actor_name(&outcome.by);
            Reason { code: "request_closed", detail: format!("the request is {status} since {}, by `{by}`", outcome.at) }
        }
        None => Reason { code: "request_returned", detail: "the request is with its requester, who may resubmit it".to_owned() },
    });
    Ok(Json(Explanation { user: user.to_string(), may_vote, status, steps, reason }))
}

fn explain_step(request: &Request, template: &Template, stand: &Stand, user: &PersonId, facts: &Facts) -> StepExplanation {
    let may_vote = stand.takes.is_some();
    let step = request.step(&stand.step);
    let opening = step.and_then(|step| step.opening.as_ref());
    let next_timer = step.zip(template.step(&stand.step)).and_then(|(step, rules)| TimerView::next(request, rules, step));
    let reason = match &stand.seats {
        Err(why) => Some(Reason { code: why.code(), detail: format!("`{user}` {why}") }),
        Ok(_) if may_vote => None,
        Ok(_) if stand.voted => Some(Reason { code: "already_voted", detail: format!("`{user}` voted on this step") }),
        Ok(_) if stand.phase != StepPhase::Open => {
            Some(Reason { code: "step_not_open", detail: format!("the step is {}: too few can vote", stand.phase.as_str()) })
        }
        Ok(_) => Some(Reason { code: "seat_taken", detail: format!("every seat `{user}` may fill is filled") }),
    };
    let seats = stand.seats.iter().flatten().map(|seat| SeatExplanation {
        seat: seat.key(),
        on_behalf_of: Some(seat.person.to_string()).filter(|_| seat.person != *user),
        role: seat.role.as_ref().map(ToString::to_string),
        delegations: seat.delegations.iter().map(ToString::to_string).collect(),
        chain: chain(seat, user, facts),
        level: seat.level,
        reserve: seat.reserve,
    });
    StepExplanation {
        step: stand.step.to_string(),
        state: stand.phase.as_str(),
        may_vote,
        candidates: opening.map_or_else(Vec::new, CandidateView::of),
        seats: seats.collect(),
        reason,
        due_at: opening.map(|opening| opening.due_at.to_string()),
        level: opening.map_or(0, |opening| opening.level),
        next_timer,
    }
}

/// The persons of a seat's delegations: the voter, each who stands between, the one whose right it is.
fn chain(seat: &Seat, user: &PersonId, facts: &Facts) -> Vec<String> {
    let received = || facts.persons.values().flatten().flat_map(|person| person.received.iter().flatten());
    let giver = |id: &DelegationId| received().find(|delegation| delegation.id == *id).map(|delegation| delegation.from.to_string());
    let givers: Vec<String> = seat.delegations.iter().filter_map(giver).collect();
    if givers.is_empty() { Vec::new() } else { std::iter::once(user.to_string()).chain(givers).collect() }
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
struct Inbox {
    /// Soonest due first.
    items: Vec<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What waits for the caller's vote: own seats, roles, delegators.
#[utoipa::path(get, path = "/v1/inbox", tag = "decisions", params(Paging),
    responses((status = 200, body = Inbox), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
async fn inbox(State(service): State<Service>, identity: Identity, Query(paging): Query<Paging>) -> Result<Json<Inbox>, Problem> {
    identity.need(Scope::Decide)?;
    let list = List::new(&service.cursors, &identity, "inbox");
    let (after, limit) = list.start::<String>(&paging).await?;
    let (mut items, mut last) = service.app.inbox(&service.inboxes, &identity, after.as_deref(), limit).await?;
    // Tasks the caller may not do fill whole pages of a role's inbox: their own requests, say.
    for _ in 1..self::list::ROUNDS {
        let Some(after) = last.as_ref().filter(|_| items.is_empty()) else { break };
        (items, last) = service.app.inbox(&service.inboxes, &identity, Some(after), limit).await?;
    }
    let next_cursor = list.next(last).await?;
    Ok(Json(Inbox { items, next_cursor }))
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "meta", responses((status = 200, description = "OpenAPI 3.1")), security(()))]
async fn openapi_json() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], approvals::wire::OPENAPI)
}
