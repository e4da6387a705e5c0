//! `events/`: one payload per trigger, as Lambda gives it, each fed to its handler on a service that holds the demo. So what docs/sam-local.md
//! shows against `cargo dev --demo` is what is tried here.
//!
//! Those of stream and queue are taken from what the embedded engine's stream really brings: `UPDATE=1 cargo test -p tests events::` takes them
//! anew. Request ids come from caller and `Idempotency-Key`, so `submission_submit.json` makes the same request everywhere.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin::Admin;
use approvals::destinations::Destinations;
use approvals::identity::ClaimNames;
use approvals::notice::Notice;
use approvals::outbox::Outbox;
use approvals::queue::Queue;
use approvals::store::{Ask, Freshness, keys};
use approvals::web::address::Address;
use approvals::web::{Service, finish};
use approvals_domain::directory::authority::FirstAdmin;
use approvals_domain::ids::{PersonId, TenantId};
use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::sqs::SqsEvent;
use axum::Router;
use cli::dev::{ARCHIVE, RELAY, demo};
use cli::engine::queueing;
use cli::engine::queues::{NOTICES, Queues};
use cli::engine::stream::Consumer;
use decisions::Decisions;
use http_body_util::BodyExt;
use queries::Queries;
use serde_json::{Value, json};
use submission::Submission;
use tower::ServiceExt;

use crate::stage::api::Api;

/// When the samples were taken: a Monday.
const TAKEN: &str = "2026-01-05T09:00:00.000Z";

