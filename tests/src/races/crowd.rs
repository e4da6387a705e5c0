//! Two hundred at once, on one request and on two hundred: what clients see who repeat a 503 until they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use approvals::store::requests::Record;
use approvals_domain::event::Decision;
use approvals_domain::state::Status;
use serde_json::json;
use tokio::task::JoinSet;

use super::whole;
use crate::stage::Stage;

const CROWD: usize = 200;

fn voters() -> Vec<String> {
    (0..CROWD).map(|n| format!("v{n:03}")).collect()
}

async fn until_answered(stage: Arc<Stage>, shown: Arc<Record>, voter: String, step: &'static str, busy: Arc<AtomicU64>) {
    while let Err(error) = stage.vote(&voter, &shown, step, Decision::Approve, &format!("{voter} {step}")).await {
        assert!(error.retryable(), "{error:?}");
        busy.fetch_add(1, Ordering::Relaxed);
    }
}

/// Two parallel steps of a hundred approvals each: every vote of the two hundred must count.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_votes_on_one_request_all_count_once() {
    let stage = Arc::new(Stage::new().await);
    let voters = voters();
    let (left, right) = voters.split_at(CROWD / 2);
    stage.people(&format!("rita {}", voters.join(" "))).await;
    stage.role("left", &left.join(" ")).await;
    stage.role("right", &right.join(" ")).await;
    let step = |id: &str| json!({ "id": id, "approvers": [{ "role": id }], "required": 100 });
    stage.template(json!({ "key": "t", "title": "T", "steps": [[step("left"), step("right")]] })).await;
    let shown = Arc::new(stage.submit("rita", "1", None).await.unwrap().record);

    let (busy, before) = (Arc::new(AtomicU64::new(0)), stage.app.stores.table.meter().units());
    let sides = left.iter().map(|voter| (voter, "left")).chain(right.iter().map(|voter| (voter, "right")));
    let votes = sides.map(|(voter, step)| until_answered(Arc::clone(&stage), Arc::clone(&shown), voter.clone(), step, Arc::clone(&busy)));
    votes.collect::<JoinSet<()>>().join_all().await;
    let used = stage.app.stores.table.meter().units() - before;
    whole(&stage, &shown, &voters.iter().map(String::as_str).collect::<Vec<_>>()).await;
    println!(
        "one request: {:.1} write and {:.1} read units per accepted vote, {} refused writes, {} answers 503",
        used.wru / 200.0,
        used.rru / 200.0,
        used.refused,
        busy.load(Ordering::Relaxed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_votes_on_two_hundred_requests_all_count_once() {
    let stage = Arc::new(Stage::new().await);
    let voters = voters();
    stage.people(&format!("rita {}", voters.join(" "))).await;
    stage.role("all", &voters.join(" ")).await;
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "one", "approvers": [{ "role": "all" }] }] })).await;
    let mut shown = Vec::new();
    for n in 0..CROWD {
        shown.push(Arc::new(stage.submit("rita", &n.to_string(), None).await.unwrap().record));
    }
    let (busy, before) = (Arc::new(AtomicU64::new(0)), stage.app.stores.table.meter().units());
    let votes = voters.iter().zip(&shown);
    let votes = votes.map(|(voter, shown)| until_answered(Arc::clone(&stage), Arc::clone(shown), voter.clone(), "one", Arc::clone(&busy)));
    votes.collect::<JoinSet<()>>().join_all().await;
    let used = stage.app.stores.table.meter().units() - before;
    for (voter, shown) in voters.iter().zip(&shown) {
        let after = stage.load(&shown.state.id).await.state;
        assert_eq!((after.status(), after.version), (Status::Approved, 2));
        assert!(after.votes().map(|vote| vote.by.id.as_str()).eq([voter.as_str()]));
    }
    println!(
        "one request each: {:.1} write and {:.1} read units per accepted vote, {} answers 503",
        used.wru / 200.0,
        used.rru / 200.0,
        busy.load(Ordering::Relaxed)
    );
}
