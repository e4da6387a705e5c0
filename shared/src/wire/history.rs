//! A request's history in an answer: its commits in order, readable, and with the bytes whose hash anybody can recompute.

use std::collections::BTreeMap;

use approvals_domain::actor::Channel;
use approvals_domain::commit::{Kind, Sealed};
use approvals_domain::effect::EffectState;
use approvals_domain::event::{Event, Revision, Voted};
use approvals_domain::hash::Hash;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::view::actor_name;
use crate::store::requests::Text;

/// A commit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Commit)]
pub struct CommitView {
    version: u64,
    at: String,
    /// A person's id, or `system`.
    actor: String,
    /// Which command it answers: `{id, kind}`.
    command: CommandView,
    /// `api`, `bulk`, `cli`, `page` or `link`.
    #[schema(value_type = String)]
    channel: Channel,
    /// Each with its `type` and what belongs to it.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    /// SHA-256 of `approvals/commit/1`, the previous hash (32 bytes) and `canonical`; base64url.
    hash: String,
    /// 32 zero bytes before the first commit.
    prev_hash: String,
    /// The hashed bytes: RFC 8785 JSON.
    canonical: String,
}

/// Which command a commit answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommandTag)]
pub struct CommandView {
    id: String,
    #[schema(value_type = String)]
    kind: Kind,
}

impl CommitView {
    /// Puts an answer together.
    pub fn new(sealed: &Sealed, texts: &BTreeMap<Hash, Text>) -> Self {
        let commit = &sealed.commit;
        Self {
            version: commit.version,
            at: commit.at.to_string(),
            actor: actor_name(&commit.actor),
            command: CommandView { id: commit.command.id.clone(), kind: commit.command.kind },
            channel: commit.command.channel,
            events: commit.events.iter().map(|event| event_view(event, texts)).collect(),
            hash: sealed.hash.to_string(),
            prev_hash: commit.prev_hash.to_string(),
            canonical: String::from_utf8_lossy(&sealed.bytes).into_owned(),
        }
    }
}

/// The name of an event on the wire, as in CloudEvents without prefix and version.
pub const fn event_type(event: &Event) -> &'static str {
    match event {
        Event::Submitted { .. } => "request.submitted",
        Event::Resubmitted { .. } => "request.resubmitted",
        Event::Opened { .. } => "step.opened",
        Event::Blocked { .. } => "step.blocked",
        Event::Widened { .. } => "step.widened",
        Event::Voted(_) => "vote.cast",
        Event::Closed { .. } => "step.closed",
        Event::Reassigned { .. } => "step.reassigned",
        Event::Commented { .. } => "comment.added",
        Event::Returned { .. } => "request.returned",
        Event::Approved { .. } => "request.approved",
        Event::Rejected {} => "request.rejected",
        Event::Cancelled { .. } => "request.cancelled",
        Event::Expired {} => "request.expired",
        Event::Reminded { .. } => "step.reminded",
        Event::Escalated { .. } => "step.escalated",
        Event::TimedOut { .. } => "step.timed_out",
        Event::Narrowed { .. } => "step.narrowed",
        Event::SeatReturned { .. } => "step.seat_returned",
        Event::Transferred { .. } => "request.transferred",
        Event::RequesterReminded { .. } => "request.reminded",
        Event::EffectStarted { .. } => "effect.started",
        Event::EffectFinished { .. } => "effect.finished",
        Event::EffectReminded {} => "effect.reminded",
        Event::Recalled { .. } => "request.recalled",
        Event::VoteWithdrawn { .. } => "vote.withdrawn",
        Event::Erased { .. } => "request.erased",
    }
}

/// An event for systems: its type and what belongs to it, without what people wrote.
pub(super) fn event_facts(event: &Event) -> Value {
    let mut view = event_view(event, &BTreeMap::new());
    if let Some(view) = view.as_object_mut() {
        view.retain(|name, _| !["comment", "reason", "reference"].contains(&name.as_str()));
    }
    view
}

