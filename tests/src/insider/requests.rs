//! Requests: votes that nobody cast, a past that never was, another content than the one that is signed.

use approvals::store::Freshness;
use approvals::store::requests::{Addition, Record};
use approvals_domain::commit::Commit;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{RequestId, TenantId};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Insider;
use crate::stage::api::asked;

/// The commits in an item.
fn commits(item: &Value) -> Vec<Vec<u8>> {
    item["c"]["L"].as_array().unwrap().iter().map(|c| STANDARD.decode(c["B"].as_str().unwrap()).unwrap()).collect()
}

/// Appends a commit of the same chain to an item, as only the hash demands it.
pub(super) fn append(item: &mut Value, commit: &mut Value) {
    let (version, prev) = (item["v"]["N"].as_str().unwrap().parse::<u64>().unwrap(), item["h"]["B"].as_str().unwrap().to_owned());
    let prev = Hash(STANDARD.decode(prev).unwrap().try_into().unwrap());
    commit["v"] = json!(version + 1);
    commit["p"] = json!(prev.to_string());
    let bytes = approvals_domain::hash::canonical(commit);
    let hash = Hash::of(&[approvals_domain::hash::COMMIT, &prev.0, &bytes]);
    item["c"]["L"].as_array_mut().unwrap().push(json!({ "B": STANDARD.encode(bytes) }));
    item["v"]["N"] = json!((version + 1).to_string());
    item["h"]["B"] = json!(STANDARD.encode(hash.0));
}

#[tokio::test]
async fn a_vote_that_nobody_cast_counts_nowhere() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (twin, twin_id) = insider.submitted().await;
    assert_eq!(api.vote("ann", &twin, "manager", "approve", None).await.status, 200);
    let (target, id) = insider.submitted().await;
    api.drain().await;
    let donor = insider.get(&format!("REQ#default#{twin_id}"), "A").await;
    let text = String::from_utf8(commits(&donor).pop().unwrap()).unwrap().replace(&twin_id, &id);
    let text = text.replace(twin["payload_hash"].as_str().unwrap(), target["payload_hash"].as_str().unwrap());
    let mut vote: Value = serde_json::from_str(&text).unwrap();
    let mut item = insider.get(&format!("REQ#default#{id}"), "A").await;
    append(&mut item, &mut vote);
    insider.put(&item).await;
    // Nobody is shown it, nothing is decided on it, and the others of a list are shown all the same.
    let ballot = json!({ "step": "finance", "decision": "approve", "payload_hash": target["payload_hash"] });
    for (who, what, body) in [
        ("rita", format!("GET /v1/requests/{id}"), None),
        ("fred", format!("POST /v1/requests/{id}/decisions"), Some(&ballot)),
        ("rita", format!("POST /v1/requests/{id}/comments"), Some(&json!({ "comment": "Hello?" }))),
    ] {
        assert_eq!(insider.told(who, &what, body).await, (500, "damaged".to_owned()), "{what}");
    }
    let list = api.done("rita", "GET /v1/requests", None).await;
    let ids: Vec<&str> = list["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(ids, [twin_id.as_str()]);
    let many = json!({ "items": [
        { "request": id, "step": "finance", "decision": "approve", "payload_hash": target["payload_hash"] },
        { "request": twin_id, "step": "finance", "decision": "approve", "payload_hash": twin["payload_hash"] },
    ] });
    let bulk = api.done("fred", "POST /v1/decisions", Some(&many)).await;
    let statuses: Vec<&Value> = bulk["items"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(200)], "{bulk}");
    insider.is_told_of(&id, "the service did not write it so").await;
}

/// The same content is not enough: each state of a request is authenticated with its version.
#[tokio::test]
async fn a_tag_of_another_state_is_no_tag_of_this_one() {
    let insider = Insider::new().await;
    let (shown, id) = insider.submitted().await;
    let pk = format!("REQ#default#{id}");
    let before = insider.get(&pk, "A").await;
    assert_eq!(insider.api.vote("ann", &shown, "manager", "approve", None).await.status, 200);
    let after = insider.get(&pk, "A").await;
    for (base, tag) in [(&after, &before["tg"]), (&after, &Value::Null)] {
        let mut item = base.clone();
        if tag.is_null() {
            item.as_object_mut().unwrap().remove("tg");
        } else {
            item["tg"] = tag.clone();
        }
        insider.put(&item).await;
        assert_eq!(insider.told("rita", &format!("GET /v1/requests/{id}"), None).await, (500, "damaged".to_owned()));
    }
    insider.put(&after).await;
    assert_eq!(insider.told("rita", &format!("GET /v1/requests/{id}"), None).await.0, 200, "put back as it was, it is itself again");
    // An older state with its own tag is not prevented, but found.
    insider.put(&before).await;
    assert_eq!(insider.told("rita", &format!("GET /v1/requests/{id}"), None).await.0, 200);
    insider.is_told_of(&id, "version 2 was followed by version 1").await;
}

