//! Faults that people reported of decisions, over HTTP: each test is named after the entry of the list it was found under. What the pure
//! core alone decides is tested beside it, in `shared/domain/tests/domain/rulings`.
//!
//! F1 to F4, F6, F9, F12, S1 to S5, S8 to S13 stand there. F7 and P1 stand in `ids.rs` and below, F13 with the command line, S3 and S4 with the
//! linter, too, F10 in `time/calendars.rs`, S14 in `notices/audiences.rs`. S7 is F10, S16 is P5, S17 is P4.

mod directory;
mod lists;
mod trust;

use serde_json::{Value, json};

use crate::stage::api::{Answer, Api, asked};

/// A call as a person with an Idempotency-Key.
async fn keyed(api: &Api, who: &str, what: &str, key: &str, body: &str) -> Answer {
    let call = asked(what, Some(&api.token(who))).header("content-type", "application/json").header("idempotency-key", key);
    api.send(call.body(axum::body::Body::from(body.to_owned())).unwrap()).await
}

async fn one_step(people: &str, step: Value) -> Api {
    let api = Api::start().await;
    api.people(people).await;
    let mut whole = json!({ "id": "s", "approvers": [{ "user": "bob" }] });
    whole.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
    api.template(&json!({ "key": "t", "title": "T", "unique_entity": false, "steps": [whole] })).await;
    api
}

#[tokio::test]
async fn f7_a_field_of_type_user_holds_one_person_and_nothing_else() {
    let api = Api::start().await;
    api.people("rita bob root2").await;
    api.role("finance", "bob").await;
    let steps = json!([{ "id": "s", "approvers": [{ "expression": "metadata.owner" }] }]);
    let fields = json!({ "owner": { "type": "user", "required": true } });
    api.template(&json!({ "key": "t", "title": "T", "fields": fields, "steps": steps })).await;
    let submit = async |owner: &str| {
        let body = json!({ "template": "t", "entity": { "type": "o", "id": "1" }, "title": "T", "metadata": { "owner": owner } });
        api.call("rita", "POST /v1/requests", Some(&body)).await
    };
    for bad in ["role:finance", "user:bob", "any_of:user:bob"] {
        let refused = submit(bad).await;
        assert_eq!(refused.status, 422, "{bad}: {}", refused.body);
    }
    for bad in ["role:finance", "user:amy", "any_of:x"] {
        let body = json!({ "name": "N", "email": "n@example.com", "active": true });
        let refused = api.call("root", &format!("PUT /v1/users/{bad}"), Some(&body)).await;
        assert_eq!((refused.status / 100, refused.body["code"].is_string()), (4, true), "{bad}: {}", refused.body);
    }
    // Nobody of that name: who stands in is said before it is submitted.
    let body = json!({ "template": "t", "entity": { "type": "o", "id": "2" }, "title": "T", "metadata": { "owner": "ghost" } });
    api.role("approval_admin", "root2").await;
    let preview = api.done("rita", "POST /v1/requests/preview", Some(&body)).await;
    assert_ne!(preview["steps"][0]["gaps"], json!([]), "{preview}");
    let taken = submit("bob").await;
    assert_eq!(taken.body["steps"][0]["candidates"], json!([{ "seat": "user:bob", "level": 0 }]), "{}", taken.body);
}

