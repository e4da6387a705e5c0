//! What happened, for people: one list over all revisions, read to its beginning.

use serde_json::{Value, json};

use super::all;
use crate::stage::api::Api;

/// A template with fields of its own, and people.
async fn office() -> Api {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("rita ann kim boss erp").await;
    api.template(&json!({
        "key": "order", "title": "Order", "unique_entity": false,
        "fields": { "supplier": { "type": "string", "label": "Supplier" }, "owner": { "type": "user", "label": "Owner" } },
        "steps": [
            { "id": "manager", "name": "Manager", "approvers": [{ "user": "ann" }] },
            { "id": "finance", "name": "Finance", "approvers": [{ "user": "kim" }] },
        ],
    }))
    .await;
    api
}

async fn told(api: &Api, who: &str, id: &str) -> Vec<Value> {
    api.done(who, &format!("GET /v1/requests/{id}"), None).await["conversation"].as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect()
}

async fn submitted(api: &Api, metadata: Value) -> Value {
    let body = json!({ "template": "order", "entity": { "type": "order", "id": "PO-1" }, "title": "Two chairs", "metadata": metadata });
    api.done("rita", "POST /v1/requests", Some(&body)).await
}

async fn did(api: &Api, who: &str, request: &Value, what: &str, body: Value) -> Value {
    let path = format!("POST /v1/requests/{}/{what}", request["id"].as_str().unwrap());
    let answer = api.call(who, &path, Some(&body)).await;
    assert!(answer.status < 300, "{who} {what}: {} {}", answer.status, answer.body);
    answer.body
}

