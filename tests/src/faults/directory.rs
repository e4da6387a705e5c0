//! What the directory and templates refuse, and warn of.

use serde_json::{Value, json};

use crate::stage::api::Api;

#[tokio::test]
async fn f11_no_two_ids_of_the_directory_differ_in_letter_case_alone() {
    let api = Api::start().await;
    api.people("eve ann").await;
    let user = json!({ "name": "N", "email": "n@example.com", "active": true });
    let calendar = json!({ "time_zone": "UTC", "weekly": { "mon": [{ "from": "09:00", "to": "17:00" }] } });
    let hook = json!({ "url": "https://example.com/", "events": ["approvals.vote.cast.v1"], "active": true });
    for (first, other, body) in [
        ("users/amy", "users/Amy", Some(&user)),
        ("roles/finance/members/ann", "roles/Finance/members/eve", None),
        ("calendars/office", "calendars/OFFICE", Some(&calendar)),
        ("endpoints/erp", "endpoints/Erp", Some(&hook)),
    ] {
        api.done("root", &format!("PUT /v1/{first}"), body).await;
        let refused = api.call("root", &format!("PUT /v1/{other}"), body).await;
        assert_eq!((refused.status, refused.code()), (409, "id_case_conflict"), "{other}: {}", refused.body);
        assert!((200..300).contains(&api.call("root", &format!("PUT /v1/{first}"), body).await.status), "{first} again");
    }
    // A template that names one in another case is told of the near one.
    let steps =
        json!([{ "id": "s", "approvers": [{ "role": "Finance" }, { "user": "AMY" }], "sla": { "hours": 1, "calendar": "Office" } }]);
    let stored = api.done("root", "PUT /v1/templates/t", Some(&json!({ "key": "t", "title": "T", "steps": steps }))).await;
    let told: Vec<String> = stored["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| format!("{} {}", found["code"], found["hint"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        ["unknown_role did you mean `finance`?", "unknown_person did you mean `amy`?", "unknown_calendar did you mean `office`?"],
        "{stored}"
    );
    // What was removed keeps its name, and comes back under it.
    api.done("root", "DELETE /v1/endpoints/erp", None).await;
    assert_eq!(api.call("root", "PUT /v1/endpoints/ERP", Some(&hook)).await.code(), "id_case_conflict");
    api.done("root", "PUT /v1/endpoints/erp", Some(&hook)).await;
}

