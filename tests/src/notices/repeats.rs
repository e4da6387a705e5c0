//! Whatever comes twice, late or in another order is told once.

use approvals_domain::event::Decision;
use futures_util::future::join_all;
use notifications::handle;
use serde_json::json;

use super::rig::{Dice, Rig, TIME, messages};

fn steps() -> serde_json::Value {
    json!([{ "id": "a", "approvers": [{ "user": "bob" }] }, { "id": "b", "approvers": [{ "role": "finance" }], "required": 2 }])
}

const ALL: [&str; 4] = ["bob: Your approval is needed", "erin: Your approval is needed", "fay: Your approval is needed", "rita: Approved"];

/// Everything so far, twice and in any order, after each act: stream records in any batches, messages in any batches.
async fn played(seed: u64) -> Rig {
    let rig = Rig::new("rita bob erin fay", steps()).await;
    rig.stage.role("finance", "erin fay").await;
    let mut dice = Dice(seed);
    let shown = rig.stage.submit("rita", "1", None).await.unwrap().record;
    for (act, (who, step)) in [("", ""), ("bob", "a"), ("erin", "b"), ("fay", "b")].into_iter().enumerate() {
        if act > 0 {
            rig.stage.vote_aside(who, &shown, step, Decision::Approve, &format!("vote {act}")).await.unwrap();
        }
        let mut records = [rig.stream().await, rig.stream().await].concat();
        dice.shuffle(&mut records);
        while !records.is_empty() {
            let batch = records.split_off(records.len() - 1 - dice.roll(records.len()));
            assert_eq!(rig.relay(batch).await, [] as [String; 0], "seed {seed}");
        }
        rig.arrive().await;
        {
            let mut waiting = rig.waiting.lock().unwrap();
            let again: Vec<_> = waiting.iter().map(|(id, body)| (format!("{id} again"), body.clone())).collect();
            waiting.extend(again);
            dice.shuffle(&mut waiting);
        }
        // Of two that are the same in one batch one leaves it to the other, and finds it done the next time.
        rig.deliver().await;
        assert_eq!(rig.deliver().await, [] as [String; 0], "seed {seed}");
    }
    rig
}

#[tokio::test]
async fn everything_twice_and_in_any_order_is_told_once() {
    for seed in [1, 22, 333, 4_444, 55_555] {
        let rig = played(seed).await;
        assert_eq!(rig.told(), ALL, "seed {seed}");
        assert_eq!(rig.extra(), 0, "seed {seed}");
    }
}

/// The stream read again from its beginning, the queue redriven: a week later, and when all is decided.
#[tokio::test]
async fn a_whole_stream_a_week_later_tells_nobody_anything() {
    let rig = played(7).await;
    rig.stage.advance_seconds(7 * 24 * 3_600);
    let mut records = rig.stream().await;
    assert_eq!(rig.relay(records.clone()).await, [] as [String; 0]);
    records.reverse();
    assert_eq!(rig.relay(records).await, [] as [String; 0]);
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!((rig.told(), rig.extra()), (ALL.map(str::to_owned).to_vec(), 0));
}

/// F13: two workers on one message. One of them has each delivery; the other leaves the message, and finds it done the next time.
#[tokio::test]
async fn two_workers_on_one_message_send_one_mail() {
    let rig = Rig::new("rita bob erin fay", steps()).await;
    rig.stage.role("finance", "erin fay").await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.arrive().await;
    let all = rig.waiting.lock().unwrap().clone();
    rig.db.latency(std::time::Duration::from_millis(5));
    let handled = join_all((0..4).map(|_| handle(&rig.desk, messages(&all), TIME))).await;
    assert_eq!(rig.told(), ["bob: Your approval is needed"]);
    let left = handled.iter().filter(|handled| !handled.response.batch_item_failures.is_empty()).count();
    assert!(left < 4, "somebody brought it to its end");
    rig.deliver().await;
    assert_eq!(rig.told().len(), 1);
    assert!(rig.waiting.lock().unwrap().is_empty());
}

/// The same while it still waits for an answer: those who were asked are not asked again.
#[tokio::test]
async fn what_still_waits_is_not_asked_again_either() {
    let rig = Rig::new("rita bob", json!([{ "id": "a", "approvers": [{ "user": "bob" }] }])).await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    rig.settle().await;
    assert_eq!(rig.told(), ["bob: Your approval is needed"]);
    rig.stage.advance_seconds(24 * 3_600);
    rig.settle().await;
    assert_eq!(rig.told(), ["bob: Your approval is needed"]);
}
