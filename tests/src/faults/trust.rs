//! Faults of trust, over HTTP: each test is named after the entry of the list it was found under.
//!
//! H1 to H3 and what else an insider with the table tries stand in `tests/src/insider`, H4 in `admin/offices.rs` and `notices/directory.rs`, H5 in
//! `cli/src/fence/tests.rs`, M2 in `admin/terms.rs` and `notices/links/ended.rs`, M3 there too, M5 in `tests/src/archive/bucket.rs`, M6a in
//! `shared/domain/tests/domain/conduct.rs`, M6c in `limits/pace.rs` and here, M7 in `directory_changes/{tenants,inboxes}.rs`,
//! M8 in `deployment/rights.rs`, `deployment/mod.rs` and `scripts/checks/test_stack.py`,
//! L1 in `notices/links.rs`, L2 in `insider/reading.rs` and `shared/src/secrets/tests.rs`, L5 and L6 in `notices/trust.rs`, L7 in
//! `cli/src/audit/export.rs`, L8 in `cli/src/replay/xes/tests.rs`, L9 in `shared/src/template/finding.rs`, the token's half of L13 in
//! `cli/src/dev/gate.rs`, L14 in `shared/src/wire/api/check.rs`.

use serde_json::{Value, json};

use super::one_step;
use crate::limits::pace::roads;
use crate::pages::{get, login, post};
use crate::stage::api::{Api, asked};

/// Whoever wrote what is asked is bound as its requester is, and named.
#[tokio::test]
async fn m1_an_administrator_who_rewrites_a_request_never_approves_it() {
    let api = one_step("req sue fin", json!({ "approvers": [{ "role": "fin" }] })).await;
    api.role("approval_admin", "sue").await;
    api.role("fin", "sue fin").await;
    let shown = api.submit("req", "t", "1", json!({})).await;
    let id = shown["id"].as_str().unwrap();
    assert_eq!(api.vote("fin", &shown, "s", "return", None).await.status, 200);
    let rewritten = json!({ "title": "Pay Sue 1,000,000", "metadata": {} });
    let again = api.done("sue", &format!("POST /v1/requests/{id}/resubmit"), Some(&rewritten)).await;
    let refused = api.vote("sue", &again, "s", "approve", None).await;
    assert_eq!((refused.status, refused.code()), (403, "not_eligible"), "{}", refused.body);
    assert_eq!(again["revised_by"], json!(["sue"]), "{again}");
}

/// A colleague fills up nobody's room for delegations, and nobody keeps what they did not ask for.
#[tokio::test]
async fn m6b_a_colleague_takes_no_room_for_delegations_and_a_receiver_declines() {
    let api = one_step("datk dvic cara", json!({})).await;
    let body = |n: usize| json!({ "to": "dvic", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2099-01-05T09:00:00Z", "reason": format!("{n}") });
    let mut ids = Vec::new();
    for n in 0..approvals_domain::limits::DELEGATIONS_BETWEEN {
        ids.push(api.done("datk", "POST /v1/delegations", Some(&body(n))).await["id"].as_str().unwrap().to_owned());
    }
    let one_more = api.call("datk", "POST /v1/delegations", Some(&body(9))).await;
    assert_eq!((one_more.status, one_more.code()), (422, "limit_reached"), "{}", one_more.body);
    api.done("cara", "POST /v1/delegations", Some(&body(10))).await;
    for id in ids {
        assert_eq!(api.call("dvic", &format!("DELETE /v1/delegations/{id}"), None).await.status, 204);
        assert_eq!(api.call("cara", &format!("DELETE /v1/delegations/{id}"), None).await.status, 404, "another's is nothing");
    }
}

/// Somebody holds an entity open that another needs: an administrator ends it, whoever asked.
#[tokio::test]
async fn m6c_an_administrator_cancels_a_request_that_squats_on_an_entity() {
    let api = Api::start().await;
    api.people("rita eve bob ada").await;
    api.role("approval_admin", "ada").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })).await;
    let squatter = api.submit("eve", "t", "PO-1001", json!({})).await;
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-1001" }, "title": "Mine", "metadata": {} });
    assert_eq!(api.call("rita", "POST /v1/requests", Some(&body)).await.code(), "entity_busy");
    let cancel = format!("POST /v1/requests/{}/cancel", squatter["id"].as_str().unwrap());
    let reason = json!({ "reason": "PO-1001 is Rita's" });
    assert_eq!(api.call("rita", &cancel, Some(&reason)).await.status, 404, "to others it does not exist");
    let cancelled = api.done("ada", &cancel, Some(&reason)).await;
    assert_eq!((&cancelled["status"], &cancelled["outcome"]["by"]), (&json!("cancelled"), &json!("ada")), "{cancelled}");
    api.done("rita", "POST /v1/requests", Some(&body)).await;
}