/// T8: revision 2 has a past, and says what changed from what to what.
#[tokio::test]
async fn t8_a_second_revision_says_what_happened_before_and_what_changed() {
    let api = office().await;
    let request = submitted(&api, json!({ "owner": "rita" })).await;
    assert_eq!(request.get("conversation"), None, "an answer to a command holds none");
    let id = request["id"].as_str().unwrap();
    let hash = &request["payload_hash"];
    did(&api, "ann", &request, "decisions", json!({ "step": "manager", "decision": "approve", "payload_hash": hash })).await;
    did(&api, "kim", &request, "comments", json!({ "comment": "Which supplier?" })).await;
    did(&api, "kim", &request, "decisions", json!({ "step": "finance", "decision": "return", "comment": "get a second quote" })).await;
    let changed = json!({ "title": "Two red chairs", "metadata": { "supplier": "Ikea", "owner": "boss" }, "comment": "quote attached" });
    did(&api, "rita", &request, "resubmit", changed).await;
    let entries = told(&api, "ann", id).await;
    assert_eq!(kinds(&entries), ["submitted", "approved", "commented", "returned", "resubmitted"]);
    let of = |name: &str| entries.iter().map(|entry| entry[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("by"), ["rita", "ann", "kim", "kim", "rita"]);
    assert_eq!(of("revision"), [1, 1, 1, 1, 2]);
    assert_eq!(of("text"), [json!(null), json!(null), json!("Which supplier?"), json!("get a second quote"), json!("quote attached")]);
    assert_eq!(of("step"), [json!(null), json!("manager"), json!(null), json!("finance"), json!(null)]);
    let ids: std::collections::BTreeSet<String> = of("id").iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
    let changes = json!([
        { "field": "/title", "label": "Title", "old": "Two chairs", "new": "Two red chairs" },
        { "field": "/metadata/owner", "label": "Owner", "old": "rita", "new": "boss" },
        { "field": "/metadata/supplier", "label": "Supplier", "new": "Ikea" },
    ]);
    assert_eq!(entries[4]["changes"], changes);
    assert!(entries[..4].iter().all(|entry| entry.get("changes").is_none()));
    assert_eq!(entries[3]["summary"], "kim sent it back: Finance");
    let page = api.done("kim", &format!("GET /v1/requests/{id}/conversation"), None).await;
    assert_eq!(page["items"], json!(entries), "one list, however it is read");
    assert_eq!(page["people"]["boss"], json!({ "name": "boss" }), "in a field that changed");
}

/// Every kind that a person makes is told with who, for whom, to whom and in whose words.
#[tokio::test]
async fn each_act_is_told() {
    let api = office().await;
    api.role("approval_admin", "boss").await;
    let request = submitted(&api, json!({})).await;
    let (id, hash) = (request["id"].as_str().unwrap(), request["payload_hash"].clone());
    let away = json!({ "to": "erp", "starts_at": "2026-01-05T09:00:00.000Z", "ends_at": "2026-01-06T00:00:00.000Z", "reason": "Holiday" });
    api.done("ann", "POST /v1/delegations", Some(&away)).await;
    let vote = json!({ "step": "manager", "decision": "approve", "payload_hash": hash, "on_behalf_of": "ann" });
    did(&api, "erp", &request, "decisions", vote).await;
    did(&api, "boss", &request, "reassign", json!({ "step": "finance", "from": "kim", "to": "erp", "reason": "Kim is ill" })).await;
    did(&api, "rita", &request, "recall", json!({ "reason": "wrong chairs" })).await;
    did(&api, "boss", &request, "transfer", json!({ "to": "ann", "reason": "Rita left" })).await;
    did(&api, "boss", &request, "cancel", json!({ "reason": "no money" })).await;
    let entries = told(&api, "boss", id).await;
    let short: Vec<Value> =
        entries.iter().map(|entry| json!([entry["kind"], entry["by"], entry["on_behalf_of"], entry["to"], entry["text"]])).collect();
    let expected = json!([
        ["submitted", "rita", null, null, null],
        ["approved", "erp", "ann", null, null],
        ["reassigned", "boss", "kim", "erp", "Kim is ill"],
        ["recalled", "rita", null, null, "wrong chairs"],
        ["transferred", "boss", null, "ann", "Rita left"],
        ["cancelled", "boss", null, null, "no money"],
    ]);
    assert_eq!(json!(short), expected);
}

/// The newest 50 stand in the request; the pages of the rest join without a gap and without a repeat, whatever their length.
#[tokio::test]
async fn a_long_conversation_is_read_to_its_beginning() {
    let api = office().await;
    let request = submitted(&api, json!({})).await;
    let id = request["id"].as_str().unwrap();
    for n in 0..30 {
        did(&api, "rita", &request, "comments", json!({ "comment": format!("r{n}") })).await;
        did(&api, "ann", &request, "comments", json!({ "comment": format!("a{n}") })).await;
    }
    let newest = told(&api, "ann", id).await;
    assert_eq!((newest.len(), &newest[0]["text"], &newest[49]["text"]), (50, &json!("r5"), &json!("a29")));
    for limit in [1, 7, 50, 100] {
        let (pages, _) = all(&api, "ann", &format!("/v1/requests/{id}/conversation"), limit).await;
        let mut ids: Vec<u64> =
            pages.iter().map(|entry| entry["id"].as_str().unwrap().split('-').next().unwrap().parse().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=61).collect::<Vec<_>>(), "limit {limit}");
        assert!(pages.iter().filter(|entry| entry["kind"] == "commented").all(|entry| entry["text"].is_string()), "with its words");
    }
    for who in ["kim", "erp"] {
        let answer = api.call(who, &format!("GET /v1/requests/{id}/conversation"), None).await;
        assert_eq!((answer.status, answer.code()), (404, "not_found"), "{who} may not see it");
    }
}

/// What is erased says so, and shows neither words nor changes.
#[tokio::test]
async fn erased_words_and_changes_are_told_as_erased() {
    let api = office().await;
    api.role("approval_admin", "boss").await;
    let request = submitted(&api, json!({ "supplier": "Secret" })).await;
    let id = request["id"].as_str().unwrap();
    did(&api, "ann", &request, "decisions", json!({ "step": "manager", "decision": "return", "comment": "a secret word" })).await;
    did(&api, "rita", &request, "resubmit", json!({ "metadata": {}, "title": "t", "comment": "also secret" })).await;
    did(&api, "rita", &request, "cancel", json!({})).await;
    did(&api, "boss", &request, "erase", json!({ "reason": "asked to" })).await;
    let entries = told(&api, "rita", id).await;
    assert_eq!(kinds(&entries), ["submitted", "returned", "resubmitted", "cancelled"]);
    assert_eq!((&entries[1]["erased"], &entries[2]["erased"]), (&json!(true), &json!(true)));
    assert!(entries.iter().all(|entry| entry.get("text").is_none() && entry.get("changes").is_none()), "{entries:?}");
    assert!(!json!(entries).to_string().contains("ecret"));
}
