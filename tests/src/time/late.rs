//! The list of what is late costs the tick one write, once, however often it comes and wherever it dies.

use std::time::Duration;

use approvals::store::{Freshness, keys};
use serde_json::json;

use super::{hours, stage, submit};
use crate::stage::{Stage, tenant, tick};

async fn rows(stage: &Stage) -> usize {
    let inboxes = &stage.aside.stores.inboxes;
    inboxes.hints(&keys::overdue_list(&tenant()), None, 100, Freshness::Strong).await.unwrap().0.len()
}

#[tokio::test]
async fn a_late_step_is_noted_once() {
    let stage = stage(json!({ "escalate": [{ "after": 3, "to": [{ "user": "boss" }] }] })).await;
    submit(&stage, "PO-1").await;
    stage.drain().await;
    assert_eq!((hours(&stage, 9).await.late, rows(&stage).await), (0, 0));
    let report = hours(&stage, 1).await;
    assert_eq!((report.late, report.fired, report.rewound, rows(&stage).await), (1, 0, 1, 1));
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.due, report.late), (0, 0), "the index goes on to the level");
    let report = hours(&stage, 20).await;
    assert_eq!((report.late, report.fired, rows(&stage).await), (0, 1, 1));
}

/// Nobody asked to be told of a step without a timer, and it costs nothing.
#[tokio::test]
async fn a_step_without_a_timer_is_in_no_index() {
    let stage = stage(json!({})).await;
    submit(&stage, "PO-1").await;
    stage.drain().await;
    let report = hours(&stage, 1_000).await;
    assert_eq!((report.due, report.late, rows(&stage).await), (0, 0, 0));
}
