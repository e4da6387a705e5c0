//! Who looks writes nothing: counted under the SDK, for every way a link can stand. And no page acts by itself.

use std::cell::RefCell;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use axum::body::Body;
use cli::engine::{Clients, Engine, connect};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::House;
use crate::stage::api::{Api, asked};
use crate::stage::seam::{Fault, Seam};

/// What writes.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"];

thread_local! {
    /// Under the service that was started last on this thread.
    static SEAM: RefCell<Option<Seam>> = const { RefCell::new(None) };
}

fn seamed(engine: &Engine) -> Clients {
    let seam = Seam::new(engine.http_client());
    SEAM.with_borrow_mut(|kept| *kept = Some(seam.clone()));
    connect(SharedHttpClient::new(seam))
}

/// A step of bob's, submitted, over a network that counts; and bob's link.
async fn asked_bob(step: &Value) -> (House, Seam, Value, String) {
    let api = Api::started_with(super::START, seamed).await;
    let seam = SEAM.take().unwrap();
    api.people("rita bob ada cleo").await;
    let house = House { api, read: std::cell::Cell::new(0) };
    house.administered_by("ada").await;
    house.template(json!([step, { "id": "later", "approvers": [{ "user": "cleo" }] }])).await;
    let request = house.submit("rita").await;
    let token = house.link_to("bob").await;
    (house, seam, request, token)
}

/// What happens before somebody looks, one name a way, and what the page answers then.
const WAYS: [(&str, u16); 12] = [
    ("nothing", 200),
    ("it demands a login", 200),
    ("it was used", 200),
    ("somebody else answered", 200),
    ("it was passed on", 200),
    ("it was sent back", 200),
    ("it was sent back and submitted again", 200),
    ("it was cancelled", 200),
    ("it is too old", 410),
    ("the recipient has left", 410),
    ("the keys were rotated", 200),
    ("it never was", 404),
];

async fn happen(way: &str) -> (House, Seam, String) {
    let more = match way {
        "it demands a login" => json!({ "assurance": "login" }),
        "it is too old" => json!({ "sla": { "hours": 10_000 } }),
        _ => json!({}),
    };
    let approvers =
        if way == "somebody else answered" { json!([{ "user": "bob" }, { "user": "ada" }]) } else { json!([{ "user": "bob" }]) };
    let mut step = json!({ "id": "s", "approvers": approvers });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (house, seam, request, token) = asked_bob(&step).await;
    let vote = |decision: &str| json!({ "step": "s", "decision": decision, "payload_hash": request["payload_hash"], "comment": "words" });
    match way {
        "it was used" => drop(house.did("bob", &request, "decisions", vote("approve")).await),
        "somebody else answered" => drop(house.did("ada", &request, "decisions", vote("approve")).await),
        "it was passed on" => {
            let passed = json!({ "step": "s", "from": "bob", "to": "cleo", "reason": "Bob is ill" });
            house.did("ada", &request, "reassign", passed).await;
        }
        "it was sent back" => drop(house.did("bob", &request, "decisions", vote("return")).await),
        "it was sent back and submitted again" => {
            house.did("bob", &request, "decisions", vote("return")).await;
            house.did("rita", &request, "resubmit", json!({ "metadata": { "more": "words" } })).await;
        }
        "it was cancelled" => drop(house.did("rita", &request, "cancel", json!({})).await),
        "it is too old" => house.api.clock("2026-02-05T09:00:00.000Z").await,
        "the recipient has left" => house.person("bob", json!({ "active": false })).await,
        "the keys were rotated" => drop(house.api.done("root", "POST /_dev/rotate-links", Some(&json!({}))).await),
        _ => {}
    }
    house.api.drain().await;
    let token = if way == "it never was" { "A".repeat(48) } else { token };
    (house, seam, token)
}

