//! Lists of what administrators keep.

use serde_json::json;

use super::{all, office, texts};

#[tokio::test]
async fn roles_calendars_and_endpoints_are_listed_to_their_end() {
    let api = office().await;
    for n in 0..5 {
        api.role(&format!("role{n}"), "ann").await;
        let hours = json!({ "time_zone": "UTC", "weekly": { "mon": [{ "from": "09:00", "to": format!("1{n}:00") }] }, "holidays": [] });
        api.done("root", &format!("PUT /v1/calendars/cal{n}"), Some(&hours)).await;
        let hook = json!({ "url": "https://hooks.example.com/k", "events": ["approvals.request.approved.v1"], "active": true });
        api.done("root", &format!("PUT /v1/endpoints/hook{n}"), Some(&hook)).await;
    }
    api.done("root", "DELETE /v1/endpoints/hook3", None).await;
    api.done("root", "DELETE /v1/roles/role3/members/ann", None).await;
    for limit in [1, 2, 4, 100] {
        let (roles, _) = all(&api, "rita", "/v1/roles", limit).await;
        assert_eq!(texts(&roles, "/role"), ["approval_admin", "finance", "role0", "role1", "role2", "role3", "role4"]);
        let (calendars, _) = all(&api, "rita", "/v1/calendars", limit).await;
        assert_eq!(texts(&calendars, "/id"), ["cal0", "cal1", "cal2", "cal3", "cal4"]);
        assert_eq!(calendars[2]["weekly"]["mon"][0]["to"], json!("12:00"));
        let (hooks, _) = all(&api, "root", "/v1/endpoints", limit).await;
        assert_eq!(texts(&hooks, "/id"), ["hook0", "hook1", "hook2", "hook4"]);
        assert!(hooks.iter().all(|hook| hook.get("secret").is_none()));
        let (templates, _) = all(&api, "rita", "/v1/templates", limit).await;
        assert_eq!(texts(&templates, "/key"), ["money", "plain", "slow"]);
    }
    let reader = api.local.token("rita", Some(&["read".to_owned()]), "default").unwrap();
    let request = crate::stage::api::asked("GET /v1/endpoints", Some(&reader)).body(axum::body::Body::empty()).unwrap();
    assert_eq!(api.send(request).await.status, 403, "addresses of endpoints carry secrets of their receivers");
}

/// A calendar written again stands in the list once.
#[tokio::test]
async fn what_is_written_again_is_listed_once() {
    let api = office().await;
    for to in ["16:00", "17:00", "17:00"] {
        let hours = json!({ "time_zone": "UTC", "weekly": { "mon": [{ "from": "09:00", "to": to }] }, "holidays": [] });
        api.done("root", "PUT /v1/calendars/office", Some(&hours)).await;
    }
    let (calendars, _) = all(&api, "rita", "/v1/calendars", 10).await;
    assert_eq!((calendars.len(), &calendars[0]["version"], &calendars[0]["weekly"]["mon"][0]["to"]), (1, &json!(2), &json!("17:00")));
}
