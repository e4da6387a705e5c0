//! Events for systems: CloudEvents 1.0 in JSON. docs/events.md shows one of each type; `golden/events_v1.jsonl` keeps them.
//!
//! An event is made from the commits, in RFC 8785 bytes: made again, days later, it is the same, but for the request's title, which is no part
//! of any commit: it is the one the request has when the event is sent. Beside it an event holds ids, times, hashes and what was decided;
//! nothing else that a person wrote, and no metadata.

use approvals_domain::actor::Caller;
use approvals_domain::commit::Sealed;
use approvals_domain::effect::Effect;
use approvals_domain::event::Event;
use approvals_domain::hash::{Hash, canonical};
use approvals_domain::ids::TenantId;
use approvals_domain::limits;
use approvals_domain::state::{Request, Step, Vote};
use serde_json::{Map, Value, json};

use super::history::event_facts;
use super::view::actor_name;

/// What bodies are.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// All types, sorted. v1 only adds.
pub const TYPES: [&str; 19] = [
    "approvals.comment.added.v1",
    "approvals.effect.finished.v1",
    "approvals.effect.started.v1",
    "approvals.request.approved.v1",
    "approvals.request.cancelled.v1",
    "approvals.request.expired.v1",
    "approvals.request.recalled.v1",
    "approvals.request.rejected.v1",
    "approvals.request.resubmitted.v1",
    "approvals.request.returned.v1",
    "approvals.request.submitted.v1",
    "approvals.request.transferred.v1",
    "approvals.step.blocked.v1",
    "approvals.step.closed.v1",
    "approvals.step.escalated.v1",
    "approvals.step.opened.v1",
    "approvals.step.reassigned.v1",
    "approvals.vote.cast.v1",
    "approvals.vote.withdrawn.v1",
];

/// An event as systems get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the commit, from 0.
    pub index: u32,
    /// One of [`TYPES`].
    pub kind: &'static str,
    /// The commit's hash and the index; see [`id`].
    pub id: String,
    /// RFC 8785 JSON.
    pub body: String,
}

/// An event's id: `HASH:INDEX`. No full stop stands in it, so a signature over `id.timestamp.body` has one reading.
pub fn id(commit: &Hash, index: u32) -> String {
    format!("{commit}:{index}")
}

/// The type an event is told under; none: it is told nobody. What reminders and widened steps mean for a system is nothing: no answer was
/// given, and nothing may be done that could not be done before. What a time-out led to is an event of its own.
pub const fn kind(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Submitted { .. } => "approvals.request.submitted.v1",
        Event::Resubmitted { .. } => "approvals.request.resubmitted.v1",
        Event::Opened { .. } => "approvals.step.opened.v1",
        Event::Blocked { .. } => "approvals.step.blocked.v1",
        Event::Voted(_) => "approvals.vote.cast.v1",
        Event::Closed { .. } => "approvals.step.closed.v1",
        Event::Reassigned { .. } => "approvals.step.reassigned.v1",
        Event::Escalated { .. } => "approvals.step.escalated.v1",
        Event::Commented { .. } => "approvals.comment.added.v1",
        Event::Returned { .. } => "approvals.request.returned.v1",
        Event::Approved { .. } => "approvals.request.approved.v1",
        Event::Rejected {} => "approvals.request.rejected.v1",
        Event::Cancelled { .. } => "approvals.request.cancelled.v1",
        Event::Expired {} => "approvals.request.expired.v1",
        Event::Transferred { .. } => "approvals.request.transferred.v1",
        Event::EffectStarted { .. } => "approvals.effect.started.v1",
        Event::EffectFinished { .. } => "approvals.effect.finished.v1",
        Event::Recalled { .. } => "approvals.request.recalled.v1",
        Event::VoteWithdrawn { .. } => "approvals.vote.withdrawn.v1",
        Event::EffectReminded {}
        | Event::Widened { .. }
        | Event::Narrowed { .. }
        | Event::SeatReturned { .. }
        | Event::Reminded { .. }
        | Event::RequesterReminded { .. }
        | Event::Erased { .. }
        | Event::TimedOut { .. } => return None,
    })
}

/// Who sends a tenant's events.
pub fn source(tenant: &TenantId) -> String {
    format!("/approvals/{tenant}")
}

