//! Persons of the directory.

use std::collections::BTreeMap;

use approvals::app::Error;
use approvals::app::commands::people::{Ended, PutUser, RevokeLinks};
use approvals::app::commands::{amend, authority};
use approvals::json;
use approvals::store::directory::User;
use approvals::store::{Freshness, pause};
use approvals::web::problem::Problem;
use approvals::web::{Body, Ids, IfMatch, Query, etag, shape};
use approvals::wire::email::sendable;
use approvals::wire::fault::Fault;
use approvals_domain::directory::authority as rules;
use approvals_domain::ids::PersonId;
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Service;
use crate::caller::{Administrator, Reader, Registrar};
use crate::faults::Faults;
use crate::history::{self, DirectoryHistory};
use crate::path::Named;
use crate::written::status;
use crate::zone;
use approvals::web::Paging;

/// Characters of a name.
const NAME_CHARS: usize = 200;
/// Bytes of all attributes in canonical form: a person is read for nearly every decision, 4 kB with everything else.
const ATTRIBUTES_BYTES: usize = 2 * 1024;

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/users/{id}", put(put_user).patch(patch_user).get(user))
        .route("/v1/users/{id}/revoke-links", post(revoke_links))
        .route("/v1/users/{id}/history", get(user_history))
}

#[derive(OpenApi)]
#[openapi(paths(put_user, patch_user, revoke_links, user, user_history))]
pub(crate) struct Api;

/// A person in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserRecord)]
struct UserView {
    id: String,
    name: String,
    /// For the person themselves and for administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    manager: Option<PersonId>,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    attributes: BTreeMap<String, Value>,
    /// Roles held, by name. Left out in the answer to a write.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    /// What no longer counts, since the person came back after more than a day. Only in the answer to a write that ended something.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<EndedView>,
    /// The number in the ETag.
    version: u64,
}

/// What a person's return ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedWithReturn)]
struct EndedView {
    /// Roles that were theirs.
    roles: Vec<String>,
    /// Delegations to them, and theirs to others.
    delegations: Vec<String>,
}

/// How a person is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Writing {
    /// Who comes back is the human who left: their roles and delegations count again. Within a day they do so in any case.
    keep_roles: Option<bool>,
}

impl EndedView {
    fn new(Ended { roles, delegations }: &Ended) -> Option<Self> {
        let (roles, delegations) = (roles.iter().map(ToString::to_string).collect(), delegations.iter().map(ToString::to_string).collect());
        Some(Self { roles, delegations }).filter(|ended| !ended.roles.is_empty() || !ended.delegations.is_empty())
    }
}

impl UserView {
    fn new(id: &PersonId, user: User, roles: Option<Vec<String>>, version: u64) -> Self {
        let User { name, email, manager, active, time_zone, attributes } = user;
        Self { id: id.to_string(), name, email: Some(email), manager, active, time_zone, attributes, roles, ended: None, version }
    }
}

/// Writes a person whole: 201 for a new one, else 200.
#[utoipa::path(put, path = "/v1/users/{id}", tag = "directory", request_body = User,
    params(("id" = String, Path), Writing, ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 201, body = UserView), (status = 200, body = UserView),
        (status = 409, body = Problem, description = "`id_case_conflict`", content_type = "application/problem+json"),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`no_such_user`, `undeliverable_address`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn put_user(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Named(id): Named<PersonId>,
    IfMatch(seen): IfMatch,
    Query(Writing { keep_roles }): Query<Writing>,
    Body(user, _): Body<User>,
) -> Result<Response, Problem> {
    authority::may_touch(&service.directory, &identity.tenant, identity.office, (&id, None)).await?;
    check(&id, &user).done()?;
    if user.manager.as_ref() == Some(&identity.caller.id) {
        let stands = service.directory.person(&identity.tenant, &id, Freshness::Strong).await?;
        let before = stands.as_ref().and_then(|stands| stands.user.manager.as_ref());
        may_appoint(&identity, before, &user)?;
    }
    // Who has left gets no mail.
    if user.active {
        reachable(&user.email)?;
    }
    let actor = identity.actor();
    let command = PutUser::new(&id, &user).keeping_roles(keep_roles.unwrap_or(false));
    let put = amend(&service.directory, &identity.author(&service, &actor), seen, command).await?;
    let ended = put.ended(&service.directory, &identity.tenant, &id).await?;
    let view = UserView { ended: EndedView::new(&ended), ..UserView::new(&id, user, None, put.version) };
    Ok((status(&put), [(ETAG, etag(put.version))], Json(view)).into_response())
}

