//! What the service did not write stops nothing: no list, no stream, no archive. It is left out, counted, and told.

use std::time::Duration;

use approvals::notice::{Audience, Notice};
use aws_lambda_events::event::dynamodb::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::requests::append;
use super::{Insider, report};

/// A tag of a version that nobody has.
fn of_nobody() -> Value {
    let bytes = [&[0, 0, 0, 9][..], &[b'x'; 16]].concat();
    json!({ "B": STANDARD.encode(bytes) })
}

#[tokio::test]
async fn h1_a_tag_of_a_version_that_nobody_has_stops_neither_the_archive_nor_a_list() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let held = insider.get("DIR#default#U#fred", "R#finance").await;
    api.done("root", "DELETE /v1/roles/finance/members/fred", None).await;
    api.drain().await;
    for (pk, sk) in [("DIR#default#U#nobody", "A"), ("TPL#default", "nothing"), ("ENT#default#order#9", "t"), ("REQ#default#r9", "A")] {
        insider.put(&json!({ "PK": { "S": pk }, "SK": { "S": sk }, "tg": of_nobody() })).await;
        insider.delete(pk, sk).await;
    }
    insider.is_told_of("DIR/U#nobody/A", "the service did not write it so").await;
    // What comes after it is seen.
    insider.put(&held).await;
    insider.is_told_of("DIR/U#fred/R#finance", "version 2 was followed by version 1").await;
    api.done("root", "PUT /v1/roles/finance/members/eve", None).await;
    let (_, good) = insider.submitted().await;
    let (_, bad) = insider.submitted().await;
    insider.swap((&format!("REQ#default#{bad}"), "A"), "tg", of_nobody()).await;
    for _ in 0..2 {
        assert_eq!(api.inbox("ann").await, [format!("{good} manager -")]);
        let list = api.done("rita", "GET /v1/requests", None).await;
        let ids: Vec<&str> = list["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
        assert_eq!(ids, [good.as_str()]);
        assert_eq!(insider.told("rita", &format!("GET /v1/requests/{bad}"), None).await, (500, "damaged".to_owned()));
    }
    insider.is_told_of(&bad, "the service did not write it so").await;
}

/// Words of a newer build, written by somebody else: relay, which has no secret, gives them up after a few tries, and what comes after them is
/// filed and told.
#[tokio::test]
async fn h1_a_forged_commit_in_a_newer_build_s_words_stops_neither_hints_nor_mails() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    insider.api.drain().await;
    let pk = format!("REQ#default#{id}");
    let mut forged = insider.get(&pk, "A").await;
    let first = STANDARD.decode(forged["c"]["L"][0]["B"].as_str().unwrap()).unwrap();
    let mut commit: Value = serde_json::from_slice(&first).unwrap();
    commit["e"] = json!([{ "k": "granted_by_a_newer_build" }]);
    append(&mut forged, &mut commit);
    insider.put(&forged).await;
    let (_, after) = insider.submitted().await;
    let quiet = tokio::time::timeout(Duration::from_secs(60), insider.api.done("root", "POST /_dev/drain", Some(&json!({})))).await;
    let quiet = quiet.expect("the stream goes on");
    assert_eq!(quiet["parked"], json!(2), "hints and mails of one record: {quiet}");
    assert_eq!(insider.api.inbox("ann").await, [format!("{after} manager -")]);
    let outbox = insider.api.done("root", "GET /_dev/outbox", None).await;
    assert_eq!(outbox["items"].as_array().unwrap().iter().filter(|mail| mail["to"] == "ann@example.com").count(), 2, "{outbox}");
    insider.is_told_of(&id, "the service did not write it so").await;
}

