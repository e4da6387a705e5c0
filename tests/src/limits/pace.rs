//! How fast one person's commands come: M6c, a colleague who sends by program, makes work and mails for everybody.

use approvals::app::error::Whose;
use approvals::app::{Error, Pace, PerMinute};
use approvals_domain::ids::PersonId;
use approvals_domain::limits::COMMANDS_ALONE;
use approvals_domain::time::Timestamp;
use cli::dev::notices::Ways;
use cli::dev::{Local, Start};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pages::{get, login, post};
use crate::stage::api::Api;
use crate::stage::{Stage, person_id, tenant};

/// More than an instance counts alone.
const PER_MINUTE: u32 = 40;

/// A limit of each person alone.
const ALONE: PerMinute = PerMinute { person: PER_MINUTE, tenant: 0 };

/// A service with these limits.
pub(super) async fn limited(commands_per_minute: PerMinute) -> Api {
    let folder = TempDir::new().unwrap();
    let ways = Ways { commands_per_minute, ..Ways::local(folder.path()).unwrap() };
    let start = Start { data: folder.path(), clock: Timestamp::parse("2026-01-05T09:00:00Z"), clients: None };
    let local = Local::start_through(start, "http://127.0.0.1:8080", ways, approvals::destinations::Destinations::Internet).await.unwrap();
    Api::with(local, folder)
}

/// Every road on which a person gives commands, with a body that is fine.
pub(crate) fn roads(id: &str, hash: &Value) -> Vec<(String, Option<Value>)> {
    let of = |road: &str| format!("POST /v1/requests/{id}/{road}");
    let entity = json!({ "type": "order", "id": "another" });
    let delegation = json!({ "to": "bob", "starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-02-05T09:00:00Z", "reason": "away" });
    vec![
        ("POST /v1/requests".to_owned(), Some(json!({ "template": "t", "entity": entity, "title": "One more", "metadata": {} }))),
        (of("comments"), Some(json!({ "comment": "again" }))),
        (of("cancel"), Some(json!({}))),
        (of("resubmit"), Some(json!({ "metadata": {} }))),
        (of("transfer"), Some(json!({ "to": "bob", "reason": "moved" }))),
        (of("effect/start"), Some(json!({ "payload_hash": hash }))),
        (of("effect/finish"), Some(json!({ "outcome": "done" }))),
        (of("decisions"), Some(json!({ "step": "s", "decision": "approve", "payload_hash": hash }))),
        (of("reassign"), Some(json!({ "step": "s", "to": "bob", "reason": "busy" }))),
        (of("recall"), Some(json!({ "reason": "wait" }))),
        (of("withdraw-vote"), Some(json!({ "step": "s" }))),
        ("POST /v1/delegations".to_owned(), Some(delegation)),
        (format!("DELETE /v1/delegations/{id}"), None),
        ("PUT /v1/users/rita/preferences".to_owned(), Some(json!({ "channels": { "mail": true } }))),
    ]
}

#[tokio::test]
async fn m6c_a_person_who_sends_too_fast_is_told_to_wait_on_every_road() {
    let api = limited(ALONE).await;
    api.people("rita bob").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] })).await;
    let shown = api.submit("rita", "t", "1", json!({})).await;
    let id = shown["id"].as_str().unwrap();
    let comment = format!("POST /v1/requests/{id}/comments");
    for n in 2..=PER_MINUTE {
        api.done("rita", &comment, Some(&json!({ "comment": format!("{n}") }))).await;
    }
    for (road, body) in roads(id, &shown["payload_hash"]) {
        let answer = api.call("rita", &road, body.as_ref()).await;
        assert_eq!((answer.status, answer.code()), (429, "too_many_commands"), "{road}: {}", answer.body);
        answer.is_problem(&road);
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{road}: {seconds}");
    }
    let vote = json!({ "request": id, "step": "s", "decision": "approve", "payload_hash": shown["payload_hash"] });
    let bulk = api.done("rita", "POST /v1/decisions", Some(&json!({ "items": [vote] }))).await;
    assert_eq!(bulk["items"][0]["status"], 429, "each vote of a bulk call counts: {bulk}");
    let cookie = login(&api, "rita").await;
    let csrf = get(&api, &format!("/requests/{id}"), &cookie).await.csrf();
    let page = post(&api, &format!("/requests/{id}/comments"), &cookie, &[("csrf", &csrf), ("comment", "kept words")]).await;
    assert_eq!(page.status, 429);
    assert!(page.html.contains("kept words") && page.html.contains("too fast"), "{}", page.html);

    let now = api.done("rita", &format!("GET /v1/requests/{id}"), None).await;
    assert_eq!(now["version"], json!(PER_MINUTE), "nothing of it was done, and reading costs nothing");
    assert_eq!(api.vote("bob", &shown, "s", "approve", None).await.status, 200, "others are served");
    api.clock("2026-01-05T09:01:00Z").await;
    api.done("rita", &comment, Some(&json!({ "comment": "after a minute" }))).await;
}

/// An administrator loads a directory at once: what an office writes is not counted.
#[tokio::test]
async fn a_directory_is_loaded_as_fast_as_it_comes() {
    let api = limited(ALONE).await;
    let people: Vec<String> = (0..2 * PER_MINUTE).map(|n| format!("p{n}")).collect();
    api.people(&people.join(" ")).await;
}

#[tokio::test]
async fn the_first_commands_of_a_minute_cost_nothing_and_then_all_instances_count_together() {
    let stage = Stage::new().await;
    let (rita, other): (PersonId, PersonId) = (person_id("rita"), person_id("bob"));
    let (one, two) = [(); 2].map(|()| Pace::limited(ALONE, stage.app.stores.paces.clone())).into();
    let now = || stage.app.clock.now();
    stage.seam.take();
    for pace in [&one, &two] {
        for _ in 1..COMMANDS_ALONE {
            pace.take(&tenant(), &rita, now()).await.unwrap();
        }
    }
    assert_eq!(stage.seam.take().calls, Vec::<String>::new(), "an ordinary command costs no call");
    one.take(&tenant(), &rita, now()).await.unwrap();
    assert_eq!(stage.seam.take().calls, ["PutItem"]);
    let refused = two.take(&tenant(), &rita, now()).await;
    assert!(matches!(refused, Err(Error::TooFast { whose: Whose::Person, seconds: 30 })), "60 of 40 a minute: {refused:?}");
    two.take(&tenant(), &other, now()).await.unwrap();
    // One goes on alone up to what is left, and hears of it.
    for _ in 0..PER_MINUTE - COMMANDS_ALONE {
        one.take(&tenant(), &rita, now()).await.unwrap();
    }
    stage.seam.take();
    assert!(matches!(one.take(&tenant(), &rita, now()).await, Err(Error::TooFast { .. })));
    assert_eq!(stage.seam.take().calls, Vec::<String>::new(), "a refusal costs nothing either");
    stage.advance_seconds(60);
    two.take(&tenant(), &rita, now()).await.unwrap();
}

/// Whoever counts cannot be reached: commands go on, for they need the same table themselves.
#[tokio::test]
async fn a_table_that_does_not_count_holds_up_nobody() {
    let stage = Stage::new().await;
    let pace = Pace::limited(ALONE, stage.app.stores.paces.clone());
    stage.seam.script(|_| crate::stage::seam::Fault::ServerError);
    for _ in 0..=COMMANDS_ALONE {
        pace.take(&tenant(), &person_id("rita"), stage.app.clock.now()).await.unwrap();
    }
}