/// A stranger who has an id learns nothing by it, on whatever road, whatever they send, wherever the request stands.
#[tokio::test]
async fn l3_whoever_may_see_nothing_hears_the_same_as_of_a_request_that_is_missing() {
    let api = one_step("rita bob eve", json!({})).await;
    let of = async |entity: &str| api.submit("rita", "t", entity, json!({})).await;
    let (open, returned, closed) = (of("1").await, of("2").await, of("3").await);
    assert_eq!(api.vote("bob", &returned, "s", "return", None).await.status, 200);
    assert_eq!(api.vote("bob", &closed, "s", "approve", None).await.status, 200);
    let missing = "0123456789abcdefghjkmnpqrs";
    let cookie = login(&api, "eve").await;
    let csrf = get(&api, "/", &cookie).await.csrf();
    for shown in [&open, &returned, &closed] {
        let id = shown["id"].as_str().unwrap();
        let known = roads(id, &shown["payload_hash"]).into_iter().filter(|(road, _)| road.contains("/requests/") && road.contains(id));
        let odd = [
            (format!("POST /v1/requests/{id}/decisions"), Some(json!({ "step": "nope", "decision": "reject" }))),
            (format!("POST /v1/requests/{id}/decisions"), Some(json!({ "step": "s", "decision": "approve" }))),
            (format!("POST /v1/requests/{id}/reassign"), Some(json!({ "step": "nope", "from": "bob", "to": "nobody", "reason": "x" }))),
            (format!("POST /v1/requests/{id}/resubmit"), Some(json!({ "metadata": { "unknown": [1] } }))),
            (format!("POST /v1/requests/{id}/transfer"), Some(json!({ "to": "nobody", "reason": "x" }))),
            (format!("POST /v1/requests/{id}/withdraw-vote"), Some(json!({ "step": "s", "on_behalf_of": "bob" }))),
            (format!("GET /v1/requests/{id}"), None),
            (format!("GET /v1/requests/{id}/explain"), None),
            (format!("GET /v1/requests/{id}/history"), None),
        ];
        for (road, body) in known.chain(odd) {
            let there = api.call("eve", &road, body.as_ref()).await;
            let nowhere = api.call("eve", &road.replace(id, missing), body.as_ref()).await;
            assert_eq!((there.status, &there.body), (404, &nowhere.body), "{road}");
            assert_eq!(nowhere.status, 404, "{road}");
        }
        let bulk = |request: &str| json!({ "items": [{ "request": request, "step": "s", "decision": "reject" }] });
        let said = async |request: &str| {
            let mut answer = api.done("eve", "POST /v1/decisions", Some(&bulk(request))).await;
            answer["items"][0]["request"].take();
            answer
        };
        assert_eq!(said(id).await, said(missing).await);
        for form in ["", "/decide", "/comments", "/cancel", "/recall", "/withdraw-vote", "/reassign", "/edit"] {
            let fields =
                [("csrf", csrf.as_str()), ("step", "s"), ("decision", "approve"), ("comment", "x"), ("reason", "x"), ("to", "bob")];
            let page = async |id: &str| match form {
                "" => get(&api, &format!("/requests/{id}"), &cookie).await,
                form => post(&api, &format!("/requests/{id}{form}"), &cookie, &fields).await,
            };
            let (there, nowhere) = (page(id).await, page(missing).await);
            assert_eq!((there.status, nowhere.status), (404, 404), "{form}");
        }
    }
}

