//! The history of a directory object: its commits, newest first, readable, and with the bytes whose hash anybody can recompute.

use approvals::identity::Identity;
use approvals::store::Item;
use approvals::store::directory::User;
use approvals::store::directory::endpoints::Endpoint;
use approvals::web::problem::Problem;
use approvals::wire::view::actor_name;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::{Hash, Salt};
use axum::Json;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use approvals::web::{List, Paging};

use crate::Service;

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
    /// Made before anybody administered, by the subject named for it. Left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bootstrap: bool,
    /// `{type, …}`: what holds from then on. Personal texts are `{hash, salt, text}`, with salt and text null once erased, or if
    /// they are not the caller's to read.
    #[schema(value_type = Object)]
    event: Value,
    /// SHA-256 of `approvals/directory/1`, the previous hash (32 bytes) and `canonical`; base64url.
    hash: String,
    /// 32 zero bytes before the first commit.
    prev_hash: String,
    /// The hashed bytes: RFC 8785 JSON.
    canonical: String,
}

impl DirectoryHistory {
    /// The same without people's personal texts: their hashes stand.
    pub(crate) fn without_details(mut self) -> Self {
        for commit in &mut self.items {
            if let Some(details) = commit.event.get_mut("details").and_then(Value::as_object_mut) {
                details.insert("salt".to_owned(), Value::Null);
                details.insert("text".to_owned(), Value::Null);
            }
        }
        self
    }
}

/// A page of the commits of `object`; 404 if it never had one.
pub(crate) async fn page(service: &Service, identity: &Identity, object: &str, paging: &Paging) -> Result<Json<DirectoryHistory>, Problem> {
    let list = List::new(&service.cursors, identity, &format!("history {object}"));
    let (below, limit) = list.start::<u64>(paging).await?;
    let count = i32::try_from(limit).unwrap_or(i32::MAX);
    let found = service.directory.directory_log(&identity.tenant, object, below, count).await?;
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
        bootstrap: commit.bootstrap,
        event: event(&commit.event, item)?,
        hash: hash.to_string(),
        prev_hash: commit.prev_hash.to_string(),
        canonical: String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// An event in words, with the personal texts that lie next to its commit.
fn event(event: &DirectoryEvent, item: &Item) -> Result<Value, Problem> {
    Ok(match event {
        DirectoryEvent::User { active, manager, details, link_epoch, term } => {
            let text = item.opt_json::<User>("d")?.map(|user| user.details());
            json!({ "type": "user.written", "active": active, "manager": manager, "details": salted(details, text, item), "link_epoch": link_epoch, "term": term })
        }
        DirectoryEvent::Member { role, user, member, .. } => {
            let kind = if *member { "member.added" } else { "member.removed" };
            json!({ "type": kind, "role": role, "user": user })
        }
        DirectoryEvent::Template { number, content } => json!({ "type": "template.stored", "version": number, "hash": content }),
        DirectoryEvent::TemplateCurrent { number: Some(number) } => json!({ "type": "template.activated", "version": number }),
        DirectoryEvent::TemplateCurrent { number: None } => json!({ "type": "template.deactivated" }),
        DirectoryEvent::Document { content } => json!({ "type": "document.written", "content": content }),
        DirectoryEvent::Endpoint { url: None, .. } => json!({ "type": "endpoint.removed" }),
        DirectoryEvent::Endpoint { url: Some(url), events, active } => {
            let kind = if item.get("ro").is_some() { "endpoint.rotated" } else { "endpoint.written" };
            let text = item.opt_json::<Endpoint>("d")?.map(|endpoint| json!(endpoint.url));
            json!({ "type": kind, "url": salted(url, text, item), "events": events, "active": active })
        }
        DirectoryEvent::Delegation { from, to, starts_at, ends_at, templates, steps, max, reason, revoked, .. } => json!({
            "type": if *revoked { "delegation.revoked" } else { "delegation.made" },
            "from": from, "to": to, "starts_at": starts_at.to_string(), "ends_at": ends_at.to_string(),
            "templates": templates, "steps": steps, "max": max.as_ref().map(|max| json!({ "value": max.value, "currency": max.currency })),
            "reason": reason.as_ref().map(|hash| salted(hash, item.opt_s("rs").map(|words| json!(words)), item)),
        }),
    })
}

/// `{hash, salt, text}` of a personal text: SHA-256 of `approvals/text/1`, the salt's 16 bytes and the text (of an object its RFC 8785
/// form). Salt and text are null once erased.
fn salted(hash: &Hash, text: Option<Value>, item: &Item) -> Value {
    let salt = item.opt_b("sa").and_then(|bytes| bytes.try_into().ok()).map(Salt).filter(|_| text.is_some());
    json!({ "hash": hash, "salt": salt, "text": text })
}
