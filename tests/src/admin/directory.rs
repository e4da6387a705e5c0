//! Persons and roles.

use approvals_domain::hash::{Hash, Salt};
use serde_json::{Value, json};

use super::{ROOT, etag, history, if_match, person};
use crate::stage::api::Api;

#[tokio::test]
async fn a_person_is_written_whole_and_read_back() {
    let api = Api::start().await;
    api.people("bob").await;
    let mut ann = person("Ann");
    ann["attributes"] = json!({ "department": "sales", "limit": 5000.5 });
    let made = api.call(ROOT, "PUT /v1/users/ann", Some(&ann)).await;
    assert_eq!((made.status, etag(&made).as_str(), &made.body["version"]), (201, "\"1\"", &json!(1)), "{}", made.body);

    let same = api.call(ROOT, "PUT /v1/users/ann", Some(&ann)).await;
    assert_eq!((same.status, etag(&same).as_str()), (200, "\"1\""), "{}", same.body);

    // A PUT replaces: what it leaves out is gone.
    let mut bare = person("Ann B.");
    bare["manager"] = json!("bob");
    let changed = api.call(ROOT, "PUT /v1/users/ann", Some(&bare)).await;
    assert_eq!((changed.status, etag(&changed).as_str()), (200, "\"2\""), "{}", changed.body);
    let read = api.call(ROOT, "GET /v1/users/ann", None).await;
    let wanted = json!({ "id": "ann", "name": "Ann B.", "email": "someone@example.com", "manager": "bob", "active": true, "roles": [], "version": 2 });
    assert_eq!((read.status, etag(&read).as_str(), &read.body), (200, "\"2\"", &wanted));
}

#[tokio::test]
async fn whoever_saw_an_older_version_is_told() {
    let api = Api::start().await;
    api.done(ROOT, "PUT /v1/users/ann", Some(&person("1"))).await;
    let second = if_match(&api, "\"1\"", "PUT /v1/users/ann", Some(&person("2"))).await;
    assert_eq!((second.status, etag(&second).as_str()), (200, "\"2\""));
    for seen in ["\"1\"", "W/\"1\"", "\"0\"", "\"3\""] {
        let late = if_match(&api, seen, "PUT /v1/users/ann", Some(&person("3"))).await;
        assert_eq!((late.status, late.code(), &late.body["version"]), (412, "precondition_failed", &json!(2)), "{seen}");
        late.is_problem(seen);
    }
    assert_eq!(if_match(&api, "yesterday", "PUT /v1/users/ann", Some(&person("3"))).await.code(), "invalid_if_match");
    assert_eq!(if_match(&api, "\"1\"", "PUT /v1/users/new", Some(&person("N"))).await.status, 412);
    assert_eq!(if_match(&api, "\"0\"", "PUT /v1/users/new", Some(&person("N"))).await.status, 201);
    assert_eq!(api.done(ROOT, "GET /v1/users/ann", None).await["name"], json!("2"));

    api.done(ROOT, "PUT /v1/roles/r/members/ann", None).await;
    assert_eq!(if_match(&api, "\"7\"", "DELETE /v1/roles/r/members/ann", None).await.status, 412);
    assert_eq!(if_match(&api, "\"1\"", "DELETE /v1/roles/r/members/ann", None).await.status, 200);
}

#[tokio::test]
async fn a_second_id_that_differs_only_in_letter_case_is_refused() {
    let api = Api::start().await;
    api.done(ROOT, "PUT /v1/users/Ann", Some(&person("Ann"))).await;
    for other in ["ann", "ANN", "aNN"] {
        let refused = api.call(ROOT, &format!("PUT /v1/users/{other}"), Some(&person("Another"))).await;
        assert_eq!((refused.status, refused.code(), &refused.body["id"]), (409, "id_case_conflict", &json!("Ann")), "{other}");
        assert_eq!(api.call(ROOT, &format!("GET /v1/users/{other}"), None).await.status, 404);
    }
    assert_eq!(api.call(ROOT, "PUT /v1/users/Ann", Some(&person("Ann B."))).await.status, 200);
}

#[tokio::test]
async fn members_come_go_and_are_listed_page_by_page() {
    let api = Api::start().await;
    assert_eq!(api.done(ROOT, "GET /v1/roles/finance", None).await, json!({ "role": "finance", "items": [] }));
    api.people("ann bob cleo dan eve").await;
    for id in ["eve", "ann", "dan", "bob", "cleo"] {
        let made = api.call(ROOT, &format!("PUT /v1/roles/finance/members/{id}"), None).await;
        let wanted = json!({ "role": "finance", "user": id, "member": true, "version": 1 });
        assert_eq!((made.status, &made.body), (201, &wanted));
    }
    let again = api.call(ROOT, "PUT /v1/roles/finance/members/ann", Some(&json!({}))).await;
    assert_eq!((again.status, &again.body["version"]), (200, &json!(1)), "{}", again.body);
    let gone = api.call(ROOT, "DELETE /v1/roles/finance/members/cleo", None).await;
    let wanted = json!({ "role": "finance", "user": "cleo", "member": false, "version": 2 });
    assert_eq!((gone.status, &gone.body), (200, &wanted));
    assert_eq!(api.done(ROOT, "DELETE /v1/roles/finance/members/cleo", None).await, wanted);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.done(ROOT, &format!("GET /v1/roles/finance?limit=2{cursor}"), None).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["ann", "bob", "dan", "eve"]);
    assert_eq!(api.done(ROOT, "GET /v1/users/ann", None).await["roles"], json!(["finance"]));
    assert_eq!(api.done(ROOT, "GET /v1/users/cleo", None).await["roles"], json!([]));
}

