//! Webhooks on a development machine: all of them in the outbox, none beyond the machine, and to the machine itself only if it was started so.

use approvals::destinations::Destinations;
use approvals_domain::time::Timestamp;
use axum::Router;
use axum::routing::post;
use cli::dev::hooks::Hooks;
use cli::dev::notices::Ways;
use cli::dev::{Local, Start};
use serde_json::{Value, json};

use super::{START, URL, endpoint, log, standing};
use crate::stage::api::Api;

async fn ready(api: &Api) {
    api.people("rita bob").await;
    let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }] }]);
    api.template(&json!({ "key": "t", "title": "Order", "unique_entity": false, "steps": steps })).await;
}

async fn outbox(api: &Api) -> Vec<Value> {
    api.drain().await;
    api.done("root", "GET /_dev/outbox", None).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_outbox_shows_webhooks_among_the_mails_in_the_order_sent() {
    let api = Api::start_at(START).await;
    ready(&api).await;
    endpoint(&api, "erp", URL, &["request.submitted", "request.approved"], true).await;
    let request = api.submit("rita", "t", "PO-1", json!({})).await;
    let first = outbox(&api).await;
    assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 200);
    let all = outbox(&api).await;
    assert_eq!(all[..first.len()], first, "what was sent before stands before");
    let of = |items: &[Value]| {
        let mut shown: Vec<String> =
            items.iter().map(|item| format!("{} {}", item["channel"].as_str().unwrap(), item["subject"].as_str().unwrap())).collect();
        shown.sort();
        shown
    };
    let subjects = of(&first);
    assert!(subjects.len() == 2 && subjects[1] == "webhook approvals.request.submitted.v1", "{subjects:?}");
    let subjects = of(&all[2..]);
    assert!(subjects.len() == 2 && subjects[1] == "webhook approvals.request.approved.v1", "{subjects:?}");
    let shown = all.iter().find(|item| item["channel"] == "webhook").unwrap();
    assert_eq!((&shown["to"], &shown["html"]), (&json!(URL), &json!("")));
    let event: Value = serde_json::from_str(shown["text"].as_str().unwrap()).unwrap();
    assert_eq!((&event["subject"], &event["specversion"]), (&request["id"], &json!("1.0")));
    let refused = api
        .call(
            "root",
            "PUT /v1/endpoints/here",
            Some(&json!({ "url": "http://127.0.0.1:9000/", "events": [event["type"]], "active": true })),
        )
        .await;
    assert_eq!((refused.status, refused.body["errors"][0]["code"].as_str()), (400, Some("not_https")), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_started_so_calls_this_machine_and_no_other() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://127.0.0.1:{}/hooks", listener.local_addr().unwrap().port());
    let (send, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |body: String| async move { send.send(body).unwrap() };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hooks", post(handler))).await });

    let folder = tempfile::TempDir::new().unwrap();
    let ways = Ways::local(folder.path()).unwrap();
    let hooks = Hooks::with_loopback(ways.post.clone()).unwrap();
    let ways = ways.with_carrier(std::sync::Arc::new(hooks));
    let start = Start { data: folder.path(), clock: Timestamp::parse(START), clients: None };
    let local = Local::start_through(start, "http://127.0.0.1:8080", ways, Destinations::Loopback).await.unwrap();
    let api = Api::with(local, folder);
    ready(&api).await;
    endpoint(&api, "here", &here, &["request.submitted"], true).await;
    endpoint(&api, "dead", "http://127.0.0.1:1/", &["request.submitted"], true).await;
    endpoint(&api, "away", URL, &["request.submitted"], true).await;
    for (url, code) in [("http://10.0.0.1/", "not_https"), ("https://169.254.169.254/", "ip_address"), ("http://example.com/", "not_https")]
    {
        let body = json!({ "url": url, "events": ["approvals.request.submitted.v1"], "active": true });
        let refused = api.call("root", "PUT /v1/endpoints/inside", Some(&body)).await;
        assert_eq!((refused.status, refused.body["errors"][0]["code"].as_str()), (400, Some(code)), "{url}");
    }
    api.submit("rita", "t", "PO-1", json!({})).await;
    let shown = outbox(&api).await;
    let to: std::collections::BTreeSet<&str> =
        shown.iter().filter(|item| item["channel"] == "webhook").map(|item| item["to"].as_str().unwrap()).collect();
    assert_eq!(to, [here.as_str(), URL].into(), "what was taken, here and in the outbox");
    assert!(heard.recv().await.unwrap().contains("approvals.request.submitted.v1"));
    assert_eq!(standing(&log(&api, "dead").await[0]), "failed unreachable null after 1");
}
