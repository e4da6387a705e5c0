//! The stream: in order, at least once, resumed where it stopped.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};

use super::{TABLE, put, start};
use crate::engine::stream::{Consumer, Pump};
use crate::engine::{Clients, Engine};

fn failure(sequence_number: Option<String>) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = sequence_number;
    failure
}

const ALL: &str = "test";

type Seen = Arc<Mutex<Vec<(String, i64)>>>;

fn what(event: &Event) -> Vec<(String, i64)> {
    event
        .records
        .iter()
        .map(|record| {
            let image: HashMap<String, serde_dynamo::AttributeValue> = record.change.new_image.clone().into_inner();
            let serde_dynamo::AttributeValue::S(pk) = &image["PK"] else { panic!() };
            let serde_dynamo::AttributeValue::N(v) = &image["v"] else { panic!() };
            (pk.clone(), v.parse().unwrap())
        })
        .collect()
}

async fn pump_into(engine: &Engine, clients: &Clients, seen: &Seen) -> Pump {
    let seen = Arc::clone(seen);
    let handler = move |event: Event| {
        seen.lock().unwrap().extend(what(&event));
        async { Ok::<_, Infallible>(DynamoDbEventResponse::default()) }
    };
    engine.pump(clients.streams.clone(), TABLE, ALL, handler).await.unwrap()
}

#[tokio::test]
async fn records_come_as_lambda_delivers_them() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    engine.set_now(1_767_603_600_000);
    put(&clients.dynamodb, "REQ#1", 1).await;
    put(&clients.dynamodb, "REQ#1", 2).await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&events);
    let handler = move |event: Event| {
        kept.lock().unwrap().push(serde_json::to_value(event).unwrap());
        async { Ok::<_, Infallible>(DynamoDbEventResponse::default()) }
    };
    let pump = engine.pump(clients.streams.clone(), TABLE, ALL, handler).await.unwrap();
    pump.drain().await.unwrap();
    let records: Vec<_> = events.lock().unwrap().iter().flat_map(|e| e["Records"].as_array().unwrap().clone()).collect();
    let [insert, modify] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(insert["eventName"], "INSERT");
    assert_eq!(insert["eventSource"], "aws:dynamodb");
    assert!(insert["eventSourceARN"].as_str().unwrap().contains(":table/approvals/stream/"));
    assert_eq!(insert["dynamodb"]["ApproximateCreationDateTime"], 1_767_603_600.0);
    assert_eq!(insert["dynamodb"]["Keys"], serde_json::json!({"PK": {"S": "REQ#1"}, "SK": {"S": "A"}}));
    assert_eq!(insert["dynamodb"]["OldImage"], serde_json::json!({}));
    assert_eq!(modify["eventName"], "MODIFY");
    assert_eq!(modify["dynamodb"]["OldImage"]["v"], serde_json::json!({"N": "1"}));
    assert_eq!(modify["dynamodb"]["NewImage"]["v"], serde_json::json!({"N": "2"}));
    assert_eq!(modify["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert_ne!(insert["eventID"], modify["eventID"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drain_waits_for_all_that_was_written_and_a_restart_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Seen::default();
    for session in 0..3 {
        let (engine, clients) = start(folder.path()).await;
        let pump = pump_into(&engine, &clients, &seen).await;
        for v in 0..150 {
            put(&clients.dynamodb, "REQ#1", session * 150 + v).await;
        }
        pump.drain().await.unwrap();
        assert!(pump.is_quiet());
        let expected: Vec<_> = (0..(session + 1) * 150).map(|v| ("REQ#1".to_owned(), v)).collect();
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn after_a_partial_failure_it_goes_on_from_the_lowest_failed_record() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    for v in 0..5 {
        put(&clients.dynamodb, "REQ#1", v).await;
    }
    let calls = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&calls);
    let handler = move |event: Event| {
        let mut calls = kept.lock().unwrap();
        calls.push(what(&event).into_iter().map(|(_, v)| v).collect::<Vec<_>>());
        let mut answer = DynamoDbEventResponse::default();
        match calls.len() {
            // Reported out of order: the lowest counts.
            1 => answer.batch_item_failures.extend([4, 2].map(|i| failure(event.records[i].change.sequence_number.clone()))),
            2 => answer.batch_item_failures.push(failure(Some("no such record".to_owned()))),
            _ => {}
        }
        let fails = calls.len() == 3;
        async move { if fails { Err("the handler broke") } else { Ok(answer) } }
    };
    let pump = engine.pump(clients.streams.clone(), TABLE, ALL, handler).await.unwrap();
    pump.drain().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), [vec![0, 1, 2, 3, 4], vec![2, 3, 4], vec![2, 3, 4], vec![2, 3, 4]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_record_is_handled_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    let seen = Seen::default();
    let pump = pump_into(&engine, &clients, &seen).await;
    pump.drain().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut slowest = Duration::ZERO;
    for v in 0..20 {
        put(&clients.dynamodb, "REQ#1", v).await;
        let from = std::time::Instant::now();
        pump.drain().await.unwrap();
        slowest = slowest.max(from.elapsed());
    }
    // The bound leaves room for a busy machine.
    assert!(slowest < Duration::from_millis(200), "{slowest:?}");
}

#[tokio::test]
async fn records_are_trimmed_when_a_day_old_and_handled_by_all() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    engine.set_now(1_767_603_600_000);
    for v in 0..5 {
        put(&clients.dynamodb, "REQ#1", v).await;
    }
    assert_eq!(engine.trim(TABLE).await.unwrap(), 0, "nobody has read them");
    let seen = Seen::default();
    let pump = pump_into(&engine, &clients, &seen).await;
    pump.drain().await.unwrap();
    assert_eq!(engine.trim(TABLE).await.unwrap(), 0, "they are fresh");
    engine.set_now(1_767_603_600_000 + 25 * 3_600_000);
    assert_eq!(engine.trim(TABLE).await.unwrap(), 4, "the newest stays, for the numbers that follow");
    put(&clients.dynamodb, "REQ#1", 5).await;
    pump.drain().await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 6);
}

#[tokio::test]
async fn only_the_wanted_records_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    for v in 0..120 {
        put(&clients.dynamodb, if v % 40 == 0 { "REQ#1" } else { "INB#1" }, v).await;
    }
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let handler = move |event: Event| {
        kept.lock().unwrap().extend(what(&event));
        async { Ok::<_, Infallible>(DynamoDbEventResponse::default()) }
    };
    let requests = Consumer { name: "requests", pk_prefixes: &["REQ#", "DIR#"], window: Duration::ZERO, tries: None };
    let pump = engine.pump(clients.streams.clone(), TABLE, requests, handler).await.unwrap();
    pump.drain().await.unwrap();
    let versions: Vec<_> = seen.lock().unwrap().iter().map(|(_, v)| *v).collect();
    assert_eq!(versions, [0, 40, 80]);
}
