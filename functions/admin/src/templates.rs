//! Templates: immutable versions, and which one new requests start with.

use approvals::runtime::actor::{Identity, Scope};
use approvals::store::templates::Version;
use approvals::template::{self, Finding, Parsed, Report, Severity, Syntax};
use approvals::web::{Ids, IfMatch, Query, Raw, Service};
use approvals::wire::problem::{Fault, Problem};
use approvals_domain::ids::TemplateKey;
use approvals_domain::payload::TemplateRef;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::READERS;
use crate::history::{self, DirectoryHistory};
use crate::paging::{List, Paging};
use crate::path::Named;
use crate::written::{author, written};

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/templates", get(templates))
        .route("/v1/templates/lint", post(lint_template))
        .route("/v1/templates/{key}", put(put_template).get(template))
        .route("/v1/templates/{key}/versions", get(template_versions))
        .route("/v1/templates/{key}/versions/{version}", get(template_version))
        .route("/v1/templates/{key}/versions/{version}/activate", post(activate_template))
        .route("/v1/templates/{key}/deactivate", post(deactivate_template))
        .route("/v1/templates/{key}/history", get(template_history))
}

#[derive(OpenApi)]
#[openapi(paths(
    templates,
    lint_template,
    put_template,
    template,
    template_versions,
    template_version,
    activate_template,
    deactivate_template,
    template_history
))]
pub(crate) struct Api;

/// A template's version in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
struct VersionView {
    key: String,
    /// From 1.
    version: u32,
    /// SHA-256 of its canonical content, base64url.
    hash: String,
    /// The version new requests start with; null: none, the template is inactive.
    current: Option<u32>,
    title: String,
    stored_at: String,
    /// Its content with every default written out. Left out in lists and in answers to writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    template: Option<Value>,
    /// What may not do what was meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Finding>,
}

impl VersionView {
    fn new(version: &Version, current: Option<u32>) -> Self {
        Self {
            key: version.template.key.to_string(),
            version: version.number,
            hash: version.hash.to_string(),
            current,
            title: version.template.title.clone(),
            stored_at: version.at.to_string(),
            template: None,
            warnings: Vec::new(),
        }
    }

