//! A step opens while the directory changes: in every order of what both do, the step is never left with too few who can vote.
//!
//! Opening: facts are read; the commit is written; relay files the hints; relay looks at the directory again. The change: fact and job are
//! written; the tick walks the hints. Fifteen orders.

use std::sync::Arc;
use std::time::Duration;

use crate::stage::tick;
use approvals_domain::event::Decision;
use approvals_domain::state::StepPhase;
use serde_json::json;

use super::{admins, standing};
use crate::stage::Stage;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Read,
    Commit,
    File,
    Look,
    Change,
    Tick,
}

const OPENING: [Act; 4] = [Act::Read, Act::Commit, Act::File, Act::Look];
const CHANGE: [Act; 2] = [Act::Change, Act::Tick];

/// Every order in which two rows of acts can mix.
fn orders(one: &[Act], other: &[Act]) -> Vec<Vec<Act>> {
    let after = |first: Act, rest: Vec<Vec<Act>>| rest.into_iter().map(move |rest| [vec![first], rest].concat());
    match (one, other) {
        ([], rest) | (rest, []) => vec![rest.to_vec()],
        ([a, one_rest @ ..], [b, other_rest @ ..]) => {
            after(*a, orders(one_rest, other)).chain(after(*b, orders(one, other_rest))).collect()
        }
    }
}

/// Plays one order. `joins`: the directory gains the only voter; else it loses them.
async fn play(order: &[Act], joins: bool) {
    let stage = Arc::new(Stage::new().await);
    stage.people("rita eve boss").await;
    stage.role("finance", "eve").await;
    if !joins {
        stage.role("approval_admin", "boss").await;
    }
    let steps = json!([{ "id": "first", "approvers": [{ "user": "boss" }] }, { "id": "s", "approvers": [{ "role": "finance" }] }]);
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    if joins {
        stage.member("finance", "eve", false).await;
    }
    stage.settle().await;

    stage.seam.hold("PutItem");
    stage.relay_seam.hold("BatchWriteItem");
    let mut vote = None;
    for act in order {
        match act {
            Act::Read => {
                let (voting, shown) = (Arc::clone(&stage), shown.clone());
                vote = Some(tokio::spawn(async move { voting.vote("boss", &shown, "first", Decision::Approve, "v").await }));
                stage.seam.somebody_waits().await;
            }
            Act::Commit => {
                stage.seam.let_through();
                vote.take().unwrap().await.unwrap().unwrap();
            }
            Act::File => {
                stage.relay_seam.somebody_waits().await;
                stage.relay_seam.hold("Query");
                stage.relay_seam.somebody_waits().await;
            }
            Act::Look => {
                stage.relay_seam.let_through();
                stage.drain().await;
            }
            Act::Change => stage.member("finance", "eve", joins).await,
            Act::Tick => {
                tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
            }
        }
    }
    // Two ticks at most.
    for _ in 0..2 {
        stage.drain().await;
        tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
    }
    let record = stage.load(&shown.state.id).await;
    let (phase, candidates) = standing(&record);
    assert_eq!(phase, StepPhase::Open, "{order:?}: {candidates:?}");
    assert!(joins || candidates.contains(&admins()), "{order:?}: {candidates:?}");
    let report = tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.jobs, report.looked_at), (0, 0), "{order:?}: done within two ticks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_while_a_step_opens_is_noticed() {
    let orders = orders(&OPENING, &CHANGE);
    assert_eq!(orders.len(), 15);
    for order in &orders {
        play(order, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_while_a_step_blocks_is_noticed() {
    for order in &orders(&OPENING, &CHANGE) {
        play(order, true).await;
    }
}
