//! Templates: versions, the pointer, and what the linter says.

use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{ROOT, history};
use crate::stage::api::{Answer, Api, asked};

fn template(title: &str) -> Value {
    json!({ "key": "order", "title": title, "steps": [{ "id": "one", "approvers": [{ "role": "finance" }] }] })
}

const YAML: &str = "key: order\ntitle: Chairs\nsteps:\n  - { id: one, approvers: [{ role: finance }] }\n";

async fn put(api: &Api, media_type: &str, path: &str, text: impl Into<axum::body::Body>) -> Answer {
    let request = asked(&format!("PUT /v1/templates/{path}"), Some(&api.token(ROOT)));
    api.send(request.header(CONTENT_TYPE, media_type).body(text.into()).unwrap()).await
}

#[tokio::test]
async fn content_gets_a_number_once_however_it_is_written() {
    let api = Api::start().await;
    let first = put(&api, "application/json", "order", template("Chairs").to_string()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!((&first.body["key"], &first.body["version"], &first.body["current"]), (&json!("order"), &json!(1), &json!(1)));
    for media_type in ["application/yaml", "application/x-yaml", "text/yaml; charset=utf-8"] {
        let same = put(&api, media_type, "order", YAML).await;
        assert_eq!(
            (same.status, &same.body["version"], &same.body["hash"]),
            (200, &json!(1), &first.body["hash"]),
            "{media_type}: {}",
            same.body
        );
    }
    let second = put(&api, "application/json", "order?activate=false", template("Tables").to_string()).await;
    assert_eq!((second.status, &second.body["version"], &second.body["current"]), (201, &json!(2), &json!(1)), "{}", second.body);
    assert_ne!(second.body["hash"], first.body["hash"]);
    // What is known but not current becomes so when it is stored again.
    let again = put(&api, "application/json", "order", template("Tables").to_string()).await;
    assert_eq!((again.status, &again.body["version"], &again.body["current"]), (200, &json!(2), &json!(2)), "{}", again.body);
    let back = put(&api, "application/yaml", "order", YAML).await;
    assert_eq!((back.status, &back.body["version"], &back.body["current"]), (200, &json!(1), &json!(1)));
    let kinds: Vec<(String, Value)> = history(&api, "/v1/templates/order")
        .await
        .iter()
        .map(|commit| (commit["event"]["type"].as_str().unwrap().to_owned(), commit["event"]["version"].clone()))
        .collect();
    let wanted =
        [("template.activated", 1), ("template.activated", 2), ("template.stored", 2), ("template.activated", 1), ("template.stored", 1)];
    assert_eq!(kinds, wanted.map(|(kind, version)| (kind.to_owned(), json!(version))));
}

#[tokio::test]
async fn the_first_version_is_stored_without_being_used_if_asked() {
    let api = Api::start().await;
    let stored = put(&api, "application/yaml", "order?activate=false", YAML).await;
    assert_eq!((stored.status, &stored.body["current"]), (201, &Value::Null), "{}", stored.body);
    let inactive = api.call(ROOT, "GET /v1/templates/order", None).await;
    assert_eq!((inactive.status, inactive.code()), (404, "not_found"));
    assert_eq!(api.done(ROOT, "GET /v1/templates/order/versions/1", None).await["template"]["title"], json!("Chairs"));
}

#[tokio::test]
async fn versions_are_read_activated_and_switched_off() {
    let api = Api::start().await;
    api.people("rita ann").await;
    api.role("finance", "ann").await;
    for title in ["A", "B", "C"] {
        put(&api, "application/json", "order", template(title).to_string()).await;
    }
    let current = api.done(ROOT, "GET /v1/templates/order", None).await;
    assert_eq!((&current["version"], &current["template"]["title"], &current["title"]), (&json!(3), &json!("C"), &json!("C")));
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.done(ROOT, &format!("GET /v1/templates/order/versions?limit=2{cursor}"), None).await;
        numbers.extend(page["items"].as_array().unwrap().iter().map(|item| item["version"].as_u64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(numbers, [3, 2, 1]);

    let submit = async |entity: &str| {
        let body = json!({ "template": "order", "entity": { "type": "order", "id": entity }, "title": "T", "metadata": {} });
        api.call("rita", "POST /v1/requests", Some(&body)).await
    };
    let older = submit("1").await;
    assert_eq!(older.body["template"], json!({ "key": "order", "version": 3 }), "{}", older.body);
    let activated = api.done(ROOT, "POST /v1/templates/order/versions/1/activate", None).await;
    assert_eq!((&activated["version"], &activated["current"]), (&json!(1), &json!(1)));
    // The pointer this process remembers moves at once.
    assert_eq!(submit("2").await.body["template"]["version"], json!(1));
    let off = api.done(ROOT, "POST /v1/templates/order/deactivate", None).await;
    assert_eq!(off["current"], Value::Null);
    let refused = submit("3").await;
    assert_eq!((refused.status, refused.code()), (422, "template_inactive"), "{}", refused.body);
    // A running request keeps its version.
    let request = api.done("rita", &format!("GET /v1/requests/{}", older.body["id"].as_str().unwrap()), None).await;
    assert_eq!(request["template"]["version"], json!(3));
    for twice in [
        "POST /v1/templates/order/deactivate",
        "POST /v1/templates/order/versions/2/activate",
        "POST /v1/templates/order/versions/2/activate",
    ] {
        api.done(ROOT, twice, None).await;
    }
    assert_eq!(history(&api, "/v1/templates/order").await.len(), 9);
    for nothing in [
        "POST /v1/templates/order/versions/4/activate",
        "POST /v1/templates/order/versions/0/activate",
        "POST /v1/templates/other/deactivate",
    ] {
        assert_eq!(api.call(ROOT, nothing, None).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn templates_are_listed_by_key_page_by_page() {
    let api = Api::start().await;
    for key in ["c", "a", "b"] {
        let mut content = template(&format!("Title {key}"));
        content["key"] = json!(key);
        api.template(&content).await;
    }
    api.done(ROOT, "POST /v1/templates/b/deactivate", None).await;
    let first = api.done(ROOT, "GET /v1/templates?limit=2", None).await;
    let rest = api.done(ROOT, &format!("GET /v1/templates?limit=2&cursor={}", first["next_cursor"].as_str().unwrap()), None).await;
    assert_eq!(rest.get("next_cursor"), None);
    let shown = |page: &Value| {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["key"].clone(), item["current"].clone(), item["title"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), [(json!("a"), json!(1), json!("Title a")), (json!("b"), Value::Null, json!("Title b"))]);
    assert_eq!(shown(&rest), [(json!("c"), json!(1), json!("Title c"))]);
}

#[tokio::test]
async fn the_linter_says_where_and_what_would_be_right() {
    let api = Api::start().await;
    api.people("ann").await;
    api.role("finance", "ann").await;
    let wrong = "key: order\ntitle: T\nsteps:\n  - id: one\n    aprovers: [{ role: finance }]\n";
    let refused = put(&api, "application/yaml", "order", wrong).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid_template"), "{}", refused.body);
    refused.is_problem("a template");
    let faults = refused.body["errors"].as_array().unwrap();
    let fault = faults.iter().find(|fault| fault["pointer"] == json!("/steps/0/aprovers")).unwrap();
    let detail = fault["detail"].as_str().unwrap();
    assert!(detail.starts_with("5:5 ") && detail.contains("approvers"), "{detail}");
    assert_eq!(api.call(ROOT, "GET /v1/templates/order", None).await.status, 404);

    let lint = async |text: &str| {
        let request = asked("POST /v1/templates/lint", Some(&api.token(ROOT))).header(CONTENT_TYPE, "application/yaml");
        let answer = api.send(request.body(text.to_owned().into()).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert_eq!(lint(YAML).await, json!({ "ok": true, "findings": [] }));
    let report = lint(wrong).await;
    let found = report["findings"].as_array().unwrap();
    assert_eq!(report["ok"], json!(false));
    assert!(found.iter().any(|finding| (&finding["severity"], &finding["line"]) == (&json!("error"), &json!(5))), "{report}");
    let strange = "key: order\ntitle: T\nsteps:\n  - { id: one, approvers: [{ role: finanse }, { user: ann }, { user: bob }] }\n";
    let report = lint(strange).await;
    let codes: Vec<&str> = report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    assert_eq!((&report["ok"], codes.as_slice()), (&json!(true), ["unknown_role", "unknown_person"].as_slice()), "{report}");
    let stored = put(&api, "application/yaml", "order", strange).await;
    assert_eq!((stored.status, stored.body["warnings"].as_array().unwrap().len()), (201, 2), "{}", stored.body);
}

#[tokio::test]
async fn a_template_comes_under_its_own_key_and_as_what_it_says_it_is() {
    let api = Api::start().await;
    let other = put(&api, "application/yaml", "other", YAML).await;
    assert_eq!((other.status, other.code(), &other.body["errors"][0]["pointer"]), (422, "invalid_template", &json!("/key")));
    for key in ["Order", "1st", "a-b", &"k".repeat(101)] {
        let bad = put(&api, "application/yaml", key, YAML).await;
        assert_eq!((bad.status, bad.code()), (400, "invalid_id"), "{key}: {}", bad.body);
        assert_eq!(api.call(ROOT, &format!("GET /v1/templates/{key}"), None).await.status, 404);
    }
    for media_type in ["text/plain", "application/xml", ""] {
        let bad = put(&api, media_type, "order", YAML).await;
        assert_eq!((bad.status, bad.code()), (415, "unsupported_media_type"), "{media_type}");
    }
    let binary = put(&api, "application/yaml", "order", vec![b'k', 0xff]).await;
    assert_eq!((binary.status, binary.code()), (400, "invalid_body"));
    for (text, status) in
        [(String::new(), 422), ("x".repeat(70_000), 422), (" ".repeat(300_000), 413), ("{\"key\":1,\"key\":2}".to_owned(), 422)]
    {
        let bad = put(&api, "application/json", "order", text.clone()).await;
        assert_eq!(bad.status, status, "{text:.40}: {}", bad.body);
        bad.is_problem("a template");
    }
    assert_eq!(put(&api, "application/yaml", "order?activate=maybe", YAML).await.code(), "invalid_query");
    assert_eq!(put(&api, "application/yaml", "order?activat=false", YAML).await.code(), "invalid_query");
    assert_eq!(api.done(ROOT, "GET /v1/templates", None).await, json!({ "items": [] }));
}
