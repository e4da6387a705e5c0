//! What fires, and what the index says meanwhile.

use std::sync::Arc;
use std::time::Duration;

use approvals_domain::event::Decision;
use approvals_domain::state::Status;
use approvals_domain::time::Timestamp;
use escalation::Report;

use crate::stage::tick;
use serde_json::json;

use super::{ALL, acts, hours, ladder, stage, submit};
use crate::stage::seam::Fault;

#[tokio::test]
async fn each_timer_fires_in_its_hour_and_the_index_always_says_the_next() {
    let stage = stage(ladder()).await;
    let id = submit(&stage, "1").await;
    let start = stage.app.clock.now();
    let at = |hours: f64| Some(start.plus_hours(hours));
    assert_eq!(stage.load(&id).await.timer(), at(5.0));
    assert_eq!(hours(&stage, 4).await, Report::default(), "an hour early there is nothing to do");
    for (after, next, done) in [(1, at(10.0), 1), (5, at(20.0), 2), (10, at(30.0), 3), (10, None, 4)] {
        let report = hours(&stage, after).await;
        assert_eq!((report.due, report.fired, report.rewound, report.failed), (1, 1, 0, 0), "{report:?}");
        let record = stage.load(&id).await;
        assert_eq!((record.timer(), acts(&record)), (next, ALL[..done].iter().map(ToString::to_string).collect()));
    }
    assert_eq!(stage.load(&id).await.state.status(), Status::Expired);
    assert_eq!(hours(&stage, 1_000).await, Report::default());
}

#[tokio::test]
async fn a_late_tick_fires_every_level_at_once_and_a_second_one_nothing() {
    let stage = stage(ladder()).await;
    let id = submit(&stage, "1").await;
    let report = hours(&stage, 25).await;
    assert_eq!((report.fired, report.lag_ms), (2, 20 * 3_600_000), "the reminder was overtaken");
    assert_eq!(acts(&stage.load(&id).await), ["level 1", "level 2"]);
    assert_eq!(tick(&stage.app, Duration::from_secs(60)).await.unwrap(), Report::default());
}

#[tokio::test]
async fn two_ticks_at_once_fire_each_timer_once() {
    for operation in ["GetItem", "PutItem"] {
        let stage = Arc::new(stage(ladder()).await);
        let id = submit(&stage, "1").await;
        stage.advance_seconds(25 * 3_600);
        stage.seam.hold(operation);
        let slow = Arc::clone(&stage);
        let slow = tokio::spawn(async move { tick(&slow.app, Duration::from_secs(60)).await.unwrap() });
        stage.seam.somebody_waits().await;
        let fast = tick(&stage.aside, Duration::from_secs(60)).await.unwrap();
        stage.seam.let_through();
        let slow = slow.await.unwrap();
        assert_eq!((fast.fired, fast.failed, slow.failed), (2, 0, 0), "held at {operation}");
        assert_eq!(acts(&stage.load(&id).await), ["level 1", "level 2"]);
    }
}

/// A vote moves on to a step whose timer is later; the index keeps the earlier time until the tick looks.
#[tokio::test]
async fn an_index_that_is_early_costs_a_look_and_fires_nothing() {
    let stage = stage(ladder()).await;
    let later = json!({ "id": "later", "approvers": [{ "user": "eve" }], "sla": { "hours": 100 }, "escalate": [{ "after": 1.0, "to": [{ "user": "boss" }] }] });
    let first = json!({ "id": "s", "approvers": [{ "user": "eve" }], "sla": { "hours": 10 }, "remind": [0.5] });
    stage.template(json!({ "key": "t", "title": "T", "steps": [first, later] })).await;
    let start = stage.app.clock.now();
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    stage.advance_seconds(3_600);
    let record = stage.vote("eve", &shown, "s", Decision::Approve, "v1").await.unwrap().record;
    assert_eq!(record.timer(), Some(start.plus_hours(5.0)), "to move it would cost two write units more");
    let report = hours(&stage, 4).await;
    assert_eq!((report.due, report.fired, report.rewound), (1, 0, 1));
    let record = stage.load(&shown.state.id).await;
    assert_eq!((record.timer(), record.state.version), (Some(start.plus_hours(101.0)), 2), "set anew, without a commit");
    assert_eq!(hours(&stage, 95).await, Report::default());
    assert_eq!(hours(&stage, 1).await.fired, 1);
}

/// Whatever ends a clock takes the request out of the index with the same write.
#[tokio::test]
async fn a_request_that_waits_for_nobody_is_in_no_index() {
    let stage = stage(ladder()).await;
    for (entity, decision) in [("1", Decision::Approve), ("2", Decision::Reject)] {
        let shown = stage.submit("rita", entity, None).await.unwrap().record;
        assert!(shown.timer().is_some());
        let record = stage.vote("eve", &shown, "s", decision, "v").await.unwrap().record;
        assert_eq!(record.timer(), None, "{decision:?}");
    }
    assert_eq!(hours(&stage, 1_000).await, Report::default());
}

