//! Who the caller is, and who else there is: what a screen needs before it shows anything.

use approvals::app;
use approvals::app::queries::list::ROUNDS;
use approvals::app::queries::request::is_admin;
use approvals::identity::{Identity, Scope};
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::store::directory::found::is_found_by;
use approvals::web::problem::Problem;
use approvals::web::{List, Paging, Query};
use approvals::wire::fault::Fault;
use approvals_domain::ids::{PersonId, RoleId, TenantId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Queries, READERS, Service};

/// Counting stops here.
const COUNTED: usize = limits::PAGE;
/// Characters that others than administrators must name.
const LEAST_CHARS: usize = 2;
/// People that others than administrators see at once.
const SEEN: usize = 25;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    id: String,
    name: String,
    email: String,
    /// IANA name, as the directory says; `UTC` if it says none.
    time_zone: String,
    /// Roles held now.
    roles: Vec<String>,
    /// What the client may do, without `approvals:`.
    scopes: Vec<&'static str>,
    /// A member of `approval_admin`.
    administrator: bool,
    counts: Counts,
}

/// How much waits for the caller.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counts {
    /// Steps that wait for the caller's vote.
    inbox: Count,
    /// Requests that were sent back to the caller.
    returned: Count,
}

/// How many.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Count {
    /// At most 100.
    count: usize,
    /// There may be more.
    more: bool,
}

/// The caller, and how much waits for them.
#[utoipa::path(get, path = "/v1/me", tag = "directory",
    responses((status = 200, body = Me), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn me(State(service): State<Service>, identity: Identity) -> Result<Json<Me>, Problem> {
    identity.need_one(READERS)?;
    let (tenant, id) = (&identity.tenant, &identity.caller.id);
    let record = service.app.directory.person(tenant, id, Freshness::Eventual).await?;
    let record = record.filter(|record| record.user.active).ok_or_else(|| Refusal::UnknownUser(id.clone()))?;
    let (inbox, returned, chosen) = tokio::join!(
        counted(&service, &identity),
        service.app.returned(&service.inboxes, (tenant, id), COUNTED),
        service.app.directory.preferences(tenant, id)
    );
    let (inbox, (returned, more), (chosen, _)) = (inbox?, returned?, chosen?);
    let zone = service.app.zone_of(tenant, chosen.time_zone.as_deref(), record.user.time_zone.as_deref()).await?;
    let roles: Vec<&RoleId> = record.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, _)| role).collect();
    Ok(Json(Me {
        id: id.to_string(),
        administrator: roles.iter().any(|role| role.as_str() == RoleId::APPROVAL_ADMIN),
        roles: roles.iter().map(ToString::to_string).collect(),
        name: record.user.name,
        email: record.user.email,
        time_zone: zone.unwrap_or_else(|| "UTC".to_owned()),
        scopes: identity.scopes.iter().map(|scope| scope.as_str()).collect(),
        counts: Counts { inbox, returned: Count { count: returned.len(), more } },
    }))
}

/// How much waits for the caller. Tasks that they may not do fill whole pages of a role's inbox, so more than one is read.
async fn counted(service: &Service, identity: &Identity) -> Result<Count, app::Error> {
    let (mut count, mut after) = (0, None);
    for _ in 0..ROUNDS {
        let (waiting, last) = service.app.waiting(&service.inboxes, identity, after.as_deref(), COUNTED - count).await?;
        count += waiting.len();
        after = last;
        if count >= COUNTED || after.is_none() {
            break;
        }
    }
    Ok(Count { count, more: after.is_some() })
}

/// Whom to look for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whom {
    /// The beginning of an id, of a name, or of any word of it. At least 2 characters for others than administrators.
    q: Option<String>,
    /// Only those who hold this role.
    #[param(value_type = Option<String>)]
    role: Option<RoleId>,
    /// Only active people, or only those who left.
    active: Option<bool>,
    /// `next_cursor` of the page before; for administrators.
    cursor: Option<String>,
    /// 1 to 100, by default 25; for others than administrators at most 25.
    limit: Option<usize>,
}

