//! Who the caller is, and who else there is: what a screen needs before it shows anything.

use std::collections::BTreeMap;

use approvals::app::queries::request::is_admin;
use approvals::identity::{Identity, Scope};
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::web::Query;
use approvals::web::problem::Problem;
use approvals::wire::fault::Fault;
use approvals_domain::ids::{PersonId, RoleId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{READERS, Service};

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
    /// IANA name, as the directory says.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
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
    let (waiting, returned) =
        tokio::join!(service.app.waiting(&service.inboxes, &identity, None, COUNTED), service.app.returned(&service.inboxes, tenant, id));
    let ((waiting, last), returned) = (waiting?, returned?);
    let roles: Vec<&RoleId> = record.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, _)| role).collect();
    Ok(Json(Me {
        id: id.to_string(),
        administrator: roles.iter().any(|role| role.as_str() == RoleId::APPROVAL_ADMIN),
        roles: roles.iter().map(ToString::to_string).collect(),
        name: record.user.name,
        email: record.user.email,
        time_zone: record.user.time_zone,
        scopes: identity.scopes.iter().map(|scope| scope.as_str()).collect(),
        counts: Counts {
            inbox: Count { count: waiting.len(), more: last.is_some() },
            returned: Count { count: returned.len(), more: returned.len() >= SEEN },
        },
    }))
}

/// Whom to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whom {
    /// The beginning of an id, or of any word of a name. At least 2 characters for others than administrators.
    q: Option<String>,
    /// Only active people, or only those who left.
    active: Option<bool>,
}

/// People who were found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct People {
    /// In the order of ids.
    items: Vec<Found>,
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
    let text = whom.q.as_deref().unwrap_or_default().trim();
    if !administrator && text.chars().count() < LEAST_CHARS {
        let detail = format!("`q` has at least {LEAST_CHARS} characters");
        return Err(Problem::new(400, "invalid_query", detail.clone()).at([Fault::new("/q", "length", detail)]));
    }
    let most = if administrator { limits::PAGE } else { SEEN };
    let people: BTreeMap<PersonId, User> = service.app.directory.people(&identity.tenant, text, most).await?;
    let fits = |user: &User| whom.active.is_none_or(|active| user.active == active);
    let shown = people.into_iter().filter(|(_, user)| fits(user)).take(most);
    let found = |(id, user): (PersonId, User)| Found {
        id: id.to_string(),
        name: user.name,
        active: user.active,
        email: Some(user.email).filter(|_| administrator),
    };
    Ok(Json(People { items: shown.map(found).collect() }))
}
