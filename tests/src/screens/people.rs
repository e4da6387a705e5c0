//! Who the caller is, and who else there is.

use serde_json::{Value, json};

use super::{all, office, texts};
use crate::stage::api::Api;

async fn person(api: &Api, id: &str, name: &str, active: bool) {
    let user = json!({ "name": name, "email": format!("{id}@example.com"), "active": active });
    api.done("root", &format!("PUT /v1/users/{id}"), Some(&user)).await;
}

async fn found(api: &Api, who: &str, query: &str, limit: usize) -> Vec<String> {
    texts(&all(api, who, &format!("/v1/users?{query}"), limit).await.0, "/id")
}

#[tokio::test]
async fn the_caller_is_told_who_they_are_and_how_much_waits() {
    let api = office().await;
    let zone = json!({ "time_zone": "Europe/Amsterdam" });
    api.done("root", "PATCH /v1/users/ann", Some(&zone)).await;
    for n in 0..3 {
        api.submit("rita", "plain", &format!("P-{n}"), json!({})).await;
    }
    let shown = api.submit("rita", "plain", "P-9", json!({})).await;
    api.vote("ann", &shown, "s", "return", None).await;
    api.drain().await;
    let ann = api.done("ann", "GET /v1/me", None).await;
    assert_eq!(
        (&ann["id"], &ann["name"], &ann["email"], &ann["time_zone"]),
        (&json!("ann"), &json!("ann"), &json!("ann@example.com"), &json!("Europe/Amsterdam"))
    );
    assert_eq!(ann["counts"], json!({ "inbox": { "count": 3, "more": false }, "returned": { "count": 0, "more": false } }));
    let rita = api.done("rita", "GET /v1/me", None).await;
    assert_eq!(rita["counts"]["returned"], json!({ "count": 1, "more": false }));
    let ada = api.done("ada", "GET /v1/me", None).await;
    assert_eq!((&ada["administrator"], &ada["roles"]), (&json!(true), &json!(["approval_admin"])));
    assert_eq!(rita["administrator"], json!(false));
    assert!(ada["scopes"].as_array().unwrap().contains(&json!("read")));
}

#[tokio::test]
async fn counting_stops_at_a_hundred() {
    let api = office().await;
    for n in 0..101 {
        api.submit("rita", "plain", &format!("P-{n}"), json!({})).await;
    }
    api.drain().await;
    assert_eq!(api.done("ann", "GET /v1/me", None).await["counts"]["inbox"], json!({ "count": 100, "more": true }));
}