impl Whom {
    fn text(&self) -> &str {
        self.q.as_deref().unwrap_or_default().trim()
    }

    fn fits(&self, id: &PersonId, user: &User) -> bool {
        self.active.is_none_or(|active| user.active == active) && is_found_by(id, user, self.text())
    }
}

/// People who were found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct People {
    /// Those whose id begins so first.
    items: Vec<Found>,
    /// For administrators. There may be more, even if this page is short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundPerson)]
pub(super) struct Found {
    id: String,
    name: String,
    active: bool,
    /// For administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

/// People by the beginning of their id or of a word of their name.
#[utoipa::path(get, path = "/v1/users", tag = "directory", params(Whom),
    responses((status = 200, body = People), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"])))]
pub(super) async fn users(State(service): State<Service>, identity: Identity, Query(whom): Query<Whom>) -> Result<Json<People>, Problem> {
    identity.need_one(&[Scope::Read, Scope::Admin])?;
    let known = service.app.reading(&identity).await?;
    let administrator = is_admin(&identity, &known);
    let active = known.facts.persons.get(&identity.caller.id).and_then(Option::as_ref).is_some_and(|person| person.active);
    if !active {
        return Err(Refusal::UnknownUser(identity.caller.id.clone()).into());
    }
    let wrong =
        |at: &str, code: &str, detail: String| Problem::new(400, "invalid_query", detail.clone()).at([Fault::new(at, code, detail)]);
    if !administrator && whom.text().chars().count() < LEAST_CHARS {
        return Err(wrong("/q", "length", format!("`q` has at least {LEAST_CHARS} characters")));
    }
    if !administrator && whom.cursor.is_some() {
        return Err(wrong("/cursor", "not_allowed", "only administrators read on; name more of the id or the name".to_owned()));
    }
    let signature = format!("users {:?}", Whom { cursor: None, limit: None, ..whom.clone() });
    let list = List::new(&service.cursors, &identity, &signature);
    let (mut place, limit) = list.start::<String>(&Paging { cursor: whom.cursor.clone(), limit: whom.limit }).await?;
    let limit = if administrator { limit } else { limit.min(SEEN) };
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let (page, next) = service.candidates(&identity.tenant, &whom, place.as_deref(), limit - found.len()).await?;
        found.extend(page.into_iter().filter(|(id, user)| whom.fits(id, user)));
        place = next;
        // Who may read on does; for others what fits must be found now.
        if place.is_none() || found.len() >= limit || administrator && !found.is_empty() {
            break;
        }
    }
    let item = |(id, user): (PersonId, User)| Found {
        id: id.to_string(),
        name: user.name,
        active: user.active,
        email: Some(user.email).filter(|_| administrator),
    };
    let next_cursor = list.next(place.filter(|_| administrator)).await?;
    Ok(Json(People { items: found.into_iter().map(item).collect(), next_cursor }))
}

impl Queries {
    /// A page of whom a query may mean, before it is narrowed: of a role's members, or of those found by its text.
    async fn candidates(
        &self,
        tenant: &TenantId,
        whom: &Whom,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(PersonId, User)>, Option<String>), app::Error> {
        let directory = &self.app.directory;
        let Some(role) = &whom.role else { return Ok(directory.people_page(tenant, whom.text(), after, limit).await?) };
        let after = after.and_then(|after| PersonId::new(after).ok());
        let (members, more) = directory.role_page(tenant, role, after.as_ref(), limit).await?;
        let ids: Vec<PersonId> = members.into_iter().map(|(id, _)| id).collect();
        let next = ids.last().filter(|_| more).map(ToString::to_string);
        Ok((directory.users(tenant, &ids).await?.into_iter().collect(), next))
    }
}