#[tokio::test]
async fn nobody_is_shown_another_content_than_the_one_they_sign() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = insider.submitted().await;
    api.drain().await;
    let mails = api.done("root", "GET /_dev/outbox", None).await;
    let text = mails["items"][0]["text"].as_str().unwrap().to_owned();
    let token = text.split("/v1/actions/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let pk = format!("REQ#default#{id}");
    for (attribute, value) in [("ti", json!({ "S": "Buy two pencils" })), ("md", json!({ "S": r#"{"iban":"NL-EVIL"}"# }))] {
        let before = insider.swap((&pk, "A"), attribute, value).await;
        assert_eq!(insider.told("ann", &format!("GET /v1/requests/{id}"), None).await, (500, "damaged".to_owned()));
        let page = api.send(asked(&format!("GET /v1/actions/{token}"), None).body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(page.status, 500);
        assert_eq!(api.inbox("ann").await, Vec::<String>::new());
        let voted = api.vote("ann", &shown, "manager", "approve", None).await;
        assert_eq!((voted.status, voted.code()), (500, "damaged"));
        insider.put(&before).await;
        assert_eq!(api.inbox("ann").await.len(), 1, "put back, it is what it was");
    }
    // That it was otherwise for a moment stays said.
    insider.is_told_of(&id, "`ti` was changed without a commit").await;
    insider.is_told_of(&id, "`md` was changed without a commit").await;
}

#[tokio::test]
async fn large_contents_and_comments_are_what_was_written() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let shown = api.submit("rita", "t", "1", json!({ "text": "x".repeat(2_000) })).await;
    let id = shown["id"].as_str().unwrap().to_owned();
    let (_, neighbour) = insider.submitted().await;
    let (short, long) = ("Please", "y".repeat(1_000));
    for words in [short, &long] {
        api.done("rita", &format!("POST /v1/requests/{id}/comments"), Some(&json!({ "comment": words }))).await;
    }
    let pk = format!("REQ#default#{id}");
    let beside = insider.everything().await;
    let under = |prefix: &str| {
        let found = beside.iter().find(|item| item["PK"]["S"] == json!(pk) && item["SK"]["S"].as_str().unwrap().starts_with(prefix));
        found.unwrap_or_else(|| panic!("nothing under {prefix}"))["SK"]["S"].as_str().unwrap().to_owned()
    };
    for (sk, attribute, path, value) in [
        (under("M#"), "md", "", json!({ "S": format!(r#"{{"text":"{}"}}"#, "z".repeat(2_000)) })),
        (under("X#"), "x", "/history", json!({ "B": STANDARD.encode("0123456789abcdefI approve") })),
    ] {
        let before = insider.swap((&pk, &sk), attribute, value).await;
        let path = format!("GET /v1/requests/{id}{path}");
        assert_eq!(insider.told("rita", &path, None).await, (500, "damaged".to_owned()), "{path}");
        if attribute == "md" {
            // Its neighbours are listed all the same.
            let list = api.done("rita", "GET /v1/requests", None).await;
            let ids: Vec<&str> = list["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
            assert_eq!(ids, [neighbour.as_str()]);
            assert_eq!(api.inbox("ann").await, [format!("{neighbour} manager -")]);
        }
        insider.put(&before).await;
        assert_eq!(insider.told("rita", &path, None).await.0, 200, "{path}");
    }
    insider.is_told_of(&format!("{id}/M#"), "the service did not write it so").await;
    insider.is_told_of(&format!("{id}/X#"), "the service did not write it so").await;
}

#[tokio::test]
async fn a_request_that_is_to_expire_or_is_gone_is_told() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    let pk = format!("REQ#default#{id}");
    let mut item = insider.get(&pk, "A").await;
    item["ttl"] = json!({ "N": "1" });
    insider.put(&item).await;
    assert_eq!(insider.told("rita", &format!("GET /v1/requests/{id}"), None).await, (500, "damaged".to_owned()));
    insider.is_told_of(&id, "the service did not write it so").await;
    insider.delete(&pk, "A").await;
    insider.is_told_of(&id, "was removed").await;
}

/// H2b: a function that was taken over has the tags, and still cannot write a leaver's vote into the past: the table's clock says when.
#[tokio::test]
async fn h2b_a_backdated_vote_is_a_time_fault_even_with_the_tags() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (twin, twin_id) = insider.submitted().await;
    assert_eq!(api.vote("ann", &twin, "manager", "approve", None).await.status, 200);
    let (target, id) = insider.submitted().await;
    let gone = json!({ "name": "ann", "email": "ann@example.com", "active": false });
    api.done("root", "PUT /v1/users/ann", Some(&gone)).await;
    api.clock("2026-01-05T10:00:00.000Z").await;
    assert_eq!(api.vote("ann", &target, "manager", "approve", None).await.status, 403, "their own vote is refused");
    api.clock("2026-01-05T11:00:00.000Z").await;
    let requests = &api.local.stores.requests;
    let load = |id: &str| {
        let id = RequestId::new(id).unwrap();
        async move { requests.load(&TenantId::new("default").unwrap(), &id, Freshness::Strong).await.unwrap().unwrap() }
    };
    let (donor, record) = (load(&twin_id).await, load(&id).await);
    let text = String::from_utf8(donor.commits.last().unwrap().bytes.clone()).unwrap().replace(&twin_id, &id);
    let text = text.replace(twin["payload_hash"].as_str().unwrap(), target["payload_hash"].as_str().unwrap());
    let mut commit: Commit = serde_json::from_str(&text).unwrap();
    (commit.version, commit.prev_hash, commit.at) = (record.state.version + 1, record.state.hash, record.state.updated_at);
    commit.command.id = "forged".to_owned();
    let addition = Addition { sealed: commit.seal(), texts: Vec::new(), content: None, digest: None, callback: None };
    let (next, _) = Record::after(Some(&record), addition).unwrap();
    assert!(matches!(requests.commit(&next).await.unwrap(), approvals::store::requests::Commit::Done), "it is written, with good tags");
    insider.is_told_of(&id, "time: the commit says 2026-01-05T10:00:00").await;
}

#[tokio::test]
async fn attachments_are_what_was_signed() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let file = |name: &str| json!({ "name": name, "media_type": "text/plain", "size": 1, "sha256": "0".repeat(64), "url": "https://files.example.com/1" });
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "Chairs", "metadata": {}, "attachments": [file("offer.txt")] });
    let shown = api.done("rita", "POST /v1/requests", Some(&body)).await;
    let id = shown["id"].as_str().unwrap();
    let pk = format!("REQ#default#{id}");
    let before = insider.swap((&pk, "A"), "at", json!({ "S": json!([file("other.txt")]).to_string() })).await;
    let voted = api.vote("ann", &shown, "manager", "approve", None).await;
    assert_eq!((voted.status, voted.code()), (500, "damaged"));
    insider.put(&before).await;
    insider.is_told_of(id, "`at` was changed without a commit").await;
}

/// M4: a template without fields, a harmless title, and what is really asked in the metadata: the page behind the mail's button shows it.
#[tokio::test]
async fn m4_the_page_behind_a_link_shows_all_that_is_signed() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let file = json!({ "name": "offer.txt", "media_type": "text/plain", "size": 7, "sha256": "ab".repeat(32), "url": "https://files.example.com/1" });
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "Two pencils",
        "metadata": { "pay": "1,000,000 to Evil", "long": format!("{}end", "x".repeat(3_000)) }, "attachments": [file] });
    api.done("rita", "POST /v1/requests", Some(&body)).await;
    api.drain().await;
    let mails = api.done("root", "GET /_dev/outbox", None).await;
    let text = mails["items"][0]["text"].as_str().unwrap().to_owned();
    assert!(!text.contains("to Evil"), "the mail keeps to fields marked for it");
    let token = text.split("/v1/actions/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let asked = asked(&format!("GET /v1/actions/{token}"), None).body(axum::body::Body::empty()).unwrap();
    let page = tower::ServiceExt::oneshot(api.local.router.clone(), asked).await.unwrap();
    let page = http_body_util::BodyExt::collect(page.into_body()).await.unwrap().to_bytes();
    let page = String::from_utf8_lossy(&page);
    for shown in
        ["pay", "1,000,000 to Evil", "xxxend", "offer.txt", "7 bytes", "files.example.com", &"ab".repeat(32), "not checked by this service"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}