#[tokio::test]
async fn looking_a_hundred_times_writes_nothing_however_a_link_stands() {
    for (way, status) in WAYS {
        let (house, seam, token) = happen(way).await;
        seam.take();
        for method in ["GET", "HEAD"] {
            for _ in 0..100 {
                let look = asked(&format!("{method} /v1/actions/{token}"), None).body(Body::empty()).unwrap();
                assert_eq!(house.api.local.router.clone().oneshot(look).await.unwrap().status(), status, "{way}");
            }
        }
        let crossed = seam.take().calls;
        let written: Vec<_> = crossed.iter().filter(|call| WRITES.contains(&call.as_str())).collect();
        assert!(written.is_empty(), "{way}: {written:?}");
        assert!(crossed.len() >= 200 || way == "it never was", "{way}: the seam sees the looks: {}", crossed.len());
    }
}

/// No page has a script but the one that takes one's own token, and that one waits for a press: it begins nothing when it is loaded.
#[tokio::test]
async fn no_page_acts_by_itself() {
    for (way, _) in WAYS {
        let (house, _, token) = happen(way).await;
        let look = asked(&format!("GET /v1/actions/{token}"), None).body(Body::empty()).unwrap();
        let answer = house.api.local.router.clone().oneshot(look).await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let html = String::from_utf8(http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes().to_vec()).unwrap();
        let login = way == "it demands a login";
        assert_eq!((html.matches("<script").count(), policy.contains("script-src")), (usize::from(login), login), "{way}: {policy}");
        for automatic in ["onload", "onfocus", "onerror", "autofocus", "http-equiv", ".submit()", "<iframe", "<img", "<link", "javascript:"]
        {
            assert!(!html.contains(automatic), "{way}: {automatic}");
        }
        if login {
            let script = html.split("<script").nth(1).unwrap().split("</script>").next().unwrap();
            let nonce = script.split('"').nth(1).unwrap();
            assert!(policy.contains(&format!("script-src 'nonce-{nonce}'")) && nonce.len() >= 20, "{policy}");
            // Whatever it calls stands within the listener.
            let listens = script.find("addEventListener(\"submit\"").unwrap();
            assert!(script.find("fetch(").unwrap() > listens && script.matches("fetch(").count() == 1, "{script}");
        }
        assert_eq!(html.contains("<form"), ["nothing", "it demands a login", "the keys were rotated"].contains(&way), "{way}");
    }
}

/// The store does not answer for a moment: the page holds the words and the same answer, to be sent once more.
#[tokio::test]
async fn t17_words_come_back_when_the_service_is_busy() {
    let (house, seam, request, token) = asked_bob(&json!({ "id": "s", "approvers": [{ "user": "bob" }] })).await;
    let look = asked(&format!("GET /v1/actions/{token}"), None).body(Body::empty()).unwrap();
    let page = house.api.local.router.clone().oneshot(look).await.unwrap();
    let html = String::from_utf8(http_body_util::BodyExt::collect(page.into_body()).await.unwrap().to_bytes().to_vec()).unwrap();
    let form = html.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let encoded: String = form.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let press = async || {
        let body = format!("form={encoded}&decision=return&comment=Too+dear%0D%0Afor+us");
        let press = asked(&format!("POST /v1/actions/{token}"), None).header("content-type", "application/x-www-form-urlencoded");
        let answer = house.api.local.router.clone().oneshot(press.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let html = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes().to_vec();
        (status, String::from_utf8(html).unwrap())
    };
    seam.script(|_| Fault::Throttle);
    let (status, html) = press().await;
    assert_eq!(status, 503, "{html}");
    assert!(html.contains("Too dear\nfor us</textarea>") && html.contains("Try again") && html.contains(&form), "{html}");
    assert!(html.contains("name=\"decision\" value=\"return\""), "the same answer: {html}");
    seam.script(|_| Fault::None);
    assert_eq!((press().await.0, house.now(&request).await["status"].as_str()), (200, Some("returned")));
}
