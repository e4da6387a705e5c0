//! Whatever a caller can do wrong: a problem with its place, and nothing written.

use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{ROOT, person};
use crate::stage::api::{Api, asked};

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

fn office() -> Value {
    json!({ "time_zone": "UTC", "weekly": { "mon": [{ "from": "09:00", "to": "17:00" }] } })
}

fn hook() -> Value {
    json!({ "url": "https://example.com", "events": ["approvals.request.approved.v1"], "active": true })
}

fn cases() -> Vec<(&'static str, Value, &'static str)> {
    let user = "PUT /v1/users/ann";
    let calendar = "PUT /v1/calendars/office";
    let endpoint = "PUT /v1/endpoints/erp";
    vec![
        (user, json!({}), ""),
        (user, json!([]), ""),
        (user, with(person("A"), "id", json!("bob")), "/id"),
        (user, with(person("A"), "version", json!(1)), "/version"),
        (user, with(person("A"), "roles", json!(["approval_admin"])), "/roles"),
        (user, with(person("A"), "active", json!("yes")), "/active"),
        (user, with(person("A"), "manager", json!("a b")), "/manager"),
        (user, with(person("A"), "manager", json!("ann")), "/manager"),
        (user, with(person("A"), "name", json!("x".repeat(201))), "/name"),
        (user, with(person("A"), "time_zone", json!("Amsterdam")), "/time_zone"),
        (user, with(person("A"), "attributes", json!([])), "/attributes"),
        (user, with(person("A"), "attributes", json!({ "x": "y".repeat(3_000) })), "/attributes"),
        ("PUT /v1/roles/r/members/ann", json!({ "until": "tomorrow" }), "/until"),
        (calendar, with(office(), "weekly", json!({ "monday": [] })), "/weekly/monday"),
        (calendar, with(office(), "weekly", json!({})), "/weekly"),
        (calendar, with(office(), "weekly", json!({ "mon": [{ "from": "22:00", "to": "06:00" }] })), "/weekly/mon/0/to"),
        (calendar, with(office(), "weekly", json!({ "mon": [{ "from": 9, "to": 17 }] })), "/weekly/mon/0/from"),
        (calendar, with(office(), "holidays", json!(["30 March"])), "/holidays"),
        (calendar, with(office(), "time_zone", json!("+02:00")), "/time_zone"),
        ("PUT /v1/settings", json!({ "colour": "red" }), "/colour"),
        ("PUT /v1/settings", json!({ "calendar": "a b" }), "/calendar"),
        ("PUT /v1/users/root/preferences", json!({ "channels": { "pigeon": true } }), "/channels/pigeon"),
        ("PUT /v1/users/root/preferences", json!({}), ""),
        (endpoint, with(hook(), "url", json!("http://example.com")), "/url"),
        (endpoint, with(hook(), "url", json!("https://169.254.169.254/latest")), "/url"),
        (endpoint, with(hook(), "url", json!("https://localhost/x")), "/url"),
        (endpoint, with(hook(), "url", json!("https://example.com:8443/")), "/url"),
        (endpoint, with(hook(), "url", json!("https://me:pw@example.com/")), "/url"),
        (endpoint, with(hook(), "events", json!([])), "/events"),
        (endpoint, with(hook(), "events", json!(["*"])), "/events"),
        (endpoint, with(hook(), "secret", json!("whsec_mine")), "/secret"),
    ]
}

#[tokio::test]
async fn a_bad_body_is_a_problem_with_its_place_and_writes_nothing() {
    let api = Api::start().await;
    api.people(ROOT).await;
    let before = api.local.stores.table.meter().units();
    for (what, body, pointer) in cases() {
        let answer = api.call(ROOT, what, Some(&body)).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_body"), "{what} {body}: {}", answer.body);
        answer.is_problem(what);
        let mut faults = answer.body["errors"].as_array().unwrap().iter();
        assert!(faults.any(|fault| fault["pointer"] == json!(pointer)), "{what} {body}: {}", answer.body);
    }
    for text in ["", "{", "{\"name\":\"A\",\"name\":\"B\"}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"] {
        let request = asked("PUT /v1/users/ann", Some(&api.token(ROOT))).header(CONTENT_TYPE, "application/json");
        let answer = api.send(request.body(text.to_owned().into()).unwrap()).await;
        assert_eq!(answer.status, 400, "{text}: {}", answer.body);
        answer.is_problem(text);
    }
    let after = api.local.stores.table.meter().units();
    assert!((after.wru - before.wru).abs() < f64::EPSILON, "something was written");
}

#[tokio::test]
async fn what_can_be_no_id_is_nothing_to_read_and_a_fault_to_write() {
    let api = Api::start().await;
    let long = "x".repeat(129);
    for bad in ["a%20b", "a%23b", "%C3%A9", "%00", &long] {
        for (path, body) in [("users", person("A")), ("calendars", office()), ("endpoints", hook()), ("roles/r/members", json!({}))] {
            let answer = api.call(ROOT, &format!("PUT /v1/{path}/{bad}"), Some(&body)).await;
            assert_eq!((answer.status, answer.code()), (400, "invalid_id"), "{path}/{bad}: {}", answer.body);
            answer.is_problem(bad);
        }
        for path in ["users", "calendars", "endpoints", "roles", "templates"] {
            let answer = api.call(ROOT, &format!("GET /v1/{path}/{bad}"), None).await;
            assert_eq!((answer.status, answer.code()), (404, "not_found"), "{path}/{bad}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn lists_take_no_forged_cursor_and_no_other_length() {
    let api = Api::start().await;
    api.people("ann bob cleo").await;
    api.role("r", "ann bob cleo").await;
    let cursor = api.done(ROOT, "GET /v1/roles/r?limit=1", None).await["next_cursor"].as_str().unwrap().to_owned();
    for what in [
        format!("GET /v1/roles/other?cursor={cursor}"),
        format!("GET /v1/templates?cursor={cursor}"),
        format!("GET /v1/users/ann/history?cursor={cursor}"),
        "GET /v1/roles/r?cursor=AAAA".to_owned(),
    ] {
        let answer = api.call(ROOT, &what, None).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_cursor"), "{what}: {}", answer.body);
    }
    let other = api.call("ann", &format!("GET /v1/roles/r?cursor={cursor}"), None).await;
    assert_eq!((other.status, other.code()), (400, "invalid_cursor"), "a cursor is its caller's own");
    for limit in ["0", "101", "-1", "x"] {
        let answer = api.call(ROOT, &format!("GET /v1/roles/r?limit={limit}"), None).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_query"), "{limit}: {}", answer.body);
    }
}

/// Across tenants nothing is shared: not ids, not letter case, not templates.
#[tokio::test]
async fn tenants_do_not_meet() {
    let api = Api::start().await;
    api.people("ann").await;
    api.role("r", "ann").await;
    let token = api.local.token(ROOT, None, "elsewhere").unwrap();
    let call = async |what: &str, body: Option<Value>| {
        let request = asked(what, Some(&token)).header(CONTENT_TYPE, "application/json");
        api.send(request.body(body.map_or_else(axum::body::Body::empty, |body| body.to_string().into())).unwrap()).await
    };
    assert_eq!(call("GET /v1/users/ann", None).await.status, 404);
    assert_eq!(call("GET /v1/users/ann/history", None).await.status, 404);
    assert_eq!(call("GET /v1/roles/r", None).await.body["items"], json!([]));
    assert_eq!(call("PUT /v1/users/ANN", Some(person("Other"))).await.status, 201);
    assert_eq!(api.done(ROOT, "GET /v1/users/ann", None).await["name"], json!("ann"));
}
