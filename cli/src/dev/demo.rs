//! The demo: people, roles and the example templates, written over the public API, so that playing starts at once.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Local;

/// Id, name, manager, roles.
const PEOPLE: &[(&str, &str, Option<&str>, &[&str])] = &[
    ("grace", "Grace Okafor", None, &["approval_admin"]),
    ("erin", "Erin Sato", Some("grace"), &["finance", "finance_lead", "budget_owner"]),
    ("frank", "Frank Müller", Some("erin"), &["finance", "administration", "refund_desk"]),
    ("heidi", "Heidi Novak", Some("grace"), &["legal"]),
    ("ivan", "Ivan Petrov", Some("grace"), &["security", "system_owner"]),
    ("carol", "Carol Jansen", Some("grace"), &["supervisor", "director", "editor"]),
    ("bob", "Bob Martin", Some("carol"), &["supervisor", "pre_approver", "editor"]),
    ("alice", "Alice Lee", Some("bob"), &[]),
    ("judy", "Judy Chen", Some("bob"), &[]),
    ("u_cfo", "Uma Flores", Some("grace"), &["finance_lead"]),
];

const TEMPLATES: &[(&str, &str)] = &[
    ("purchase_order", include_str!("../../../examples/purchase_order.yaml")),
    ("expense_declaration", include_str!("../../../examples/expense_declaration.yaml")),
    ("content_publish", include_str!("../../../examples/content_publish.yaml")),
    ("refund", include_str!("../../../examples/refund.yaml")),
    ("access_request", include_str!("../../../examples/access_request.yaml")),
    ("contract", include_str!("../../../examples/contract.yaml")),
];

/// Writes it all; what holds already stays as it is.
///
/// # Errors
/// What the service answered.
pub async fn seed(local: &Local) -> Result<(), String> {
    let token = local.token("demo-seed", Some(&["admin".to_owned(), "read".to_owned()]), "default")?;
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
