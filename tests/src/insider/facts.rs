//! The directory and templates: who somebody is, what they may do, where they are reached, by which rules.

use serde_json::{Value, json};

use super::Insider;

/// A JSON text with one field changed.
fn with(item: &Value, field: &str, value: Value) -> Value {
    let mut text: Value = serde_json::from_str(item["d"]["S"].as_str().unwrap()).unwrap();
    text[field] = value;
    json!({ "S": text.to_string() })
}

#[tokio::test]
async fn no_mail_goes_to_an_address_that_the_service_did_not_write() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let ann = insider.get("DIR#default#U#ann", "A").await;
    let before = insider.swap(("DIR#default#U#ann", "A"), "d", with(&ann, "email", json!("attacker@example.com"))).await;
    let submitted = insider
        .told(
            "rita",
            "POST /v1/requests",
            Some(&json!({
                "template": "t", "entity": { "type": "order", "id": "1" }, "title": "Two chairs", "metadata": {},
            })),
        )
        .await;
    assert_eq!(submitted, (500, "damaged".to_owned()), "her manager decides where it goes");
    insider.put(&before).await;
    let (_, _) = insider.submitted().await;
    insider
        .put(&{
            let mut item = before.clone();
            item["d"] = with(&before, "email", json!("attacker@example.com"));
            item
        })
        .await;
    let drained = api.call("root", "POST /_dev/drain", Some(&json!({}))).await.status;
    let sent = api.done("root", "GET /_dev/outbox", None).await;
    assert!(!sent.to_string().contains("attacker@example.com"), "{drained}: {sent}");
    insider.put(&before).await;
    insider.is_told_of("DIR/U#ann/A", "the service did not write it so").await;
}

#[tokio::test]
async fn a_right_that_the_service_did_not_give_is_none() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = insider.submitted().await;
    assert_eq!(api.vote("ann", &shown, "manager", "approve", None).await.status, 200);
    let ballot = json!({ "step": "finance", "decision": "approve", "payload_hash": shown["payload_hash"] });
    let vote = format!("POST /v1/requests/{id}/decisions");
    // A membership, copied from somebody who has it.
    let mut membership = insider.get("DIR#default#U#fred", "R#finance").await;
    membership["PK"] = json!({ "S": "DIR#default#U#eve" });
    insider.put(&membership).await;
    assert_eq!(insider.told("eve", &vote, Some(&ballot)).await, (500, "damaged".to_owned()));
    insider.is_told_of("DIR/U#eve/R#finance", "the service did not write it so").await;
    insider.delete("DIR#default#U#eve", "R#finance").await;
    insider.is_told_of("DIR/U#eve/R#finance", "it was removed").await;
    assert_eq!(insider.told("eve", &vote, Some(&ballot)).await.0, 404);
    // A delegation that was given to somebody else.
    let away = json!({ "to": "rita", "starts_at": "2026-01-05T00:00:00Z", "ends_at": "2026-01-09T00:00:00Z", "reason": "Away" });
    let given = api.done("fred", "POST /v1/delegations", Some(&away)).await["id"].as_str().unwrap().to_owned();
    let mut delegation = insider.get("DIR#default#U#rita", &format!("D#{given}")).await;
    delegation["PK"] = json!({ "S": "DIR#default#U#eve" });
    insider.put(&delegation).await;
    assert_eq!(insider.told("eve", &vote, Some(&ballot)).await, (500, "damaged".to_owned()));
    insider.is_told_of("DIR/U#eve/D#", "the service did not write it so").await;
}

#[tokio::test]
async fn a_membership_that_is_taken_away_or_put_back_is_told() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (pk, sk) = ("DIR#default#U#fred", "R#finance");
    let held = insider.get(pk, sk).await;
    api.done("root", "DELETE /v1/roles/finance/members/fred", None).await;
    api.drain().await;
    insider.put(&held).await;
    insider.is_told_of("DIR/U#fred/R#finance", "version 2 was followed by version 1").await;
    insider.delete(pk, sk).await;
    insider.is_told_of("DIR/U#fred/R#finance", "it was removed").await;
}

#[tokio::test]
async fn endpoints_templates_calendars_and_guards_say_what_was_written() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let hook = json!({ "url": "https://hooks.example.com/", "events": ["approvals.request.submitted.v1"], "active": true });
    api.done("root", "PUT /v1/endpoints/erp", Some(&hook)).await;
    api.done(
        "root",
        "PUT /v1/calendars/office",
        Some(&json!({ "time_zone": "UTC", "weekly": { "mon": [{ "from": "09:00", "to": "17:00" }] } })),
    )
    .await;
    api.done("root", "PUT /v1/settings", Some(&json!({ "calendar": "office" }))).await;
    api.drain().await;
    let erp = insider.get("DIR#default#E", "erp").await;
    let office = insider.get("DIR#default#C#office", "A").await;
    let settings = insider.get("DIR#default#S", "A").await;
    for (key, attribute, value, what) in [
        (("DIR#default#E", "erp"), "d", with(&erp, "url", json!("https://evil.example.com/")), "GET /v1/endpoints/erp"),
        (("DIR#default#C#office", "A"), "d", with(&office, "time_zone", json!("Asia/Tokyo")), "GET /v1/calendars/office"),
        (("DIR#default#S", "A"), "d", with(&settings, "calendar", json!("other")), "GET /v1/settings"),
        (("TPL#default", "t"), "cu", json!({ "N": "7" }), "GET /v1/templates/t"),
        (("TPL#default#t", "V#000001"), "y", json!({ "S": "{}" }), "GET /v1/templates/t"),
    ] {
        let before = insider.swap(key, attribute, value).await;
        assert_eq!(insider.told("root", what, None).await, (500, "damaged".to_owned()), "{key:?}");
        insider.put(&before).await;
        assert_eq!(insider.told("root", what, None).await.0, 200, "{key:?}");
    }
    for of in ["DIR/E/erp", "DIR/C#office/A", "DIR/S/A", "TPL/t", "TPL/t/V#000001"] {
        insider.is_told_of(of, "the service did not write it so").await;
    }
}
