//! A vote looks at its request's other steps too, on facts read a moment before. Whatever the directory and the tick do in that moment, no
//! step is left open with too few who can vote.

use std::sync::Arc;
use std::time::Duration;

use crate::stage::tick;
use approvals_domain::event::Decision;
use approvals_domain::ids::RequestId;
use approvals_domain::state::StepPhase;
use serde_json::{Value, json};

use crate::stage::Stage;

async fn stage(steps: Value) -> Arc<Stage> {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    stage.role("finance", "eve").await;
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    Arc::new(stage)
}

/// `boss` votes on `a`; between what the vote reads and what it writes, `eve` leaves the role, and two ticks pass.
async fn vote_while_eve_leaves(stage: &Arc<Stage>, id: &RequestId) {
    let shown = stage.load(id).await;
    stage.seam.hold("PutItem");
    let voting = Arc::clone(stage);
    let vote = tokio::spawn(async move { voting.vote("boss", &shown, "a", Decision::Approve, "v").await });
    stage.seam.somebody_waits().await;
    stage.member("finance", "eve", false).await;
    for _ in 0..2 {
        stage.drain().await;
        tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
    }
    stage.seam.let_through();
    vote.await.unwrap().unwrap();
    stage.settle().await;
}

async fn phase(stage: &Stage, id: &RequestId, step: &str) -> StepPhase {
    stage.load(id).await.state.steps.iter().find(|found| found.id.as_str() == step).unwrap().phase
}

/// The vote reopens a blocked step for somebody who has left by the time it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_reopened_by_a_vote_is_looked_at_again() {
    let stage =
        stage(json!([[{ "id": "a", "approvers": [{ "user": "boss" }] }, { "id": "b", "approvers": [{ "role": "finance" }] }]])).await;
    let id = stage.submit("rita", "1", None).await.unwrap().record.state.id;
    stage.member("finance", "eve", false).await;
    stage.settle().await;
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
    stage.member("finance", "eve", true).await;
    vote_while_eve_leaves(&stage, &id).await;
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
}

/// The vote takes one of the two who could vote on another step, while the other one leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_loses_a_voter_to_a_vote_is_looked_at_again() {
    let a = json!({ "id": "a", "approvers": [{ "user": "boss" }], "distinct_from": ["b"] });
    let b = json!({ "id": "b", "approvers": [{ "user": "boss" }, { "role": "finance" }], "distinct_from": ["a"] });
    let stage = stage(json!([[a, b]])).await;
    let id = stage.submit("rita", "1", None).await.unwrap().record.state.id;
    stage.settle().await;
    vote_while_eve_leaves(&stage, &id).await;
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
}

/// The same with a step that stays open after the vote: no inbox changes at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_that_changes_no_inbox_is_looked_at_too() {
    let a = json!({ "id": "a", "approvers": [{ "user": "boss" }, { "user": "carl" }], "required": 2, "distinct_from": ["b"] });
    let b = json!({ "id": "b", "approvers": [{ "user": "boss" }, { "role": "finance" }], "distinct_from": ["a"] });
    let stage = stage(json!([[a, b]])).await;
    stage.people("carl").await;
    let id = stage.submit("rita", "1", None).await.unwrap().record.state.id;
    stage.settle().await;
    vote_while_eve_leaves(&stage, &id).await;
    assert_eq!(phase(&stage, &id, "a").await, StepPhase::Open);
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
}

/// A reroute reopens a blocked step for somebody who has left by the time it is written, and whose own job was through before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_reopened_by_a_slow_tick_is_looked_at_again() {
    let stage = stage(json!([{ "id": "b", "approvers": [{ "role": "finance" }] }])).await;
    let id = stage.submit("rita", "1", None).await.unwrap().record.state.id;
    stage.member("finance", "eve", false).await;
    stage.settle().await;
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
    stage.member("finance", "eve", true).await;
    // The tick's own job is taken by its first write; the second one is the request's.
    stage.seam.hold("PutItem");
    let slow = Arc::clone(&stage);
    let slow = tokio::spawn(async move { tick(&slow.app, Duration::from_secs(60)).await });
    stage.seam.somebody_waits().await;
    stage.seam.hold("PutItem");
    stage.seam.somebody_waits().await;
    stage.member("finance", "eve", false).await;
    for _ in 0..2 {
        stage.drain().await;
        tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
    }
    stage.seam.let_through();
    slow.await.unwrap().unwrap();
    stage.settle().await;
    assert_eq!(phase(&stage, &id, "b").await, StepPhase::Blocked);
}