    fn with_content(version: &Version, current: Option<u32>) -> Result<Self, Problem> {
        let content = serde_json::from_str(&version.canonical).map_err(|error| Problem::internal(&error.to_string()))?;
        Ok(Self { template: Some(content), ..Self::new(version, current) })
    }
}

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
struct TemplateView {
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
struct Templates {
    /// By key.
    items: Vec<TemplateView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A page of a template's versions.
#[derive(Debug, Serialize, ToSchema)]
struct TemplateVersions {
    /// Newest first.
    items: Vec<VersionView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How to store a template.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Storing {
    /// False: new requests go on with the version they had.
    activate: Option<bool>,
}

/// What the linter says.
#[derive(Debug, Serialize, ToSchema)]
struct LintAnswer {
    /// It could be stored.
    ok: bool,
    #[serde(flatten)]
    report: Report,
}

/// Stores a template as a new version, or finds the version that has this content, and lets new requests start with it.
#[utoipa::path(put, path = "/v1/templates/{key}", tag = "templates", params(("key" = String, Path), Storing),
    request_body(content((Value = "application/json"), (String = "application/yaml")), description = "a template, at most 64 kB"),
    responses((status = 201, body = VersionView), (status = 200, body = VersionView, description = "known content keeps its number"),
        (status = 422, body = Problem, description = "`invalid_template`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn put_template(
    State(service): State<Service>,
    identity: Identity,
    Named(key): Named<TemplateKey>,
    Query(Storing { activate }): Query<Storing>,
    Raw(media_type, bytes): Raw,
) -> Result<Response, Problem> {
    identity.need(Scope::Admin)?;
    let (text, syntax) = source(&media_type, &bytes)?;
    let Parsed { template, canonical, .. } = template::parse(text, syntax).map_err(|findings| invalid(&findings))?;
    if template.key != key {
        let detail = format!("the template's key is `{}`, but the address names `{key}`", template.key);
        return Err(Problem::new(422, "invalid_template", detail.clone()).at([Fault::new("/key", "key_mismatch", detail)]));
    }
    let known = service.store.known(&identity.tenant, template::named(text, syntax)).await?;
    let warnings = template::lint(text, syntax, Some(&known)).findings;
    let canonical = String::from_utf8(canonical).map_err(|error| Problem::internal(&error.to_string()))?;
    let actor = identity.actor();
    let author = author(&service, &identity, &actor, IfMatch(None));
    let (version, new) = service.store.put_template(&author, &template, &canonical, activate.unwrap_or(true)).await?;
    service.templates.forget(&identity.tenant, &key);
    let view = stored(&service, &identity, key, version).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(VersionView { warnings, ..view })).into_response())
}

/// Says what is wrong with a template, and which roles and people the directory does not have. Stores nothing.
#[utoipa::path(post, path = "/v1/templates/lint", tag = "templates",
    request_body(content((Value = "application/json"), (String = "application/yaml")), description = "a template, at most 64 kB"),
    responses((status = 200, body = LintAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn lint_template(
    State(service): State<Service>,
    identity: Identity,
    Raw(media_type, bytes): Raw,
) -> Result<Json<LintAnswer>, Problem> {
    identity.need_one(READERS)?;
    let (text, syntax) = source(&media_type, &bytes)?;
    let known = service.store.known(&identity.tenant, template::named(text, syntax)).await?;
    let report = template::lint(text, syntax, Some(&known));
    Ok(Json(LintAnswer { ok: report.ok(), report }))
}

/// Templates, by key.
#[utoipa::path(get, path = "/v1/templates", tag = "templates", params(Paging),
    responses((status = 200, body = Templates), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn templates(State(service): State<Service>, identity: Identity, Query(paging): Query<Paging>) -> Result<Json<Templates>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(&service, &identity, "templates");
    let (after, limit) = list.start::<String>(&paging).await?;
    let count = i32::try_from(limit).unwrap_or(i32::MAX);
    let (pointers, more) = service.store.pointers(&identity.tenant, after.as_deref(), count).await?;
    let next_cursor = list.next(pointers.last().map(|(key, _)| key).filter(|_| more)).await?;
    let mut items = Vec::with_capacity(pointers.len());
    for (key, pointer) in pointers {
        let of = TemplateRef { key, version: pointer.current.unwrap_or(pointer.latest) };
        let content = service.pinned(&identity.tenant, &of).await?;
        let (current, latest, created_at) = (pointer.current, pointer.latest, pointer.since.to_string());
        items.push(TemplateView { key: of.key.to_string(), title: content.title.clone(), current, latest, created_at });
    }
    Ok(Json(Templates { items, next_cursor }))
}

/// The version new requests start with.
#[utoipa::path(get, path = "/v1/templates/{key}", tag = "templates", params(("key" = String, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn template(State(service): State<Service>, identity: Identity, Ids(key): Ids<TemplateKey>) -> Result<Json<VersionView>, Problem> {
    identity.need_one(READERS)?;
    let pointer = service.store.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
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
async fn template_versions(
    State(service): State<Service>,
    identity: Identity,
    Ids(key): Ids<TemplateKey>,
    Query(paging): Query<Paging>,
) -> Result<Json<TemplateVersions>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(&service, &identity, &format!("versions {key}"));
    let (below, limit) = list.start::<u32>(&paging).await?;
    let pointer = service.store.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let versions = service.store.template_versions(&identity.tenant, &key, below, limit).await?;
    let next_cursor = list.next(versions.last().map(|oldest| oldest.number).filter(|number| *number > 1)).await?;
    let items = versions.iter().map(|version| VersionView::new(version, pointer.current)).collect();
    Ok(Json(TemplateVersions { items, next_cursor }))
}

/// A version with its content.
#[utoipa::path(get, path = "/v1/templates/{key}/versions/{version}", tag = "templates",
    params(("key" = String, Path), ("version" = u32, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn template_version(
    State(service): State<Service>,
    identity: Identity,
    Ids((key, number)): Ids<(TemplateKey, u32)>,
) -> Result<Json<VersionView>, Problem> {
    identity.need_one(READERS)?;
    let pointer = service.store.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let version = find(&service, &identity, key, number).await?;
    Ok(Json(VersionView::with_content(&version, pointer.current)?))
}

/// Lets new requests start with a version. Running ones keep theirs.
#[utoipa::path(post, path = "/v1/templates/{key}/versions/{version}/activate", tag = "templates",
    params(("key" = String, Path), ("version" = u32, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn activate_template(
    State(service): State<Service>,
    identity: Identity,
    Ids((key, number)): Ids<(TemplateKey, u32)>,
) -> Result<Json<VersionView>, Problem> {
    point(&service, &identity, &key, Some(number)).await?;
    Ok(Json(stored(&service, &identity, key, number).await?))
}

/// Lets no new request start with the template. Running ones go on.
#[utoipa::path(post, path = "/v1/templates/{key}/deactivate", tag = "templates", params(("key" = String, Path)),
    responses((status = 200, body = VersionView, description = "the latest version, `current` null"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn deactivate_template(
    State(service): State<Service>,
    identity: Identity,
    Ids(key): Ids<TemplateKey>,
) -> Result<Json<VersionView>, Problem> {
    point(&service, &identity, &key, None).await?;
    let pointer = service.store.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let latest = find(&service, &identity, key, pointer.latest).await?;
    Ok(Json(VersionView::new(&latest, pointer.current)))
}

/// A template's commits, newest first: versions stored, and which one was current.
#[utoipa::path(get, path = "/v1/templates/{key}/history", tag = "templates", params(("key" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn template_history(
    State(service): State<Service>,
    identity: Identity,
    Ids(key): Ids<TemplateKey>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("template/{key}"), &paging).await
}

async fn point(service: &Service, identity: &Identity, key: &TemplateKey, number: Option<u32>) -> Result<(), Problem> {
    identity.need(Scope::Admin)?;
    let actor = identity.actor();
    let put = service.store.point(&author(service, identity, &actor, IfMatch(None)), key, number).await?;
    service.templates.forget(&identity.tenant, key);
    written(put, |_| Problem::not_found()).map(drop)
}

async fn find(service: &Service, identity: &Identity, key: TemplateKey, version: u32) -> Result<Version, Problem> {
    let of = TemplateRef { key, version };
    service.store.template_version(&identity.tenant, &of).await?.ok_or_else(Problem::not_found)
}

/// A version beside the pointer as it is now.
async fn stored(service: &Service, identity: &Identity, key: TemplateKey, version: u32) -> Result<VersionView, Problem> {
    let pointer = service.store.pointer(&identity.tenant, &key).await?;
    let version = find(service, identity, key, version).await?;
    Ok(VersionView::new(&version, pointer.and_then(|pointer| pointer.current)))
}

/// The body's text, and how it is written.
fn source<'b>(media_type: &str, bytes: &'b [u8]) -> Result<(&'b str, Syntax), Problem> {
    let syntax = match media_type {
        "application/json" => Syntax::Json,
        "application/yaml" | "application/x-yaml" | "text/yaml" => Syntax::Yaml,
        _ => return Err(Problem::new(415, "unsupported_media_type", "send a template as `application/json` or `application/yaml`")),
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Problem::new(400, "invalid_body", detail.clone()).at([Fault::new("", "not_utf8", detail)])
    })?;
    Ok((text, syntax))
}

fn invalid(findings: &[Finding]) -> Problem {
    let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    let detail = match errors().next() {
        Some(first) => format!("line {}, column {}: {}; {}", first.line, first.column, first.message, first.hint),
        None => "this is no template".to_owned(),
    };
    let fault = |finding: &Finding| {
        let Finding { line, column, message, hint, .. } = finding;
        Fault::new(finding.pointer.as_str(), finding.code.as_str(), format!("{line}:{column} {message}; {hint}"))
    };
    Problem::new(422, "invalid_template", detail).at(errors().map(fault))
}
