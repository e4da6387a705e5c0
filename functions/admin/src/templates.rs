//! Templates: immutable versions, and which one new requests start with.

mod read;
mod write;

use approvals::identity::Identity;
use approvals::store::directory::templates::Version;
use approvals::template::Finding;
use approvals::web::problem::Problem;
use approvals_domain::ids::TemplateKey;
use approvals_domain::payload::TemplateRef;
use axum::Router;
use axum::routing::{get, post, put};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use read::{template, template_history, template_version, template_versions, templates};
use write::{activate_template, deactivate_template, lint_template, put_template};

use crate::Service;

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
    write::put_template,
    write::lint_template,
    write::activate_template,
    write::deactivate_template,
    read::templates,
    read::template,
    read::template_versions,
    read::template_version,
    read::template_history
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

async fn find(service: &Service, identity: &Identity, key: TemplateKey, version: u32) -> Result<Version, Problem> {
    let of = TemplateRef { key, version };
    service.directory.template_version(&identity.tenant, &of).await?.ok_or_else(Problem::not_found)
}

/// A version beside the pointer as it is now.
async fn stored(service: &Service, identity: &Identity, key: TemplateKey, version: u32) -> Result<VersionView, Problem> {
    let pointer = service.directory.pointer(&identity.tenant, &key).await?;
    let version = find(service, identity, key, version).await?;
    Ok(VersionView::new(&version, pointer.and_then(|pointer| pointer.current)))
}
