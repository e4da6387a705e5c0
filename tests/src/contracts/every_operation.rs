//! What holds for every operation there is: one that is added has to be said here how to call it, and is then held to the same.

use axum::body::Body;
use cli::dev::{Local, Start};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::openapi::{description, operations};

/// A body that says nothing wrong, for operations that take one.
fn body(operation: &str) -> Option<Value> {
    let entity = json!({ "type": "order", "id": "1" });
    Some(match operation {
        "POST /v1/requests" | "POST /v1/requests/preview" => json!({ "template": "t", "entity": entity, "title": "T", "metadata": {} }),
        "POST /v1/requests/{id}/cancel" => json!({}),
        "POST /v1/requests/{id}/resubmit" => json!({ "metadata": {} }),
        "POST /v1/requests/{id}/comments" => json!({ "comment": "hello" }),
        "POST /v1/requests/{id}/decisions" => json!({ "step": "s", "decision": "reject" }),
        "POST /v1/requests/{id}/reassign" => json!({ "step": "s", "to": "bob", "reason": "away" }),
        "POST /v1/decisions" => json!({ "items": [{ "request": "01h", "step": "s", "decision": "reject" }] }),
        "PUT /v1/templates/{key}" | "POST /v1/templates/lint" => {
            json!({ "key": "x", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })
        }
        "PUT /v1/users/{id}" => json!({ "name": "N", "email": "n@example.com", "active": true }),
        _ => return None,
    })
}

/// The operation everybody may call.
const OPEN: &[&str] = &["GET /v1/openapi.json"];
/// Operations that write nothing, although they are no `GET`: they take a body.
const READS: &[&str] = &["POST /v1/templates/lint"];

struct Answer {
    status: StatusCode,
    media_type: String,
    body: Value,
}

async fn call(local: &Local, operation: &str, token: Option<&str>) -> Answer {
    let (method, path) = operation.split_once(' ').unwrap();
    let path = path.replace("{id}", "x").replace("{key}", "x").replace("{version}", "1").replace("{role}", "x").replace("{user}", "x");
    assert!(!path.contains('{'), "{operation}: say what stands for its parameter");
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = match body(operation) {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let answer = local.router.clone().oneshot(request.unwrap()).await.unwrap();
    let media_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, media_type, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// An empty service, and every operation but the open ones.
async fn closed_operations() -> (TempDir, Local, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let local = Local::start(Start { data: folder.path(), clock: None, clients: None }).await.unwrap();
    let all = operations(&serde_json::to_value(description()).unwrap());
    (folder, local, all.into_iter().filter(|operation| !OPEN.contains(&operation.as_str())).collect())
}

fn is_problem(answer: &Answer, operation: &str) {
    assert_eq!(answer.media_type, "application/problem+json", "{operation}: {}", answer.body);
    for field in ["type", "title", "code", "detail"] {
        assert!(answer.body[field].as_str().is_some_and(|text| !text.is_empty()), "{operation}: no `{field}` in {}", answer.body);
    }
    assert_eq!(answer.body["status"], json!(answer.status.as_u16()), "{operation}");
}

#[tokio::test]
async fn without_a_token_there_is_nothing() {
    let (_folder, local, operations) = closed_operations().await;
    for operation in operations {
        for token in [None, Some(""), Some("x.y.z"), Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")] {
            let answer = call(&local, &operation, token).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{operation} with {token:?}");
            is_problem(&answer, &operation);
        }
    }
}

#[tokio::test]
async fn a_client_without_the_scope_is_refused_before_anything_is_looked_up() {
    let (_folder, local, operations) = closed_operations().await;
    let token = local.token("alice", Some(&[]), "default").unwrap();
    for operation in operations {
        let answer = call(&local, &operation, Some(&token)).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            "{operation}: {}",
            answer.body
        );
        is_problem(&answer, &operation);
    }
}

#[tokio::test]
async fn a_client_that_only_audits_writes_nothing() {
    let (_folder, local, operations) = closed_operations().await;
    let token = local.token("alice", Some(&["audit".to_owned()]), "default").unwrap();
    for operation in operations.iter().filter(|operation| !operation.starts_with("GET ") && !READS.contains(&operation.as_str())) {
        let answer = call(&local, operation, Some(&token)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{operation}: {}", answer.body);
    }
}

/// Somebody nobody knows, with every scope: no request is theirs to see, none is there to act on.
#[tokio::test]
async fn a_stranger_gets_problems_and_never_a_server_error() {
    let (_folder, local, operations) = closed_operations().await;
    let token = local.token("stranger", None, "default").unwrap();
    for operation in operations {
        let answer = call(&local, &operation, Some(&token)).await;
        assert!(answer.status.as_u16() < 500, "{operation}: {}", answer.body);
        if answer.status.is_client_error() {
            is_problem(&answer, &operation);
        }
        if operation.contains("/v1/requests/{id}") {
            assert!([403, 404].contains(&answer.status.as_u16()), "{operation}: {}", answer.body);
        }
    }
}
