//! Lists of requests: by requester, by template, by entity, the blocked ones.

use approvals::app::Known;
use approvals::app::queries::list::Source;
use approvals::app::queries::request::{is_admin, is_auditor};
use approvals::identity::Identity;
use approvals::store::requests::Record;
use approvals::store::requests::lists::{Place, Window};
use approvals::web::problem::Problem;
use approvals::web::{List, Paging, Query};
use approvals::wire::fault::Fault;
use approvals::wire::view::RequestView;
use approvals_domain::ids::{Entity, EntityId, EntityType, PersonId, TemplateKey};
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use approvals_domain::time::Timestamp;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{READERS, Service};

/// Index pages read for one page of an answer while all that was found is filtered away.
pub(super) const ROUNDS: usize = 12;

/// Which requests.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The caller if nothing else is named.
    #[param(value_type = Option<String>)]
    requester: Option<PersonId>,
    /// Of this template.
    #[param(value_type = Option<String>)]
    template: Option<TemplateKey>,
    /// Those this person voted on.
    #[param(value_type = Option<String>)]
    decided_by: Option<PersonId>,
    /// Of this entity; with `template` only that template's.
    #[param(value_type = Option<String>)]
    entity_type: Option<EntityType>,
    /// With `entity_type`.
    #[param(value_type = Option<String>)]
    entity_id: Option<EntityId>,
    /// Blocked ones, for administrators.
    blocked: Option<bool>,
    /// Only in this status.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// RFC 3339, included.
    created_from: Option<String>,
    /// RFC 3339, included.
    created_to: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100, by default 25.
    limit: Option<usize>,
}

/// A page of requests.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Requests {
    /// Newest first; without metadata and attachments.
    items: Vec<RequestView>,
    /// There may be more, even if this page is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Requests, newest first.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", params(Which),
    responses((status = 200, body = Requests), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn list(
    State(service): State<Service>,
    identity: Identity,
    Query(which): Query<Which>,
) -> Result<Json<Requests>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(&service.cursors, &identity, &signature(&which));
    let (mut place, limit) = list.start::<Place>(&Paging { cursor: which.cursor.clone(), limit: which.limit }).await?;
    let window = window(service.app.clock.now(), &which)?;
    let mut known = None;
    let (source, window) = source(&service, &identity, &which, window, &mut known).await?;
    let mut known = match known {
        Some(known) => known,
        None => service.app.reading(&identity).await?,
    };
    let mut items = Vec::new();
    for _ in 0..ROUNDS {
        let (records, next) = service.app.page(&service.inboxes, &identity.tenant, (&source, window), place.as_ref(), limit).await?;
        for record in &records {
            if fits(record, &which, window, &source) && service.app.may_see(&identity, record, &mut known).await? {
                items.push(service.app.view_in_list(record).await?);
            }
        }
        place = next;
        if !items.is_empty() || place.is_none() {
            break;
        }
    }
    let next_cursor = list.next(place).await?;
    Ok(Json(Requests { items, next_cursor }))
}

/// What a cursor is bound to besides the caller: the query without its cursor and length.
fn signature(which: &Which) -> String {
    format!("list {:?}", Which { cursor: None, limit: None, ..which.clone() })
}

fn window(now: Timestamp, which: &Which) -> Result<Window, Problem> {
    let read = |name: &str, text: &Option<String>, otherwise: Timestamp| match text {
        None => Ok(otherwise),
        Some(text) => Timestamp::parse(text).ok_or_else(|| {
            let detail = format!("`{name}` is RFC 3339, such as `2026-01-05T09:00:00Z`");
            Problem::new(400, "invalid_query", detail.clone()).at([Fault::new(format!("/{name}"), "invalid", detail)])
        }),
    };
    // A request may carry the time of a clock a little ahead of this one.
    let now = now.plus_millis(600_000);
    Ok(Window {
        from: read("created_from", &which.created_from, Timestamp::from_millis(0))?,
        // Months that have not begun hold nothing, and each would be a page of its own.
        to: read("created_to", &which.created_to, now)?.min(now),
    })
}

/// The list a query means, and the window that holds it. `known`: what it learned of the directory.
async fn source(
    service: &Service,
    identity: &Identity,
    which: &Which,
    window: Window,
    known: &mut Option<Known>,
) -> Result<(Source, Window), Problem> {
    let wrong = |detail: &str| Problem::new(400, "invalid_query", detail);
    let entity = match (&which.entity_type, &which.entity_id) {
        (Some(kind), Some(id)) => Some(Entity { kind: kind.clone(), id: id.clone() }),
        (None, None) => None,
        _ => return Err(wrong("`entity_type` and `entity_id` go together")),
    };
    if let Some(person) = &which.decided_by {
        if entity.is_some() || which.blocked == Some(true) || which.requester.is_some() {
            return Err(wrong("name one of `requester`, `entity_id`, `decided_by` and `blocked`"));
        }
        return Ok((Source::DecidedBy(person.clone()), window));
    }
    if which.blocked == Some(true) {
        let known = known.insert(service.app.reading(identity).await?);
        if !is_auditor(identity, known) && !is_admin(identity, known) {
            return Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into());
        }
        return Ok((Source::Blocked, window));
    }
    let Some(template) = which.template.clone() else {
        if let Some(entity) = entity {
            return Ok((Source::About(entity), window));
        }
        let requester = which.requester.clone().unwrap_or_else(|| identity.caller.id.clone());
        return Ok((Source::Requester(requester), window));
    };
    Ok(service.app.of_template(&identity.tenant, template, entity, window).await?)
}

fn fits(record: &Record, which: &Which, window: Window, source: &Source) -> bool {
    let state = &record.state;
    let entity = !matches!(source, Source::Template(_, Some(entity)) | Source::About(entity) if state.entity != *entity);
    entity
        && which.template.as_ref().is_none_or(|template| state.template.key == *template)
        && which.status.is_none_or(|status| state.status() == status)
        && which.requester.as_ref().is_none_or(|requester| state.requester == *requester)
        && (window.from..=window.to).contains(&state.created_at)
        && (which.blocked != Some(true) || state.blocked())
}