/// After a transfer the new requester has it, and nobody else.
#[tokio::test]
async fn what_was_sent_back_waits_for_whoever_asks_now() {
    let api = office().await;
    let shown = api.submit("rita", "plain", "P-1", json!({})).await;
    api.vote("ann", &shown, "s", "return", None).await;
    api.drain().await;
    let returned = async |who: &str| api.done(who, "GET /v1/me", None).await["counts"]["returned"]["count"].clone();
    assert_eq!((returned("rita").await, returned("zoe").await), (json!(1), json!(0)));
    let transfer = json!({ "to": "zoe", "reason": "Rita has another job" });
    api.done("ada", &format!("POST /v1/requests/{}/transfer", shown["id"].as_str().unwrap()), Some(&transfer)).await;
    api.drain().await;
    assert_eq!((returned("rita").await, returned("zoe").await), (json!(0), json!(1)));
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_an_id_or_of_a_word() {
    let api = office().await;
    for (id, name, active) in
        [("u1", "Anna Annabel", true), ("u2", "Bert van Anders", true), ("u3", "Cora Ann", false), ("anders", "Dirk Vis", true)]
    {
        person(&api, id, name, active).await;
    }
    for limit in [1, 2, 100] {
        assert_eq!(found(&api, "ada", "q=ann", limit).await, ["ann", "u3", "u1"], "pages of {limit}: each once, ids first");
        assert_eq!(found(&api, "ada", "q=An", limit).await, ["u2", "ann", "u3", "u1"], "words in any case, ids as they are");
        assert_eq!(found(&api, "ada", "q=ann&active=true", limit).await, ["ann", "u1"]);
        assert_eq!(found(&api, "ada", "active=false", limit).await, ["u3"]);
        assert_eq!(found(&api, "ada", "role=finance", limit).await, ["ben", "cleo"]);
        assert_eq!(found(&api, "ada", "role=finance&q=cl", limit).await, ["cleo"]);
        assert_eq!(found(&api, "ada", "role=nobody", limit).await, Vec::<String>::new());
        assert_eq!(found(&api, "ada", "", limit).await.len(), 10);
    }
    assert_eq!(found(&api, "ada", "q=%20", 100).await.len(), 10, "a blank is nothing");
}

#[tokio::test]
async fn others_than_administrators_look_for_somebody_and_list_nobody() {
    let api = office().await;
    for n in 0..30 {
        person(&api, &format!("many{n:02}"), "One Of Many", true).await;
    }
    for query in ["", "q=", "q=a", "q=%20a%20", "role=finance"] {
        let answer = api.call("rita", &format!("GET /v1/users?{query}"), None).await;
        assert_eq!((answer.status, answer.code()), (400, "invalid_query"), "{query}");
    }
    let page = api.done("rita", "GET /v1/users?q=many&limit=100", None).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!((items.len(), page.get("next_cursor")), (25, None));
    assert!(items.iter().all(|item| item.get("email").is_none()), "no address: {page}");
    assert_eq!(texts(api.done("rita", "GET /v1/users?q=be&role=finance", None).await["items"].as_array().unwrap(), "/id"), ["ben"]);
    let cursor = api.done("ada", "GET /v1/users?limit=1", None).await["next_cursor"].as_str().unwrap().to_owned();
    for (who, query) in [("rita", format!("q=many&cursor={cursor}")), ("ada", format!("q=be&cursor={cursor}"))] {
        assert_eq!(api.call(who, &format!("GET /v1/users?{query}"), None).await.status, 400, "{who}");
    }
    let (everybody, _) = all(&api, "ada", "/v1/users", 7).await;
    assert_eq!(everybody.len(), 36);
    assert!(everybody.iter().all(|item| item["email"].is_string()));
}

#[tokio::test]
async fn a_person_is_changed_in_part() {
    let api = office().await;
    let patch = async |body: Value| api.call("root", "PATCH /v1/users/rita", Some(&body)).await;
    let answer = patch(json!({ "name": "Rita R.", "attributes": { "team": "sales", "floor": 3 } })).await;
    assert_eq!((answer.status, &answer.body["version"]), (200, &json!(2)), "{}", answer.body);
    assert_eq!((&answer.body["manager"], &answer.body["email"]), (&json!("ann"), &json!("rita@example.com")));
    let answer = patch(json!({ "manager": null, "attributes": { "floor": null } })).await;
    assert_eq!((&answer.body["attributes"], answer.body.get("manager")), (&json!({ "team": "sales" }), None));
    assert_eq!(patch(json!({})).await.body["version"], json!(3), "nothing is changed by nothing");
    for (body, status, code) in [
        (json!({ "name": null }), 400, "invalid_body"),
        (json!({ "email": "nowhere" }), 422, "undeliverable_address"),
        (json!({ "colour": "red" }), 400, "invalid_body"),
        (json!([1]), 400, "invalid_body"),
        (json!({ "manager": "rita" }), 400, "invalid_body"),
        (json!({ "manager": "nobody" }), 422, "no_such_user"),
    ] {
        let answer = patch(body.clone()).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.body);
    }
    assert_eq!(api.call("root", "PATCH /v1/users/nobody", Some(&json!({ "name": "N" }))).await.status, 404);
    let whole = json!({ "name": "New", "email": "new@example.com", "active": true, "manager": "nobody" });
    let answer = api.call("root", "PUT /v1/users/new", Some(&whole)).await;
    assert_eq!((answer.status, answer.code(), &answer.body["errors"][0]["pointer"]), (422, "no_such_user", &json!("/manager")));
    // Who reports to somebody who left still does.
    api.done("root", "PATCH /v1/users/rita", Some(&json!({ "manager": "zoe" }))).await;
    api.done("root", "PATCH /v1/users/zoe", Some(&json!({ "active": false }))).await;
    assert_eq!(patch(json!({ "name": "Rita" })).await.body["manager"], json!("zoe"));
}

/// Twenty at once, each another field: none is lost.
#[tokio::test]
async fn patches_at_once_do_not_undo_each_other() {
    let api = office().await;
    let each = (0..6).map(|n| {
        let api = &api;
        async move { api.call("root", "PATCH /v1/users/rita", Some(&json!({ "attributes": { format!("f{n}"): n } }))).await.status }
    });
    let answers = futures_util::future::join_all(each).await;
    assert_eq!(answers, [200; 6]);
    let rita = api.done("root", "GET /v1/users/rita", None).await;
    assert_eq!(rita["attributes"].as_object().unwrap().len(), 6, "{rita}");
}