/// Somebody's id must not be what a part of the key means.
#[tokio::test]
async fn l10_a_person_and_a_role_called_b_have_inboxes_of_their_own() {
    let api = Api::start().await;
    api.people("rita B bob ada").await;
    api.role("approval_admin", "ada").await;
    api.role("B", "bob").await;
    let steps = json!([{ "id": "s", "approvers": [{ "user": "B" }, { "role": "B" }], "required": 2 }]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    api.submit("rita", "t", "1", json!({})).await;
    api.drain().await;
    assert_eq!((api.inbox("B").await.len(), api.inbox("bob").await.len()), (1, 1));
    let blocked = api.done("ada", "GET /v1/requests?blocked=true", None).await;
    assert_eq!(blocked["items"], json!([]), "nothing is blocked");
}

/// A list up to the end of time is a list up to now: no client walks through eight thousand months.
#[tokio::test]
async fn l11_a_list_up_to_the_end_of_time_ends() {
    let api = one_step("rita bob ada", json!({})).await;
    api.role("approval_admin", "ada").await;
    api.submit("rita", "t", "1", json!({})).await;
    let (mut pages, mut found, mut cursor) = (0, 0, String::new());
    loop {
        let path = format!("GET /v1/requests?template=t&created_to=9999-12-31T00:00:00Z{cursor}");
        let page = api.done("ada", &path, None).await;
        pages += 1;
        found += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) if pages < 20 => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(found, 1);
    assert!(pages < 20, "it does not end");
}

/// What no address can hold is no id.
#[tokio::test]
async fn l12_an_id_that_cannot_be_addressed_is_refused() {
    let api = one_step("rita bob", json!({})).await;
    let user = json!({ "name": "N", "email": "n@example.com", "active": true });
    for id in [".", "..", "%2e", "%2E%2e"] {
        for path in [format!("/v1/users/{id}"), format!("/v1/roles/{id}/members/bob"), format!("/v1/roles/x/members/{id}")] {
            let answer = api.call("root", &format!("PUT {path}"), Some(&user)).await;
            assert!((400..500).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        }
    }
}

/// Whoever may not call hears that, and nothing of what is wrong with a body that they may not send.
#[tokio::test]
async fn l13_the_scope_is_asked_for_before_the_body_is_read() {
    let api = one_step("rita bob", json!({})).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let token = api.local.token("rita", Some(&["read".to_owned()]), "default").unwrap();
    let roads = roads(shown["id"].as_str().unwrap(), &Value::Null).into_iter().map(|(road, _)| road);
    for road in
        roads.filter(|road| road.starts_with("POST")).chain(["POST /v1/decisions".to_owned(), "POST /v1/requests/preview".to_owned()])
    {
        for body in ["{", "{\"nonsense\": 1}", ""] {
            let call = asked(&road, Some(&token)).header("content-type", "application/json").body(axum::body::Body::from(body)).unwrap();
            let answer = api.send(call).await;
            assert_eq!((answer.status, answer.code()), (403, "insufficient_scope"), "{road} {body}: {}", answer.body);
        }
    }
}

/// Whoever gave a right and has left gives it no more, from that moment.
#[tokio::test]
async fn l15_no_vote_rests_on_somebody_who_has_just_left_or_is_just_barred() {
    let api = Api::start().await;
    api.people("rita bob dora cleo ada").await;
    api.role("approval_admin", "ada").await;
    let barred = json!([{ "role": "vendors" }]);
    let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "cleo" }] }]);
    api.template(&json!({ "key": "t", "title": "T", "unique_entity": false, "barred": barred, "steps": steps })).await;
    let away = json!({ "to": "dora", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2099-01-05T09:00:00Z", "reason": "away" });
    api.done("bob", "POST /v1/delegations", Some(&away)).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let left = json!({ "name": "bob", "email": "bob@example.com", "active": false });
    api.done("root", "PUT /v1/users/bob", Some(&left)).await;
    assert_eq!(api.vote("dora", &shown, "s", "approve", Some("bob")).await.status / 100, 4);
    api.role("vendors", "cleo").await;
    let refused = api.vote("cleo", &shown, "s", "approve", None).await;
    assert_eq!((refused.status, refused.code()), (403, "not_eligible"), "{}", refused.body);
}
