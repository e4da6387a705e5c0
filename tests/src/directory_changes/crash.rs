//! The tick dies between any two of its calls: the ones after it finish its work, and no request feels it twice.

use std::time::Duration;

use crate::stage::tick;
use serde_json::json;

use super::{admins, rerouted, standing};
use crate::stage::Stage;
use crate::stage::seam::{Fault, dying};

/// Dies at its nth call: that one is lost before it arrives, or its answer after; and nothing comes after it.
async fn dies(at: usize, last: Fault) -> bool {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    stage.role("approval_admin", "boss").await;
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "eve" }] }] })).await;
    let mut ids = Vec::new();
    for entity in ["1", "2", "3"] {
        ids.push(stage.submit("rita", entity, None).await.unwrap().record.state.id);
    }
    stage.settle().await;
    stage.person("eve", None, false).await;
    stage.seam.take();
    stage.seam.script(dying(at, last));
    let _ = tick(&stage.app, Duration::from_secs(60)).await;
    let crossed = stage.seam.take().calls.len();
    stage.seam.heal();
    // A lease ends, and so does the longest wait for another try.
    for _ in 0..2 {
        stage.advance_seconds(3_600);
        stage.settle().await;
    }
    for id in &ids {
        let record = stage.load(id).await;
        assert_eq!(standing(&record).1, ["user:eve".to_owned(), admins()], "killed at call {at}, {last:?}");
        assert_eq!(rerouted(&record), 1, "killed at call {at}, {last:?}");
    }
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!(report.jobs + report.looked_at, 0, "killed at call {at}: something is left");
    crossed > at
}

#[tokio::test]
async fn a_tick_that_is_killed_anywhere_is_made_up_for() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let mut at = 0;
        while dies(at, last).await {
            at += 1;
        }
        assert!(at > 15, "only {at} places to die at were tried");
    }
}

/// Somebody with many roles, and ticks that each die after a few calls: each begins where the one before it stopped.
#[tokio::test]
async fn every_tick_brings_a_job_further() {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    stage.role("approval_admin", "boss").await;
    for role in 0..20 {
        stage.role(&format!("r{role:02}"), "eve").await;
    }
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "eve" }] }] })).await;
    let id = stage.submit("rita", "1", None).await.unwrap().record.state.id;
    stage.settle().await;
    stage.person("eve", None, false).await;
    for _ in 0..12 {
        let mut calls = 0;
        stage.seam.script(move |_| {
            calls += 1;
            if calls <= 24 { Fault::None } else { Fault::DropBefore }
        });
        let _ = tick(&stage.app, Duration::from_secs(60)).await;
        stage.seam.heal();
        stage.advance_seconds(3_600);
    }
    assert_eq!(standing(&stage.load(&id).await).1, ["user:eve".to_owned(), admins()]);
}
