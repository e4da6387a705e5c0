//! What systems get: CloudEvents 1.0, made from the commits. One of each type is kept for ever in `shared/golden/events_v1.jsonl`, and
//! `shared/events_v1.schema.json` says what may be relied on.

use std::collections::{BTreeMap, BTreeSet};

use approvals::app::App;
use approvals::app::commands::idempotency::Tag;
use approvals::store::requests::Record;
use approvals::wire::api::ResubmitBody;
use approvals::wire::event_v1::{TYPES, Told};
use approvals_domain::actor::Channel;
use approvals_domain::command::Command;
use approvals_domain::event::Decision::{self, Approve, Reject, Return};
use approvals_domain::event::EffectEnd;
use approvals_domain::hash::Hash;
use approvals_domain::ids::RequestId;
use serde_json::{Value, json};

use super::works::systems;
use super::{START, URL, World, endpoint, service};
use crate::stage::{Stage, caller};

/// A life in which everything happens that systems are told of. Answers with all of it, oldest first, as it was told at that moment.
struct Story {
    stage: Stage,
    told: Vec<Told>,
    seen: BTreeMap<RequestId, u64>,
}

impl Story {
    async fn new() -> Self {
        let stage = Stage::new().await;
        stage.people("rita bob eve zoe").await;
        let steps = json!([
            { "id": "one", "name": "First", "approvers": [{ "user": "bob" }], "sla": { "hours": 10 },
              "escalate": [{ "after": 0.5, "to": [{ "user": "eve" }] }], "on_timeout": "expire" },
            { "id": "two", "approvers": [{ "user": "zoe" }], "fallback": "none" },
        ]);
        stage.template(json!({ "key": "t", "title": "T", "unique_entity": false, "steps": steps })).await;
        Self { stage, told: Vec::new(), seen: BTreeMap::new() }
    }

    /// Listens to whatever is new.
    async fn listen(&mut self, record: &Record) {
        let id = record.state.id.clone();
        let seen = self.seen.entry(id).or_insert(0);
        for notice in systems(record) {
            if notice.version > *seen {
                self.told.extend(self.stage.app.told(&notice).await.unwrap());
                *seen = notice.version;
            }
        }
    }

    async fn submit(&mut self) -> Record {
        let record = self.stage.submit("rita", "PO-1", None).await.unwrap().record;
        self.listen(&record).await;
        record
    }

    async fn vote(&mut self, who: &str, on: &Record, step: &str, decision: Decision) -> Record {
        // On the heap, as below: the story is long, and a test's stack is small.
        let key = format!("{who} {step} {}", on.state.version);
        let record = Box::pin(self.stage.vote(who, on, step, decision, &key)).await.unwrap().record;
        self.listen(&record).await;
        record
    }

    async fn command(&mut self, who: &str, on: &Record, command: Command) -> Record {
        let key = format!("{who} {}", on.state.version);
        let record = Box::pin(self.stage.command(caller(who), on, command, &key)).await.unwrap().record;
        self.listen(&record).await;
        record
    }

    async fn hours(&mut self, hours: i64, on: &Record) -> Record {
        self.stage.advance_seconds(hours * 3_600);
        self.stage.settle().await;
        let record = self.stage.load(&on.state.id).await;
        self.listen(&record).await;
        record
    }

    async fn resubmit(&mut self, on: &Record) -> Record {
        let (app, identity) = (&self.stage.app, self.stage.identity("rita"));
        let body: ResubmitBody = serde_json::from_value(json!({ "metadata": { "amount": 470 } })).unwrap();
        let tag = Tag::new(&app.entropy, &identity, "resubmit", Some("k"), b"");
        let record = app.resubmit(&identity, &on.state.id, body, tag, Channel::Api).await.unwrap().record;
        self.listen(&record).await;
        record
    }

