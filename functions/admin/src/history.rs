//! The history of a directory object: its commits, newest first, readable, and with the bytes whose hash anybody can recompute.

use approvals::runtime::actor::Identity;
use approvals::store::Item;
use approvals::web::Service;
use approvals::wire::problem::Problem;
use approvals::wire::view::actor_name;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::Hash;
use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::READERS;
use crate::paging::{List, Paging};

/// A page of an object's commits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DirectoryHistory {
    /// Newest first.
    items: Vec<DirectoryCommitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A commit of the directory.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DirectoryCommit)]
pub(crate) struct DirectoryCommitView {
    version: u64,
    at: String,
    /// A person's id, or `system`.
    actor: String,
    /// `{type, …}`: what holds from then on.
    #[schema(value_type = Object)]
    event: Value,
    /// SHA-256 of `approvals/directory/1`, the previous hash (32 bytes) and `canonical`; base64url.
    hash: String,
    /// 32 zero bytes before the first commit.
    prev_hash: String,
    /// The hashed bytes: RFC 8785 JSON.
    canonical: String,
}

/// A page of the commits of `object`; 404 if it never had one.
pub(crate) async fn page(service: &Service, identity: &Identity, object: &str, paging: &Paging) -> Result<Json<DirectoryHistory>, Problem> {
    identity.need_one(READERS)?;
    let list = List::new(service, identity, &format!("history {object}"));
    let (below, limit) = list.start::<u64>(paging).await?;
    let count = i32::try_from(limit).unwrap_or(i32::MAX);
    let found = service.store.directory_log(&identity.tenant, object, below, count).await?;
    if found.is_empty() && below.is_none() {
        return Err(Problem::not_found());
    }
    let items = found.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let next_cursor = list.next(items.last().map(|oldest| oldest.version).filter(|version| *version > 1)).await?;
    Ok(Json(DirectoryHistory { items, next_cursor }))
}

fn view(item: &Item) -> Result<DirectoryCommitView, Problem> {
    let bytes = item.b("c")?;
    let commit: DirectoryCommit = serde_json::from_slice(bytes).map_err(|error| item.wrong(&error.to_string()))?;
    let hash: Hash = item.b("h")?.try_into().map(Hash).map_err(|_| item.wrong("hash"))?;
    Ok(DirectoryCommitView {
        version: commit.version,
        at: commit.at.to_string(),
        actor: actor_name(&commit.actor),
        event: event(&commit.event, item.opt_json("d")?, item.get("ro").is_some()),
        hash: hash.to_string(),
        prev_hash: commit.prev_hash.to_string(),
        canonical: String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// An event in words. `beside`: the personal texts next to the commit; none: erased. `rotated`: the commit stands for a new secret.
fn event(event: &DirectoryEvent, beside: Option<Map<String, Value>>, rotated: bool) -> Value {
    match event {
        DirectoryEvent::User { active, manager, details } => {
            let details = json!({ "hash": details, "text": beside.map(|all| only(all, &["name", "email", "time_zone", "attributes"])) });
            json!({ "type": "user.written", "active": active, "manager": manager, "details": details })
        }
        DirectoryEvent::Member { role, user, member } => {
            let kind = if *member { "member.added" } else { "member.removed" };
            json!({ "type": kind, "role": role, "user": user })
        }
        DirectoryEvent::Template { number, content } => json!({ "type": "template.stored", "version": number, "hash": content }),
        DirectoryEvent::TemplateCurrent { number: Some(number) } => json!({ "type": "template.activated", "version": number }),
        DirectoryEvent::TemplateCurrent { number: None } => json!({ "type": "template.deactivated" }),
        DirectoryEvent::Document { content } => json!({ "type": "document.written", "content": content }),
        DirectoryEvent::Endpoint { url: None, .. } => json!({ "type": "endpoint.removed" }),
        DirectoryEvent::Endpoint { url: Some(url), events, active } => {
            let url = json!({ "hash": url, "text": beside.and_then(|mut all| all.remove("url")) });
            let kind = if rotated { "endpoint.rotated" } else { "endpoint.written" };
            json!({ "type": kind, "url": url, "events": events, "active": active })
        }
        DirectoryEvent::Delegation { from, to, starts_at, ends_at, templates, steps, max, reason, revoked } => json!({
            "type": if *revoked { "delegation.revoked" } else { "delegation.made" },
            "from": from, "to": to, "starts_at": starts_at.to_string(), "ends_at": ends_at.to_string(),
            "templates": templates, "steps": steps, "max": max.as_ref().map(|max| json!({ "value": max.value, "currency": max.currency })),
            "reason": reason.map(|hash| json!({ "hash": hash, "text": beside.and_then(|mut all| all.remove("reason")) })),
        }),
    }
}

fn only(mut all: Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| all.remove_entry(*name)).collect()
}
