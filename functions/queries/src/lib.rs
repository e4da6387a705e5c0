//! Queries: a request, lists, history, the inbox, who may act and why. Reads only.

mod conversation;
mod explain;
mod list;
mod people;

use std::collections::BTreeMap;

use approvals::app::App;
use approvals::app::queries::conversation::ENTRIES;
use approvals::app::queries::conversation::view::EntryView;
use approvals::app::queries::inbox::Task;
use approvals::app::queries::list::ROUNDS;
use approvals::identity::{Identity, Scope};
use approvals::secrets::Cursors;
use approvals::store::{Inboxes, Stores};
use approvals::web::problem::Problem;
use approvals::web::{self, Ids, List, Paging, Query};
use approvals::wire::history::CommitView;
use approvals::wire::summary::NameView;
use approvals::wire::view::RequestView;
use approvals_domain::event::Event;
use approvals_domain::hash::Hash;
use approvals_domain::ids::RequestId;
use approvals_domain::limits;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

const READERS: &[Scope] = &[Scope::Read, Scope::Audit];

/// What this function may touch; it reads alone.
#[derive(Debug, Clone)]
pub struct Queries {
    /// Requests, and the directory that says who may see them.
    pub app: App,
    /// Where tasks and blocked steps are found.
    pub inboxes: Inboxes,
    /// Seals where lists go on.
    pub cursors: Cursors,
}

impl Queries {
    /// Over a table's rooms.
    pub fn new(stores: &Stores, app: App, cursors: Cursors) -> Self {
        Self { app, inboxes: stores.inboxes.clone(), cursors }
    }
}

/// What its handlers are given.
pub type Service = web::Service<Queries>;

/// The routes.
pub fn router() -> Router<Service> {
    Router::new()
        .route("/v1/me", get(people::me))
        .route("/v1/users", get(people::users))
        .route("/v1/requests", get(list::list))
        .route("/v1/requests/{id}", get(request))
        .route("/v1/requests/{id}/history", get(history))
        .route("/v1/requests/{id}/conversation", get(conversation::conversation))
        .route("/v1/requests/{id}/explain", get(explain::explain))
        .route("/v1/inbox", get(inbox))
        .route("/v1/openapi.json", get(openapi_json))
}

#[derive(OpenApi)]
#[openapi(paths(
    people::me,
    people::users,
    list::list,
    request,
    history,
    conversation::conversation,
    explain::explain,
    inbox,
    openapi_json
))]
struct Api;

/// Its part of the API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// A request, with the names of those it names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownRequest)]
struct Shown {
    #[serde(flatten)]
    request: RequestView,
    /// What happened in all revisions: the newest 50 entries, oldest first. Older ones: `GET /v1/requests/{id}/conversation`.
    conversation: Vec<EntryView>,
    /// Everybody it names.
    people: BTreeMap<String, NameView>,
}

/// One request.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = Shown), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
async fn request(State(service): State<Service>, identity: Identity, Ids(id): Ids<RequestId>) -> Result<Json<Shown>, Problem> {
    identity.need_one(READERS)?;
    let (record, _) = service.app.visible(&identity, &id).await?;
    let template = service.app.pinned(&identity.tenant, &record.state.template).await?;
    let (request, told) = tokio::try_join!(service.app.view(&record), service.app.conversation(&record))?;
    let (conversation, names, _) = conversation::newest(&service, (&record, &template, &told), usize::MAX, ENTRIES).await?;
    Ok(Json(Shown { request, conversation, people: names.views() }))
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
    let wanted: Vec<Hash> = page.iter().flat_map(|sealed| &sealed.commit.events).filter_map(Event::text).collect();
    let mut all = service.app.requests.texts(&record, wanted.into_iter().filter(|hash| !texts.contains_key(hash))).await?;
    all.extend(texts);
    let last = page.last().map(|sealed| sealed.commit.version).filter(|last| *last < record.state.version);
    let next_cursor = list.next(last).await?;
    Ok(Json(History { items: page.into_iter().map(|sealed| CommitView::new(sealed, &all)).collect(), next_cursor }))
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
struct Inbox {
    /// Soonest due first.
    items: Vec<Task>,
    /// Everybody they name.
    people: BTreeMap<String, NameView>,
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
    for _ in 1..ROUNDS {
        let Some(after) = last.as_ref().filter(|_| items.is_empty()) else { break };
        (items, last) = service.app.inbox(&service.inboxes, &identity, Some(after), limit).await?;
    }
    let next_cursor = list.next(last).await?;
    let people = service.app.named(&identity.tenant, items.iter().flat_map(Task::people)).await?;
    Ok(Json(Inbox { items, people, next_cursor }))
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "meta", responses((status = 200, description = "OpenAPI 3.1")), security(()))]
async fn openapi_json() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], approvals::wire::OPENAPI)
}