/// The events of a commit that are told, in its order. `request`: as the commit left it; `title`: as it is now; none: it was erased.
pub fn told(request: &Request, title: Option<&str>, sealed: &Sealed) -> Vec<Told> {
    let mut all = Vec::new();
    for (index, event) in (0..).zip(&sealed.commit.events) {
        if let Some(kind) = kind(event) {
            let id = id(&sealed.hash, index);
            let made = |votes: bool| canonical(&body(sealed, &id, kind, event, &request_view(request, title, votes)));
            let whole = made(true);
            let bytes = if whole.len() > limits::EVENT_BYTES { made(false) } else { whole };
            all.push(Told { index, kind, id, body: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
    all
}

fn body(sealed: &Sealed, id: &str, kind: &str, event: &Event, request: &Value) -> Value {
    let commit = &sealed.commit;
    let mut facts = event_facts(event);
    if let Some(facts) = facts.as_object_mut() {
        facts.insert("actor".to_owned(), json!(actor_name(&commit.actor)));
    }
    json!({
        "specversion": "1.0",
        "id": id,
        "type": kind,
        "source": source(&commit.tenant),
        "subject": commit.request,
        "time": commit.at.to_string(),
        // CloudEvents' extension `sequence` is a text whose order is the order.
        "sequence": format!("{:06}", commit.version),
        "datacontenttype": "application/json",
        "data": { "event": facts, "request": request },
    })
}

/// A request as in answers, without metadata, attachments, comments, reasons, and without what the template says of it.
fn request_view(request: &Request, title: Option<&str>, votes: bool) -> Value {
    let mut view = object(json!({
        "id": request.id,
        "template": { "key": request.template.key, "version": request.template.version },
        "entity": request.entity,
        "requester": request.requester,
        "submitted_by": request.submitted_by,
        "status": request.status(),
        "blocked": request.blocked(),
        "revision": request.revision,
        "version": request.version,
        "payload_hash": request.payload_hash,
        "steps": request.steps.iter().map(|step| step_view(step, votes)).collect::<Vec<_>>(),
        "created_at": request.created_at.to_string(),
        "updated_at": request.updated_at.to_string(),
    }));
    view.extend(title.map(|title| ("title".to_owned(), json!(title))));
    view.extend(request.successor.iter().map(|id| ("next_requester".to_owned(), json!(id))));
    view.extend(request.previous.iter().map(|id| ("previous".to_owned(), json!(id))));
    if let Some(outcome) = request.outcome() {
        view.insert("outcome".to_owned(), json!({ "by": actor_name(&outcome.by), "at": outcome.at.to_string() }));
        view.extend(Some(("closed_at".to_owned(), json!(outcome.at.to_string()))).filter(|_| request.is_over()));
    }
    // Who acts on an approval acts on the start of its effect, never on `approved`.
    view.extend(request.effect.iter().map(|effect| ("effect".to_owned(), effect_view(effect))));
    Value::Object(view)
}

fn effect_view(effect: &Effect) -> Value {
    let mut view = object(json!({ "state": effect.state, "attempts": effect.attempts }));
    view.extend(effect.expires_at.iter().map(|at| ("expires_at".to_owned(), json!(at.to_string()))));
    if let Some(last) = &effect.last {
        view.insert("by".to_owned(), json!(last.by));
        view.insert("started_at".to_owned(), json!(last.started_at.to_string()));
        view.extend(last.finished_at.iter().map(|at| ("finished_at".to_owned(), json!(at.to_string()))));
    }
    Value::Object(view)
}

fn step_view(step: &Step, votes: bool) -> Value {
    let mut view = object(json!({ "id": step.id, "state": step.phase.as_str() }));
    if votes {
        view.insert("votes".to_owned(), step.votes.iter().map(vote_view).collect());
    }
    if let Some(opening) = &step.opening {
        view.insert("required".to_owned(), json!({ "need": opening.need, "have": step.approvals() }));
        view.insert("opened_at".to_owned(), json!(opening.opened_at.to_string()));
        view.insert("due_at".to_owned(), json!(opening.due_at.to_string()));
        view.insert("level".to_owned(), json!(opening.level));
        view.extend(opening.closed_at.iter().map(|at| ("closed_at".to_owned(), json!(at.to_string()))));
    }
    Value::Object(view)
}

fn vote_view(vote: &Vote) -> Value {
    let Vote { by: Caller { id, .. }, at, revision, voted, .. } = vote;
    let mut view = object(json!({ "by": id, "decision": voted.decision, "at": at.to_string(), "revision": revision }));
    view.extend(voted.on_behalf_of.iter().map(|person| ("on_behalf_of".to_owned(), json!(person))));
    Value::Object(view)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
