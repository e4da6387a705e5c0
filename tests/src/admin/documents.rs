//! Calendars, settings, preferences.

use serde_json::{Value, json};

use super::{ROOT, etag, history, if_match};
use crate::stage::api::{Api, asked};

fn office(to: &str) -> Value {
    json!({ "time_zone": "Europe/Amsterdam", "weekly": { "mon": [{ "from": "09:00", "to": to }] }, "holidays": ["2026-03-30"] })
}

#[tokio::test]
async fn a_calendar_is_written_whole_and_read_back() {
    let api = Api::start().await;
    assert_eq!(api.call(ROOT, "GET /v1/calendars/office", None).await.status, 404);
    let made = api.call(ROOT, "PUT /v1/calendars/office", Some(&office("17:00"))).await;
    assert_eq!((made.status, etag(&made).as_str()), (201, "\"1\""), "{}", made.body);
    assert_eq!(api.call(ROOT, "PUT /v1/calendars/office", Some(&office("17:00"))).await.status, 200);
    let read = api.call(ROOT, "GET /v1/calendars/office", None).await;
    let mut wanted = office("17:00");
    wanted["id"] = json!("office");
    wanted["version"] = json!(1);
    assert_eq!((&read.body, etag(&read).as_str()), (&wanted, "\"1\""));
    assert_eq!(if_match(&api, "\"4\"", "PUT /v1/calendars/office", Some(&office("18:00"))).await.status, 412);
    assert_eq!(if_match(&api, "\"1\"", "PUT /v1/calendars/office", Some(&office("18:00"))).await.status, 200);
    let commits = history(&api, "/v1/calendars/office").await;
    assert_eq!((commits.len(), &commits[0]["event"]["content"]), (2, &office("18:00")));
}

#[tokio::test]
async fn settings_name_a_calendar_that_is_there() {
    let api = Api::start().await;
    let nothing = api.call(ROOT, "GET /v1/settings", None).await;
    assert_eq!((nothing.status, &nothing.body, etag(&nothing).as_str()), (200, &json!({ "version": 0 }), "\"0\""));
    assert_eq!(api.call(ROOT, "GET /v1/settings/history", None).await.status, 404);
    let named = json!({ "calendar": "office" });
    let refused = api.call(ROOT, "PUT /v1/settings", Some(&named)).await;
    assert_eq!((refused.status, refused.code(), &refused.body["errors"][0]["pointer"]), (422, "no_such_calendar", &json!("/calendar")));
    api.done(ROOT, "PUT /v1/calendars/office", Some(&office("17:00"))).await;
    assert_eq!(api.call(ROOT, "PUT /v1/settings", Some(&named)).await.status, 201);
    assert_eq!(api.done(ROOT, "GET /v1/settings", None).await, json!({ "calendar": "office", "version": 1 }));
    assert_eq!(api.call(ROOT, "PUT /v1/settings", Some(&json!({}))).await.status, 200);
    assert_eq!(api.done(ROOT, "GET /v1/settings", None).await, json!({ "version": 2 }));
    assert_eq!(history(&api, "/v1/settings").await.len(), 2);
}

#[tokio::test]
async fn preferences_are_ones_own() {
    let api = Api::start().await;
    api.people("ann bob").await;
    let what = "PUT /v1/users/ann/preferences";
    let quiet = json!({ "channels": { "mail": false } });
    let defaults = api.call("ann", "GET /v1/users/ann/preferences", None).await;
    assert_eq!((defaults.status, &defaults.body), (200, &json!({ "channels": { "mail": true }, "version": 0 })));
    let made = api.call("ann", what, Some(&quiet)).await;
    assert_eq!((made.status, etag(&made).as_str()), (201, "\"1\""), "{}", made.body);
    // A directory sync leaves them alone.
    api.done(ROOT, "PUT /v1/users/ann", Some(&json!({ "name": "New", "email": "new@example.com", "active": true }))).await;
    assert_eq!(api.done("ann", "GET /v1/users/ann/preferences", None).await["channels"], json!({ "mail": false }));
    for (who, code) in [("bob", "not_allowed"), (ROOT, "not_allowed")] {
        for call in ["GET /v1/users/ann/preferences", what] {
            let refused = api.call(who, call, Some(&quiet).filter(|_| call == what)).await;
            assert_eq!((refused.status, refused.code()), (403, code), "{who} {call}: {}", refused.body);
        }
    }
    let stranger = api.call("zoe", "PUT /v1/users/zoe/preferences", Some(&quiet)).await;
    assert_eq!((stranger.status, stranger.code()), (403, "unknown_user"));
    let admin = api.local.token("ann", Some(&["admin".to_owned()]), "default").unwrap();
    let answer = api.send(asked("GET /v1/users/ann/preferences", Some(&admin)).body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.code()), (403, "insufficient_scope"));
}