fn event_view(event: &Event, texts: &BTreeMap<Hash, Text>) -> Value {
    let words = |hash: &Hash| json!(texts.get(hash).map(|text| text.words.as_str()));
    let mut view = match event {
        Event::Submitted { template, entity, requester, previous, revision } => {
            let mut view = route(revision);
            view.insert("template".into(), json!({ "key": template.key, "version": template.version }));
            view.insert("entity".into(), json!(entity));
            view.extend(requester.iter().map(|id| ("requester".to_owned(), json!(id))));
            view.extend(previous.iter().map(|id| ("previous".to_owned(), json!(id))));
            view
        }
        Event::Resubmitted { comment, revision } => {
            let mut view = route(revision);
            view.extend(comment.iter().map(|hash| ("comment".to_owned(), words(hash))));
            view
        }
        Event::Opened { step, candidates, need, due_at, .. } | Event::Blocked { step, candidates, need, due_at, .. } => {
            object(json!({ "step": step, "candidates": candidates, "need": need, "due_at": due_at.to_string() }))
        }
        Event::Widened { step, candidates } | Event::Narrowed { step, candidates } => {
            object(json!({ "step": step, "candidates": candidates }))
        }
        Event::Reminded { step, number } => object(json!({ "step": step, "number": number })),
        Event::Escalated { step, level, candidates } => object(json!({ "step": step, "level": level, "candidates": candidates })),
        Event::TimedOut { step, why: None, .. } => object(json!({ "step": step })),
        Event::TimedOut { step, why, candidates } => object(json!({ "step": step, "not_approved_because": why, "candidates": candidates })),
        Event::SeatReturned { step, from, to } => object(json!({ "step": step, "from": from, "to": to })),
        Event::Transferred { to, reason } => object(json!({ "to": to, "reason": words(reason) })),
        Event::RequesterReminded { number } => object(json!({ "number": number })),
        Event::Voted(voted) => vote(voted, &words),
        Event::Closed { step, how } => object(json!({ "step": step, "state": how })),
        Event::Reassigned { step, from, to, reason, level, .. } => {
            object(json!({ "step": step, "from": from, "to": to, "reason": words(reason), "level": level }))
        }
        Event::Commented { comment } => object(json!({ "comment": words(comment) })),
        Event::Returned { to, resume } => object(json!({ "to": to, "resume": resume })),
        Event::Cancelled { reason } => object(json!({ "reason": reason.as_ref().map(words) })),
        Event::Approved { until: Some(until), .. } => {
            object(json!({ "effect": { "state": EffectState::Pending, "expires_at": until.to_string() } }))
        }
        Event::EffectStarted { payload_hash, attempt } => object(json!({ "payload_hash": payload_hash, "attempt": attempt })),
        Event::EffectFinished { end, reference, until } => {
            let mut view = object(json!({ "outcome": end }));
            view.extend(reference.iter().map(|hash| ("reference".to_owned(), words(hash))));
            view.extend(until.iter().map(|until| ("expires_at".to_owned(), json!(until.to_string()))));
            view
        }
        Event::Recalled { on_behalf_of, reason } => {
            let mut view = object(json!({ "reason": words(reason) }));
            view.extend(on_behalf_of.iter().map(|id| ("on_behalf_of".to_owned(), json!(id))));
            view
        }
        Event::Erased { reason } => object(json!({ "reason": words(reason) })),
        Event::VoteWithdrawn { step, person } => object(json!({ "step": step, "person": person })),
        Event::Approved { .. } | Event::Rejected {} | Event::Expired {} | Event::EffectReminded {} => Map::new(),
    };
    view.insert("type".to_owned(), json!(event_type(event)));
    Value::Object(view)
}

fn route(revision: &Revision) -> Map<String, Value> {
    let mut view = object(json!({ "payload_hash": revision.payload_hash, "plan": revision.plan, "skipped": revision.skipped }));
    if !revision.named.is_empty() {
        view.insert("named".to_owned(), json!(revision.named));
    }
    view.extend(revision.calendar.iter().map(|calendar| ("calendar".to_owned(), json!(calendar))));
    view.extend(revision.amount.iter().map(|amount| ("amount".to_owned(), json!({ "value": amount.value, "currency": amount.currency }))));
    view
}

fn vote(voted: &Voted, words: &impl Fn(&Hash) -> Value) -> Map<String, Value> {
    let mut view = object(json!({ "step": voted.step, "decision": voted.decision, "level": voted.level }));
    let mut add = |name: &str, value: Option<Value>| view.extend(value.map(|value| (name.to_owned(), value)));
    add("payload_hash", voted.payload_hash.map(|hash| json!(hash)));
    add("on_behalf_of", voted.on_behalf_of.as_ref().map(|id| json!(id)));
    add("any_of", voted.any_of.as_ref().map(|seat| json!(seat)));
    add("role", voted.role.as_ref().map(|role| json!(role)));
    add("delegations", Some(json!(voted.delegations)).filter(|_| !voted.delegations.is_empty()));
    add("round", voted.round.map(|round| json!(round)));
    add("meaning", voted.meaning.as_ref().map(|meaning| json!(meaning)));
    add("comment", voted.comment.as_ref().map(words));
    view
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
