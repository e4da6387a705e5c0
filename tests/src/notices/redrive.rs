//! What is parked goes back on the queue; what is through is not sent again, and what is no notice stays and is named.

use approvals::notice::Notice;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use cli::admin::redrive::{Moved, redrive};
use cli::engine::queues::{NOTICES, PARKED};
use serde_json::json;

use super::House;
use super::rig::Rig;
use crate::stage::seam::Fault;

/// As many requests as that wait for bob, whose address SES refuses: their notices are parked.
async fn parked(requests: usize) -> Rig {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    for n in 0..requests {
        rig.stage.submit("rita", &n.to_string(), None).await.unwrap();
    }
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.ses.script(|_| Fault::Answer(400, "MessageRejected"));
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    rig.heal();
    assert_eq!((rig.told().len(), rig.queues.len(PARKED)), (0, requests));
    rig
}

async fn put(rig: &Rig, url: &str, body: &str) {
    let entry = SendMessageBatchRequestEntry::builder().id("0").message_body(body).build().unwrap();
    rig.client().send_message_batch().queue_url(url).entries(entry).send().await.unwrap();
}

#[tokio::test]
async fn what_is_parked_is_tried_again_and_what_is_no_notice_stays() {
    let rig = parked(25).await;
    put(&rig, PARKED, "poison").await;
    put(&rig, PARKED, "{\"schema\":1}").await;
    let moved = redrive(&rig.client(), PARKED, NOTICES, |_| {}).await.unwrap();
    assert_eq!((moved.moved, moved.left.len()), (25, 2), "{moved:?}");
    assert!(moved.left.iter().all(|id| id.starts_with("message-")), "named by id, not by content: {moved:?}");
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!((rig.told().len(), rig.extra()), (25, 0));
    // What stays is to be seen at once, and moving again moves nothing.
    let again = redrive(&rig.client(), PARKED, NOTICES, |_| {}).await.unwrap();
    assert_eq!(again, Moved { moved: 0, left: moved.left });
    assert_eq!(rig.queues.len(PARKED), 2);
}

/// It dies between sending and deleting: what was sent is sent again, and told once.
#[tokio::test]
async fn a_redrive_that_dies_loses_nothing_and_tells_nothing_twice() {
    for (operation, fault) in [
        ("SendMessageBatch", Fault::DropBefore),
        ("SendMessageBatch", Fault::DropAfter),
        ("DeleteMessageBatch", Fault::DropBefore),
        ("DeleteMessageBatch", Fault::DropAfter),
    ] {
        let rig = parked(12).await;
        rig.sqs.script(move |called| if called == operation { fault } else { Fault::None });
        redrive(&rig.client(), PARKED, NOTICES, |_| {}).await.unwrap_err();
        rig.heal();
        assert!(rig.queues.len(PARKED) + rig.queues.len(NOTICES) >= 12, "{operation}, {fault:?}");
        // Hidden for two minutes: whoever looks then finds them.
        rig.show_parked().await;
        redrive(&rig.client(), PARKED, NOTICES, |_| {}).await.unwrap();
        assert_eq!(rig.deliver().await, [] as [String; 0]);
        assert_eq!((rig.told().len(), rig.extra(), rig.queues.len(PARKED)), (12, 0, 0), "{operation}, {fault:?}");
    }
}

/// What was delivered meanwhile, or decided, is not sent.
#[tokio::test]
async fn a_redriven_notice_that_was_delivered_or_decided_is_not_sent() {
    let rig = parked(2).await;
    let bodies = rig.parked().await;
    rig.waiting.lock().unwrap().push(("by hand".to_owned(), bodies[0].clone()));
    rig.deliver().await;
    assert_eq!(rig.told().len(), 1);
    let decided = rig.stage.load(&Notice::read(&bodies[1]).unwrap().request.unwrap()).await;
    rig.stage.vote_aside("bob", &decided, "s", approvals_domain::event::Decision::Approve, "vote").await.unwrap();
    for body in bodies {
        put(&rig, PARKED, &body).await;
    }
    assert_eq!(redrive(&rig.client(), PARKED, NOTICES, |_| {}).await.unwrap().moved, 2);
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!((rig.told().len(), rig.parked().await.len()), (1, 0));
}

/// The development server's endpoints answer what the command line prints.
#[tokio::test]
async fn a_development_server_reconciles_and_redrives() {
    let house = House::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    let answer = house.api.done("root", "POST /_dev/reconcile", Some(&json!({}))).await;
    assert_eq!((&answer["requests"], &answer["hints_put"], &answer["next"]), (&json!(1), &json!(0), &json!(null)), "{answer}");
    assert_eq!(house.heard().await, "");
    let wrong = house.api.call("root", "POST /_dev/reconcile", Some(&json!({ "since": "now" }))).await;
    assert_eq!((wrong.status, wrong.code()), (400, "invalid_body"));
    assert_eq!(house.api.done("root", "POST /_dev/redrive", Some(&json!({}))).await, json!({ "moved": 0, "left": [] }));
}