/// Changes a person in part (RFC 7396): what is named is written, `null` takes a field away, all else stays as it is.
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "directory",
    request_body(content = Value, description = "some fields of a `User`", content_type = "application/merge-patch+json"),
    params(("id" = String, Path), Writing, ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 200, body = UserView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "`no_such_user`, `undeliverable_address`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn patch_user(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Ids(id): Ids<PersonId>,
    IfMatch(seen): IfMatch,
    Query(Writing { keep_roles }): Query<Writing>,
    Body(patch, _): Body<Value>,
) -> Result<Response, Problem> {
    authority::may_touch(&service.directory, &identity.tenant, identity.office, (&id, None)).await?;
    let actor = identity.actor();
    for round in 0..limits::TRIES {
        pause(u32::try_from(round).unwrap_or(0)).await;
        let stands = service.directory.person(&identity.tenant, &id, Freshness::Strong).await?.ok_or_else(Problem::not_found)?;
        let mut whole = serde_json::to_value(&stands.user).map_err(|error| Problem::internal(&error.to_string()))?;
        json::merge(&mut whole, patch.clone());
        let user: User = shape(whole, "")?;
        check(&id, &user).done()?;
        may_appoint(&identity, stands.user.manager.as_ref(), &user)?;
        if user.active && (user.email != stands.user.email || !stands.user.active) {
            reachable(&user.email)?;
        }
        let on = seen.unwrap_or(stands.version);
        let command = PutUser::new(&id, &user).keeping_roles(keep_roles.unwrap_or(false));
        match amend(&service.directory, &identity.author(&service, &actor), Some(on), command).await {
            // Somebody was faster, and the caller named no version: the patch holds for what stands now.
            Err(Error::Refused(Refusal::PreconditionFailed { .. })) if seen.is_none() => {}
            Err(error) => return Err(error.into()),
            Ok(put) => {
                let ended = put.ended(&service.directory, &identity.tenant, &id).await?;
                let view = UserView { ended: EndedView::new(&ended), ..UserView::new(&id, user, None, put.version) };
                return Ok(([(ETAG, etag(put.version))], Json(view)).into_response());
            }
        }
    }
    Err(Problem::busy("the person is being written by others"))
}

/// Ends every link that was mailed to a person, and their sessions. Their rights stay.
#[utoipa::path(post, path = "/v1/users/{id}/revoke-links", tag = "directory",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 204, description = "no link or session of before does anything"),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn revoke_links(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Ids(id): Ids<PersonId>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode, Problem> {
    authority::may_touch(&service.directory, &identity.tenant, identity.office, (&id, None)).await?;
    let actor = identity.actor();
    amend(&service.directory, &identity.author(&service, &actor), seen, RevokeLinks { id: &id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A person with the roles held. The mail address stands in it for the person and for administrators only.
#[utoipa::path(get, path = "/v1/users/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn user(State(service): State<Service>, Reader(identity): Reader, Ids(id): Ids<PersonId>) -> Result<Response, Problem> {
    let record = service.directory.person(&identity.tenant, &id, Freshness::Strong).await?.ok_or_else(Problem::not_found)?;
    let roles = record.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, _)| role.to_string()).collect();
    let reads_address = id == identity.caller.id || authority::keeps_people(&service.directory, &identity, &service.first_admin).await?;
    let view = UserView::new(&id, record.user, Some(roles), record.version);
    let view = UserView { email: view.email.filter(|_| reads_address), ..view };
    Ok(([(ETAG, etag(record.version))], Json(view)).into_response())
}

