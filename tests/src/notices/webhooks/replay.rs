//! An endpoint's log, and sending from it again.

use std::collections::BTreeSet;
use std::sync::Arc;

use approvals::notice::Notice;
use approvals::store::deliveries::Way;
use approvals::store::jobs::{About, Job, Replay};
use approvals::store::webhook::WEBHOOK;
use approvals_domain::hash::Hash;
use approvals_domain::limits;
use futures_util::future::join_all;
use serde_json::json;

use super::works::{self, Works};
use super::{START, URL, World, endpoint, log, minutes, service};
use crate::stage::api::{Api, asked};

const ALL: [&str; 5] = ["request.submitted", "step.opened", "vote.cast", "step.closed", "request.approved"];

async fn replay(api: &Api, from: &str, to: &str, events: Option<&[&str]>) {
    let mut body = json!({ "from": from, "to": to });
    if let Some(events) = events {
        body["events"] = json!(events);
    }
    api.done("root", "POST /v1/endpoints/erp/replay", Some(&body)).await;
    api.drain().await;
}

#[tokio::test]
async fn a_replay_sends_exactly_its_time_and_types_with_the_ids_and_bytes_of_the_first_time() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &ALL, true).await;
    endpoint(&api, "other", "https://other.example.com/", &ALL, true).await;
    let mut first = Vec::new();
    for hour in 0..3 {
        let request = api.submit("rita", "t", "PO-1", json!({})).await;
        assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 200);
        api.drain().await;
        first.push(world.take_all().into_iter().filter(|(url, _)| url == URL).map(|(_, call)| call).collect::<Vec<_>>());
        assert_eq!(first[hour].len(), 5);
        minutes(&api, 60).await;
    }
    let sent = |calls: &[super::Heard]| calls.iter().map(|call| (call.id.clone(), call.body.clone())).collect::<BTreeSet<_>>();

    replay(&api, "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z", None).await;
    let again = world.take_all();
    assert!(again.iter().all(|(url, _)| url == URL), "the other endpoint asked for nothing");
    let again: Vec<_> = again.into_iter().map(|(_, call)| call).collect();
    assert_eq!((again.len(), sent(&again)), (5, sent(&first[1])));

    replay(&api, START, "2026-01-06T00:00:00Z", Some(&["approvals.request.approved.v1", "approvals.vote.cast.v1"])).await;
    let kinds: Vec<String> = world.take().iter().map(super::Heard::kind).collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    assert!(kinds.iter().all(|kind| ["request.approved", "vote.cast"].contains(&kind.as_str())));

    replay(&api, "2026-01-05T11:00:01Z", "2026-01-05T12:00:00Z", None).await;
    assert_eq!(world.take().len(), 0);
    // What somebody reads in the log is what happened.
    let shown = log(&api, "erp").await;
    assert_eq!(shown.len(), 15);
    assert!(shown.windows(2).all(|pair| pair[0]["at"].as_str() >= pair[1]["at"].as_str()), "newest first");
    let attempts = |hour: usize, kind: &str| {
        let id = &first[hour].iter().find(|call| call.kind() == kind).unwrap().id;
        shown.iter().find(|item| item["event"] == json!(id)).unwrap()["attempts"].as_u64()
    };
    assert_eq!((attempts(0, "step.opened"), attempts(0, "vote.cast"), attempts(1, "vote.cast")), (Some(1), Some(2), Some(3)));
}

