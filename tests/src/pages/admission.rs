//! What a form says enters by the API's door: nothing is taken from a page that the API refuses, and nothing is taken as something else.

use axum::body::Body;
use http::Request;
use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use serde_json::json;

use super::{HOST_NAME, SITE, get, login, office, page, post};
use crate::stage::api::Api;

/// Bob is asked. `free` declares no fields, `paid` declares some.
async fn counter() -> Api {
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice<bob carol dora").await;
    let steps = json!([{ "id": "manager", "name": "Head of team", "approvers": [{ "user": "bob" }] }]);
    api.template(&json!({ "key": "free", "title": "Free", "steps": steps })).await;
    let fields = json!({
        "amount": { "type": "number", "min": 0, "label": "How much" }, "supplier": { "type": "string" }, "more": { "type": "object" },
        "currency": { "type": "string" }, "tags": { "type": "list" }, "reviewers": { "type": "list", "label": "Further reviewers" }
    });
    let reviewed =
        json!([{ "id": "more", "approvers": [{ "expression": "metadata.reviewers" }], "when": "has(metadata.reviewers)" }, steps[0]]);
    let amount = json!({ "value": "metadata.amount", "currency": "metadata.currency" });
    api.template(&json!({ "key": "paid", "title": "Paid", "steps": reviewed, "fields": fields, "amount": amount })).await;
    api
}

/// Sends a form of `/new/KEY`, with what is filled in.
async fn send(api: &Api, who: &str, key: &str, go: &str, fields: &[(&str, &str)]) -> super::Page {
    let csrf = get(api, &format!("/new/{key}"), who).await.csrf();
    let mut all = vec![("csrf", csrf.as_str()), ("title", "Chairs"), ("entity_type", "thing"), ("entity_id", "T 1"), ("go", go)];
    all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    all.extend(fields);
    post(api, &format!("/new/{key}"), who, &all).await
}

#[tokio::test]
async fn a_page_takes_no_content_that_the_api_refuses() {
    let api = counter().await;
    let alice = login(&api, "alice").await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(31), "]".repeat(31));
    for (key, field, value) in [
        ("free", "metadata", "{\"a\":1,\"a\":2}"),
        ("free", "metadata", "{\"a\":9007199254740993}"),
        ("free", "metadata", "{\"a\":\"\\u0000\"}"),
        ("free", "metadata", deep.as_str()),
        ("paid", "field.more", "{\"a\":1,\"a\":2}"),
        ("paid", "field.tags", "[9007199254740993]"),
        ("paid", "field.amount", "9007199254740993"),
        ("paid", "field.amount", "1234567890123456.78"),
        ("paid", "field.supplier", "A\0B"),
        ("free", "title", "A\u{7}B"),
        ("free", "entity_type", "My order"),
    ] {
        for go in ["submit", "preview"] {
            let answer = send(&api, &alice, key, go, &[(field, value)]).await;
            assert_eq!(answer.status, 400, "{field}={value:?}: {}", answer.html);
            assert!(!answer.html.contains("is not an entity type"), "the field is called what the form calls it");
        }
    }
    let list = api.done("alice", "GET /v1/requests", None).await;
    assert_eq!(list["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn a_sum_is_kept_as_it_was_typed_and_a_person_is_named_in_lists_too() {
    let api = counter().await;
    let alice = login(&api, "alice").await;
    let filled = [("field.amount", "12345678901.25"), ("field.currency", "EUR")];
    let seen = send(&api, &alice, "paid", "preview", &filled).await;
    assert!(seen.status == 200 && seen.html.contains("EUR 12,345,678,901.25"), "{}", seen.html);
    let person = json!({ "name": "Carol  van den A\u{308}cker", "email": "carol@example.com", "active": true });
    api.done("root", "PUT /v1/users/carol", Some(&person)).await;
    let sent = send(&api, &alice, "paid", "submit", &[filled[0], filled[1], ("field.reviewers", "carol van den \u{c4}cker\ndora")]).await;
    assert_eq!(sent.status, 303, "{}", sent.html);
    let shown = api.done("alice", &format!("GET /v1{}", sent.leads_to()), None).await;
    assert_eq!(shown["metadata"]["reviewers"], json!(["carol", "dora"]));
    let nobody = send(&api, &alice, "paid", "submit", &[filled[0], filled[1], ("field.reviewers", "No Body"), ("entity_id", "T 2")]).await;
    assert!(nobody.status == 400 && nobody.html.contains("Further reviewers: Nobody here is called “No Body”"), "{}", nobody.html);
}

#[tokio::test]
async fn a_form_without_a_button_s_word_sends_nothing() {
    let api = counter().await;
    let alice = login(&api, "alice").await;
    for go in ["", "now"] {
        assert_eq!(send(&api, &alice, "free", go, &[]).await.status, 400, "{go}");
    }
    assert_eq!(api.done("alice", "GET /v1/requests", None).await["items"], json!([]));
}

#[tokio::test]
async fn what_no_browser_sends_is_no_form() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    let csrf = get(&api, &path, &bob).await.csrf();
    let send = async |media_type: &str, body: String| {
        let request = Request::post(format!("{path}/comments")).header(HOST, HOST_NAME).header(COOKIE, &bob).header(ORIGIN, SITE);
        page(&api, request.header(CONTENT_TYPE, media_type).body(Body::from(body)).unwrap()).await
    };
    let form = "application/x-www-form-urlencoded";
    for (media_type, words, status) in [
        ("text/plain", "comment=kept+words", 415),
        ("multipart/form-data; boundary=x", "comment=kept+words", 415),
        (form, "comment=kept+words%00", 400),
        (form, "comment=kept+words%ff", 400),
        (form, "comment=kept+words&comment=others", 400),
    ] {
        let answer = send(media_type, format!("csrf={csrf}&{words}")).await;
        assert_eq!(answer.status, status, "{words}");
        assert!(status == 415 || answer.html.contains("kept words"), "{words}: {}", answer.html);
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    }
    assert!(!get(&api, &path, &bob).await.html.contains("kept words"));
    assert_eq!(send("application/x-www-form-urlencoded; charset=UTF-8", format!("csrf={csrf}&comment=fine")).await.status, 303);
}

