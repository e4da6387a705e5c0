//! The demo: people, roles and the example templates, written over the public API, so that playing starts at once.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Local;

/// Id, name, manager, roles.
const PEOPLE: &[(&str, &str, Option<&str>, &[&str])] = &[
    ("grace", "Grace Okafor", None, &["approval_admin", "board"]),
    ("erin", "Erin Sato", Some("grace"), &["finance", "finance_lead", "budget_owner", "board"]),
    ("frank", "Frank Müller", Some("erin"), &["finance", "administration", "support_lead", "approval_effect"]),
    ("heidi", "Heidi Novak", Some("grace"), &["legal", "brand", "security"]),
    ("ivan", "Ivan Petrov", Some("grace"), &["security", "access_admins"]),
    ("carol", "Carol Jansen", Some("grace"), &["supervisor", "director", "editors", "support_head", "board"]),
    ("bob", "Bob Martin", Some("carol"), &["supervisor", "pre_approver", "editors"]),
    ("alice", "Alice Lee", Some("bob"), &[]),
    ("judy", "Judy Chen", Some("bob"), &["support_lead"]),
    ("u_cfo", "Uma Flores", Some("grace"), &["finance_lead", "board"]),
];

const TEMPLATES: &[(&str, &str)] = &[
    ("purchase_order", include_str!("../../../examples/purchase_order.yaml")),
    ("expense_declaration", include_str!("../../../examples/expense_declaration.yaml")),
    ("content_publish", include_str!("../../../examples/content_publish.yaml")),
    ("refund", include_str!("../../../examples/refund.yaml")),
    ("access_request", include_str!("../../../examples/access_request.yaml")),
    ("contract", include_str!("../../../examples/contract.yaml")),
    ("salary_change", include_str!("../../../examples/salary_change.yaml")),
];

/// Writes it all; what holds already stays as it is.
///
/// # Errors
/// What the service answered.
pub async fn seed(local: &Local) -> Result<(), String> {
    // Grace is the first administrator: until she holds the role, nobody does, and the server lets her write by bootstrap.
    let token = local.token("grace", Some(&["admin".to_owned(), "read".to_owned()]), "default")?;
    let call = |path: String, body: Value| put(local, &token, path, "application/json", body.to_string());
    let office = json!([{ "from": "09:00", "to": "17:00" }]);
    let week: serde_json::Map<String, Value> =
        ["mon", "tue", "wed", "thu", "fri"].iter().map(|day| ((*day).to_owned(), office.clone())).collect();
    call("/v1/calendars/office".to_owned(), json!({ "time_zone": "Europe/Amsterdam", "weekly": week, "holidays": [] })).await?;
    for (id, name, manager, roles) in PEOPLE {
        let mut user = json!({ "name": name, "email": format!("{id}@example.com"), "active": true });
        if let (Some(manager), Value::Object(fields)) = (manager, &mut user) {
            fields.insert("manager".to_owned(), json!(manager));
        }
        call(format!("/v1/users/{id}"), user).await?;
        for role in *roles {
            call(format!("/v1/roles/{role}/members/{id}"), json!({})).await?;
        }
    }
    for (key, yaml) in TEMPLATES {
        put(local, &token, format!("/v1/templates/{key}"), "application/yaml", (*yaml).to_owned()).await?;
    }
    local.drain().await.map_err(|error| error.to_string())
}