#[tokio::test]
async fn a_replay_is_asked_for_once_however_often_it_is_said() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &ALL, true).await;
    api.submit("rita", "t", "PO-1", json!({})).await;
    api.drain().await;
    world.take();
    let say = async |to: &str| {
        let body = json!({ "from": START, "to": to }).to_string();
        let call = asked("POST /v1/endpoints/erp/replay", Some(&api.token("root"))).header("idempotency-key", "k");
        let answer = api.send(call.header("content-type", "application/json").body(body.into()).unwrap()).await;
        (answer.status, answer.code().to_owned(), answer.headers.contains_key("idempotent-replayed"))
    };
    assert_eq!(say("2026-02-01T00:00:00Z").await, (202, String::new(), false));
    assert_eq!(say("2026-02-01T00:00:00Z").await, (202, String::new(), true));
    api.drain().await;
    assert_eq!(world.take().len(), 2);
    assert_eq!(say("2026-02-01T00:00:00Z").await, (202, String::new(), true));
    assert_eq!(say("2026-03-01T00:00:00Z").await, (422, "idempotency_key_reused".to_owned(), false));
    api.drain().await;
    assert_eq!(world.take().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_by_name() {
    let api = service(Some(START), Arc::new(World::new())).await;
    endpoint(&api, "erp", URL, &ALL, true).await;
    let good = json!({ "from": START, "to": "2026-02-01T00:00:00Z" });
    for (id, body, status, code) in [
        ("erp", json!({ "from": "yesterday", "to": "2026-02-01T00:00:00Z" }), 400, "invalid_body"),
        ("erp", json!({ "from": START, "to": START }), 400, "invalid_body"),
        ("erp", json!({ "from": START }), 400, "invalid_body"),
        ("erp", json!({ "from": START, "to": "2026-02-01T00:00:00Z", "events": [] }), 400, "invalid_body"),
        ("erp", json!({ "from": START, "to": "2026-02-01T00:00:00Z", "events": ["approvals.request.aproved.v1"] }), 400, "invalid_body"),
        ("nosuch", good, 404, "not_found"),
    ] {
        let answer = api.call("root", &format!("POST /v1/endpoints/{id}/replay"), Some(&body)).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.body);
    }
    assert_eq!(api.call("root", "GET /v1/endpoints/nosuch/deliveries", None).await.status, 404);
    assert_eq!(api.call("root", "GET /v1/endpoints/erp/deliveries?cursor=x", None).await.code(), "invalid_cursor");
    assert_eq!(log(&api, "erp").await.len(), 0);
}

/// An endpoint that was switched off gets all it missed; what happened while there was none is in no log.
#[tokio::test]
async fn what_was_missed_while_switched_off_is_there_to_be_replayed() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    api.submit("rita", "t", "PO-1", json!({})).await;
    api.drain().await;
    endpoint(&api, "erp", URL, &ALL, false).await;
    for _ in 0..2 {
        api.submit("rita", "t", "PO-1", json!({})).await;
    }
    api.drain().await;
    assert_eq!(world.take().len(), 0);
    endpoint(&api, "erp", URL, &ALL, true).await;
    replay(&api, START, "2026-02-01T00:00:00Z", None).await;
    assert_eq!(world.take().len(), 4);
}

/// A long replay is done in parts, one for each tick, and the whole of it reaches the queue.
#[tokio::test]
async fn a_long_replay_leaves_each_tick_room_for_the_rest() {
    let works = Works::new().await;
    works.endpoint("erp", URL, &["request.submitted"]).await;
    let (stores, now, notice) = (&works.stage.aside.stores, works.app.clock.now(), works.submitted().await);
    let all = limits::REPLAYED_PER_TICK + 150;
    let hold = async |n: usize| {
        let commit = Hash::of(&[&n.to_be_bytes()]);
        let other = Notice { id: Notice::id_of(&commit, &notice.audience), commit, ..notice.clone() };
        let way = Way { event: Some("approvals.request.submitted.v1"), ..(WEBHOOK, "erp/0").into() };
        stores.deliveries.hold(&other, way, "switched_off", now).await.unwrap();
    };
    join_all((0..all).map(hold)).await;
    while works.tick().await.unwrap().did_something() {}
    let replay = Replay { endpoint: works::endpoint_id("erp"), from: now, to: now.plus_hours(1.0), events: None };
    let job = Job::new(&works::tenant(), "replay|1".to_owned(), About::Replay(replay), now);
    assert_eq!(stores.jobs.file_replay(&job).await.unwrap(), None);
    for (jobs, waiting) in [(0, limits::REPLAYED_PER_TICK), (1, all)] {
        assert_eq!((works.tick().await.unwrap().jobs, works.waiting()), (jobs, waiting));
    }
    assert_eq!(works.tick().await.unwrap().due, 0, "the rest is for the queue");
}
