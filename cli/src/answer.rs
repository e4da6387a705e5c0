//! The shapes of answers, as far as this program shows them. Fields it does not know are ignored: v1 only adds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

/// RFC 3339.
pub type Time = DateTime<Utc>;

/// `{items, next_cursor?}`.
#[derive(Debug, Clone, Deserialize)]
pub struct Page<T> {
    /// In the order asked for; may be fewer than asked for.
    pub items: Vec<T>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// The caller, as far as it is shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Me {
    pub counts: Counts,
}

/// How much waits for the caller.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Requests that were sent back to them.
    pub returned: Count,
}

/// A number that may be larger.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Count {
    pub count: u64,
    pub more: bool,
}

/// A template's key and version.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TemplateRef {
    /// Its key.
    pub key: String,
    /// From 1.
    pub version: u64,
}

/// What a request is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entity {
    /// For example `order`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id in the system it comes from.
    pub id: String,
}

/// A request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    pub id: String,
    pub template: TemplateRef,
    pub entity: Entity,
    pub requester: String,
    pub submitted_by: String,
    /// None: erased.
    pub title: Option<String>,
    pub status: String,
    pub blocked: bool,
    pub revision: u64,
    pub version: u64,
    pub payload_hash: String,
    /// `null`: erased.
    pub metadata: Value,
    pub attachments: Vec<Attachment>,
    pub steps: Vec<Step>,
    /// What happened, oldest first; in answers to commands it is missing.
    pub conversation: Vec<Entry>,
    pub previous: Option<String>,
    pub outcome: Option<Outcome>,
    pub effect: Effect,
    pub created_at: Option<Time>,
    pub updated_at: Option<Time>,
    pub closed_at: Option<Time>,
    /// `already_applied`: the call changed nothing, because its effect held already.
    pub code: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The same for ever; the first one of a request is `1-0`.
    pub id: String,
    pub at: Option<Time>,
    /// Who did what, in a sentence.
    pub summary: String,
    /// In whose words.
    pub text: Option<String>,
    /// There were words, and they were erased.
    pub erased: bool,
    pub changes: Vec<Change>,
}

/// A value that is another one now.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    pub label: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// A reference to a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    pub url: String,
}

/// How far the effect of an approval is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Effect {
    /// `none`, `pending`, `started`, `done`, `failed`.
    pub state: String,
    /// Who started it last.
    pub by: Option<String>,
    /// How often it was started.
    pub attempts: u64,
    pub expires_at: Option<Time>,
    pub reference: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// A person's id, or `system`.
    pub by: String,
    pub at: Option<Time>,
    pub reason: Option<String>,
}

/// A step of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    pub id: String,
    pub name: String,
    pub state: String,
    pub meaning: Option<String>,
    pub required: Required,
    pub votes: Vec<Vote>,
    pub candidates: Vec<Candidate>,
    pub opened_at: Option<Time>,
    pub due_at: Option<Time>,
    pub level: u64,
    pub next_timer: Option<Timer>,
    /// Raised by a recall, from 1.
    pub round: u64,
    /// By seat and by voter, where a vote was taken back.
    pub rounds: BTreeMap<String, u64>,
}

/// What the clock does next on a step.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Timer {
    /// `remind`, `escalate`, `time_out`.
    pub does: String,
    pub at: Option<Time>,
    /// Whom a level adds.
    pub to: Vec<String>,
    /// What a time-out does.
    pub then: Option<String>,
}

/// How many approvals.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Required {
    /// As the template says: a number, `all`, `majority`, `60%`.
    pub rule: Value,
    /// Fixed when the step opens.
    pub need: Option<u64>,
    pub have: u64,
}

/// Who may vote: `user:ID`, `role:NAME`, `any_of:…`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Candidate {
    pub seat: String,
    /// Of escalation; 0 for the first ones.
    pub level: u64,
}

/// A vote that was cast.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Vote {
    /// The human.
    pub by: String,
    pub decision: String,
    pub on_behalf_of: Option<String>,
    pub at: Option<Time>,
    pub comment: Option<String>,
    /// The request was recalled since.
    pub void: bool,
}

/// A line of the inbox.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Task {
    pub request: TaskRequest,
    pub step: String,
    pub seat: String,
    pub on_behalf_of: Option<String>,
    pub due_at: Option<Time>,
    /// A vote names it once it is above 1.
    pub round: u64,
}

/// The request of a task.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TaskRequest {
    pub id: String,
    pub title: Option<String>,
    pub template: Value,
    pub requester: String,
    pub revision: u64,
    pub payload_hash: String,
}

/// A commit of a request's history.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Commit {
    pub version: u64,
    pub at: Option<Time>,
    /// A person's id, or `system`.
    pub actor: String,
    pub hash: String,
    pub prev_hash: String,
    pub events: Vec<Event>,
}

/// One event; its fields depend on its type.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// A field that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }
}

/// Who acted, as a word: a person's id, or the service.
pub fn actor(by: &str) -> &str {
    match by {
        "system" => "the service",
        "" => "somebody",
        id => id,
    }
}
