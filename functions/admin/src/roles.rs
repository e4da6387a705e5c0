//! Roles and their members. A role is there as soon as somebody holds it.

use approvals::app::commands::people::PutMember;
use approvals::app::commands::{amend, authority};
use approvals::web::problem::Problem;
use approvals::web::{Body, Ids, IfMatch, Query, etag};
use approvals_domain::ids::{PersonId, RoleId};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::caller::{Administrator, Reader, Registrar};
use crate::history::{self, DirectoryHistory};
use crate::path::Named;
use approvals::web::{List, Paging};

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/roles", get(roles))
        .route("/v1/roles/{role}", get(role))
        .route("/v1/roles/{role}/members/{user}", put(add_member).delete(remove_member))
        .route("/v1/roles/{role}/members/{user}/history", get(member_history))
}

#[derive(OpenApi)]
#[openapi(paths(roles, role, add_member, remove_member, member_history))]
pub(crate) struct Api;

/// A page of roles.
#[derive(Debug, Serialize, ToSchema)]
struct Roles {
    /// Those that somebody holds or held, by name.
    items: Vec<RoleView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A role in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
struct RoleView {
    role: String,
}

/// A page of a role's members.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleMembers)]
struct MembersView {
    role: String,
    /// Active members, by id.
    items: Vec<MemberView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleMember)]
struct MemberView {
    user: String,
    /// Of the membership.
    version: u64,
}

/// A membership.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Membership)]
struct MembershipView {
    role: String,
    user: String,
    member: bool,
    /// The number in the ETag.
    version: u64,
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Roles, by name. One is there as soon as somebody holds it, and stays.
#[utoipa::path(get, path = "/v1/roles", tag = "directory", params(Paging),
    responses((status = 200, body = Roles), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn roles(State(service): State<Service>, Reader(identity): Reader, Query(paging): Query<Paging>) -> Result<Json<Roles>, Problem> {
    let list = List::new(&service.cursors, &identity, "roles");
    let (after, limit) = list.start::<String>(&paging).await?;
    let (names, more) = service.directory.roles(&identity.tenant, after.as_deref(), limit).await?;
    let next_cursor = list.next(names.last().filter(|_| more)).await?;
    Ok(Json(Roles { items: names.into_iter().map(|role| RoleView { role }).collect(), next_cursor }))
}

/// Active members of a role. One that nobody holds has none.
#[utoipa::path(get, path = "/v1/roles/{role}", tag = "directory", params(("role" = String, Path), Paging),
    responses((status = 200, body = MembersView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn role(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(role): Ids<RoleId>,
    Query(paging): Query<Paging>,
) -> Result<Json<MembersView>, Problem> {
    let list = List::new(&service.cursors, &identity, &format!("role {role}"));
    let (after, limit) = list.start::<PersonId>(&paging).await?;
    let (members, more) = service.directory.role_page(&identity.tenant, &role, after.as_ref(), limit).await?;
    let next_cursor = list.next(members.last().map(|(id, _)| id).filter(|_| more)).await?;
    let items = members.into_iter().map(|(id, version)| MemberView { user: id.to_string(), version }).collect();
    Ok(Json(MembersView { role: role.to_string(), items, next_cursor }))
}

/// Makes a person a member: 201, or 200 if they are one.
#[utoipa::path(put, path = "/v1/roles/{role}/members/{user}", tag = "directory",
    params(("role" = String, Path), ("user" = String, Path),
        ("If-Match" = Option<String>, Header, description = "the ETag of the membership as you saw it")),
    responses((status = 201, body = MembershipView), (status = 200, body = MembershipView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`no_such_user`, `limit_reached`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn add_member(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Named((role, user)): Named<(RoleId, PersonId)>,
    seen: IfMatch,
    Body(Nothing {}, _): Body<Nothing>,
) -> Result<Response, Problem> {
    write(&service, &identity, PutMember { role: &role, person: &user, member: true }, seen).await
}

/// Ends a membership; ending one that does not hold changes nothing.
#[utoipa::path(delete, path = "/v1/roles/{role}/members/{user}", tag = "directory",
    params(("role" = String, Path), ("user" = String, Path),
        ("If-Match" = Option<String>, Header, description = "the ETag of the membership as you saw it")),
    responses((status = 200, body = MembershipView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn remove_member(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Ids((role, user)): Ids<(RoleId, PersonId)>,
    seen: IfMatch,
) -> Result<Response, Problem> {
    write(&service, &identity, PutMember { role: &role, person: &user, member: false }, seen).await
}

async fn write(service: &Service, identity: &Administrator, command: PutMember<'_>, IfMatch(seen): IfMatch) -> Result<Response, Problem> {
    let PutMember { role, person, member } = command;
    authority::may_touch(&service.directory, &identity.tenant, identity.office, (person, Some(role))).await?;
    let actor = identity.actor();
    let put = amend(&service.directory, &identity.author(service, &actor), seen, command).await?;
    let status = if member && put.changed { StatusCode::CREATED } else { StatusCode::OK };
    let view = MembershipView { role: role.to_string(), user: person.to_string(), member, version: put.version };
    Ok((status, [(ETAG, etag(put.version))], Json(view)).into_response())
}

/// Commits of a membership, newest first.
#[utoipa::path(get, path = "/v1/roles/{role}/members/{user}/history", tag = "directory",
    params(("role" = String, Path), ("user" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn member_history(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids((role, user)): Ids<(RoleId, PersonId)>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("member/{role}/{user}"), &paging).await
}
