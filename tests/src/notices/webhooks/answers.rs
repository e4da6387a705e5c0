//! F18: a receiver that does everything wrong. Nothing is lost, nothing else waits, and nothing goes on for ever.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::receiver::{Act, OK, Receiver};
use super::{START, URL, World, answered, endpoint, log, mails, minutes, service, standing};
use crate::stage::api::Api;

/// Of a call to a receiver that answers in time: as in production.
const LONG: Duration = Duration::from_secs(10);
/// Of a call to one that does not.
const SHORT: Duration = Duration::from_secs(2);

async fn submitted(api: &Api) -> Value {
    let request = api.submit("rita", "t", "PO-1", json!({})).await;
    api.drain().await;
    request
}

/// Twice it goes wrong, then it does not: the event arrives, under the same id, with the same bytes; bob's mail waits for nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_receiver_does_wrong_the_event_arrives_once_it_does_it_right() {
    use Act::{Answer, Close, Drip, EndlessHead, Hang, Plain, Stranger};
    let all = [
        (Answer("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"), "failing", Some(500), true),
        (Answer("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), "refused", Some(404), true),
        (Answer("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"), "busy", Some(503), true),
        (Answer("HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\n\r\n"), "redirected", Some(302), true),
        (Answer("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1/\r\n\r\n"), "redirected", Some(307), true),
        (Answer("SSH-2.0-OpenSSH_9.9\r\n"), "broken_answer", None, true),
        (EndlessHead, "broken_answer", None, true),
        (Close, "broken_answer", None, true),
        (Stranger, "tls_failed", None, false),
        (Plain, "tls_failed", None, false),
        (Hang, "timed_out", None, true),
        (Drip, "timed_out", None, true),
    ];
    join_all(all.map(|(act, outcome, status, heard)| goes_wrong_twice(act, outcome, status, heard))).await;
}

async fn goes_wrong_twice(act: Act, outcome: &str, status: Option<u16>, heard: bool) {
    let receiver = Receiver::start().await;
    let api = service(Some(START), Arc::new(receiver.wire(if outcome == "timed_out" { SHORT } else { LONG }))).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    receiver.acts(move |nth| if nth < 2 { act } else { OK });
    submitted(&api).await;
    let shown = json!(status);
    assert_eq!(standing(&log(&api, "erp").await[0]), format!("failed {outcome} {shown} after 1"), "{act:?}");
    assert_eq!(mails(&api).await, 1, "{act:?}: bob's mail waits for nobody's receiver");
    minutes(&api, 15).await;
    assert_eq!(standing(&log(&api, "erp").await[0]), format!("failed {outcome} {shown} after 2"), "{act:?}");
    minutes(&api, 15).await;
    assert_eq!(standing(&log(&api, "erp").await[0]), "sent - 200 after 3", "{act:?}");
    minutes(&api, 5 * 24 * 60).await;
    assert_eq!(receiver.connections(), 3, "{act:?}: one connection for each try, none to where a redirect points");
    let calls = receiver.take();
    assert_eq!(calls.len(), if heard { 3 } else { 1 }, "{act:?}: a stranger reads nothing");
    assert!(calls.iter().all(|call| call.id == calls[0].id && call.body == calls[0].body), "{act:?}");
    assert!(receiver.given() < 16 << 20, "{act:?}: {} bytes were taken", receiver.given());
}

/// The head of an answer counts; what goes on behind it changes nothing, and not much of it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_end_is_an_answer() {
    let receiver = Receiver::start().await;
    let api = service(Some(START), Arc::new(receiver.wire(LONG))).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    receiver.acts(|_| Act::EndlessBody);
    submitted(&api).await;
    assert_eq!(standing(&log(&api, "erp").await[0]), "sent - 200 after 1");
    assert!((4_096..16 << 20).contains(&receiver.given()), "{} bytes were taken", receiver.given());
}

/// `Retry-After` is kept, and bounded.
#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    let asked = ["1200", "Mon, 05 Jan 2026 09:40:00 GMT", "86400"];
    let mut nth = 0;
    world.script(move |_| {
        nth += 1;
        let retry_after = asked.get(nth - 1).map(|asked| (*asked).to_owned());
        Ok(notifications::webhook::carrier::Answer { status: if retry_after.is_some() { 429 } else { 200 }, retry_after })
    });
    submitted(&api).await;
    for minutes_waited in [20, 20, 360] {
        assert_eq!(world.take().len(), 1);
        let shown = &log(&api, "erp").await[0];
        let next = api.local.app.clock.now().plus_millis(i64::from(minutes_waited) * 60_000).to_string();
        assert_eq!((shown["http_status"].as_u64(), shown["next_try_at"].as_str()), (Some(429), Some(next.as_str())), "{shown}");
        // Whatever else moves, this one is left alone until then.
        minutes(&api, minutes_waited - 1).await;
        assert_eq!(world.take().len(), 0, "sooner than it was asked for");
        minutes(&api, 1).await;
    }
    assert_eq!(standing(&log(&api, "erp").await[0]), "sent - 200 after 4");
}

