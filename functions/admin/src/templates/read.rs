//! Which templates there are, and what their versions say.

use approvals::web::problem::Problem;
use approvals::web::{Ids, Query};
use approvals_domain::ids::TemplateKey;
use approvals_domain::payload::TemplateRef;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{VersionView, find};
use crate::Service;
use crate::caller::Reader;
use crate::history::{self, DirectoryHistory};
use approvals::web::{List, Paging};

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub(super) struct TemplateView {
    key: String,
    /// Of the current version, else of the latest.
    title: String,
    /// The version new requests start with; null: none, the template is inactive.
    current: Option<u32>,
    /// The highest version there is.
    latest: u32,
    created_at: String,
}

/// A page of templates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Templates {
    /// By key.
    items: Vec<TemplateView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A page of a template's versions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateVersions {
    /// Newest first.
    items: Vec<VersionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Templates, by key.
#[utoipa::path(get, path = "/v1/templates", tag = "templates", params(Paging),
    responses((status = 200, body = Templates), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn templates(
    State(service): State<Service>,
    Reader(identity): Reader,
    Query(paging): Query<Paging>,
) -> Result<Json<Templates>, Problem> {
    let list = List::new(&service.cursors, &identity, "templates");
    let (after, limit) = list.start::<String>(&paging).await?;
    let count = i32::try_from(limit).unwrap_or(i32::MAX);
    let (pointers, more) = service.directory.pointers(&identity.tenant, after.as_deref(), count).await?;
    let next_cursor = list.next(pointers.last().map(|(key, _)| key).filter(|_| more)).await?;
    let mut items = Vec::with_capacity(pointers.len());
    for (key, pointer) in pointers {
        let of = TemplateRef { key, version: pointer.current.unwrap_or(pointer.latest) };
        let content = service.directory.pinned(&identity.tenant, &of).await?;
        let (current, latest, created_at) = (pointer.current, pointer.latest, pointer.since.to_string());
        items.push(TemplateView { key: of.key.to_string(), title: content.title.clone(), current, latest, created_at });
    }
    Ok(Json(Templates { items, next_cursor }))
}

/// The version new requests start with.
#[utoipa::path(get, path = "/v1/templates/{key}", tag = "templates", params(("key" = String, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn template(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(key): Ids<TemplateKey>,
) -> Result<Json<VersionView>, Problem> {
    let pointer = service.directory.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let Some(current) = pointer.current else {
        let detail = format!("`{key}` is inactive: none of its {} versions is current; see /v1/templates/{key}/versions", pointer.latest);
        return Err(Problem::new(404, "not_found", detail));
    };
    let version = find(&service, &identity, key, current).await?;
    Ok(Json(VersionView::with_content(&version, Some(current))?))
}

/// A template's versions, newest first.
#[utoipa::path(get, path = "/v1/templates/{key}/versions", tag = "templates", params(("key" = String, Path), Paging),
    responses((status = 200, body = TemplateVersions), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn template_versions(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(key): Ids<TemplateKey>,
    Query(paging): Query<Paging>,
) -> Result<Json<TemplateVersions>, Problem> {
    let list = List::new(&service.cursors, &identity, &format!("versions {key}"));
    let (below, limit) = list.start::<u32>(&paging).await?;
    let pointer = service.directory.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let versions = service.directory.template_versions(&identity.tenant, &key, below, limit).await?;
    let next_cursor = list.next(versions.last().map(|oldest| oldest.number).filter(|number| *number > 1)).await?;
    let items = versions.iter().map(|version| VersionView::new(version, pointer.current)).collect();
    Ok(Json(TemplateVersions { items, next_cursor }))
}

/// A version with its content.
#[utoipa::path(get, path = "/v1/templates/{key}/versions/{version}", tag = "templates",
    params(("key" = String, Path), ("version" = u32, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn template_version(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids((key, number)): Ids<(TemplateKey, u32)>,
) -> Result<Json<VersionView>, Problem> {
    let pointer = service.directory.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let version = find(&service, &identity, key, number).await?;
    Ok(Json(VersionView::with_content(&version, pointer.current)?))
}

/// A template's commits, newest first: versions stored, and which one was current.
#[utoipa::path(get, path = "/v1/templates/{key}/history", tag = "templates", params(("key" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn template_history(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(key): Ids<TemplateKey>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("template/{key}"), &paging).await
}
