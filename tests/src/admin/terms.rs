//! Who leaves and comes back: roles and delegations are those of the human who had them.

use serde_json::{Value, json};

use super::{ROOT, history};
use crate::stage::api::Api;

fn bob(active: bool) -> Value {
    json!({ "name": "Bob", "email": "bob@example.com", "active": active })
}

async fn start() -> Api {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("rita bob dora").await;
    api.role("finance", "bob").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "role": "finance" }] }] })).await;
    api
}

async fn members(api: &Api) -> Value {
    let page = api.done(ROOT, "GET /v1/roles/finance", None).await;
    page["items"].as_array().unwrap().iter().map(|member| member["user"].clone()).collect()
}

async fn away(api: &Api, seconds: i64) {
    api.done(ROOT, "PUT /v1/users/bob", Some(&bob(false))).await;
    api.done("root", "POST /_dev/clock", Some(&json!({ "advance_seconds": seconds }))).await;
}

#[tokio::test]
async fn who_is_back_within_a_day_has_their_roles() {
    let api = start().await;
    away(&api, 23 * 3_600).await;
    let back = api.done(ROOT, "PUT /v1/users/bob", Some(&bob(true))).await;
    assert_eq!(back["ended"], json!(null), "{back}");
    assert_eq!(members(&api).await, json!(["bob"]));
    let request = api.submit("rita", "t", "1", json!({})).await;
    assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 200);
}

#[tokio::test]
async fn m2_after_more_than_a_day_the_id_may_be_another_human_s_and_holds_nothing() {
    let api = start().await;
    let given = json!({ "to": "bob", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-02-05T09:00:00Z", "reason": "Holiday" });
    let received = api.done("dora", "POST /v1/delegations", Some(&given)).await;
    away(&api, 25 * 3_600).await;
    let back = api.done(ROOT, "PUT /v1/users/bob", Some(&bob(true))).await;
    assert_eq!(back["ended"], json!({ "roles": ["finance"], "delegations": [received["id"]] }), "the answer lists what ended");
    assert_eq!(members(&api).await, json!([]));
    assert_eq!(api.done(ROOT, "GET /v1/users/bob", None).await["roles"], json!([]));
    api.role("finance", "dora").await;
    let request = api.submit("rita", "t", "1", json!({})).await;
    assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 404, "neither by the role nor for Dora");
    assert_eq!(api.inbox("bob").await, Vec::<String>::new());
    // The same role, given again, is his: a membership of this term.
    api.role("finance", "bob").await;
    assert_eq!(members(&api).await, json!(["bob", "dora"]));
    assert_eq!(api.vote("bob", &request, "s", "approve", None).await.status, 200);
    let commits = history(&api, "/v1/users/bob").await;
    let ties: Vec<_> = commits.iter().map(|commit| (&commit["event"]["link_epoch"], &commit["event"]["term"])).collect();
    assert_eq!(json!(ties), json!([[1, 1], [1, 0], [0, 0]]), "hashed in the person's commits");
}

#[tokio::test]
async fn whoever_says_that_it_is_the_same_human_keeps_their_roles() {
    let api = start().await;
    away(&api, 40 * 24 * 3_600).await;
    let back = api.done(ROOT, "PUT /v1/users/bob?keep_roles=true", Some(&bob(true))).await;
    assert_eq!((&back["ended"], members(&api).await), (&json!(null), json!(["bob"])));
}

/// What was given to or by somebody of an earlier term takes nobody's room, and stands in nobody's list.
#[tokio::test]
async fn m2_delegations_of_an_earlier_term_count_in_no_limit_and_stand_in_no_list() {
    let api = start().await;
    let given = |to: &str, n: usize| json!({ "to": to, "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-02-05T09:00:00Z", "reason": format!("Holiday {n}") });
    let mut ids = Vec::new();
    for n in 0..approvals_domain::limits::DELEGATIONS_BETWEEN {
        for (from, to) in [("dora", "bob"), ("bob", "dora")] {
            // A ring is refused: the second way is of another time.
            let mut body = given(to, n);
            if from == "bob" {
                (body["starts_at"], body["ends_at"]) = (json!("2026-02-06T09:00:00Z"), json!("2026-03-05T09:00:00Z"));
            }
            ids.push(api.done(from, "POST /v1/delegations", Some(&body)).await["id"].clone());
        }
    }
    assert_eq!(api.call("dora", "POST /v1/delegations", Some(&given("bob", 9))).await.code(), "limit_reached");
    away(&api, 25 * 3_600).await;
    let back = api.done(ROOT, "PUT /v1/users/bob", Some(&bob(true))).await;
    assert_eq!(back["ended"]["delegations"].as_array().unwrap().len(), ids.len(), "{back}");
    for (who, direction) in [("bob", "given"), ("bob", "received"), ("dora", "given"), ("dora", "received")] {
        let list = api.done(who, &format!("GET /v1/delegations?direction={direction}"), None).await;
        assert_eq!(list["items"], json!([]), "{who} {direction}");
    }
    for id in &ids {
        let path = format!("/v1/delegations/{}", id.as_str().unwrap());
        assert_eq!(api.call("bob", &format!("GET {path}"), None).await.status, 404, "it is another human's");
        assert_eq!(api.call("bob", &format!("DELETE {path}"), None).await.status, 404);
    }
    api.done("dora", "POST /v1/delegations", Some(&given("bob", 10))).await;
    let mut own = given("dora", 11);
    (own["starts_at"], own["ends_at"]) = (json!("2026-02-06T09:00:00Z"), json!("2026-03-05T09:00:00Z"));
    api.done("bob", "POST /v1/delegations", Some(&own)).await;
}

#[tokio::test]
async fn what_somebody_gave_in_an_earlier_term_is_not_the_newcomer_s_to_have_given() {
    let api = start().await;
    let given = json!({ "to": "dora", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-02-05T09:00:00Z", "reason": "Holiday" });
    api.done("bob", "POST /v1/delegations", Some(&given)).await;
    let first = api.submit("rita", "t", "1", json!({})).await;
    assert_eq!(api.vote("dora", &first, "s", "approve", Some("bob")).await.status, 200);
    away(&api, 25 * 3_600).await;
    api.done(ROOT, "PUT /v1/users/bob", Some(&bob(true))).await;
    api.role("finance", "bob").await;
    let second = api.submit("rita", "t", "2", json!({})).await;
    let refused = api.vote("dora", &second, "s", "approve", Some("bob")).await;
    assert!([403, 404].contains(&refused.status), "{}", refused.body);
    assert_eq!(api.vote("bob", &second, "s", "approve", None).await.status, 200);
}