/// A returned request waits for its requester: the index says when they are reminded, after 48 hours and 7 days; then nothing is due.
#[tokio::test]
async fn a_returned_request_is_in_the_index_until_its_requester_was_reminded_twice() {
    let stage = stage(ladder()).await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    let record = stage.vote("eve", &shown, "s", Decision::Return, "v").await.unwrap().record;
    let start = stage.app.clock.now();
    let at = |hours: f64| Some(start.plus_hours(hours));
    assert!(record.timer() < at(48.0), "the index may be early: to move it would cost the return two units");
    let report = hours(&stage, 47).await;
    assert_eq!((report.due, report.fired, report.rewound), (1, 0, 1), "{report:?}");
    assert_eq!(stage.load(&shown.state.id).await.timer(), at(48.0));
    for (after, next) in [(1, at(7.0 * 24.0)), (5 * 24, None)] {
        let report = hours(&stage, after).await;
        assert_eq!((report.due, report.fired, report.failed), (1, 1, 0), "{report:?}");
        let record = stage.load(&shown.state.id).await;
        assert_eq!((record.timer(), record.state.status()), (next, Status::Returned));
    }
    assert_eq!(hours(&stage, 1_000).await, Report::default());
}

/// Somebody votes between what the tick reads and what it writes: the vote stands, and the tick adds nothing to it.
#[tokio::test]
async fn a_vote_that_is_faster_than_the_tick_wins() {
    let stage = Arc::new(stage(ladder()).await);
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    stage.advance_seconds(10 * 3_600);
    stage.seam.hold("PutItem");
    let slow = Arc::clone(&stage);
    let slow = tokio::spawn(async move { tick(&slow.app, Duration::from_secs(60)).await.unwrap() });
    stage.seam.somebody_waits().await;
    stage.vote_aside("eve", &shown, "s", Decision::Approve, "v").await.unwrap();
    stage.seam.let_through();
    let report = slow.await.unwrap();
    assert_eq!((report.fired, report.failed), (0, 0));
    let record = stage.load(&shown.state.id).await;
    assert_eq!((record.state.status(), acts(&record)), (Status::Approved, Vec::new()));
}

/// A request whose bytes are spoiled fails each time, is counted, and holds up no neighbour; the index stays as it is.
#[tokio::test]
async fn a_damaged_request_holds_up_nobody() {
    let stage = stage(ladder()).await;
    let (bad, good) = (submit(&stage, "1").await, submit(&stage, "2").await);
    stage.damage(&bad).await;
    for _ in 0..2 {
        let report = hours(&stage, 10).await;
        assert_eq!((report.fired, report.failed), (1, 1));
    }
    assert_eq!(acts(&stage.load(&good).await), ["level 1", "level 2"]);
}

/// A store that is out of reach for a while: nothing is lost, the next tick does it.
#[tokio::test]
async fn what_fails_is_still_due() {
    let stage = stage(ladder()).await;
    let id = submit(&stage, "1").await;
    stage.seam.script(|operation| if operation == "PutItem" { Fault::ServerError } else { Fault::None });
    let report = hours(&stage, 10).await;
    assert_eq!((report.fired, report.failed), (0, 1));
    stage.seam.heal();
    assert_eq!(tick(&stage.app, Duration::from_secs(60)).await.unwrap().fired, 1);
    assert_eq!(acts(&stage.load(&id).await), ["level 1"]);
}

/// Near the function's end a tick begins nothing more, and says that there is more.
#[tokio::test]
async fn a_tick_without_time_leaves_the_rest_to_the_next() {
    let stage = stage(ladder()).await;
    let id = submit(&stage, "1").await;
    stage.advance_seconds(10 * 3_600);
    let report = tick(&stage.app, Duration::ZERO).await.unwrap();
    assert!(report.more && report.fired == 0, "{report:?}");
    assert_eq!(acts(&stage.load(&id).await), Vec::<String>::new());
    assert_eq!(tick(&stage.app, Duration::from_secs(60)).await.unwrap().fired, 1);
}

/// More due than a page holds, in every shard: all fire, each once, and a scan with ten due costs by the ten.
#[tokio::test]
async fn a_scan_costs_by_what_is_due() {
    let stage = stage(json!({ "remind": [0.5] })).await;
    for n in 0..10 {
        submit(&stage, &format!("due-{n}")).await;
    }
    stage.advance_seconds(3_600);
    for n in 0..40 {
        submit(&stage, &format!("later-{n}")).await;
    }
    stage.advance_seconds(4 * 3_600);
    let app = stage.aside.over(stage.aside.stores.metered());
    let store = app.stores.table.clone();
    let report = tick(&app, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.due, report.fired), (10, 10));
    // Twelve shards at half a unit each, ten requests of one unit each. The commands need no facts.
    assert!((store.meter().units().rru - 16.0).abs() < 1e-9, "{:?}", store.meter().units());
    let before = store.meter().units();
    assert_eq!(tick(&app, Duration::from_secs(60)).await.unwrap(), Report::default());
    let idle = store.meter().units() - before;
    assert!((idle.rru - 6.0).abs() < 1e-9 && idle.wru.abs() < 1e-9, "an idle tick: {idle:?}");
}

/// `du` is a place in an index: twelve digits or thirteen, it sorts as a number.
#[tokio::test]
async fn the_index_takes_times_far_from_now() {
    let stage = stage(json!({ "remind": [0.5], "sla": { "hours": 80_000 } })).await;
    let id = submit(&stage, "1").await;
    let at: Timestamp = stage.load(&id).await.timer().unwrap();
    stage.advance_seconds((at.millis() - stage.app.clock.now().millis()) / 1_000 - 1);
    assert_eq!(tick(&stage.app, Duration::from_secs(60)).await.unwrap(), Report::default());
    stage.advance_seconds(1);
    assert_eq!(tick(&stage.app, Duration::from_secs(60)).await.unwrap().fired, 1);
}