#[tokio::test]
async fn a_limit_that_is_half_said_makes_no_delegation() {
    let (api, _) = office().await;
    let bob = login(&api, "bob").await;
    let many: String = (0..51).map(|n| format!("k{n}\n")).collect();
    for (name, value) in [("max_currency", "EUR"), ("max_amount", "100"), ("templates", many.as_str())] {
        let csrf = get(&api, "/delegations", &bob).await.csrf();
        let fields =
            [("csrf", csrf.as_str()), ("to", "carol"), ("starts", "2026-01-05"), ("ends", "2026-01-09"), ("reason", "Away"), (name, value)];
        let answer = post(&api, "/delegations", &bob, &fields).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.html);
        assert!(answer.html.contains("aria-invalid"), "the field is named");
    }
    assert_eq!(api.done("bob", "GET /v1/delegations", None).await["items"], json!([]));
    // What can never count says so.
    let csrf = get(&api, "/delegations", &bob).await.csrf();
    let fields = [
        ("csrf", csrf.as_str()),
        ("to", "carol"),
        ("starts", "2026-01-05"),
        ("ends", "2026-01-09"),
        ("reason", "Away"),
        ("templates", "nothing"),
    ];
    assert_eq!(post(&api, "/delegations", &bob, &fields).await.status, 303);
    assert!(get(&api, "/delegations", &bob).await.html.contains("It can never count so: There is no template nothing."));
    let carol = login(&api, "carol").await;
    assert!(get(&api, "/delegations", &carol).await.html.contains("Decline it"));
}

#[tokio::test]
async fn a_form_succeeds_only_where_something_is_done() {
    let (api, _) = office().await;
    let (bob, carol) = (login(&api, "bob").await, login(&api, "carol").await);
    let csrf = get(&api, "/delegations", &bob).await.csrf();
    let fields = [("csrf", csrf.as_str()), ("to", "alice"), ("starts", "2026-01-05"), ("ends", "2026-01-09"), ("reason", "Away")];
    assert_eq!(post(&api, "/delegations", &bob, &fields).await.status, 303);
    let id = api.done("bob", "GET /v1/delegations", None).await["items"][0]["id"].as_str().unwrap().to_owned();
    let csrf = get(&api, "/preferences", &carol).await.csrf();
    for (path, fields, status) in [
        (format!("/delegations/{id}/end"), vec![], 404),
        ("/delegations/junk/end".to_owned(), vec![], 404),
        ("/preferences/sessions/junk/revoke".to_owned(), vec![], 404),
        ("/preferences".to_owned(), vec![("theme", "blue")], 400),
        ("/preferences".to_owned(), vec![("time_zone", "Nowhere/Town")], 400),
    ] {
        let fields: Vec<(&str, &str)> = [("csrf", csrf.as_str())].into_iter().chain(fields).collect();
        let answer = post(&api, &path, &carol, &fields).await;
        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (status, "text/html; charset=utf-8"), "{path}");
    }
    assert_eq!(api.done("bob", "GET /v1/delegations", None).await["items"].as_array().unwrap().len(), 1, "it holds still");
}

#[tokio::test]
async fn whatever_an_address_says_wrongly_is_answered_by_a_page() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let id = shown["id"].as_str().unwrap();
    let mut asked: Vec<(&str, String, u16)> = [
        "/find?q=a&q=b",
        "/?template=a&template=b",
        "/mine?cursor=a&cursor=b",
        "/mine?status=odd",
        "/?template=A+b",
        "/login?next=/&next=/",
    ]
    .iter()
    .map(|path| ("GET", (*path).to_owned(), 400))
    .collect();
    for path in ["/", "/mine", "/find", "/new", &format!("/requests/{id}")] {
        asked.extend(["POST", "PUT", "DELETE", "OPTIONS"].map(|method| (method, path.to_owned(), 405)));
    }
    asked.extend([
        ("POST", "/nothing/here".to_owned(), 404),
        ("GET", "/requests/%ff".to_owned(), 404),
        ("GET", "/new/%ff".to_owned(), 404),
    ]);
    for (method, path, status) in asked {
        let request = Request::builder().method(method).uri(&path).header(HOST, HOST_NAME).header(COOKIE, &bob).header(ORIGIN, SITE);
        let answer = page(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers.get(header).map(|value| value.to_str().unwrap()), Some(value), "{method} {path}: {header}");
        }
        assert!(answer.headers.contains_key("content-security-policy"), "{method} {path}");
    }
}

#[tokio::test]
async fn the_first_administrator_s_form_keeps_what_was_typed_and_names_the_field() {
    let api = Api::start_at(super::TIME).await;
    let empty = post(&api, "/login", "", &[("user", "ann"), ("name", ""), ("email", "ann@example.com"), ("next", "/")]).await;
    assert_eq!(empty.status, 409);
    assert!(empty.html.contains("value=\"ann@example.com\"") && empty.html.contains("value=\"ann\""), "{}", empty.html);
    assert!(empty.html.contains("aria-describedby=\"name-wrong\""), "{}", empty.html);
    let made = post(&api, "/login", "", &[("user", "ann"), ("name", "Ann"), ("email", "ann@example.com"), ("next", "/logout")]).await;
    assert_eq!((made.status, made.leads_to()), (303, "/"));
}