#[tokio::test]
async fn f8_a_bulk_key_with_another_body_is_refused_whatever_it_names() {
    let api = one_step("rita bob", json!({})).await;
    let (first, second) = (api.submit("rita", "t", "1", json!({})).await, api.submit("rita", "t", "2", json!({})).await);
    let item = |shown: &Value| json!({ "request": shown["id"], "step": "s", "decision": "approve", "payload_hash": shown["payload_hash"] });
    let body = json!({ "items": [item(&first)] }).to_string();
    for _ in 0..2 {
        let done = keyed(&api, "bob", "POST /v1/decisions", "k1", &body).await;
        assert_eq!((done.status, &done.body["items"][0]["status"]), (200, &json!(200)), "{}", done.body);
    }
    // The same call in another order of keys is the same call.
    let turned =
        format!(r#"{{"items":[{{"payload_hash":{},"decision":"approve","step":"s","request":{}}}]}}"#, first["payload_hash"], first["id"]);
    assert_eq!(keyed(&api, "bob", "POST /v1/decisions", "k1", &turned).await.status, 200);
    for other in [json!({ "items": [item(&second)] }), json!({ "items": [item(&first), item(&second)] })] {
        let refused = keyed(&api, "bob", "POST /v1/decisions", "k1", &other.to_string()).await;
        assert_eq!((refused.status, refused.code()), (422, "idempotency_key_reused"), "{}", refused.body);
    }
    let untouched = api.done("rita", &format!("GET /v1/requests/{}", second["id"].as_str().unwrap()), None).await;
    assert_eq!(untouched["version"], 1, "nothing of it was executed");
    // Another person's key, and no key at all, are other calls.
    let own = json!({ "items": [item(&second)] }).to_string();
    assert_eq!(keyed(&api, "rita", "POST /v1/decisions", "k1", &own).await.body["items"][0]["status"], 403);
    assert_eq!(api.done("bob", "POST /v1/decisions", Some(&json!({ "items": [item(&second)] }))).await["items"][0]["status"], 200);
}

#[tokio::test]
async fn p2_null_of_an_optional_field_is_an_absent_field() {
    let api = Api::start().await;
    api.people("rita bob").await;
    let fields = json!({ "capex": { "type": "boolean" }, "amount": { "type": "number", "required": true } });
    let steps = json!([
        { "id": "s", "approvers": [{ "user": "bob" }] },
        { "id": "more", "when": "has(metadata.capex) && metadata.capex", "approvers": [{ "user": "bob" }] }
    ]);
    for (key, fields) in [("declared", Some(fields)), ("open", None)] {
        let mut template = json!({ "key": key, "title": "T", "steps": steps });
        if let Some(fields) = fields {
            template["fields"] = fields;
        }
        api.template(&template).await;
        let shown = api.submit("rita", key, "1", json!({ "amount": 1, "capex": null })).await;
        assert_eq!(shown["steps"][1]["state"], "skipped", "{key}: {shown}");
    }
    let body = json!({ "template": "declared", "entity": { "type": "o", "id": "2" }, "title": "T", "metadata": { "amount": null } });
    let refused = api.call("rita", "POST /v1/requests", Some(&body)).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid_metadata"), "a required field is missing: {}", refused.body);
}

#[tokio::test]
async fn p5_the_same_json_in_another_order_of_keys_is_the_same_body() {
    let api = one_step("rita bob", json!({})).await;
    let one = r#"{"template":"t","entity":{"type":"o","id":"1"},"title":"Chairs","metadata":{"a":1,"b":2.50}}"#;
    let same = r#"{ "metadata": {"b": 2.5, "a": 1.0}, "title": "Chairs", "entity": {"id": "1", "type": "o"}, "template": "t" }"#;
    let other = r#"{"template":"t","entity":{"type":"o","id":"1"},"title":"Chairs","metadata":{"a":1,"b":2.51}}"#;
    let made = keyed(&api, "rita", "POST /v1/requests", "k", one).await;
    let again = keyed(&api, "rita", "POST /v1/requests", "k", same).await;
    assert_eq!((made.status, again.status, &made.body["id"]), (201, 201, &again.body["id"]), "{}", again.body);
    let refused = keyed(&api, "rita", "POST /v1/requests", "k", other).await;
    assert_eq!((refused.status, refused.code()), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn s6_a_new_manager_is_asked_at_resubmission_or_by_an_administrator() {
    let api = Api::start().await;
    api.people("boss chief ada rita<boss").await;
    api.role("approval_admin", "ada").await;
    let steps = json!([{ "id": "s", "approvers": [{ "manager_of": "requester" }] }]);
    api.template(&json!({ "key": "t", "title": "T", "unique_entity": false, "steps": steps })).await;
    let (one, two) = (api.submit("rita", "t", "1", json!({})).await, api.submit("rita", "t", "2", json!({})).await);
    api.people("rita<chief").await;
    api.drain().await;
    assert_eq!(api.vote("chief", &one, "s", "approve", None).await.status, 404, "an open step stays with whom it asked");
    let path = |shown: &Value, what: &str| format!("POST /v1/requests/{}/{what}", shown["id"].as_str().unwrap());
    let pass = json!({ "step": "s", "from": "boss", "to": "chief", "reason": "She has a new manager" });
    let passed = api.done("ada", &path(&one, "reassign"), Some(&pass)).await;
    assert_eq!(api.vote("chief", &passed, "s", "approve", None).await.body["status"], "approved");
    api.vote("boss", &two, "s", "return", None).await;
    let again = api.done("rita", &path(&two, "resubmit"), Some(&json!({ "metadata": {} }))).await;
    assert_eq!(again["steps"][0]["candidates"][0]["seat"], "user:chief");
}

#[tokio::test]
async fn s18_who_would_approve_a_step_that_is_not_planned_is_not_asked() {
    let api = Api::start().await;
    api.people("rita bob").await;
    let steps = json!([
        { "id": "s", "approvers": [{ "user": "bob" }] },
        { "id": "big", "when": "metadata.amount > 10.0", "approvers": [{ "expression": "metadata.owner" }] }
    ]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    let shown = api.submit("rita", "t", "1", json!({ "amount": 1 })).await;
    assert_eq!(shown["steps"][1]["state"], "skipped", "there is no `owner`, and nobody needs one");
    let body = json!({ "template": "t", "entity": { "type": "o", "id": "2" }, "title": "T", "metadata": { "amount": 11 } });
    let refused = api.call("rita", "POST /v1/requests", Some(&body)).await;
    assert_eq!((refused.status, refused.code()), (422, "expression_failed"), "{}", refused.body);
}

#[tokio::test]
async fn explain_says_of_everybody_asked_why_they_may_act_or_why_not_and_who_comes_next() {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("rita ann gone zed dan ada").await;
    api.role("finance", "ann rita").await;
    api.role("approval_admin", "ada").await;
    let gone = json!({ "name": "Gone", "email": "gone@example.com", "active": false });
    api.done("ada", "PUT /v1/users/gone", Some(&gone)).await;
    let steps = json!([
        { "id": "one", "approvers": [{ "role": "finance" }, { "user": "gone" }], "required": 2 },
        { "id": "two", "approvers": [{ "user": "zed" }] },
        { "id": "three", "approvers": [{ "manager_of": "two" }] }
    ]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    let lent = json!({ "to": "dan", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-01-06T09:00:00Z", "reason": "Away" });
    api.done("ann", "POST /v1/delegations", Some(&lent)).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let told = api.done("rita", &format!("GET /v1/requests/{}/explain", shown["id"].as_str().unwrap()), None).await;
    let words = |asked: &Value| {
        let seat = &asked["seat"];
        let parts = [&asked["user"], &asked["reason"]["code"], &seat["seat"], &seat["role"], &seat["on_behalf_of"], &seat["reserve"]];
        parts.map(ToString::to_string).join(" ").replace('"', "").replace(" null", " -")
    };
    let mut asked: Vec<String> = told["steps"][0]["asked"].as_array().unwrap().iter().map(words).collect();
    asked.sort();
    assert_eq!(
        asked,
        [
            "ada - ada approval_admin - true",
            "ann - ann finance - -",
            "dan - ann finance ann -",
            "gone inactive - - - -",
            "rita own_request - - - -"
        ],
        "{told}"
    );
    let waiting: Vec<String> = told["waiting"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            format!("{} next {} {} later {}", step["step"], step["next"], step["candidates"][0]["seat"], step["depends_on_earlier"])
        })
        .collect();
    assert_eq!(waiting, ["\"two\" next true \"user:zed\" later null", "\"three\" next false null later true"], "{told}");
}
