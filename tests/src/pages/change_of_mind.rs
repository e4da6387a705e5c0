//! Forms that take something back: an answer while its step is open, an approval until its effect has started.

use serde_json::{Value, json};

use super::{get, login, post, status_of};
use crate::stage::api::Api;

/// Alice asks, Bob and Carol both must approve; then the effect waits.
async fn office() -> (Api, Value, String) {
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice carol").await;
    let steps = json!([{ "id": "manager", "approvers": [{ "user": "bob" }, { "user": "carol" }], "required": 2 }]);
    api.template(&json!({ "key": "t", "title": "Thing", "steps": steps, "effect": { "confirm": true, "within": "24h" } })).await;
    let shown = api.submit("alice", "t", "T-1", json!({})).await;
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    (api, shown, path)
}

/// Answers the step by the form of the page, as it is shown now.
async fn approve(api: &Api, path: &str, session: &str, more: &[(&str, &str)]) -> u16 {
    let page = get(api, path, session).await;
    let (csrf, payload_hash) = (page.csrf(), page.hidden("payload_hash"));
    let mut fields = vec![("csrf", csrf.as_str()), ("step", "manager"), ("decision", "approve"), ("payload_hash", payload_hash.as_str())];
    fields.extend(more);
    post(api, &format!("{path}/decide"), session, &fields).await.status
}

#[tokio::test]
async fn an_answer_is_taken_back_and_given_again_in_the_round_that_the_page_names() {
    let (api, shown, path) = office().await;
    let bob = login(&api, "bob").await;
    assert!(!get(&api, &path, &bob).await.html.contains("/withdraw-vote"), "there is nothing to take back");
    assert_eq!(approve(&api, &path, &bob, &[]).await, 303);

    let answered = get(&api, &path, &bob).await;
    assert!(answered.html.contains(&format!("action=\"{path}/withdraw-vote\"")));
    let csrf = answered.csrf();
    let taken = post(&api, &format!("{path}/withdraw-vote"), &bob, &[("csrf", &csrf), ("step", "manager")]).await;
    assert_eq!((taken.status, taken.leads_to()), (303, path.as_str()), "{}", taken.html);

    let again = get(&api, &path, &bob).await;
    assert!(again.html.contains("bob took their answer back"));
    assert_eq!(again.hidden("round"), "2");
    assert_eq!(approve(&api, &path, &bob, &[]).await, 422, "a page of the first round");
    assert_eq!(approve(&api, &path, &bob, &[("round", "2")]).await, 303);
    assert_eq!(status_of(&api, &shown).await, "in_progress");
}

#[tokio::test]
async fn an_approval_is_recalled_until_its_effect_has_started_and_the_reason_is_kept() {
    let (api, shown, path) = office().await;
    let (alice, bob, carol) = (login(&api, "alice").await, login(&api, "bob").await, login(&api, "carol").await);
    assert_eq!(approve(&api, &path, &bob, &[]).await, 303);
    assert_eq!(approve(&api, &path, &carol, &[]).await, 303);
    let pending = get(&api, &path, &bob).await;
    assert!(pending.html.contains("Its effect may start, until"), "{}", pending.html);
    let recall = format!("action=\"{path}/recall\"");
    assert!(pending.html.contains(&recall) && !get(&api, &path, &alice).await.html.contains(&recall), "alice may cancel it");

    let csrf = pending.csrf();
    let wordless = post(&api, &format!("{path}/recall"), &bob, &[("csrf", &csrf), ("reason", "")]).await;
    assert_eq!(wordless.status, 400);
    let csrf = get(&api, &path, &bob).await.csrf();
    let done = post(&api, &format!("{path}/recall"), &bob, &[("csrf", &csrf), ("reason", "Another bid came in")]).await;
    assert_eq!(done.status, 303, "{}", done.html);
    assert_eq!(status_of(&api, &shown).await, "returned");
    let told = get(&api, &path, &alice).await.html;
    assert!(told.contains("bob recalled it") && told.contains("Another bid came in"));
}

#[tokio::test]
async fn after_the_start_the_page_offers_no_way_back_and_keeps_what_was_typed() {
    let (api, shown, path) = office().await;
    let (bob, carol) = (login(&api, "bob").await, login(&api, "carol").await);
    approve(&api, &path, &bob, &[]).await;
    approve(&api, &path, &carol, &[]).await;
    let csrf = get(&api, &path, &bob).await.csrf();
    let start = format!("POST /v1/requests/{}/effect/start", shown["id"].as_str().unwrap());
    api.done("alice", &start, Some(&json!({ "payload_hash": shown["payload_hash"] }))).await;
    let late = post(&api, &format!("{path}/recall"), &bob, &[("csrf", &csrf), ("reason", "Another bid came in")]).await;
    assert_eq!(late.status, 409);
    assert!(late.html.contains("That was not taken") && late.html.contains("Another bid came in"), "no word is lost");
    let now = get(&api, &path, &bob).await.html;
    assert!(now.contains("alice started its effect") && !now.contains("/recall\"") && !now.contains("/cancel\""));
}