#[tokio::test]
async fn f12_a_delegation_that_can_never_match_is_warned_of() {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("ann ben").await;
    let steps = json!([{ "id": "s", "approvers": [{ "user": "ann" }] }]);
    api.template(&json!({ "key": "purchase_order", "title": "T", "steps": steps })).await;
    let make = async |more: Value| {
        let mut body = json!({ "to": "ben", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-01-06T09:00:00Z", "reason": "Away" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.done("ann", "POST /v1/delegations", Some(&body)).await["warnings"].clone()
    };
    let codes = |warnings: &Value| -> Vec<String> {
        warnings.as_array().into_iter().flatten().map(|warning| warning["code"].as_str().unwrap().to_owned()).collect()
    };
    let near = make(json!({ "templates": ["purchase_ordr"] })).await;
    assert_eq!(codes(&near), ["unknown_template"]);
    assert!(near.to_string().contains("did you mean `purchase_order`?"), "{near}");
    assert_eq!(codes(&make(json!({ "templates": ["purchase_order"], "steps": ["nosuch"] })).await), ["unknown_step"]);
    assert_eq!(codes(&make(json!({ "templates": ["purchase_order"] })).await), Vec::<String>::new());
    let listed = api.done("ann", "GET /v1/delegations", None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "warned of, and made all the same");
}

/// S15: the scope `admin` alone wrote roles, and a requester made a friend an approver of their own open request.
#[tokio::test]
async fn s15_the_scope_admin_without_the_role_makes_nobody_an_approver() {
    let api = Api::start().await;
    api.people("rita friend vic ada dan").await;
    api.role("finance", "vic").await;
    let steps = json!([{ "id": "s", "approvers": [{ "role": "finance" }] }]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    api.role("directory_admin", "dan").await;
    api.role("approval_admin", "ada").await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    // Tokens of the tests hold the scope `admin`, whoever they are for.
    let friend = json!({ "name": "F", "email": "f@example.com", "active": true, "manager": "rita" });
    let lent =
        json!({ "from": "vic", "to": "friend", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2036-01-05T09:00:00Z", "reason": "R" });
    for (what, body) in [
        ("PUT /v1/roles/finance/members/friend", json!({})),
        ("PUT /v1/roles/approval_admin/members/friend", json!({})),
        ("DELETE /v1/roles/finance/members/vic", json!({})),
        ("PUT /v1/users/friend", friend),
        ("POST /v1/delegations", lent),
    ] {
        for who in ["rita", "friend"] {
            let refused = api.call(who, what, Some(&body)).await;
            assert_eq!((refused.status, refused.code()), (403, "not_allowed"), "{who}: {what}: {}", refused.body);
        }
    }
    api.drain().await;
    assert_eq!(api.vote("friend", &shown, "s", "approve", None).await.status, 404, "nothing of it holds");
    let members = api.done("ada", "GET /v1/roles/finance", None).await;
    let held: Vec<&str> = members["items"].as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap()).collect();
    assert_eq!(held, ["vic"]);
    // Whoever holds the role for it may, and then it holds at once.
    api.done("dan", "PUT /v1/roles/finance/members/friend", None).await;
    assert_eq!(api.vote("friend", &shown, "s", "approve", None).await.body["status"], "approved");
}

/// Authority before content, for the directory as well: whoever may not write hears that, whatever they send.
#[tokio::test]
async fn f6_who_may_not_write_the_directory_hears_so_whatever_they_send() {
    let api = Api::start_at("2026-01-05T09:00:00.000Z").await;
    api.people("rita bob ada").await;
    api.role("approval_admin", "ada").await;
    let never =
        json!({ "from": "bob", "to": "nobody", "starts_at": "2026-01-06T09:00:00Z", "ends_at": "2026-01-01T09:00:00Z", "reason": "" });
    for (what, body) in [
        ("PUT /v1/users/zoe", json!({ "nope": 1 })),
        ("PUT /v1/users/role:x", json!({ "name": "N", "email": "no address", "active": true })),
        ("PATCH /v1/users/bob", json!({ "manager": "nobody" })),
        ("POST /v1/users/nobody/revoke-links", json!({ "nope": 1 })),
        ("PUT /v1/users/bob/preferences", json!({ "nope": 1 })),
        ("PUT /v1/roles/finance/members/nobody", json!({ "nope": 1 })),
        ("PUT /v1/roles/role:x/members/nobody", json!({})),
        ("PUT /v1/calendars/x", json!({ "time_zone": "Nowhere" })),
        ("PUT /v1/settings", json!({ "calendar": "nosuch" })),
        ("PUT /v1/endpoints/e", json!({ "url": "ftp://x" })),
        ("DELETE /v1/endpoints/nosuch", json!({})),
        ("PUT /v1/templates/t", json!({ "key": "another" })),
        ("POST /v1/templates/nosuch/versions/9/activate", json!({ "nope": 1 })),
        ("POST /v1/delegations", never),
    ] {
        let refused = api.call("rita", what, Some(&body)).await;
        assert_eq!((refused.status, refused.code()), (403, "not_allowed"), "{what}: {}", refused.body);
    }
    // Of a request a stranger hears the same as of one that is not there.
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })).await;
    let shown = api.submit("bob", "t", "1", json!({})).await;
    for (what, body) in [
        ("decisions", json!({ "step": "nosuch", "decision": "approve" })),
        ("decisions", json!({ "step": "s", "decision": "maybe" })),
        ("comments", json!({ "comment": "" })),
        ("reassign", json!({ "step": "s", "to": "role:x", "reason": "r" })),
        ("resubmit", json!({ "metadata": {} })),
        ("transfer", json!({ "to": "nobody", "reason": "r" })),
        ("cancel", json!({ "reason": "" })),
        ("recall", json!({ "reason": "r" })),
        ("withdraw-vote", json!({ "step": "s" })),
    ] {
        let answers = [shown["id"].as_str().unwrap(), "00000000000000000000000000"].map(async |id| {
            let answer = api.call("rita", &format!("POST /v1/requests/{id}/{what}"), Some(&body)).await;
            (answer.status, answer.body["detail"].clone())
        });
        let [there, nowhere] = answers;
        let (there, nowhere) = (there.await, nowhere.await);
        assert_eq!(there, nowhere, "{what} {body}");
        assert!([400, 404].contains(&there.0), "{what} {body}: {there:?}");
    }
}