#[tokio::test]
async fn who_leaves_leaves_the_lists_and_comes_back_into_them() {
    let api = Api::start().await;
    api.people("ann bob").await;
    api.role("finance", "ann bob").await;
    let listed = async || {
        let page = api.done(ROOT, "GET /v1/roles/finance", None).await;
        page["items"].as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let with = |active: bool| json!({ "name": "Ann", "email": "ann@example.com", "active": active });
    api.done(ROOT, "PUT /v1/users/ann", Some(&with(false))).await;
    assert_eq!(listed().await, ["bob"]);
    // While away, memberships still change, and count on return.
    api.done(ROOT, "PUT /v1/roles/legal/members/ann", None).await;
    assert_eq!(api.done(ROOT, "GET /v1/roles/legal", None).await["items"], json!([]));
    api.done(ROOT, "PUT /v1/users/ann", Some(&with(true))).await;
    assert_eq!(listed().await, ["ann", "bob"]);
    assert_eq!(api.done(ROOT, "GET /v1/roles/legal", None).await["items"][0]["user"], json!("ann"));
}

#[tokio::test]
async fn a_role_needs_a_person_and_a_person_holds_forty_at_most() {
    let api = Api::start().await;
    let missing = api.call(ROOT, "PUT /v1/roles/finance/members/nobody", None).await;
    assert_eq!((missing.status, missing.code()), (422, "no_such_user"), "{}", missing.body);
    assert_eq!(api.call(ROOT, "DELETE /v1/roles/finance/members/nobody", None).await.status, 404);
    api.people("ann").await;
    for n in 0..40 {
        api.done(ROOT, &format!("PUT /v1/roles/r{n}/members/ann"), None).await;
    }
    let full = api.call(ROOT, "PUT /v1/roles/r40/members/ann", None).await;
    assert_eq!((full.status, full.code()), (422, "limit_reached"), "{}", full.body);
    // Leaving rewrites all forty rows in one transaction.
    api.done(ROOT, "PUT /v1/users/ann", Some(&json!({ "name": "A", "email": "a@b.c", "active": false }))).await;
    assert_eq!(api.done(ROOT, "GET /v1/roles/r39", None).await["items"], json!([]));
}

#[tokio::test]
async fn histories_name_actor_and_change_and_their_hashes_can_be_recomputed() {
    let api = Api::start().await;
    api.people("bob").await;
    api.done(ROOT, "PUT /v1/users/ann", Some(&person("Ann"))).await;
    let mut next = person("Ann Lee");
    next["manager"] = json!("bob");
    api.done("carol", "PUT /v1/users/ann", Some(&next)).await;
    next["active"] = json!(false);
    api.done(ROOT, "PUT /v1/users/ann", Some(&next)).await;
    let commits = history(&api, "/v1/users/ann").await;
    let told: Vec<_> = commits.iter().map(|c| (c["actor"].as_str().unwrap(), c["event"]["active"].as_bool().unwrap())).collect();
    assert_eq!(told, [(ROOT, false), ("carol", true), (ROOT, true)]);
    let details = &commits[0]["event"]["details"];
    let wanted = json!({ "name": "Ann Lee", "email": "someone@example.com", "time_zone": null, "attributes": {} });
    assert_eq!(details["text"], wanted);
    let salt = Salt::try_from(details["salt"].as_str().unwrap().to_owned()).unwrap();
    let text = r#"{"attributes":{},"email":"someone@example.com","name":"Ann Lee","time_zone":null}"#;
    assert_eq!(details["hash"], json!(Hash::text(&salt, text)));
    assert_eq!(commits[0]["event"]["manager"], json!("bob"));
    // Names and addresses never stand in hashed bytes.
    for commit in &commits {
        let bytes = commit["canonical"].as_str().unwrap();
        assert!(!bytes.contains("Ann") && !bytes.contains("someone"), "{bytes}");
    }

    api.role("finance", "ann").await;
    api.done(ROOT, "DELETE /v1/roles/finance/members/ann", None).await;
    let kinds: Vec<Value> =
        history(&api, "/v1/roles/finance/members/ann").await.into_iter().map(|commit| commit["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["member.removed", "member.added"]);
    for nothing in ["/v1/users/nobody", "/v1/roles/finance/members/nobody"] {
        assert_eq!(api.call(ROOT, &format!("GET {nothing}/history"), None).await.status, 404);
    }
}