    /// What comes after an approval, and a vote taken back before it.
    async fn effects(&mut self) {
        let steps = json!([{ "id": "one", "approvers": [{ "user": "bob" }, { "user": "eve" }], "required": 2 }]);
        let template = json!({ "key": "t", "title": "T", "unique_entity": false, "steps": steps, "effect": { "confirm": true } });
        self.stage.template(template).await;
        // Which version is current is remembered for a minute.
        self.stage.advance_seconds(61);
        let f = self.submit().await;
        let f = self.vote("bob", &f, "one", Approve).await;
        let withdraw = Command::WithdrawVote { step: "one".parse().unwrap(), on_behalf_of: None };
        self.command("bob", &f, withdraw).await;
        let g = self.submit().await;
        let g = self.vote("bob", &g, "one", Approve).await;
        let g = self.vote("eve", &g, "one", Approve).await;
        let g = self.command("rita", &g, Command::StartEffect { payload_hash: g.state.payload_hash }).await;
        let failed = Command::FinishEffect { end: EffectEnd::Failed, reference: Some(Hash([4; 32])) };
        let g = self.command("rita", &g, failed).await;
        self.command("eve", &g, Command::Recall { reason: Hash([5; 32]), on_behalf_of: None }).await;
    }

    async fn live(mut self) -> (Self, Record) {
        let a = self.submit().await;
        let a = self.command("rita", &a, Command::Comment { comment: Hash([1; 32]) }).await;
        let a = self.vote("bob", &a, "one", Return).await;
        let a = self.resubmit(&a).await;
        let to = "eve".parse().unwrap();
        let a = self.command("bob", &a, Command::Reassign { step: "one".parse().unwrap(), from: None, to, reason: Hash([2; 32]) }).await;
        let a = self.vote("eve", &a, "one", Approve).await;
        let a = self.vote("zoe", &a, "two", Approve).await;
        let b = self.submit().await;
        self.vote("bob", &b, "one", Reject).await;
        let c = self.submit().await;
        self.command("rita", &c, Command::Cancel { reason: Some(Hash([3; 32])) }).await;
        let d = self.submit().await;
        let d = self.hours(6, &d).await;
        self.hours(6, &d).await;
        let e = self.submit().await;
        self.stage.person("zoe", None, false).await;
        self.vote("bob", &e, "one", Approve).await;
        self.stage.person("zoe", None, true).await;
        let f = self.submit().await;
        self.stage.people("adam").await;
        self.stage.role("approval_admin", "adam").await;
        self.command("adam", &f, Command::Transfer { to: "eve".parse().unwrap(), reason: Hash([4; 32]) }).await;
        Box::pin(self.effects()).await;
        (self, a)
    }
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read_to_string(crate::tidy::root().join("shared/events_v1.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let types: Vec<&str> = schema["properties"]["type"]["enum"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(types, TYPES, "the schema knows every type");
    jsonschema::validator_for(&schema).unwrap()
}

#[tokio::test]
async fn every_type_of_event_is_told_as_it_always_was() {
    let (story, _) = Box::pin(Story::new().await.live()).await;
    let schema = schema();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for told in &story.told {
        let event: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!((event["type"].as_str(), event["id"].as_str()), (Some(told.kind), Some(told.id.as_str())));
        let faults: Vec<String> = schema.iter_errors(&event).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:?} in {}", told.body);
        first.entry(told.kind).or_insert(&told.body);
    }
    assert_eq!(first.keys().copied().collect::<Vec<_>>(), TYPES, "a life in which all of them happen");
    let made: String = first.values().flat_map(|body| [*body, "\n"]).collect();
    let path = crate::tidy::root().join("shared/golden/events_v1.jsonl");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    for (kept, made) in kept.lines().zip(made.lines()) {
        assert_eq!(made, kept, "v1 only adds: an optional field is added with `UPDATE=1`, anything else is v2");
    }
    assert_eq!(kept.lines().count(), TYPES.len());
}

/// An event that is made again, when its commit has long moved on to a page, is the same to its last byte.
#[tokio::test]
async fn an_event_that_is_told_late_is_the_same_event() {
    let (story, a) = Box::pin(Story::new().await.live()).await;
    let record = story.stage.load(&a.state.id).await;
    assert!(record.base.is_some(), "its first commits are on a page");
    let app: &App = &story.stage.app;
    let (history, _) = app.requests.history(&record).await.unwrap();
    let mut again = Vec::new();
    for notice in history
        .iter()
        .flat_map(approvals::outbox::notices::notices)
        .filter(|notice| notice.audience == approvals::notice::Audience::Endpoints)
    {
        again.extend(app.told(&notice).await.unwrap());
    }
    let first: Vec<&Told> = story.told.iter().filter(|told| again.iter().any(|other| other.id == told.id)).collect();
    assert!(first.len() > 10 && first.len() == again.len());
    assert!(first.into_iter().eq(&again));
    let sequence: Vec<u64> = again
        .iter()
        .map(|told| serde_json::from_str::<Value>(&told.body).unwrap()["sequence"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(sequence.is_sorted() && sequence[0] == 1 && sequence.last() == Some(&record.state.version), "{sequence:?}");

    // A notice whose commit is another one now (a table that was restored) tells nothing.
    let mut notice = systems(&record).pop().unwrap();
    notice.commit = Hash([9; 32]);
    assert!(matches!(app.told(&notice).await, Err(approvals::app::Error::Damaged(_))));
}

/// The title; no metadata, nothing else that anybody wrote; and each type only to who asked for it.
#[tokio::test]
async fn an_event_holds_nothing_that_a_person_wrote_but_the_title() {
    let world = World::new();
    let api = service(Some(START), std::sync::Arc::new(world.clone())).await;
    let all: Vec<&str> = TYPES.iter().map(|kind| kind.trim_start_matches("approvals.").trim_end_matches(".v1")).collect();
    endpoint(&api, "erp", URL, &all, true).await;
    endpoint(&api, "few", "https://few.example.com/", &["comment.added"], true).await;
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": "Sesame title", "metadata": { "x": "Sesame metadata" },
        "attachments": [{ "name": "Sesame.pdf", "media_type": "application/pdf", "size": 1, "sha256": "0".repeat(64), "url": "https://x.example/Sesame" }] });
    let request = api.done("rita", "POST /v1/requests", Some(&body)).await;
    let path = |what: &str| format!("POST /v1/requests/{}/{what}", request["id"].as_str().unwrap());
    api.done("rita", &path("comments"), Some(&json!({ "comment": "Sesame comment" }))).await;
    let vote = json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "Sesame return" });
    api.done("bob", &path("decisions"), Some(&vote)).await;
    api.done("rita", &path("cancel"), Some(&json!({ "reason": "Sesame reason" }))).await;
    api.drain().await;
    let calls = world.take_all();
    let kinds: BTreeSet<String> = calls.iter().filter(|(url, _)| url == URL).map(|(_, call)| call.kind()).collect();
    let wanted = ["comment.added", "request.cancelled", "request.returned", "request.submitted", "step.closed", "step.opened", "vote.cast"];
    assert_eq!(kinds, wanted.map(str::to_owned).into());
    let few: Vec<String> = calls.iter().filter(|(url, _)| url != URL).map(|(_, call)| call.kind()).collect();
    assert_eq!(few, ["comment.added"]);
    for (_, call) in &calls {
        let event: Value = serde_json::from_str(&call.body).unwrap();
        assert_eq!(event["data"]["request"]["title"], "Sesame title");
        assert!(call.body.matches("Sesame").count() == 1 && !call.body.contains("\"metadata\""), "{}", call.body);
    }
    // The outbox of this test's world is the world itself; the log says the same by ids.
    assert_eq!(super::log(&api, "few").await[0]["event"], json!(calls.iter().find(|(url, _)| url != URL).unwrap().1.id));
}