/// Three days, then a human: the delivery is parked, and nobody tries it any more by itself.
#[tokio::test]
async fn what_fails_for_three_days_is_parked_and_can_be_replayed() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    world.script(|_| answered(500));
    submitted(&api).await;
    let (mut tries, mut pauses) = (world.take().len(), Vec::new());
    while let Some(next) = log(&api, "erp").await[0]["next_try_at"].as_str().map(str::to_owned) {
        let before = api.local.app.clock.now();
        api.clock(&next).await;
        pauses.push(api.local.app.clock.now().millis() - before.millis());
        assert_eq!(world.take().len(), 1, "one try each time");
        tries += 1;
    }
    assert!((14..32).contains(&tries), "{tries} tries");
    assert_eq!(pauses.iter().sum::<i64>(), 3 * 24 * 3_600_000, "the last one is at the end of the three days");
    let minutes_apart: Vec<i64> = pauses.iter().map(|pause| pause / 60_000).collect();
    assert!(minutes_apart[0] == 15 && minutes_apart.iter().all(|pause| *pause <= 360), "{minutes_apart:?}");
    assert!(minutes_apart.iter().filter(|pause| **pause > 280).count() > 7, "{minutes_apart:?}");
    minutes(&api, 24 * 60).await;
    assert_eq!(world.take().len(), 0, "parked is parked");
    let shown = &log(&api, "erp").await[0];
    assert_eq!((shown["state"].as_str(), shown.get("next_try_at")), (Some("parked"), None));
    world.script(|_| answered(204));
    let body = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" });
    api.done("root", "POST /v1/endpoints/erp/replay", Some(&body)).await;
    api.drain().await;
    assert_eq!(world.take().len(), 1);
    assert!(standing(&log(&api, "erp").await[0]).starts_with("sent - 204"));
}

/// 410: the service switches the endpoint off, says so in its history, and keeps what comes for when it is switched on again.
#[tokio::test]
async fn a_receiver_that_is_gone_is_not_called_again_and_loses_nothing() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &["request.submitted", "step.opened", "request.approved"], true).await;
    world.script(|_| answered(410));
    let request = submitted(&api).await;
    assert_eq!(world.take().len(), 1, "the second event of the commit does not go to somebody who is gone");
    let shown: Vec<String> = log(&api, "erp").await.iter().map(standing).collect();
    assert_eq!(shown, ["parked switched_off null after 0", "parked gone 410 after 1"]);
    let read = api.done("root", "GET /v1/endpoints/erp", None).await;
    assert_eq!((&read["active"], &read["url"], &read["version"]), (&json!(false), &json!(URL), &json!(2)));
    let history = api.done("root", "GET /v1/endpoints/erp/history", None).await;
    let newest = &history["items"][0];
    assert_eq!((newest["actor"].as_str(), &newest["event"]["active"]), (Some("system"), &json!(false)), "{newest}");

    assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 200);
    api.drain().await;
    minutes(&api, 5 * 24 * 60).await;
    assert_eq!(world.take().len(), 0);
    assert_eq!(standing(&log(&api, "erp").await[0]), "parked switched_off null after 0");

    let body = json!({ "from": START, "to": "2026-02-01T00:00:00Z" });
    let refused = api.call("root", "POST /v1/endpoints/erp/replay", Some(&body)).await;
    assert_eq!((refused.status, refused.code()), (409, "endpoint_inactive"));
    world.script(|_| answered(200));
    endpoint(&api, "erp", URL, &["request.submitted", "step.opened", "request.approved"], true).await;
    api.done("root", "POST /v1/endpoints/erp/replay", Some(&body)).await;
    api.drain().await;
    let mut kinds: Vec<String> = world.take().iter().map(super::Heard::kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["request.approved", "request.submitted", "step.opened"]);
    assert!(log(&api, "erp").await.iter().all(|item| item["state"] == "sent"));
}

/// An endpoint that is taken away while something waits for it ends what waits.
#[tokio::test]
async fn what_waits_for_an_endpoint_that_is_removed_ends() {
    let world = World::new();
    let api = service(Some(START), Arc::new(world.clone())).await;
    endpoint(&api, "erp", URL, &["request.submitted"], true).await;
    world.script(|_| answered(500));
    submitted(&api).await;
    assert_eq!(api.call("root", "DELETE /v1/endpoints/erp", None).await.status, 204);
    world.take();
    minutes(&api, 15).await;
    minutes(&api, 15).await;
    assert_eq!(world.take().len(), 0);
    assert_eq!(standing(&log(&api, "erp").await[0]), "parked removed 500 after 1");
}

/// I15: of what one message, and one batch, has for a receiver that hangs, one event is tried; all others go on at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    let (dead, alive) = (Receiver::start().await, World::new());
    dead.acts(|_| Act::Hang);
    let both = Both { dead: dead.wire(SHORT), alive: alive.clone() };
    let api = service(Some(START), Arc::new(both)).await;
    endpoint(&api, "dead", URL, &["request.submitted", "step.opened"], true).await;
    endpoint(&api, "live", "https://live.example.com/", &["request.submitted", "step.opened"], true).await;
    for _ in 0..3 {
        api.submit("rita", "t", "PO-1", json!({})).await;
    }
    api.drain().await;
    assert_eq!(alive.take().len(), 6);
    // Of one batch they are one mail.
    assert!((1..=3).contains(&mails(&api).await));
    assert_eq!(dead.connections(), 3, "one for each message, not one for each event");
    let mut shown: Vec<String> = log(&api, "dead").await.iter().map(standing).collect();
    shown.sort();
    let (first, behind) = ("failed timed_out null after 1", "failed endpoint_failing null after 1");
    assert_eq!(shown, [behind, behind, behind, first, first, first]);
    dead.acts(|_| OK);
    minutes(&api, 15).await;
    let ids: std::collections::BTreeSet<String> = dead.take().into_iter().map(|call| call.id).collect();
    assert_eq!(ids.len(), 6);
}

#[derive(Debug)]
struct Both {
    dead: notifications::webhook::wire::Wire,
    alive: World,
}

impl notifications::webhook::carrier::Carrier for Both {
    fn carry<'a>(&'a self, parcel: &'a notifications::webhook::carrier::Parcel) -> notifications::webhook::carrier::Carried<'a> {
        if parcel.url == URL { self.dead.carry(parcel) } else { self.alive.carry(parcel) }
    }
}