/// A request of the demo, and the answers it got: person, step, decision, comment.
struct Sample {
    by: &'static str,
    template: &'static str,
    entity: (&'static str, &'static str),
    title: &'static str,
    metadata: &'static str,
    answers: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

const SAMPLES: &[Sample] = &[
    Sample {
        by: "judy",
        template: "expense_declaration",
        entity: ("declaration", "D-2041"),
        title: "Train to Utrecht and back",
        metadata: r#"{"amount":48.5,"administration":true,"supervisor":true}"#,
        answers: &[("frank", "administration", "approve", ""), ("bob", "supervisor", "approve", "")],
    },
    Sample {
        by: "alice",
        template: "purchase_order",
        entity: ("order", "PO-1038"),
        title: "Espresso machine for the second floor",
        metadata: r#"{"amount":2950,"currency":"EUR","supplier":"Caffè Nobile"}"#,
        answers: &[("bob", "manager", "reject", "Not this year: the kitchen is rebuilt in spring.")],
    },
    Sample {
        by: "alice",
        template: "purchase_order",
        entity: ("order", "PO-1042"),
        title: "Twelve chairs for the new meeting rooms",
        metadata: r#"{"amount":4800,"currency":"EUR","supplier":"Müller & Söhne GmbH"}"#,
        answers: &[],
    },
    Sample {
        by: "judy",
        template: "purchase_order",
        entity: ("order", "PO-1043"),
        title: "Laptops for the two new colleagues",
        metadata: r#"{"amount":12400,"currency":"EUR","supplier":"Northwind","capex":true}"#,
        answers: &[("bob", "manager", "approve", "Both start on the first.")],
    },
    Sample {
        by: "alice",
        template: "purchase_order",
        entity: ("order", "PO-1044"),
        title: "Whiteboards",
        metadata: r#"{"amount":640,"currency":"EUR"}"#,
        answers: &[("bob", "manager", "return", "Which supplier, and how many?")],
    },
    Sample {
        by: "alice",
        template: "content_publish",
        entity: ("article", "spring-release"),
        title: "What is new in the spring release",
        metadata: r#"{"section":"blog","url":"https://preview.example.com/spring-release"}"#,
        answers: &[],
    },
    Sample {
        by: "judy",
        template: "access_request",
        entity: ("access", "ledger-judy"),
        title: "Read access to the ledger for the year-end closing",
        metadata: r#"{"system":"ledger","level":"read","owner":"ivan","until":"2027-01-31","justification":"Year-end closing"}"#,
        answers: &[],
    },
];

/// Requests to look at, in every state that people meet; those that are there already stay as they are.
///
/// # Errors
/// What the service answered.
pub async fn requests(local: &Local) -> Result<(), String> {
    for (index, sample) in SAMPLES.iter().enumerate() {
        let Sample { by, template, entity: (kind, id), title, metadata, answers } = sample;
        let metadata: Value = serde_json::from_str(metadata).map_err(|error| error.to_string())?;
        let body = json!({ "template": template, "entity": { "type": kind, "id": id }, "title": title, "metadata": metadata });
        let (shown, replayed) = post(local, by, "/v1/requests".to_owned(), &format!("demo-{index}"), &body).await?;
        let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (request, payload_hash) = (text("id"), text("payload_hash"));
        for (voter, step, decision, comment) in answers.iter().filter(|_| !replayed) {
            let mut body = json!({ "step": step, "decision": decision, "payload_hash": payload_hash });
            if let (false, Value::Object(fields)) = (comment.is_empty(), &mut body) {
                fields.insert("comment".to_owned(), json!(comment));
            }
            let key = format!("demo-{index}-{step}");
            post(local, voter, format!("/v1/requests/{request}/decisions"), &key, &body).await?;
        }
    }
    local.drain().await.map_err(|error| error.to_string())
}

/// The answer to a call of a person; and whether the same call had been answered before.
async fn post(local: &Local, by: &str, path: String, key: &str, body: &Value) -> Result<(Value, bool), String> {
    let token = local.token(by, None, "default")?;
    let request = Request::post(&path).header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    let request = request.header("idempotency-key", key).body(Body::from(body.to_string())).map_err(|error| error.to_string())?;
    let answer = local.router.clone().oneshot(request).await.map_err(|error| error.to_string())?;
    let (status, replayed) = (answer.status(), answer.headers().contains_key("idempotent-replayed"));
    let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    if !status.is_success() {
        return Err(format!("POST {path} answered {status}: {}", String::from_utf8_lossy(&bytes)));
    }
    Ok((serde_json::from_slice(&bytes).map_err(|error| error.to_string())?, replayed))
}

async fn put(local: &Local, token: &str, path: String, media_type: &str, body: String) -> Result<(), String> {
    let request = Request::put(&path).header("authorization", format!("Bearer {token}")).header("content-type", media_type);
    let request = request.body(Body::from(body)).map_err(|error| error.to_string())?;
    let answer = local.router.clone().oneshot(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    if status == StatusCode::OK || status == StatusCode::CREATED {
        return Ok(());
    }
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Err(format!("PUT {path} answered {status}: {}", String::from_utf8_lossy(&body)))
}
