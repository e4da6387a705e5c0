//! Erasure: what people wrote is gone from the table and from every road to it, under a mark that only the service makes; hashes stand.

use serde_json::{Value, json};

use super::Insider;
use crate::stage::api::asked;

/// A rejected request with everything that people can write, and an administrator `ada`.
async fn rejected(insider: &Insider) -> (Value, String) {
    let api = &insider.api;
    api.people("ada").await;
    api.role("approval_admin", "ada").await;
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "Bonus for Zoe", "metadata": { "text": "secret".repeat(200) },
        "attachments": [{ "name": "zoe.pdf", "media_type": "application/pdf", "size": 1, "sha256": "0".repeat(64), "url": "https://files.example.com/zoe" }] });
    let shown = api.done("rita", "POST /v1/requests", Some(&body)).await;
    let id = shown["id"].as_str().unwrap().to_owned();
    for words in ["Zoe earned it", &"zoe ".repeat(200)] {
        api.done("rita", &format!("POST /v1/requests/{id}/comments"), Some(&json!({ "comment": words }))).await;
    }
    (shown, id)
}

/// Items of a request whose place begins so.
async fn under(insider: &Insider, id: &str, prefix: &str) -> Vec<Value> {
    let pk = json!(format!("REQ#default#{id}"));
    let all = insider.everything().await;
    all.into_iter().filter(|item| item["PK"]["S"] == pk && item["SK"]["S"].as_str().unwrap().starts_with(prefix)).collect()
}

#[tokio::test]
async fn what_is_erased_is_gone_everywhere_and_its_proofs_stand() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = rejected(&insider).await;
    api.drain().await;
    let mails = api.done("ada", "GET /_dev/outbox", None).await;
    let texts = mails["items"].as_array().unwrap().iter().filter_map(|mail| mail["text"].as_str());
    let token = texts.filter_map(|text| text.split("/v1/actions/").nth(1)).next().unwrap().split_whitespace().next().unwrap().to_owned();
    let (erase, why) = (format!("POST /v1/requests/{id}/erase"), json!({ "reason": "asked by a person" }));
    assert_eq!(insider.told("ada", &erase, Some(&why)).await, (409, "not_closed".to_owned()));
    assert_eq!(api.vote("ann", &shown, "manager", "reject", None).await.status, 200);
    assert_eq!(insider.told("rita", &erase, Some(&why)).await, (403, "not_allowed".to_owned()));
    let before = under(&insider, &id, "M#").await.pop().unwrap();
    let erased = api.done("ada", &erase, Some(&why)).await;
    assert_eq!((&erased["erased"], &erased["status"]), (&json!(true), &json!("rejected")));
    for name in ["title", "salt", "metadata"] {
        assert_eq!(erased.get(name), Some(&Value::Null), "{name}: {erased}");
    }
    assert_eq!((&erased["attachments"], &erased["payload_hash"]), (&json!([]), &shown["payload_hash"]));
    // On no road is anything of it left.
    for (who, what) in [
        ("rita", format!("GET /v1/requests/{id}")),
        ("rita", format!("GET /v1/requests/{id}/history")),
        ("rita", "GET /v1/requests".to_owned()),
        ("ada", "GET /v1/requests?template=t".to_owned()),
    ] {
        let answer = api.done(who, &what, None).await.to_string().to_lowercase();
        assert!(answer.contains(&id) && !answer.contains("zoe") && !answer.contains("secret"), "{what}: {answer}");
    }
    let page = api.local.router.clone();
    let page = tower::ServiceExt::oneshot(page, asked(&format!("GET /v1/actions/{token}"), None).body(axum::body::Body::empty()).unwrap());
    let page = http_body_util::BodyExt::collect(page.await.unwrap().into_body()).await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&page).to_lowercase().contains("zoe"));
    let main = under(&insider, &id, "A").await.pop().unwrap();
    assert!(["ti", "sa", "md", "at"].iter().all(|name| main[name].is_null()), "{main}");
    let texts = under(&insider, &id, "X#").await;
    assert!(!texts.is_empty() && texts.iter().all(|item| item["x"].is_null() && !item["er"].is_null()), "{texts:?}");
    // Once more is no harm, and finishes what was left.
    assert_eq!(api.call("ada", &erase, Some(&why)).await.body["code"], "already_applied");
    // What is said afterwards stays, until it is erased too.
    api.done("rita", &format!("POST /v1/requests/{id}/comments"), Some(&json!({ "comment": "And now?" }))).await;
    let history = api.done("rita", &format!("GET /v1/requests/{id}/history"), None).await.to_string();
    assert!(history.contains("And now?") && history.contains("asked by a person"), "{history}");
    let report = insider.archived().await;
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!((report.erased, report.late), (1, 0));
    // An older item with its own tag, put back, is found.
    insider.put(&before).await;
    let answer = api.done("rita", &format!("GET /v1/requests/{id}"), None).await;
    assert_eq!(answer["metadata"], Value::Null, "and not shown either");
    insider.is_told_of(&format!("{id}/M#"), "what was erased was put back").await;
}

/// Who dies between the commit and what lies beside it gives the same command again.
#[tokio::test]
async fn an_erasure_that_was_cut_off_is_finished_by_the_same_command() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = rejected(&insider).await;
    assert_eq!(api.vote("ann", &shown, "manager", "reject", None).await.status, 200);
    let beside: Vec<Value> = [under(&insider, &id, "M#").await, under(&insider, &id, "X#").await].concat();
    let (erase, why) = (format!("POST /v1/requests/{id}/erase"), json!({ "reason": "asked by a person" }));
    api.done("ada", &erase, Some(&why)).await;
    for item in &beside {
        insider.put(item).await;
    }
    assert_eq!(api.call("ada", &erase, Some(&why)).await.status, 200);
    let left = [under(&insider, &id, "M#").await, under(&insider, &id, "X#").await].concat();
    assert!(left.len() == beside.len() && left.iter().all(|item| !item["er"].is_null()), "{left:?}");
}

/// Only the request's own commits erase: content that is gone without them is damage, and nobody votes on it.
#[tokio::test]
async fn content_that_is_merely_gone_is_damaged_and_not_erased() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = rejected(&insider).await;
    let pk = format!("REQ#default#{id}");
    let beside = under(&insider, &id, "M#").await.pop().unwrap();
    insider.delete(&pk, beside["SK"]["S"].as_str().unwrap()).await;
    assert_eq!(insider.told("ann", &format!("GET /v1/requests/{id}"), None).await, (500, "damaged".to_owned()));
    insider.is_told_of(&format!("{id}/M#"), "it was removed").await;
    insider.put(&beside).await;
    let main = insider.get(&pk, "A").await;
    let mut bare = main.clone();
    for name in ["ti", "sa"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    insider.put(&bare).await;
    let voted = api.vote("ann", &shown, "manager", "approve", None).await;
    assert_eq!((voted.status, voted.code()), (500, "damaged"));
    insider.put(&main).await;
    assert_eq!(api.vote("ann", &shown, "manager", "approve", None).await.status, 200);
}
