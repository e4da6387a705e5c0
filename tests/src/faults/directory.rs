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
    assert_eq!(codes(&make(json!({ "templates": ["purchase_ordr"] })).await), ["unknown_template"]);
    assert_eq!(codes(&make(json!({ "templates": ["purchase_order"], "steps": ["nosuch"] })).await), ["unknown_step"]);
    assert_eq!(codes(&make(json!({ "templates": ["purchase_order"] })).await), Vec::<String>::new());
}
