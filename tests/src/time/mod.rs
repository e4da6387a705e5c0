//! Timers over the store: what fires, when, how often, at what cost, and what becomes of a tick that is late, doubled or killed.

mod calendars;
mod crash;
mod decade;
mod ladder;
mod races;

use std::time::Duration;

use approvals::store::requests::Record;
use approvals_domain::event::Event;
use approvals_domain::ids::RequestId;
use escalation::Report;

use crate::stage::tick;
use serde_json::{Value, json};

use crate::stage::Stage;

/// `rita` asks, `eve` approves, `boss` and `lead` come with the levels.
async fn stage(step: Value) -> Stage {
    let stage = Stage::new().await;
    stage.people("rita eve boss lead").await;
    stage.role("finance_lead", "lead").await;
    let mut whole = json!({ "id": "s", "approvers": [{ "user": "eve" }], "sla": { "hours": 10 } });
    whole.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
    stage.template(json!({ "key": "t", "title": "T", "steps": [whole] })).await;
    stage.settle().await;
    stage
}

/// A reminder after 5 hours, a level after 10, another after 20, the end after 30.
fn ladder() -> Value {
    let levels = json!([{ "after": 1.0, "to": [{ "user": "boss" }] }, { "after": 2.0, "to": [{ "role": "finance_lead" }] }]);
    json!({ "remind": [0.5], "escalate": levels, "on_timeout": "expire" })
}

async fn submit(stage: &Stage, entity: &str) -> RequestId {
    stage.submit("rita", entity, None).await.unwrap().record.state.id
}

async fn hours(stage: &Stage, hours: i64) -> Report {
    stage.advance_seconds(hours * 3_600);
    tick(&stage.app, Duration::from_secs(60)).await.unwrap()
}

/// What the clock did, in its order.
fn acts(record: &Record) -> Vec<String> {
    let events = record.commits.iter().flat_map(|sealed| &sealed.commit.events);
    let act = |event: &Event| match event {
        Event::Reminded { number, .. } => Some(format!("reminder {number}")),
        Event::Escalated { level, .. } => Some(format!("level {level}")),
        Event::TimedOut { .. } => Some("the end".to_owned()),
        _ => None,
    };
    events.filter_map(act).collect()
}

const ALL: [&str; 4] = ["reminder 1", "level 1", "level 2", "the end"];
