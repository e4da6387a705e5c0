//! What lists show, and what whoever was asked once may still see.

use serde_json::{Value, json};

use super::one_step;
use crate::stage::api::Api;

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn f5_the_list_of_an_entity_forgets_no_request() {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("rita bob").await;
    let template = |unique: bool| {
        let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }] }]);
        json!({ "key": "t", "title": "T", "unique_entity": unique, "steps": steps })
    };
    let submit = async |title: &str, minute: u32| {
        api.clock(&format!("2026-01-05T10:{minute:02}:00.000Z")).await;
        let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-77" }, "title": title, "metadata": {} });
        api.done("rita", "POST /v1/requests", Some(&body)).await
    };
    let listed = async |query: &str| {
        let page = api.done("rita", &format!("GET /v1/requests?{query}"), None).await;
        titles(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (by_template, by_entity) = ("template=t&entity_type=order&entity_id=PO-77", "entity_type=order&entity_id=PO-77");
    api.template(&template(true)).await;
    let first = submit("first", 1).await;
    api.drain().await;
    assert_eq!(listed(by_template).await, ["first"]);
    api.vote("bob", &first, "s", "approve", None).await;
    api.template(&template(false)).await;
    submit("second", 2).await;
    submit("third", 3).await;
    api.drain().await;
    for query in [by_template, by_entity] {
        assert_eq!(listed(query).await, ["third", "second", "first"], "{query}");
    }
    api.template(&template(true)).await;
    submit("fourth", 4).await;
    api.drain().await;
    for query in [by_template, by_entity] {
        assert_eq!(listed(query).await, ["fourth", "third", "second", "first"], "{query}");
    }
    let page = api.done("rita", &format!("GET /v1/requests?limit=2&{by_template}"), None).await;
    let rest =
        api.done("rita", &format!("GET /v1/requests?limit=2&cursor={}&{by_template}", page["next_cursor"].as_str().unwrap()), None).await;
    assert_eq!((titles(&page), titles(&rest)), (vec!["fourth", "third"], vec!["second", "first"]));
}

#[tokio::test]
async fn p3_an_inbox_reads_on_until_it_has_something() {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("fay rita").await;
    api.role("finance", "fay").await;
    let steps = |hours: u32| json!([{ "id": "s", "approvers": [{ "role": "finance" }], "fallback": "none", "sla": { "hours": hours } }]);
    api.people("bob").await;
    api.role("finance", "bob").await;
    api.template(&json!({ "key": "t", "title": "T", "unique_entity": false, "steps": steps(1) })).await;
    for entity in 0..26 {
        api.submit("fay", "t", &entity.to_string(), json!({})).await;
    }
    api.template(&json!({ "key": "later", "title": "T", "steps": steps(48) })).await;
    let task = api.submit("rita", "later", "1", json!({})).await;
    api.drain().await;
    let page = api.done("fay", "GET /v1/inbox", None).await;
    assert_eq!(page["items"][0]["request"]["id"], task["id"], "26 own requests are due sooner: {page}");
}

/// S11, over HTTP: whoever was asked in revision 1 alone sees revision 1, as it ended, and nothing of what came after.
#[tokio::test]
async fn s11_whoever_was_asked_earlier_sees_the_last_revision_they_were_asked_in() {
    let api = Api::start().await;
    api.people("rita ann bob vic").await;
    let steps = json!([{ "id": "s", "approvers": [{ "expression": "metadata.owner" }, { "user": "vic" }] }]);
    let fields = json!({ "owner": { "type": "user", "required": true }, "secret": { "type": "string" } });
    api.template(&json!({ "key": "t", "title": "T", "fields": fields, "steps": steps })).await;
    let first = api.submit("rita", "t", "1", json!({ "owner": "ann", "secret": "old" })).await;
    let path = |what: &str| format!("/v1/requests/{}{what}", first["id"].as_str().unwrap());
    assert_eq!(api.vote("vic", &first, "s", "return", None).await.status, 200);
    let body = json!({ "title": "Another title", "metadata": { "owner": "bob", "secret": "new" }, "comment": "Bob knows more" });
    api.done("rita", &format!("POST {}", path("/resubmit")), Some(&body)).await;

    let seen = api.done("ann", &format!("GET {}", path("")), None).await;
    assert_eq!((&seen["revision"], &seen["status"], &seen["title"]), (&json!(1), &json!("returned"), &first["title"]), "{seen}");
    assert_eq!((&seen["metadata"], &seen["payload_hash"], &seen["salt"]), (&first["metadata"], &first["payload_hash"], &first["salt"]));
    let history = api.done("ann", &format!("GET {}", path("/history")), None).await;
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "{history}");
    let told = format!("{seen}{history}{}", api.done("ann", &format!("GET {}", path("/explain")), None).await);
    for hidden in ["new", "Another title", "Bob knows more", "user:bob"] {
        assert!(!told.contains(&format!("\"{hidden}\"")), "{hidden} in {told}");
    }
    for (who, revision) in [("bob", 2), ("vic", 2), ("rita", 2)] {
        assert_eq!(api.done(who, &format!("GET {}", path("")), None).await["revision"], revision, "{who}");
    }
    assert_eq!(api.call("ann", &format!("POST {}", path("/comments")), Some(&json!({ "comment": "And me?" }))).await.code(), "not_allowed");
}

#[tokio::test]
async fn p4_a_last_word_is_taken_after_the_end() {
    let api = one_step("rita bob eve", json!({})).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    api.vote("bob", &shown, "s", "approve", None).await;
    let comments = format!("POST /v1/requests/{}/comments", shown["id"].as_str().unwrap());
    for who in ["rita", "bob"] {
        assert_eq!(api.done(who, &comments, Some(&json!({ "comment": "Thank you" }))).await["status"], "approved");
    }
    assert_eq!(api.call("eve", &comments, Some(&json!({ "comment": "Me too" }))).await.status, 404);
}

/// P1, over HTTP: an entity is found under the number that its own system gave it, and kept unique by it.
#[tokio::test]
async fn p1_an_entity_is_found_under_the_number_its_own_system_gave_it() {
    let api = Api::start().await;
    api.people("rita bob").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })).await;
    for (number, encoded) in [
        ("INV/2026/00001", "INV%2F2026%2F00001"),
        ("PO#17", "PO%2317"),
        ("PO 17", "PO%2017"),
        ("\u{c4}-17", "%C3%84-17"),
        // The same letter in two parts is the same number.
        ("A\u{308}-18", "%C3%84-18"),
    ] {
        let made = api.submit("rita", "t", number, json!({})).await;
        // Relay writes the row.
        api.drain().await;
        for query in [format!("entity_type=order&entity_id={encoded}"), format!("template=t&entity_type=order&entity_id={encoded}")] {
            let page = api.done("rita", &format!("GET /v1/requests?{query}"), None).await;
            assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["id"]), (1, &made["id"]), "{query}: {page}");
        }
        let body = json!({ "template": "t", "entity": { "type": "order", "id": number }, "title": "T", "metadata": {} });
        assert_eq!(api.call("rita", "POST /v1/requests", Some(&body)).await.code(), "entity_busy", "{number}");
    }
    for bad in ["", "a\nb", "a\u{0}"] {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": bad }, "title": "T", "metadata": {} });
        assert_eq!(api.call("rita", "POST /v1/requests", Some(&body)).await.status, 400, "{bad:?}");
    }
}