/// A person's commits, newest first.
#[utoipa::path(get, path = "/v1/users/{id}/history", tag = "directory", params(("id" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn user_history(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(id): Ids<PersonId>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    // As the person's own item: the address, attributes and whom they report to are the person's own and the administrators' to read.
    let reads = id == identity.caller.id || authority::keeps_people(&service.directory, &identity, &service.first_admin).await?;
    let Json(page) = history::page(&service, &identity, &format!("user/{id}"), &paging).await?;
    Ok(Json(if reads { page } else { page.without_details() }))
}

fn may_appoint(identity: &Administrator, before: Option<&PersonId>, user: &User) -> Result<(), Problem> {
    let may = rules::may_appoint(identity.office, &identity.caller.id, before, user.manager.as_ref());
    may.map_err(|refusal| approvals::app::Error::from(refusal).into())
}

fn check(id: &PersonId, user: &User) -> Faults {
    let mut faults = Faults::default();
    faults.line("/name", &user.name, NAME_CHARS);
    if user.manager.as_ref() == Some(id) {
        faults.add("/manager", "own_manager", "nobody is their own manager; leave `manager` out at the top");
    }
    if user.time_zone.as_deref().is_some_and(|name| !zone::is_known(name)) {
        faults.add("/time_zone", "unknown_time_zone", zone::WANTED);
    }
    let bytes = json::canonical(&user.attributes).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > ATTRIBUTES_BYTES {
        faults.add("/attributes", "too_large", format!("attributes have at most {ATTRIBUTES_BYTES} bytes, not {bytes}"));
    }
    faults
}

/// Whether a mail can be sent there. The proof of an address is an answer from it.
fn reachable(email: &str) -> Result<(), Problem> {
    let refused = |why: &str| {
        let detail = format!("no mail can be sent to this address: {why}");
        Problem::new(422, "undeliverable_address", detail.clone()).at([Fault::new("/email", "undeliverable_address", detail)])
    };
    sendable(email).map(drop).map_err(refused)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(change: Value) -> Vec<(String, String)> {
        let mut body = json!({ "name": "Alice", "email": "alice@example.com", "active": true });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let user: User = serde_json::from_value(body).unwrap();
        let faults = check(&PersonId::new("alice").unwrap(), &user);
        faults.codes().into_iter().map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).collect()
    }

    #[test]
    fn a_person_as_people_are_is_taken() {
        for fine in [
            json!({}),
            json!({ "name": "Ásdís Ólafsdóttir 王", "email": "o'neil+x@localhost", "manager": "bob", "time_zone": "Europe/Amsterdam" }),
            json!({ "attributes": { "department": "sales", "limit": 5000, "tags": ["a"] } }),
        ] {
            assert_eq!(codes(fine), []);
        }
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        for (change, pointer, code) in [
            (json!({ "name": "" }), "/name", "length"),
            (json!({ "name": " \t" }), "/name", "length"),
            (json!({ "name": "x".repeat(201) }), "/name", "length"),
            (json!({ "name": "a\nb" }), "/name", "control_character"),
            (json!({ "manager": "alice" }), "/manager", "own_manager"),
            (json!({ "time_zone": "Mars/Olympus" }), "/time_zone", "unknown_time_zone"),
            (json!({ "attributes": { "x": "y".repeat(2_100) } }), "/attributes", "too_large"),
        ] {
            assert_eq!(codes(change.clone()), [(pointer.to_owned(), code.to_owned())], "{change}");
        }
        assert_eq!(codes(json!({ "name": "", "time_zone": "", "manager": "alice" })).len(), 3);
    }
}
