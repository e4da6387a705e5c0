//! Lists of requests.

use serde_json::json;

use super::{all, office, texts};
use crate::stage::api::Api;

fn money() -> serde_json::Value {
    json!({ "what": "chairs", "amount": 480.5, "currency": "EUR", "because": "the old ones broke" })
}

#[tokio::test]
async fn a_list_is_named_once_and_some_are_for_administrators() {
    let api = office().await;
    for query in [
        "requester=rita&decided_by=ann",
        "requester=rita&blocked=true",
        "overdue=true&blocked=true",
        "approver=ann&requester=rita",
        "entity_type=order&entity_id=1&requester=rita",
        "entity_type=order",
        "entity_id=1",
    ] {
        let answer = api.call("ada", &format!("GET /v1/requests?{query}"), None).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_query"), "{query}");
        answer.is_problem(query);
    }
    for query in ["blocked=true", "overdue=true", "approver=ann"] {
        let refused = api.call("rita", &format!("GET /v1/requests?{query}"), None).await;
        assert_eq!((refused.status, refused.code()), (403, "not_allowed"), "{query}");
        assert_eq!(api.call("ada", &format!("GET /v1/requests?{query}"), None).await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn every_list_is_narrowed_by_template_status_and_time() {
    let api = office().await;
    let shown = api.submit("rita", "plain", "1", json!({})).await;
    api.vote("ann", &shown, "s", "approve", None).await;
    api.clock("2026-01-05T10:00:00Z").await;
    let shown = api.submit("rita", "slow", "1", json!({})).await;
    api.vote("ann", &shown, "s", "reject", None).await;
    api.submit("rita", "slow", "1", json!({})).await;
    api.submit("rita", "slow", "2", json!({})).await;
    api.drain().await;
    for (query, keys) in [
        ("requester=rita", vec!["slow", "slow", "slow", "plain"]),
        ("requester=rita&template=plain", vec!["plain"]),
        ("requester=rita&template=slow&status=rejected", vec!["slow"]),
        ("requester=rita&created_to=2026-01-05T09:30:00Z", vec!["plain"]),
        ("requester=rita&created_from=2026-01-05T09:30:00Z&status=in_progress", vec!["slow", "slow"]),
        ("decided_by=ann", vec!["slow", "plain"]),
        ("decided_by=ann&template=plain", vec!["plain"]),
        ("decided_by=ann&status=rejected", vec!["slow"]),
        ("decided_by=rita", vec![]),
        ("template=slow", vec!["slow", "slow", "slow"]),
        ("template=slow&status=in_progress", vec!["slow", "slow"]),
        ("template=none", vec![]),
        ("entity_type=order&entity_id=1", vec!["slow", "slow", "plain"]),
        ("entity_type=order&entity_id=1&template=plain", vec!["plain"]),
        ("entity_type=person&entity_id=1", vec![]),
        ("approver=ann", vec!["slow", "slow"]),
        ("approver=ann&template=plain", vec![]),
        ("approver=ben", vec![]),
        ("approver=nobody", vec![]),
    ] {
        for limit in [1, 2, 100] {
            let (items, _) = all(&api, "ada", &format!("/v1/requests?{query}"), limit).await;
            assert_eq!(texts(&items, "/template/key"), keys, "{query}, pages of {limit}");
        }
    }
}

/// Twelve pages are read for one answer; then it is empty, and goes on.
#[tokio::test]
async fn an_empty_page_has_a_cursor_while_there_may_be_more() {
    let api = office().await;
    let first = api.submit("rita", "plain", "1", json!({})).await;
    api.vote("ann", &first, "s", "approve", None).await;
    // The newest come first.
    api.clock("2026-01-05T09:01:00Z").await;
    for n in 0..14 {
        api.submit("rita", "slow", &format!("N-{n}"), json!({})).await;
    }
    let page = api.done("rita", "GET /v1/requests?requester=rita&status=approved&limit=1", None).await;
    assert_eq!((page["items"].as_array().unwrap().len(), page["next_cursor"].is_string()), (0, true), "{page}");
    let (items, pages) = all(&api, "rita", "/v1/requests?requester=rita&status=approved", 1).await;
    assert_eq!(texts(&items, "/id"), [first["id"].as_str().unwrap()]);
    assert!(pages > 1);
    let (others, _) = all(&api, "rita", "/v1/requests?requester=rita&status=in_progress", 3).await;
    assert_eq!(others.len(), 14);
}

async fn late(api: &Api) -> Vec<String> {
    texts(&all(api, "ada", "/v1/requests?overdue=true", 1).await.0, "/entity/id")
}

#[tokio::test]
async fn what_is_late_is_listed_from_the_tick_that_finds_it_until_it_ends() {
    let api = office().await;
    for (template, entity) in [("plain", "no clock"), ("slow", "a"), ("money", "b"), ("money", "c")] {
        let metadata = if template == "money" { money() } else { json!({}) };
        api.submit("rita", template, entity, metadata).await;
    }
    api.clock("2026-01-05T18:59:00Z").await;
    api.drain().await;
    assert_eq!(late(&api).await, Vec::<String>::new(), "a minute before");
    api.clock("2026-01-05T19:01:00Z").await;
    api.drain().await;
    let mut found = late(&api).await;
    found.sort();
    assert_eq!(found, ["a", "b", "c"], "a reminder before it, a level after it; no clock, no tick");

    let shown = api.done("rita", "GET /v1/requests?entity_type=order&entity_id=b", None).await["items"][0].clone();
    assert_eq!(api.vote("ben", &shown, "s", "approve", None).await.status, 200);
    api.drain().await;
    let mut found = late(&api).await;
    found.sort();
    assert_eq!(found, ["a", "c"], "what ends is late no more");
    let rows = |api: &Api| {
        let inboxes = api.local.stores.inboxes.clone();
        async move {
            let list = approvals::store::keys::overdue_list(&approvals_domain::ids::TenantId::new("default").unwrap());
            inboxes.hints(&list, None, 100, approvals::store::Freshness::Strong).await.unwrap().0.len()
        }
    };
    assert_eq!(rows(&api).await, 2, "its row is gone");
    // The level that comes later changes nothing.
    api.clock("2026-01-06T15:01:00Z").await;
    api.drain().await;
    assert_eq!((late(&api).await.len(), rows(&api).await), (2, 2));
    for entity in ["a", "c"] {
        let shown = api.done("rita", &format!("GET /v1/requests?entity_type=order&entity_id={entity}"), None).await["items"][0].clone();
        api.done("rita", &format!("POST /v1/requests/{}/cancel", shown["id"].as_str().unwrap()), Some(&json!({}))).await;
    }
    api.drain().await;
    assert_eq!((late(&api).await.len(), rows(&api).await), (0, 0));
}

#[tokio::test]
async fn a_summary_says_how_much_the_marked_fields_and_who_everybody_is() {
    let api = office().await;
    let shown = api.submit("rita", "money", "INV/2026/1", money()).await;
    api.drain().await;
    let amount = json!({ "value": 480.5, "currency": "EUR" });
    // As the template has them, not by name.
    let fields = json!([
        { "key": "what", "label": "What for", "type": "string", "value": "chairs" },
        { "key": "amount", "label": "amount", "type": "number", "value": 480.5 },
    ]);
    let inbox = api.done("ben", "GET /v1/inbox", None).await;
    let task = &inbox["items"][0]["request"];
    assert_eq!((&task["amount"], &task["fields"], &task["entity"]), (&amount, &fields, &json!({ "type": "order", "id": "INV/2026/1" })));
    assert_eq!(inbox["people"], json!({ "rita": { "name": "rita" } }));
    api.vote("ben", &shown, "s", "approve", None).await;
    let list = api.done("rita", "GET /v1/requests?requester=rita", None).await;
    let item = &list["items"][0];
    assert_eq!((&item["amount"], &item["fields"], item.get("metadata")), (&amount, &fields, None), "{item}");
    assert_eq!(list["people"], json!({ "rita": { "name": "rita" }, "ben": { "name": "ben" } }));
    let one = api.done("rita", &format!("GET /v1/requests/{}", shown["id"].as_str().unwrap()), None).await;
    assert_eq!((&one["people"]["ben"]["name"], &one["metadata"]), (&json!("ben"), &money()));
}
