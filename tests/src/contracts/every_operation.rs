//! What holds for every operation there is: one that is added has to be said here how to call it, and is then held to the same.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::openapi::{description, operations};
use crate::stage::api::{Answer, Api, asked};

/// A body that says nothing wrong, for operations that take one.
fn body(operation: &str) -> Option<Value> {
    let entity = json!({ "type": "order", "id": "1" });
    Some(match operation {
        "POST /v1/requests" | "POST /v1/requests/preview" => json!({ "template": "t", "entity": entity, "title": "T", "metadata": {} }),
        "POST /v1/requests/{id}/cancel" => json!({}),
        "POST /v1/requests/{id}/resubmit" => json!({ "metadata": {} }),
        "POST /v1/requests/{id}/transfer" => json!({ "to": "ann", "reason": "gone" }),
        "POST /v1/requests/{id}/erase" => json!({ "reason": "asked" }),
        "POST /v1/requests/{id}/comments" => json!({ "comment": "hello" }),
        "POST /v1/requests/{id}/decisions" => json!({ "step": "s", "decision": "reject" }),
        "POST /v1/requests/{id}/reassign" => json!({ "step": "s", "to": "bob", "reason": "away" }),
        "POST /v1/requests/{id}/recall" => json!({ "reason": "not yet" }),
        "POST /v1/requests/{id}/withdraw-vote" => json!({ "step": "s" }),
        "POST /v1/requests/{id}/effect/start" => json!({ "payload_hash": "A".repeat(43) }),
        "POST /v1/requests/{id}/effect/finish" => json!({ "outcome": "done" }),
        "POST /v1/decisions" => json!({ "items": [{ "request": "01h", "step": "s", "decision": "reject" }] }),
        "POST /v1/actions/{token}/decide" => json!({ "decision": "reject" }),
        "PUT /v1/templates/{key}" | "POST /v1/templates/lint" => {
            json!({ "key": "x", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })
        }
        "POST /v1/endpoints/{id}/replay" => json!({ "from": "2026-01-05T09:00:00Z", "to": "2026-01-06T09:00:00Z" }),
        "PATCH /v1/users/{id}" => json!({ "name": "N" }),
        "PUT /v1/users/{id}" => json!({ "name": "N", "email": "n@example.com", "active": true }),
        _ => return None,
    })
}

/// The operations everybody may call; a link is its own proof, and public keys are public.
const OPEN: &[&str] = &[
    "GET /v1/openapi.json",
    "GET /.well-known/jwks.json",
    "GET /v1/actions/{token}",
    "HEAD /v1/actions/{token}",
    "POST /v1/actions/{token}",
];
/// Operations that write nothing, although they are no `GET`: they take a body.
const READS: &[&str] = &["POST /v1/templates/lint"];

async fn call(api: &Api, operation: &str, token: Option<&str>) -> Answer {
    let what = operation
        .replace("{id}", "x")
        .replace("{key}", "x")
        .replace("{version}", "1")
        .replace("{role}", "x")
        .replace("{user}", "x")
        .replace("{token}", "x");
    assert!(!what.contains('{'), "{operation}: say what stands for its parameter");
    let request = match body(operation) {
        Some(body) => asked(&what, token).header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
        None => asked(&what, token).body(Body::empty()),
    };
    api.send(request.unwrap()).await
}

/// Every operation but the open ones.
fn closed() -> Vec<String> {
    let all = operations(&description());
    all.into_iter().filter(|operation| !OPEN.contains(&operation.as_str())).collect()
}

#[tokio::test]
async fn without_a_token_there_is_nothing() {
    let api = Api::start().await;
    for operation in closed() {
        for token in [None, Some(""), Some("x.y.z"), Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")] {
            let answer = call(&api, &operation, token).await;
            assert_eq!(answer.status, 401, "{operation} with {token:?}");
            answer.is_problem(&operation);
        }
    }
}

#[tokio::test]
async fn a_client_without_the_scope_is_refused_before_anything_is_looked_up() {
    let api = Api::start().await;
    let token = api.local.token("alice", Some(&[]), "default").unwrap();
    for operation in closed() {
        let answer = call(&api, &operation, Some(&token)).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (403, Some("insufficient_scope")), "{operation}: {}", answer.body);
        answer.is_problem(&operation);
    }
}

#[tokio::test]
async fn a_client_that_only_audits_writes_nothing() {
    let api = Api::start().await;
    let token = api.local.token("alice", Some(&["audit".to_owned()]), "default").unwrap();
    for operation in closed().iter().filter(|operation| !operation.starts_with("GET ") && !READS.contains(&operation.as_str())) {
        let answer = call(&api, operation, Some(&token)).await;
        assert_eq!(answer.status, 403, "{operation}: {}", answer.body);
    }
}

/// What the scope `admin` alone opens is the office's: whoever holds none writes nothing there, whatever else is wrong with the call.
#[tokio::test]
async fn who_holds_no_office_writes_nothing_that_administrators_write() {
    let api = Api::start().await;
    api.people("boss alice").await;
    api.role("approval_admin", "boss").await;
    let token = api.local.token("alice", None, "default").unwrap();
    let described = description();
    let mut asked = 0;
    for operation in closed() {
        let (method, path) = operation.split_once(' ').unwrap();
        let security = &described["paths"][path][method.to_lowercase()]["security"];
        if *security != json!([{ "bearer": ["approvals:admin"] }]) {
            continue;
        }
        asked += 1;
        let answer = call(&api, &operation, Some(&token)).await;
        assert_eq!((answer.status, answer.body["code"].as_str()), (403, Some("not_allowed")), "{operation}: {}", answer.body);
    }
    assert!(asked >= 10, "only {asked} operations are administrators'");
}

/// Somebody nobody knows, with every scope: no request is theirs to see, none is there to act on.
#[tokio::test]
async fn a_stranger_gets_problems_and_never_a_server_error() {
    let api = Api::start().await;
    let token = api.local.token("stranger", None, "default").unwrap();
    for operation in closed() {
        let answer = call(&api, &operation, Some(&token)).await;
        assert!(answer.status < 500, "{operation}: {}", answer.body);
        if answer.status >= 400 {
            answer.is_problem(&operation);
        }
        if operation.contains("/v1/requests/{id}") {
            assert!([403, 404].contains(&answer.status), "{operation}: {}", answer.body);
        }
    }
}
