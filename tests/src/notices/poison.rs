//! What this build cannot read: it comes again until the stream or the queue parks it. What nobody of ours wrote is left out. Neighbours go on.

use approvals::notice::{Audience, Notice};
use approvals_domain::hash::{COMMIT, Hash};
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use cli::engine::queueing;
use cli::engine::queues::{NOTICES, PARKED, Queues};
use serde_json::{Value, json};

use super::quiet::Lines;
use super::rig::Rig;

/// Three requests; of the second one's record what `spoil` makes of its new image.
async fn spoiled(spoil: impl Fn(&mut Value)) -> (Rig, Vec<EventRecord>, String) {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    for entity in ["1", "2", "3"] {
        rig.stage.submit("rita", entity, None).await.unwrap();
    }
    let mut records = rig.stream().await;
    assert_eq!(records.len(), 3);
    let mut image = json!(records[1].change.new_image);
    spoil(&mut image);
    records[1].change.new_image = serde_json::from_value(image).unwrap();
    let number = records[1].change.sequence_number.clone().unwrap();
    (rig, records, number)
}

/// What is done to a record's new image.
type Spoil = fn(&mut Value);

/// A commit as a newer build would write it, its hash right: one of its events of a kind we do not know.
fn of_a_newer_build(image: &mut Value) {
    use base64::Engine;
    let engine = base64::engine::general_purpose::STANDARD;
    let bytes = engine.decode(image["c"]["L"][0]["B"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\"opened\""), "{text}");
    let text = text.replace("\"opened\"", "\"opened_in_a_way_of_2031\"");
    image["c"]["L"][0]["B"] = json!(engine.encode(&text));
    image["h"]["B"] = json!(engine.encode(Hash::of(&[COMMIT, &Hash::ZERO.0, text.as_bytes()]).0));
}

/// F20, F10: one row a way to be unreadable.
#[tokio::test]
async fn a_record_of_a_newer_build_fails_alone_and_each_time_and_a_damaged_one_is_left_out() {
    let ways: [(&str, bool, Spoil); 5] = [
        ("an event of a newer build", true, of_a_newer_build),
        ("bytes that are no commit", false, |image| image["c"]["L"][0]["B"] = json!("AAAA")),
        ("another hash", false, |image| image["h"]["B"] = json!("AAAA")),
        ("no commits at all", false, |image| drop(image.as_object_mut().unwrap().remove("c"))),
        ("a version that is no number", false, |image| image["v"] = json!({ "S": "one" })),
    ];
    for (what, comes_again, spoil) in ways {
        let (rig, records, number) = spoiled(spoil).await;
        for attempt in 0..10 {
            let failed = rig.relay(records.clone()).await;
            assert_eq!(failed.is_empty(), !comes_again, "{what}, attempt {attempt}: {failed:?}");
            assert!(failed.iter().all(|failed| *failed == number), "{what}, attempt {attempt}: {failed:?}");
        }
        rig.arrive().await;
        let mut told: Vec<String> =
            rig.waiting.lock().unwrap().iter().map(|(_, body)| Notice::read(body).unwrap().about().to_owned()).collect();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 2, "{what}: its neighbours are told, on both sides of it");
        rig.deliver().await;
        assert_eq!((rig.told().len(), rig.extra()), (2, 0), "{what}: however often they came");
        // Parked in the end by Lambda, and made good by a build that can read it.
        rig.settle().await;
        assert_eq!((rig.told().len(), rig.extra()), (3, 0), "{what}");
    }
}

/// Where docs/runbook.md sends whoever finds a record parked: each try says in the log which item it was, and why.
#[tokio::test]
async fn m10_a_record_that_will_be_parked_is_named_in_the_log_with_its_cause() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).with_max_level(tracing::Level::INFO).finish();
    let (rig, records, number) = spoiled(of_a_newer_build).await;
    let _here = tracing::subscriber::set_default(subscriber);
    rig.relay(records.clone()).await;
    let keys = json!(records[1].change.keys);
    let key = keys["PK"]["S"].as_str().unwrap();
    let logs = lines.text();
    let all: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed =
        |line: &&Value| ["WARN", "ERROR"].contains(&line["level"].as_str().unwrap()) && line["fields"]["sequence"] == json!(number);
    let line = all.iter().find(failed).unwrap_or_else(|| panic!("no line names record {number}: {logs}"));
    let error = line["fields"]["error"].as_str().unwrap();
    assert!(error.contains(key) && error.contains("opened_in_a_way_of_2031"), "{error}");
}

