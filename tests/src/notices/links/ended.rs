//! Links and answers that belong to a person as they were.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::notices::{House, words_of};
use crate::stage::api::asked;

/// The reproducer of M2: the id is given to another human, and the first one's mail votes.
#[tokio::test]
async fn m2_a_link_ends_with_the_person_it_was_sent_to() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    house.bob(json!({ "active": false })).await;
    let left = house.look(&token).await;
    left.says("You are marked as having left");
    assert!(!words_of(&left.html).contains("Two chairs"), "whoever may see nothing is shown nothing: {}", words_of(&left.html));
    house.bob(json!({ "active": true })).await;
    let version = house.version(&request).await;
    house.look(&token).await.says("This link has ended");
    let pressed = house.press(&token, &form, "approve", "").await;
    pressed.says("This link has ended");
    assert!(!words_of(&pressed.html).contains("Two chairs"));
    let with_login = house.api.call("bob", &format!("POST /v1/actions/{token}/decide"), Some(&json!({ "decision": "approve" }))).await;
    assert_eq!((with_login.status, with_login.code()), (410, "link_expired"), "{}", with_login.body);
    assert_eq!(house.version(&request).await, version, "nothing was written");
    assert_eq!(
        house
            .did("bob", &request, "decisions", json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"] }))
            .await["status"],
        "approved"
    );
}

#[tokio::test]
async fn links_are_ended_by_hand_and_rights_stay() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let refused = house.api.call("cleo", "POST /v1/users/bob/revoke-links", None).await;
    assert_eq!((refused.status, refused.code()), (403, "not_allowed"));
    assert_eq!(house.api.call("root", "POST /v1/users/nobody/revoke-links", None).await.status, 404);
    assert!(house.look(&token).await.form().is_some());
    assert_eq!(house.api.call("root", "POST /v1/users/bob/revoke-links", None).await.status, 204);
    house.look(&token).await.says("This link has ended");
    let again = house.submit("rita").await;
    let fresh = house.link_to("bob").await;
    assert!(house.look(&fresh).await.form().is_some(), "a mail of now carries a link of now");
    for request in [&request, &again] {
        let body = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"] });
        assert_eq!(house.did("bob", request, "decisions", body).await["status"], "approved");
    }
}

/// The reproducer of H4's self-approval: an administrator sets an approver's address to their own mailbox for a moment.
#[tokio::test]
async fn a_new_address_gets_no_link_that_acts_for_a_week() {
    let (house, _, token) = House::asked_bob(json!({})).await;
    house.bob(json!({ "email": "mine@example.com" })).await;
    house.look(&token).await.says("This link has ended");
    let second = house.submit("rita").await;
    let mails = house.mails().await;
    let mail = mails.iter().find(|mail| mail.to == "mine@example.com" && mail.reason == "asked").unwrap();
    assert_eq!(mail.token(), None, "{mail:?}");
    assert!(format!("{mail:?}").contains(&format!("/requests/{}", second["id"].as_str().unwrap())), "{mail:?}");
    house.bob(json!({})).await;
    house.submit("rita").await;
    let mails = house.mails().await;
    let asked = mails.iter().find(|mail| mail.to == "bob@example.com" && mail.reason == "asked");
    assert_eq!(asked.unwrap().token(), None, "the way back is a change, too");
    house.api.done("root", "POST /_dev/clock", Some(&json!({ "advance_seconds": 7 * 24 * 3_600 + 1 }))).await;
    house.mails().await;
    house.submit("rita").await;
    let fresh = house.link_to("bob").await;
    assert!(house.look(&fresh).await.form().is_some());
}

/// The reproducer of M3: an old call with its key shows later comments to whoever may see nothing now.
#[tokio::test]
async fn m3_a_replayed_call_shows_nothing_to_whoever_may_see_nothing_now() {
    let house = House::new("rita bob ada cleo", json!([{ "id": "s", "approvers": [{ "role": "fin" }], "required": 2 }])).await;
    house.api.role("fin", "bob cleo").await;
    let request = house.submit("rita").await;
    let what = format!("POST /v1/requests/{}/comments", request["id"].as_str().unwrap());
    let body = json!({ "comment": "Which colour?" });
    let once = async || {
        let call = asked(&what, Some(&house.api.token("bob"))).header(CONTENT_TYPE, "application/json").header("idempotency-key", "k");
        house.api.send(call.body(Body::from(body.to_string())).unwrap()).await
    };
    assert_eq!(once().await.status, 201);
    assert_eq!(once().await.body["title"], "Two chairs", "whoever may see it is shown it as it is");
    house.did("rita", &request, "comments", json!({ "comment": "A secret of later" })).await;
    house.api.done("root", "DELETE /v1/roles/fin/members/bob", None).await;
    let blind = once().await;
    assert_eq!((blind.status, &blind.body), (201, &json!({ "id": request["id"], "code": "not_visible" })));
    house.person("bob", json!({ "active": false })).await;
    let blind = once().await;
    assert_eq!((blind.status, blind.code()), (403, "unknown_user"), "{}", blind.body);
}
