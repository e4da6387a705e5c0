//! What ended stays ended: an item that was taken away or put back revives nothing, or is told.

use approvals::store::sessions::{Secret, Session};
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::time::Timestamp;
use serde_json::{Value, json};

use super::Insider;

fn person(name: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.com"), "active": true })
}

/// An installation that `root` administers, and no bootstrap any more.
async fn administered() -> Insider {
    let insider = Insider::new().await;
    insider.api.people("root").await;
    insider.api.role("approval_admin", "root").await;
    insider.api.drain().await;
    insider
}

/// H3: the end of the bootstrap is no absence.
#[tokio::test]
async fn h3_whoever_deletes_the_end_of_the_bootstrap_opens_nothing() {
    let insider = administered().await;
    let api = &insider.api;
    assert!(insider.get("DIR#default#B", "A").await.is_object(), "somebody administers");
    insider.delete("DIR#default#B", "A").await;
    for what in ["PUT /v1/users/mine", "PUT /v1/users/ann"] {
        assert_eq!(insider.told("evil", what, Some(&person("mine"))).await, (403, "not_allowed".to_owned()), "{what}");
    }
    insider.is_told_of("DIR/B/A", "it was removed").await;
    // With its history gone, too, an active member still stands.
    insider.delete("DIR#default#H#bootstrap", "000000001").await;
    assert_eq!(insider.told("evil", "PUT /v1/users/mine", Some(&person("mine"))).await, (403, "not_allowed".to_owned()));
    api.done("root", "PUT /v1/users/new", Some(&person("new"))).await;
    // And with all of it gone, what is written then is named by the verifier.
    let row = insider.get("DIR#default#R#approval_admin", "root").await;
    insider.delete("DIR#default#R#approval_admin", "root").await;
    api.clock("2026-01-05T09:10:00.000Z").await;
    api.done("evil", "PUT /v1/users/mine", Some(&person("mine"))).await;
    insider.put(&row).await;
    let report = insider.archived().await;
    let named = |fault: &&audit_log::verify::Fault| fault.place.object.as_deref() == Some("user/mine");
    let fault = report.faults.iter().find(named).unwrap_or_else(|| panic!("{:#?}", report.faults));
    assert!(fault.what.contains("the bootstrap had ended"), "{fault:?}");
}

/// H4: a session that was ended stays so if its item is put back, and who takes the mark away is told of.
#[tokio::test]
async fn h4_a_session_put_back_after_its_end_is_none() {
    let insider = Insider::new().await;
    let sessions = &insider.api.local.stores.sessions;
    let (tenant, ann) = (TenantId::new("default").unwrap(), PersonId::new("ann").unwrap());
    let now = Timestamp::parse("2026-01-05T09:00:00.000Z").unwrap();
    let secret = Secret::new(&insider.api.local.app.entropy);
    let session = Session {
        tenant: tenant.clone(),
        person: ann.clone(),
        epoch: 0,
        since: now,
        auth_time: now.millis() / 1_000,
        acr: None,
        amr: Vec::new(),
    };
    sessions.begin(&secret, &session).await.unwrap();
    assert!(sessions.find(&secret, now).await.unwrap().is_some());
    let (pk, row) = (format!("SES#{}", secret.hash()), "SES#default#ann");
    let kept = [insider.get(&pk, "A").await, insider.get(row, &secret.hash().to_string()).await];
    sessions.end(&secret.hash(), &tenant, &ann, now).await.unwrap();
    for item in &kept {
        insider.put(item).await;
    }
    assert!(sessions.find(&secret, now).await.unwrap().is_none() && sessions.look(&secret, now).await.unwrap().is_none());
    let report = insider.archived().await;
    assert!(report.ok, "what the service did itself is no violation: {:#?}", report.faults);
    insider.delete(&pk, "E").await;
    assert!(sessions.find(&secret, now).await.unwrap().is_some(), "until the archive has seen it, as docs/security.md says");
    insider.is_told_of(&format!("SES/{}/E", secret.hash()), "it was removed").await;
}

