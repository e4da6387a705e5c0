//! Lists of requests, each found without a scan.

use std::collections::BTreeMap;

use approvals::app::queries::list::Source;
use approvals::app::queries::request::{is_admin, is_auditor};
use approvals::identity::Identity;
use approvals::store::requests::Record;
use approvals::store::requests::lists::{Place, Window};
use approvals::web::problem::Problem;
use approvals::web::{List, Paging, Query};
use approvals::wire::fault::Fault;
use approvals::wire::summary::{NameView, Summary, everybody};
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

/// Which requests.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those that this person asks for; the caller's if no list is named.
    #[param(value_type = Option<String>)]
    requester: Option<PersonId>,
    /// Those of this template; with another list only these of it.
    #[param(value_type = Option<String>)]
    template: Option<TemplateKey>,
    /// Those this person voted on.
    #[param(value_type = Option<String>)]
    decided_by: Option<PersonId>,
    /// Those about this entity.
    #[param(value_type = Option<String>)]
    entity_type: Option<EntityType>,
    /// With `entity_type`.
    #[param(value_type = Option<String>)]
    entity_id: Option<EntityId>,
    /// `true`: those that nobody can move, for members of `approval_admin`.
    blocked: Option<bool>,
    /// `true`: those with a late step that has a timer (`remind`, `escalate` or `on_timeout`), the longest late first; for members of
    /// `approval_admin`.
    overdue: Option<bool>,
    /// Those that wait for this person's vote, soonest due first, for members of `approval_admin`.
    #[param(value_type = Option<String>)]
    approver: Option<PersonId>,
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
    /// Newest first, or as the list says; without metadata and attachments.
    items: Vec<Listed>,
    /// Everybody they name.
    people: BTreeMap<String, NameView>,
    /// There may be more, even if this page is short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A request in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedRequest)]
pub(super) struct Listed {
    #[serde(flatten)]
    request: RequestView,
    #[serde(flatten)]
    summary: Summary,
}

/// Requests of one list: by `requester`, `template`, `entity_type` with `entity_id`, `decided_by`, `blocked`, `overdue` or `approver`.
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
    let (place, limit) = list.start::<Place>(&Paging { cursor: which.cursor.clone(), limit: which.limit }).await?;
    let (app, tenant, now) = (&service.app, &identity.tenant, service.app.clock.now());
    let source = which.source(&identity)?;
    if matches!(source, Source::Blocked | Source::Overdue | Source::Approver(_)) {
        let known = app.reading(&identity).await?;
        if !is_auditor(&identity, &known) && !is_admin(&identity, &known) {
            return Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into());
        }
    }
    let mut window = window(now, &which)?;
    if let Source::Template(template) = &source {
        window = app.window_of(tenant, template, window).await?;
    }
    let fits = |record: &Record| which.fits(record, window) && source.holds(&record.state, now);
    let (records, place) = app.fitting(&service.inboxes, &identity, (&source, window), fits, (place, limit)).await?;
    let mut items = Vec::with_capacity(records.len());
    for record in &records {
        let template = app.pinned(tenant, &record.state.template).await?;
        let Some(summary) = app.summary(record, &template).await? else { continue };
        items.push(Listed { request: app.view_in_list(record).await?, summary });
    }
    let people = records.iter().flat_map(|record| everybody(&record.state)).cloned();
    Ok(Json(Requests { items, people: app.named(tenant, people).await?, next_cursor: list.next(place).await? }))
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

impl Which {
    /// The list it means: exactly one.
    fn source(&self, identity: &Identity) -> Result<Source, Problem> {
        let wrong = |detail: &str| Problem::new(400, "invalid_query", detail);
        let entity = match (&self.entity_type, &self.entity_id) {
            (Some(kind), Some(id)) => Some(Entity { kind: kind.clone(), id: id.clone() }),
            (None, None) => None,
            _ => return Err(wrong("`entity_type` and `entity_id` go together")),
        };
        for (name, given) in [("blocked", self.blocked), ("overdue", self.overdue)] {
            if given == Some(false) {
                return Err(wrong(&format!("`{name}` is `true`, or left out")));
            }
        }
        let named = [
            self.requester.clone().map(Source::Requester),
            entity.map(Source::About),
            self.decided_by.clone().map(Source::DecidedBy),
            (self.blocked == Some(true)).then_some(Source::Blocked),
            (self.overdue == Some(true)).then_some(Source::Overdue),
            self.approver.clone().map(Source::Approver),
        ];
        let mut named = named.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(_), Some(_)) => Err(wrong(
                "name one list: `requester`, `entity_type` with `entity_id`, `decided_by`, `blocked`, `overdue` or `approver`; `template` alone is one too, and narrows the others",
            )),
            (Some(source), None) => Ok(source),
            // A template alone is a list, beside another one it narrows that.
            (None, _) => Ok(match &self.template {
                Some(template) => Source::Template(template.clone()),
                None => Source::Requester(identity.caller.id.clone()),
            }),
        }
    }

    fn fits(&self, record: &Record, window: Window) -> bool {
        let state = &record.state;
        self.template.as_ref().is_none_or(|template| state.template.key == *template)
            && self.status.is_none_or(|status| state.status() == status)
            && (window.from..=window.to).contains(&state.created_at)
    }
}
