//! Who reads the table, an export or a backup of it learns nothing that lets them act.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Insider;

/// Every text and all bytes in an item, each as it lies there and decoded.
fn values(item: &Value) -> Vec<Vec<u8>> {
    match item {
        Value::String(text) => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
            std::iter::once(text.clone().into_bytes()).chain(decoded).collect()
        }
        Value::Array(list) => list.iter().flat_map(values).collect(),
        Value::Object(members) => members.values().flat_map(values).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_reader_of_the_table_finds_no_link_no_secret_and_no_key() {
    let insider = Insider::new().await;
    let api = &insider.api;
    insider.submitted().await;
    // Told alone, with a link: asks that come together are one mail that leads to the inbox.
    api.drain().await;
    let hook = json!({ "url": "https://hooks.example.com/", "events": ["approvals.request.approved.v1"], "active": true });
    let secret = api.done("root", "PUT /v1/endpoints/erp", Some(&hook)).await["secret"].as_str().unwrap().to_owned();
    for n in 0..3 {
        api.submit("rita", "t", &n.to_string(), json!({})).await;
    }
    let page = api.done("rita", "GET /v1/requests?limit=1", None).await;
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    api.drain().await;
    let mails = api.done("root", "GET /_dev/outbox", None).await;
    let texts = mails["items"].as_array().unwrap().iter().filter_map(|mail| mail["text"].as_str());
    let token = texts.filter_map(|text| text.split("/v1/actions/").nth(1)).next().unwrap().split_whitespace().next().unwrap().to_owned();
    let everything = insider.everything().await;
    assert!(everything.len() > 20);
    let raw = base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let kept = [api.local.secrets.rotate("tags"), api.local.secrets.rotate("links"), api.local.secrets.rotate("cursors")];
    assert!(kept.iter().all(Result::is_ok));
    let mut hidden = vec![token.clone().into_bytes(), URL_SAFE_NO_PAD.decode(&token).unwrap(), secret.into_bytes(), raw];
    for name in ["tags", "links", "cursors"] {
        let text = std::fs::read_to_string(insider.folder.path().join(format!("{name}.secret"))).unwrap();
        let keys: Value = serde_json::from_str(&text).unwrap();
        hidden.extend(keys["keys"].as_object().unwrap().values().map(|version| version["secret"].as_str().unwrap().as_bytes().to_vec()));
    }
    for item in &everything {
        let pk = item["PK"]["S"].as_str().unwrap();
        assert!(!pk.starts_with("KEY#") && !pk.starts_with("LNK#"), "{pk}");
        for value in values(item) {
            for hidden in &hidden {
                let found = value.windows(hidden.len()).any(|bytes| bytes == hidden.as_slice());
                assert!(!found, "{pk} holds what entitles");
            }
        }
    }
    // A cursor may name what its reader may not see: it is sealed.
    let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
    let ids: Vec<&str> = everything.iter().filter_map(|item| item["PK"]["S"].as_str()?.strip_prefix("REQ#default#")).collect();
    assert!(ids.len() > 3);
    for id in ids {
        assert!(!bytes.windows(id.len()).any(|part| part == id.as_bytes()));
    }
    let last = if cursor.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &cursor[..cursor.len() - 1]);
    for (who, cursor) in [("ann", cursor.as_str()), ("rita", forged.as_str()), ("rita", "AAAA"), ("rita", "")] {
        let (status, code) = insider.told(who, &format!("GET /v1/requests?limit=1&cursor={cursor}"), None).await;
        assert_eq!((status, code.as_str()), (400, "invalid_cursor"), "{who} {cursor}");
    }
}

/// A wrapped secret opens where it was put, and nowhere else.
#[tokio::test]
async fn a_webhook_secret_moved_to_ones_own_endpoint_signs_nothing() {
    let insider = Insider::new().await;
    let api = &insider.api;
    for id in ["erp", "mine"] {
        let hook = json!({ "url": "https://hooks.example.com/", "events": ["approvals.request.rejected.v1"], "active": true });
        api.done("root", &format!("PUT /v1/endpoints/{id}"), Some(&hook)).await;
    }
    let stolen = insider.get("SEC#default#erp", "A").await["s"].clone();
    insider.swap(("SEC#default#mine", "A"), "s", stolen).await;
    let (shown, _) = insider.submitted().await;
    assert_eq!(api.vote("ann", &shown, "manager", "reject", None).await.status, 200);
    api.drain().await;
    let sent = api.done("root", "GET /_dev/outbox", None).await;
    let hooks = sent["items"].as_array().unwrap().iter().filter(|item| item["channel"] == "webhook").count();
    assert_eq!(hooks, 1, "the one whose secret is its own");
}