/// A request whose item is spoiled in the table is left out, and those of others are told.
#[tokio::test]
async fn a_damaged_request_holds_up_nobody() {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    let mut ids = Vec::new();
    for entity in ["1", "2", "3"] {
        ids.push(rig.stage.submit("rita", entity, None).await.unwrap().record.state.id);
    }
    let records = rig.stream().await;
    rig.stage.damage(&ids[1]).await;
    assert_eq!(rig.relay(records).await, [] as [String; 0]);
    // Its notices, one for people and one for systems, are parked for a human; the others are mailed.
    assert_eq!(rig.deliver().await.len(), 0);
    assert_eq!(rig.queues.len(PARKED), 2);
    assert_eq!(rig.told().len(), 2);
}

/// A queue that does not take all: the lowest record whose notice is missing comes again, and so does everything when it takes none.
#[tokio::test]
async fn relay_is_done_with_a_record_only_when_the_queue_has_its_notices() {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    for entity in 0..12 {
        rig.stage.submit("rita", &entity.to_string(), None).await.unwrap();
    }
    let records = rig.stream().await;
    let number = |at: usize| records[at].change.sequence_number.clone().unwrap();
    rig.sqs.script(|_| crate::stage::seam::Fault::Answer(500, "InternalFailure"));
    assert!(rig.relay(records.clone()).await.contains(&number(0)));
    // The second call of three fails for good: twelve requests have 24 notices.
    let mut calls = 0;
    rig.sqs.script(move |_| {
        calls += 1;
        if calls == 1 { crate::stage::seam::Fault::None } else { crate::stage::seam::Fault::DropBefore }
    });
    assert_eq!(rig.relay(records.clone()).await, [number(5)]);
    rig.heal();
    assert_eq!(rig.relay(records.clone()).await, [] as [String; 0]);
    rig.deliver().await;
    assert_eq!((rig.told().len(), rig.extra()), (12, 0));
}

/// On the queue: after its tries a foreign message is parked, as the queue's policy says, and its neighbours were long through.
#[tokio::test]
async fn a_foreign_message_is_parked_after_its_tries() {
    let queues = Queues::default();
    let client = queueing(queues.http_client());
    let entry = |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    client.send_message_batch().queue_url(NOTICES).entries(entry("0", "poison")).send().await.unwrap();
    let template = std::fs::read_to_string(crate::tidy::root().join("template.yaml")).unwrap();
    let tries: u32 = template.split("maxReceiveCount: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    for _ in 0..tries {
        let received = client.receive_message().queue_url(NOTICES).visibility_timeout(0).send().await.unwrap();
        assert_eq!(received.messages.unwrap().len(), 1);
    }
    assert!(client.receive_message().queue_url(NOTICES).send().await.unwrap().messages.unwrap_or_default().is_empty());
    assert_eq!((queues.len(NOTICES), queues.len(PARKED)), (0, 1));
    // There it stays, however often somebody looks.
    for _ in 0..=tries {
        let received = client.receive_message().queue_url(PARKED).visibility_timeout(0).send().await.unwrap();
        assert_eq!(received.messages.unwrap().len(), 1);
    }
}

/// Each kind of commit makes the notices that are written down for it, with the same ids whoever makes them.
#[tokio::test]
async fn the_same_commit_makes_the_same_notices() {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    let record = rig.stage.submit("rita", "1", None).await.unwrap().record;
    let made: Vec<Notice> = record.commits.iter().flat_map(approvals::outbox::notices::notices).collect();
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.arrive().await;
    let sent: Vec<Notice> = rig.waiting.lock().unwrap().iter().map(|(_, body)| Notice::read(body).unwrap()).collect();
    assert_eq!(sent, made);
    assert!(made.iter().any(|notice| notice.audience == Audience::Endpoints));
}
