//! Rita tries every door of the API to approve what she asked for herself. Another approver still can.

use serde_json::{Value, json};

use crate::stage::api::Api;

#[tokio::test]
async fn no_door_leads_to_an_own_approval() {
    let api = Api::start_at("2026-07-01T00:00:00.000Z").await;
    api.people("rita ann ben").await;
    // She is an approver by name and by role, and an administrator.
    api.role("finance", "rita ann").await;
    api.role("approval_admin", "rita").await;
    let steps = json!([{ "id": "s", "approvers": [{ "user": "rita" }, { "role": "finance" }] }]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let id = shown["id"].as_str().unwrap();
    let window =
        json!({ "from": "ann", "to": "rita", "starts_at": "2026-07-01T00:00:00Z", "ends_at": "2026-07-02T00:00:00Z", "reason": "Me" });
    api.done("rita", "POST /v1/delegations", Some(&window)).await;
    api.drain().await;

    for on_behalf_of in [None, Some("rita"), Some("ann")] {
        let voted = api.vote("rita", &shown, "s", "approve", on_behalf_of).await;
        assert_eq!((voted.status, voted.code()), (403, "not_eligible"), "{on_behalf_of:?}: {}", voted.body);
    }
    let item = |more: Value| {
        let mut item = json!({ "request": id, "step": "s", "decision": "approve", "payload_hash": shown["payload_hash"] });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let bulk = json!({ "items": [item(json!({})), item(json!({ "on_behalf_of": "ann" }))] });
    let answers = api.done("rita", "POST /v1/decisions", Some(&bulk)).await;
    for answer in answers["items"].as_array().unwrap() {
        assert_eq!((&answer["status"], &answer["code"]), (&json!(403), &json!("not_eligible")), "{answer}");
    }
    for (from, to) in [(Some("rita"), "ben"), (Some("ann"), "ben"), (Some("ann"), "rita"), (None, "ben")] {
        let mut body = json!({ "step": "s", "to": to, "reason": "Please" });
        if let Some(from) = from {
            body["from"] = json!(from);
        }
        let passed = api.call("rita", &format!("POST /v1/requests/{id}/reassign"), Some(&body)).await;
        assert!((400..500).contains(&passed.status), "{from:?} to {to}: {}", passed.body);
    }
    // Ids are compared exactly, and no second one differs only in case.
    for other in ["Rita", "RITA"] {
        let voted = api.vote(other, &shown, "s", "approve", None).await;
        assert_eq!((voted.status, voted.code()), (404, "not_found"), "a stranger: {}", voted.body);
        let twin = json!({ "name": "Rita", "email": "r@example.com", "active": true });
        assert_eq!(api.call("root", &format!("PUT /v1/users/{other}"), Some(&twin)).await.status, 409);
    }
    assert_eq!(api.done("ann", &format!("GET /v1/requests/{id}"), None).await["version"], 1, "nothing of that left a trace");
    assert_eq!(api.inbox("rita").await, Vec::<String>::new());
    assert_eq!(api.vote("ann", &shown, "s", "approve", None).await.body["status"], "approved");
}