/// A delivery's row under a key that is not its notice's: whatever is done about it is written elsewhere, so it was due for ever.
#[tokio::test]
async fn l3_a_delivery_that_somebody_else_wrote_does_not_stay_due() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    insider.api.drain().await;
    let commit = approvals_domain::hash::Hash::of(&[b"a commit"]);
    let notice = Notice {
        schema: approvals::notice::SCHEMA,
        id: Notice::id_of(&commit, &Audience::People),
        tenant: "another".parse().unwrap(),
        request: Some(id.parse().unwrap()),
        object: None,
        version: 1,
        commit,
        at: approvals_domain::time::Timestamp::from_millis(1_767_603_600_000),
        audience: Audience::People,
        retry: None,
    };
    let (pk, due) = (format!("DLV#default#{}", notice.id), "1767603600000");
    insider
        .put(&json!({
            "PK": { "S": pk }, "SK": { "S": "mail#ann" }, "s": { "S": "\"failed\"" }, "n": { "N": "1" }, "w": { "S": "w" },
            "fa": { "N": "1767603600000" }, "un": { "N": "1767603600000" }, "no": { "S": notice.body() },
            "ds": { "S": "N#0" }, "du": { "S": due },
        }))
        .await;
    insider.api.clock("2026-01-05T10:00:00.000Z").await;
    let drained = tokio::time::timeout(Duration::from_secs(60), insider.api.drain()).await;
    drained.expect("it is not due for ever");
    assert!(insider.get(&pk, "mail#ann").await.get("ds").is_none(), "it stands in no index");
    assert_eq!(insider.told("rita", &format!("GET /v1/requests/{id}"), None).await.0, 200, "nothing else is harmed");
}

/// M10: a row that names a request a second time shows it once, and fails no list.
#[tokio::test]
async fn m10_a_row_that_stands_twice_fails_no_list() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    insider.api.drain().await;
    let pk = format!("REQ#default#{id}");
    let item = insider.get(&pk, "A").await;
    insider.put(&json!({ "PK": { "S": pk }, "SK": { "S": "Q" }, "rq": item["rq"], "tp": item["tp"], "cr": item["cr"] })).await;
    let row = insider.everything().await.into_iter().find(|row| row["PK"]["S"] == "LST#default#N#1").unwrap();
    let mut again = row.clone();
    again["SK"] = json!({ "S": format!("0{}", &row["SK"]["S"].as_str().unwrap()[1..]) });
    insider.put(&again).await;
    for list in ["", "?template=t", "?entity_type=order&entity_id=1"] {
        let who = if list.contains("template") { "root" } else { "rita" };
        let answer = insider.api.call(who, &format!("GET /v1/requests{list}"), None).await;
        assert_eq!(answer.status, 200, "{list}: {}", answer.body);
    }
}

/// A newer build's words are waited for; a forger's are not.
#[tokio::test]
async fn h1_words_that_nobody_knows_are_waited_for_only_if_the_service_wrote_them() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    insider.api.drain().await;
    let old = insider.get(&format!("REQ#default#{id}"), "A").await;
    let first = STANDARD.decode(old["c"]["L"][0]["B"].as_str().unwrap()).unwrap();
    let mut commit: Value = serde_json::from_slice(&first).unwrap();
    commit["e"] = json!([{ "k": "granted_by_a_newer_build" }]);
    let mut new = old.clone();
    append(&mut new, &mut commit);
    let record = json!({
        "eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_767_603_600, "SequenceNumber": "1", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
            "Keys": { "PK": old["PK"], "SK": old["SK"] }, "OldImage": old, "NewImage": new,
        },
    });
    let event: Event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
    let answer = ::archive::handle(insider.api.local.archiver(), event).await;
    assert!(answer.batch_item_failures.is_empty(), "it would come again for ever: {answer:?}");
    let report = report(insider.folder.path());
    let told: Vec<&str> = report.faults.iter().map(|fault| fault.what.as_str()).collect();
    assert!(told.iter().any(|what| what.contains("the service did not write it so")), "{told:?}");
    assert_eq!(report.commits, 1, "a forged commit is no leaf");
}