fn text(name: &str) -> String {
    let path = crate::tidy::root().join("events").join(format!("{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn payload(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// The demo, where the samples were taken.
async fn house() -> Api {
    let api = Api::start_at(TAKEN).await;
    demo::seed(&api.local).await.unwrap();
    api
}

/// A function's parts as its handlers are given them.
fn service<F>(parts: F) -> Service<F> {
    Service::new(parts, ClaimNames::default())
}

/// Gives an invocation of the HTTP API to a function's routes, as `lambda_http` does.
async fn call(api: &Api, routes: Router, name: &str) -> (u16, String) {
    let answer = finish(routes, api.local.app.clock.clone()).oneshot(lambda_http::request::from_str(&text(name)).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    (status, String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

/// Submits the sample; gives the request.
async fn submitted(api: &Api) -> Value {
    let (status, body) = call(
        api,
        submission::router().with_state(service(Submission {
            app: api.local.app.clone(),
            receipts: api.local.receipts.clone(),
            address: Address::deployed(None),
        })),
        "submission_submit",
    )
    .await;
    assert_eq!(status, 201, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn submitting_waiting_and_rejecting() {
    let api = house().await;
    let request = submitted(&api).await;
    assert_eq!((&request["status"], &request["requester"]), (&json!("in_progress"), &json!("alice")));
    api.drain().await;
    let (status, inbox) = call(
        &api,
        queries::router().with_state(service(Queries::new(&api.local.stores, api.local.app.clone(), api.local.secrets.cursors.clone()))),
        "queries_inbox",
    )
    .await;
    let inbox: Value = serde_json::from_str(&inbox).unwrap();
    assert_eq!((status, &inbox["items"][0]["request"]["id"], &inbox["items"][0]["step"]), (200, &request["id"], &json!("manager")));
    let (status, body) = call(
        &api,
        decisions::router().with_state(service(Decisions::new(
            &api.local.stores,
            api.local.app.clone(),
            api.local.secrets.links.clone(),
            "session",
        ))),
        "decisions_reject",
    )
    .await;
    assert_eq!(status, 200, "decisions_reject.json names the request that submission_submit.json makes, {}: {body}", request["id"]);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["status"], &body["steps"][0]["votes"][0]["by"]), (&json!("rejected"), &json!("bob")));
}

#[tokio::test]
async fn an_administrator_puts_a_person() {
    let api = house().await;
    let (stores, app) = (&api.local.stores, &api.local.app);
    let secrets = (api.local.secrets.cursors.clone(), api.local.secrets.links.clone());
    let admin = Admin::new(stores, secrets, (app.clock.clone(), app.entropy.clone()), (Destinations::Internet, FirstAdmin::Anybody));
    let (status, body) = call(&api, admin::router().with_state(service(admin)), "admin_put_user").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(api.done("grace", "GET /v1/users/mallory", None).await["manager"], "bob");
}

#[tokio::test]
async fn whoever_has_no_session_is_asked_who_they_are() {
    let api = house().await;
    let (status, page) = call(&api, api.local.router.clone(), "pages_login").await;
    assert_eq!(status, 200, "{page}");
    assert!(page.starts_with("<!doctype html>") && page.contains("<form"), "{page}");
}

#[tokio::test]
async fn a_link_that_is_none_says_so_on_a_page() {
    let api = house().await;
    let (status, page) = call(
        &api,
        decisions::router().with_state(service(Decisions::new(
            &api.local.stores,
            api.local.app.clone(),
            api.local.secrets.links.clone(),
            "session",
        ))),
        "decisions_link",
    )
    .await;
    assert_eq!(status, 404);
    assert!(page.starts_with("<!doctype html>") && !page.contains("<form"), "{page}");
}

/// Relay makes the inbox from the record alone: the hint is taken away before.
#[tokio::test]
async fn a_record_of_the_stream_files_the_hint_and_tells_the_queue() {
    let api = house().await;
    let request = submitted(&api).await;
    api.drain().await;
    if std::env::var_os("UPDATE").is_some() {
        take(&api).await;
    }
    let (stores, bob) = (&api.local.stores, keys::inbox_user(&TenantId::new("default").unwrap(), &PersonId::new("bob").unwrap()));
    let hints: Vec<_> = stores.table.query_all(Ask::partition(&bob)).await.unwrap().iter().filter_map(|item| item.key()).collect();
    stores.table.batch_write(Vec::new(), &hints).await.unwrap();
    assert_eq!((hints.len(), api.inbox("bob").await.len()), (1, 0));
    let event: Event = serde_json::from_value(payload("relay_stream")).unwrap();
    let outbox = Outbox::new(stores, api.local.app.clone(), api.local.notices().queue.clone());
    let failed = relay::handle_all(&outbox, event).await.batch_item_failures;
    assert_eq!(failed.len(), 0, "{failed:?}");
    assert_eq!(api.inbox("bob").await, [format!("{} manager -", request["id"].as_str().unwrap())]);
}

/// The queue's sample is what relay makes of the stream's, and its notice becomes a mail.
#[tokio::test]
async fn a_message_of_the_queue_becomes_a_mail() {
    let api = house().await;
    assert_eq!(
        messages(&api, &payload("relay_stream")).await,
        payload("notifications_queue"),
        "taken from different records: take both anew"
    );
    let asked = || async {
        let outbox = api.done("root", "GET /_dev/outbox", None).await;
        outbox["items"].as_array().unwrap().iter().filter(|mail| mail["to"] == "bob@example.com" && mail["reason"] == "asked").count()
    };
    api.drain().await;
    let before = asked().await;
    let request = submitted(&api).await;
    // The sample's request has a salt of its own, so its notices are of another commit than this house's: nobody hears of them.
    let sample: SqsEvent = serde_json::from_value(payload("notifications_queue")).unwrap();
    let mut own = sample.clone();
    let handled = notifications::handle(&api.local.notices().desk, sample, Duration::from_secs(5)).await;
    assert_eq!(handled.response.batch_item_failures.len(), 0);
    let id = request["id"].as_str().unwrap().parse().unwrap();
    let record = api.local.app.requests.load(&TenantId::new("default").unwrap(), &id, Freshness::Strong).await.unwrap().unwrap();
    for message in &mut own.records {
        let mut notice: Notice = serde_json::from_str(message.body.as_ref().unwrap()).unwrap();
        notice.commit = record.state.hash;
        notice.id = Notice::id_of(&notice.commit, &notice.audience);
        message.body = Some(serde_json::to_string(&notice).unwrap());
    }
    let handled = notifications::handle(&api.local.notices().desk, own, Duration::from_secs(5)).await;
    // Whoever is at it beside this may have the delivery in hand: then the message comes again.
    assert!(handled.response.batch_item_failures.len() <= 1);
    api.drain().await;
    assert_eq!(asked().await, before + 1, "one approver is asked, and once, though relay says so as well");
}

/// The schedule's payload says nothing that the tick needs; time alone does.
#[tokio::test]
async fn the_schedule_s_tick_reminds_and_escalates_what_is_due() {
    let api = house().await;
    let request = submitted(&api).await;
    assert_eq!(payload("escalation_tick")["source"], "aws.scheduler");
    assert!(!api.local.tick().await.unwrap().did_something());
    // Forty-eight working hours, and more.
    api.clock("2026-01-20T09:00:00.000Z").await;
    let shown = api.done("alice", &format!("GET /v1/requests/{}", request["id"].as_str().unwrap()), None).await;
    assert_eq!(shown["steps"][0]["level"], 2, "{shown}");
}

/// Archives the same records, and those of the directory: nothing fails, and each leaf is in the log.
#[tokio::test]
async fn records_of_the_stream_are_archived() {
    let api = house().await;
    let event: Event = serde_json::from_value(payload("audit_stream")).unwrap();
    let records = event.records.len();
    let answer = archive::handle(api.local.archiver(), event).await;
    assert_eq!((answer.batch_item_failures.len(), records > 1), (0, true));
}

/// Takes the samples of the stream, as a consumer of its own sees it, and of the queue.
async fn take(api: &Api) {
    let records = |consumer: Consumer| async move {
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let all = Arc::clone(&seen);
        let engine = &api.local.engine;
        let handler = move |event: Event| {
            all.lock().unwrap().extend(event.records.iter().map(|record| serde_json::to_value(record).unwrap()));
            async { Ok::<_, Infallible>(Default::default()) }
        };
        let pump = engine.pump(engine.clients().streams, "approvals", consumer, handler).await.unwrap();
        pump.drain().await.unwrap();
        seen.lock().unwrap().clone()
    };
    let write = |name: &str, event: &Value| {
        let path = crate::tidy::root().join("events").join(format!("{name}.json"));
        std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(event).unwrap())).unwrap();
    };
    let requests = json!({ "Records": records(Consumer { name: "sample-requests", ..RELAY }).await });
    write("relay_stream", &requests);
    write("notifications_queue", &messages(api, &requests).await);
    let of_directory = records(Consumer { name: "sample-directory", pk_prefixes: &[keys::DIRECTORY], ..RELAY }).await;
    let log = of_directory.into_iter().filter(|record| record["dynamodb"]["Keys"]["PK"]["S"] == "DIR#default#H#user/alice");
    let both: Vec<Value> = log.chain(requests["Records"].as_array().unwrap().iter().cloned()).collect();
    assert!(both.iter().all(|record| {
        ARCHIVE.pk_prefixes.iter().any(|prefix| record["dynamodb"]["Keys"]["PK"]["S"].as_str().unwrap().starts_with(prefix))
    }));
    write("audit_stream", &json!({ "Records": both }));
}

/// The messages that relay puts on a queue for a batch of the stream, as the event source mapping brings them.
async fn messages(api: &Api, event: &Value) -> Value {
    let sqs = queueing(Queues::default().http_client());
    let event: Event = serde_json::from_value(event.clone()).unwrap();
    let outbox = Outbox::new(&api.local.stores, api.local.app.clone(), Queue::new(sqs.clone(), NOTICES));
    assert!(relay::notify(&outbox, &event).await.batch_item_failures.is_empty());
    let received = sqs.receive_message().queue_url(NOTICES).max_number_of_messages(10).send().await.unwrap().messages.unwrap();
    let record = |(place, message): (usize, aws_sdk_sqs::types::Message)| {
        json!({
            "messageId": format!("00000000-0000-4000-8000-{place:012}"),
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1767603600000", "SenderId": "AROAEXAMPLE:approvals-Relay",
                "ApproximateFirstReceiveTimestamp": "1767603600001",
            },
            "messageAttributes": {},
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:approvals-Notices",
            "awsRegion": "eu-west-1",
        })
    };
    json!({ "Records": received.into_iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Each file is fed to its handler here or in `archive`, and each function has one.
#[test]
fn each_trigger_has_its_sample() {
    let files = std::fs::read_dir(crate::tidy::root().join("events")).unwrap();
    let files: BTreeSet<String> =
        files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name.ends_with(".json")).collect();
    let tests = [include_str!("mod.rs"), include_str!("../archive/function.rs")].concat();
    for file in &files {
        let name = file.strip_suffix(".json").unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "no test is fed {file}");
    }
    let functions = std::fs::read_dir(crate::tidy::root().join("functions")).unwrap();
    for function in functions.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(files.iter().any(|file| file.starts_with(&format!("{function}_"))), "no sample for {function}");
    }
}
