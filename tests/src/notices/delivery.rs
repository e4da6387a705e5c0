//! A mail provider that fails in every way it can: nothing is lost, and at most what was in doubt comes again, the same to its last byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use approvals::notice::{Audience, Notice};
use approvals::store::deliveries::Stage;
use approvals::store::keys;
use approvals_domain::event::Decision;
use notifications::handle;
use serde_json::json;

use super::rig::{Rig, TIME, messages};
use crate::stage::seam::Fault;

const ASKED: &str = "bob: Your approval is needed";

/// A request that waits for bob, its notices on the queue.
async fn asked_bob() -> Rig {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }], "sla": { "hours": 10_000 } }])).await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    let records = rig.stream().await;
    assert_eq!(rig.relay(records).await, [] as [String; 0]);
    rig
}

/// What SES does to the first calls; then it is sound.
fn first(rig: &Rig, faults: Vec<Fault>) -> Arc<AtomicUsize> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    rig.ses.script(move |_| faults.get(counted.fetch_add(1, Ordering::SeqCst)).copied().unwrap_or(Fault::None));
    calls
}

/// One row a fault: how often SES is called at once, how many mails leave in the end, of which so many twice.
#[tokio::test]
async fn whatever_ses_does_the_mail_leaves_once_or_was_in_doubt() {
    let throttled = Fault::Answer(429, "TooManyRequestsException");
    for (faults, at_once, comes_again, extra) in [
        (vec![Fault::None], 1, false, 0),
        (vec![throttled], 2, false, 0),
        (vec![throttled, throttled], 3, false, 0),
        (vec![throttled, throttled, throttled], 3, true, 0),
        (vec![Fault::Answer(500, "InternalFailure")], 1, true, 0),
        (vec![Fault::Answer(503, "ServiceUnavailable")], 1, true, 0),
        (vec![Fault::Answer(400, "AccountSuspendedException")], 1, true, 0),
        (vec![Fault::Answer(400, "SendingPausedException")], 1, true, 0),
        (vec![Fault::Answer(400, "MailFromDomainNotVerifiedException")], 1, true, 0),
        (vec![Fault::Answer(403, "AccessDeniedException")], 1, true, 0),
        (vec![Fault::DropBefore], 1, true, 0),
        (vec![Fault::Hang], 1, true, 0),
        // F19: taken, and the answer lost.
        (vec![Fault::DropAfter], 1, true, 1),
    ] {
        let rig = asked_bob().await;
        let calls = first(&rig, faults.clone());
        let failed = rig.deliver().await;
        assert_eq!((calls.load(Ordering::SeqCst), !failed.is_empty()), (at_once, comes_again), "{faults:?}");
        rig.stage.advance_seconds(360);
        assert_eq!(rig.deliver().await, [] as [String; 0], "{faults:?}");
        assert_eq!((rig.told().len() - extra, rig.extra()), (1, extra), "{faults:?}");
        assert_eq!(rig.told().first().map(String::as_str), Some(ASKED));
        assert_eq!(rig.parked().await, [] as [String; 0]);
        // Written down: that it is through, and what SES called it.
        let delivery = rig.app.stores.deliveries.get(&asked_notice(&rig).await, "mail", "bob").await.unwrap().unwrap();
        assert_eq!(
            (delivery.stage, delivery.provider_id.as_deref().map(|id| id.starts_with("mail-"))),
            (Stage::Sent, Some(true)),
            "{faults:?}"
        );
        rig.stage.advance_seconds(30 * 24 * 3_600);
        rig.settle().await;
        assert_eq!(rig.told().len(), 1 + extra, "{faults:?}: the index brings nothing more");
    }
}

/// What SES refuses for good is parked at once, by name, and its neighbours get theirs.
#[tokio::test]
async fn a_refused_address_is_parked_and_harms_no_neighbour() {
    for code in ["MessageRejected", "BadRequestException"] {
        let rig = Rig::new("rita bob carl", json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "carl" }] }])).await;
        rig.stage.submit("rita", "1", None).await.unwrap();
        let records = rig.stream().await;
        rig.relay(records).await;
        first(&rig, vec![Fault::Answer(400, code)]);
        assert_eq!(rig.deliver().await, [] as [String; 0]);
        assert_eq!(rig.told().len(), 1, "the other one is told");
        let parked = rig.parked().await;
        let notice = Notice::read(&parked[0]).unwrap();
        let to = notice.retry.as_ref().unwrap().to.clone();
        assert!(parked.len() == 1 && !rig.told()[0].starts_with(&to), "{parked:?}");
        assert!(!parked[0].contains("example.com"), "no address is parked");
        // The stream again does not try what was given up; a human does, by name, and only once it is through.
        rig.settle().await;
        assert_eq!((rig.told().len(), rig.parked().await.len()), (1, 0));
        rig.waiting.lock().unwrap().extend([("1".to_owned(), parked[0].clone()), ("2".to_owned(), parked[0].clone())]);
        // One of the two has it; the other finds it done the next time.
        assert!(rig.deliver().await.len() <= 1);
        assert_eq!(rig.deliver().await, [] as [String; 0]);
        assert_eq!((rig.told().len(), rig.extra()), (2, 0));
    }
}

