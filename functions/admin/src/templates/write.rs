//! Storing a template, and saying which version new requests start with.

use approvals::app::commands::templates::ActivateTemplate;
use approvals::app::commands::{amend, templates};
use approvals::template::{self, Finding, Parsed, Report, Severity, Syntax};
use approvals::web::problem::Problem;
use approvals::web::{Ids, Query, Raw};
use approvals::wire::fault::Fault;
use approvals_domain::ids::TemplateKey;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{VersionView, find, stored};
use crate::Service;
use crate::caller::{Administrator, Reader, Writer};
use crate::path::Named;

/// How to store a template.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Storing {
    /// False: new requests go on with the version they had.
    activate: Option<bool>,
}

/// What the linter says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LintAnswer {
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
pub(super) async fn put_template(
    State(service): State<Service>,
    Writer(identity): Writer,
    Named(key): Named<TemplateKey>,
    Query(Storing { activate }): Query<Storing>,
    Raw(media_type, bytes): Raw,
) -> Result<Response, Problem> {
    let (text, syntax) = source(&media_type, &bytes)?;
    let Parsed { template, canonical, .. } = template::parse(text, syntax).map_err(|findings| invalid(&findings))?;
    if template.key != key {
        let detail = format!("the template's key is `{}`, but the address names `{key}`", template.key);
        return Err(Problem::new(422, "invalid_template", detail.clone()).at([Fault::new("/key", "key_mismatch", detail)]));
    }
    let known = service.directory.known(&identity.tenant, template::named(text, syntax)).await?;
    let warnings = template::lint(text, syntax, Some(&known)).findings;
    let canonical = String::from_utf8(canonical).map_err(|error| Problem::internal(&error.to_string()))?;
    let actor = identity.actor();
    let author = identity.author(&service, &actor);
    let (version, new) = templates::put_template(&service.directory, &author, &template, &canonical, activate.unwrap_or(true)).await?;
    service.directory.forget_pointer(&identity.tenant, &key);
    let view = stored(&service, &identity, key, version).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(VersionView { warnings, ..view })).into_response())
}

/// Says what is wrong with a template, and which roles and people the directory does not have. Stores nothing.
#[utoipa::path(post, path = "/v1/templates/lint", tag = "templates",
    request_body(content((Value = "application/json"), (String = "application/yaml")), description = "a template, at most 64 kB"),
    responses((status = 200, body = LintAnswer), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn lint_template(
    State(service): State<Service>,
    Reader(identity): Reader,
    Raw(media_type, bytes): Raw,
) -> Result<Json<LintAnswer>, Problem> {
    let (text, syntax) = source(&media_type, &bytes)?;
    let known = service.directory.known(&identity.tenant, template::named(text, syntax)).await?;
    let report = template::lint(text, syntax, Some(&known));
    Ok(Json(LintAnswer { ok: report.ok(), report }))
}

/// Lets new requests start with a version. Running ones keep theirs.
#[utoipa::path(post, path = "/v1/templates/{key}/versions/{version}/activate", tag = "templates",
    params(("key" = String, Path), ("version" = u32, Path)),
    responses((status = 200, body = VersionView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
pub(super) async fn activate_template(
    State(service): State<Service>,
    Writer(identity): Writer,
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
pub(super) async fn deactivate_template(
    State(service): State<Service>,
    Writer(identity): Writer,
    Ids(key): Ids<TemplateKey>,
) -> Result<Json<VersionView>, Problem> {
    point(&service, &identity, &key, None).await?;
    let pointer = service.directory.pointer(&identity.tenant, &key).await?.ok_or_else(Problem::not_found)?;
    let latest = find(&service, &identity, key, pointer.latest).await?;
    Ok(Json(VersionView::new(&latest, pointer.current)))
}

async fn point(service: &Service, identity: &Administrator, key: &TemplateKey, number: Option<u32>) -> Result<(), Problem> {
    let actor = identity.actor();
    amend(&service.directory, &identity.author(service, &actor), None, ActivateTemplate { key, number }).await?;
    service.directory.forget_pointer(&identity.tenant, key);
    Ok(())
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