/// M2: an entity's guard that is put back or taken away is told.
#[tokio::test]
async fn m2_the_guard_of_an_entity_put_back_or_taken_away_is_told() {
    let insider = Insider::new().await;
    let api = &insider.api;
    api.template(&json!({ "key": "u", "title": "One", "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] })).await;
    let (pk, sk) = ("ENT#default#order#7", "u");
    let submitted = |n: u32| {
        let body = json!({ "template": "u", "entity": { "type": "order", "id": "7" }, "title": format!("Order {n}"), "metadata": {} });
        async move { api.done("rita", "POST /v1/requests", Some(&body)).await["id"].as_str().unwrap().to_owned() }
    };
    let first = submitted(1).await;
    let old = insider.get(pk, sk).await;
    assert!(old.is_object(), "{:?}", insider.everything().await.iter().map(|item| item["PK"].clone()).collect::<Vec<_>>());
    api.done("rita", &format!("POST /v1/requests/{first}/cancel"), Some(&json!({ "reason": "Twice" }))).await;
    submitted(2).await;
    assert!(insider.archived().await.ok, "taking over a guard is the service's own");
    insider.put(&old).await;
    insider.is_told_of("ENT/order#7/u", "an older state of it was put back").await;
    insider.delete(pk, sk).await;
    insider.is_told_of("ENT/order#7/u", "it was removed").await;
}

/// M3, M9: so are a webhook's secret and somebody's preferences; and a forged choice keeps nobody from their page or from choosing anew.
#[tokio::test]
async fn m3_m9_secrets_of_endpoints_and_preferences_are_watched() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let hook = json!({ "url": "https://hooks.example.com/", "events": ["approvals.request.approved.v1"], "active": true });
    api.done("root", "PUT /v1/endpoints/erp", Some(&hook)).await;
    let old = insider.get("SEC#default#erp", "A").await;
    api.done("root", "POST /v1/endpoints/erp/rotate", None).await;
    let quiet = json!({ "channels": { "mail": false }, "time_zone": "UTC" });
    api.done("ann", "PUT /v1/users/ann/preferences", Some(&quiet)).await;
    assert!(insider.archived().await.ok);
    insider.put(&old).await;
    insider.is_told_of("SEC/erp/A", "an older state of it was put back").await;
    insider.delete("SEC#default#erp", "A").await;
    insider.is_told_of("SEC/erp/A", "it was removed").await;
    let chosen = insider.get("PRF#default#ann", "A").await;
    let mut forged = chosen.clone();
    forged["d"] = json!({ "S": "junk" });
    insider.put(&forged).await;
    assert_eq!(insider.told("ann", "GET /v1/users/ann/preferences", None).await.0, 200, "the defaults");
    insider.is_told_of("PRF/ann/A", "the service did not write it so").await;
    let again = insider
        .told("ann", "PUT /v1/users/ann/preferences", Some(&json!({ "channels": { "mail": false }, "time_zone": "Europe/Oslo" })))
        .await;
    assert!(again.0 < 300, "{again:?}");
    assert_eq!(api.done("ann", "GET /v1/users/ann/preferences", None).await["time_zone"], "Europe/Oslo");
}

/// M4: the history of a person hides what the person's own item hides.
#[tokio::test]
async fn m4_a_history_hides_addresses_from_whoever_may_not_see_them() {
    let insider = administered().await;
    let api = &insider.api;
    for (who, sees) in [("ann", true), ("root", true), ("eve", false), ("nobody", false)] {
        let answer = api.call(who, "GET /v1/users/ann/history", None).await;
        assert_eq!(answer.status, 200, "{who}");
        let details = &answer.body["items"][0]["event"]["details"];
        assert!(details["hash"].is_string(), "{who}");
        assert_eq!((details["salt"].is_string(), answer.body.to_string().contains("ann@example.com")), (sees, sees), "{who}");
    }
}

/// M5: who keeps people makes nobody report to themselves.
#[tokio::test]
async fn m5_a_keeper_of_people_gets_no_vote_by_becoming_a_manager() {
    let insider = Insider::new().await;
    let api = &insider.api;
    api.people("clerk").await;
    api.role("directory_admin", "clerk").await;
    let refused = (403, "not_allowed".to_owned());
    assert_eq!(insider.told("clerk", "PATCH /v1/users/eve", Some(&json!({ "manager": "clerk" }))).await, refused);
    let whole = json!({ "name": "eve", "email": "eve@example.com", "active": true, "manager": "clerk" });
    assert_eq!(insider.told("clerk", "PUT /v1/users/eve", Some(&whole)).await, refused);
    assert_eq!(insider.told("clerk", "PATCH /v1/users/eve", Some(&json!({ "manager": "fred" }))).await.0, 200);
    // Whom an administrator made report to them may still be kept by them.
    api.done("root", "PATCH /v1/users/eve", Some(&json!({ "manager": "clerk" }))).await;
    assert_eq!(insider.told("clerk", "PATCH /v1/users/eve", Some(&json!({ "name": "Eve" }))).await.0, 200);
}
