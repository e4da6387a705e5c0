//! What happened to a request, for people.

use std::collections::BTreeMap;

use approvals::app::Error;
use approvals::app::queries::conversation::view::EntryView;
use approvals::app::queries::conversation::words::Teller;
use approvals::app::queries::conversation::{Conversation as Told, ENTRIES};
use approvals::app::queries::names::Names;
use approvals::identity::Identity;
use approvals::store::requests::Record;
use approvals::web::problem::Problem;
use approvals::web::{Ids, List, Paging, Query};
use approvals::wire::summary::{NameView, everybody};
use approvals_domain::ids::RequestId;
use approvals_domain::template::Template;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{READERS, Service};

/// A page of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(crate) struct Conversation {
    /// Oldest first; the first page has the newest ones, the next page those before them.
    items: Vec<EntryView>,
    /// Everybody they name.
    people: BTreeMap<String, NameView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What happened in all revisions, for people: the newest entries first by page, oldest first in each.
#[utoipa::path(get, path = "/v1/requests/{id}/conversation", tag = "requests", params(("id" = String, Path), Paging),
    responses((status = 200, body = Conversation), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
pub(crate) async fn conversation(
    State(service): State<Service>,
    identity: Identity,
    Ids(id): Ids<RequestId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Conversation>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(&service.cursors, &identity, &format!("conversation {id}"));
    let paging = Paging { limit: paging.limit.or(Some(ENTRIES)), ..paging };
    let (first, limit) = list.start::<usize>(&paging).await?;
    let first = first.unwrap_or(usize::MAX);
    let (record, _) = service.app.visible(&identity, &id).await?;
    let template = service.app.pinned(&identity.tenant, &record.state.template).await?;
    let told = service.app.conversation_until(&record, first, ENTRIES).await?;
    let (items, names, older) = newest(&service, (&record, &template, &told), first, limit).await?;
    Ok(Json(Conversation { items, people: names.views(), next_cursor: list.next(older).await? }))
}

/// The newest of so many first entries with the names of everybody in them, and how many stand before them.
pub(crate) async fn newest(
    service: &Service,
    (record, template, conversation): (&Record, &Template, &Told),
    first: usize,
    most: usize,
) -> Result<(Vec<EntryView>, Names, Option<usize>), Error> {
    let people = conversation.people(template);
    let names = service.app.names(&record.state, people.iter().chain(everybody(&record.state))).await?;
    let teller = Teller::for_anybody(&record.state, template, &names, conversation);
    let (items, older) = teller.page(first, most);
    Ok((items, names, older))
}