/// A provider that is down for longer than anybody waits: the queue is free after a quarter of an hour, tries go on for three days, ever
/// farther apart, and in the end a human is told, once.
#[tokio::test]
async fn what_keeps_failing_leaves_the_queue_and_is_parked_after_three_days() {
    let rig = asked_bob().await;
    rig.ses.script(|_| Fault::Answer(500, "InternalFailure"));
    for minutes in [0, 6, 12] {
        assert_eq!(rig.deliver().await.len(), 1, "after {minutes} minutes the queue still has it");
        rig.stage.advance_seconds(360);
    }
    assert_eq!(rig.deliver().await, [] as [String; 0], "after a quarter of an hour the queue is free");
    let (mut tries, mut hours) = (0, 0.0_f64);
    let mut parked = Vec::new();
    while parked.is_empty() {
        rig.stage.advance_seconds(900);
        hours += 0.25;
        assert!(hours < 80.0, "it is tried for ever");
        tries += rig.tick().await.redelivered;
        assert_eq!(rig.deliver().await, [] as [String; 0]);
        parked = rig.parked().await;
    }
    assert!((71.0..73.0).contains(&hours), "{hours} hours");
    assert!((10..40).contains(&tries), "{tries} tries");
    assert_eq!((parked.len(), rig.told().len()), (1, 0));
    rig.stage.advance_seconds(10 * 24 * 3_600);
    rig.settle().await;
    assert_eq!(rig.told().len(), 0, "nobody tries it by themselves any more");
    // Redriven ten days later: the link in it is the one that would have left at first.
    rig.waiting.lock().unwrap().push(("redriven".to_owned(), parked[0].clone()));
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!(rig.told(), [ASKED]);
}

/// Decided while it could not be delivered: it is dropped, and comes due no more.
#[tokio::test]
async fn what_is_decided_meanwhile_is_dropped_for_good() {
    let rig = asked_bob().await;
    let id = relay_request(&rig).await;
    rig.ses.script(|_| Fault::DropBefore);
    rig.deliver().await;
    let shown = rig.stage.load(&id).await;
    rig.stage.vote_aside("bob", &shown, "s", Decision::Approve, "vote").await.unwrap();
    rig.heal();
    rig.stage.advance_seconds(20 * 60);
    rig.settle().await;
    assert_eq!(rig.told(), ["rita: Approved"]);
    for _ in 0..4 {
        rig.stage.advance_seconds(24 * 3_600);
        assert_eq!(rig.tick().await.redelivered, 0, "nothing of it is due");
    }
}

/// The notice that asks bob.
async fn asked_notice(rig: &Rig) -> Notice {
    let id = relay_request(rig).await;
    let record = rig.stage.load(&id).await;
    record.commits.iter().flat_map(approvals::outbox::notices::notices).find(|notice| notice.audience == Audience::People).unwrap()
}

async fn relay_request(rig: &Rig) -> approvals_domain::ids::RequestId {
    let of = |record: &aws_lambda_events::event::dynamodb::EventRecord| {
        let keys: std::collections::HashMap<String, serde_json::Value> = serde_json::from_value(json!(record.change.keys)).unwrap();
        keys::parse_request_pk(keys["PK"]["S"].as_str().unwrap()).unwrap().1
    };
    of(rig.stream().await.first().unwrap())
}

/// Messages fail one by one: those that failed, and no others, come again.
#[tokio::test]
async fn of_a_batch_only_what_failed_comes_again() {
    let rig = Rig::new("rita bob carl dan", json!([{ "id": "s", "approvers": [{ "expression": "metadata.who" }] }])).await;
    for who in ["bob", "carl", "dan"] {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": who }, "title": who, "metadata": { "who": who } });
        rig.stage.submit_body("rita", &body, None).await.unwrap();
    }
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.arrive().await;
    let foreign = ["", "{}", "\u{0}", "{\"schema\":1}", &"x".repeat(200_000)];
    let mut all: Vec<(String, String)> = foreign.iter().map(|body| (format!("foreign {}", body.len()), (*body).to_owned())).collect();
    all.extend(rig.waiting.lock().unwrap().drain(..));
    // The second one that is mailed fails.
    first(&rig, vec![Fault::None, Fault::Answer(500, "InternalFailure")]);
    let handled = handle(&rig.desk, messages(&all), TIME).await;
    let failed: Vec<String> = handled.response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed.len(), foreign.len() + 1, "{failed:?}");
    assert_eq!(handled.foreign.len(), foreign.len());
    assert_eq!(handled.standing.len(), 1);
    assert_eq!(rig.told().len(), 2);
    // And again: now the one.
    all.retain(|(id, _)| handled.standing.contains(id));
    assert!(handle(&rig.desk, messages(&all), TIME).await.response.batch_item_failures.is_empty());
    assert_eq!((rig.told().len(), rig.extra()), (3, 0));
}

/// F15: near its end the function begins nothing more, and says so of each message it has not brought to its end.
#[tokio::test]
async fn near_its_end_the_function_gives_back_what_it_has_not_done() {
    let people: Vec<String> = (10..40).map(|n| format!("p{n}")).collect();
    let rig = Rig::new(&format!("rita {}", people.join(" ")), json!([{ "id": "s", "approvers": [{ "role": "all" }] }])).await;
    rig.stage.role("all", &people.join(" ")).await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.arrive().await;
    let all = rig.waiting.lock().unwrap().clone();
    let handled = handle(&rig.desk, messages(&all), std::time::Duration::ZERO).await;
    assert_eq!((handled.response.batch_item_failures.len(), rig.told().len()), (all.len(), 0), "no time at all");
    // Each mail takes longer than the time there is: those begun come to their end, and no more are begun.
    rig.ses.latency(std::time::Duration::from_millis(150));
    let handled = handle(&rig.desk, messages(&all), std::time::Duration::from_millis(100)).await;
    assert!(!handled.response.batch_item_failures.is_empty());
    let some = rig.told().len();
    assert!(some <= 8, "{some} were begun");
    rig.ses.latency(std::time::Duration::ZERO);
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!((rig.told().len(), rig.extra()), (people.len(), 0));
}
