//! What a page says when it says no: the words that were typed stand on it, and its own are those of people.

use serde_json::json;

use super::{decide, get, login, office, post, status_of};
use crate::stage::api::Api;

fn field<'a>(name: &'a str, value: &'a str, mut fields: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value));
    fields
}

#[tokio::test]
async fn words_that_do_not_count_stand_on_the_page_that_answers() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    let tabs = [get(&api, &path, &bob).await.csrf(), get(&api, &path, &bob).await.csrf(), get(&api, &path, &bob).await.csrf()];
    let form = format!("{path}/decide");
    assert_eq!(post(&api, &form, &bob, &field("comment", "First words", decide(&tabs[0], &shown, "return"))).await.status, 303);
    for (tab, decision) in [(1, "return"), (2, "approve")] {
        let late = post(&api, &form, &bob, &decide(&tabs[tab], &shown, decision)).await;
        assert_eq!(late.status, 409, "{decision}");
        assert!(late.html.contains("kept words") && late.html.contains("role=\"alert\""), "{decision}: {}", late.html);
    }
    // The same answer once more, where it counts already.
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice carol").await;
    let steps = json!([{ "id": "manager", "name": "Head of team", "approvers": [{ "user": "bob" }, { "user": "carol" }], "required": 2 }]);
    api.template(&json!({ "key": "t", "title": "Thing", "steps": steps })).await;
    let shown = api.submit("alice", "t", "T-1", json!({})).await;
    let (path, bob) = (format!("/requests/{}", shown["id"].as_str().unwrap()), login(&api, "bob").await);
    let form = format!("{path}/decide");
    let tabs = [get(&api, &path, &bob).await.csrf(), get(&api, &path, &bob).await.csrf(), get(&api, &path, &bob).await.csrf()];
    assert_eq!(post(&api, &form, &bob, &field("comment", "", decide(&tabs[0], &shown, "approve"))).await.status, 303);
    let again = post(&api, &form, &bob, &decide(&tabs[1], &shown, "approve")).await;
    assert!(again.status == 409 && again.html.contains("kept words"), "{} {}", again.status, again.html);
    api.done("alice", &format!("POST /v1{path}/cancel"), Some(&json!({}))).await;
    let late = post(&api, &form, &bob, &decide(&tabs[2], &shown, "reject")).await;
    assert!(late.status == 409 && late.html.contains("kept words"), "{} {}", late.status, late.html);
    assert!(!late.html.contains("Reject this?"), "nobody is asked whether they are sure of what is over");
}

#[tokio::test]
async fn a_rejection_is_asked_once_more_only_of_who_could_reject_what_they_saw() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    let csrf = get(&api, &path, &bob).await.csrf();
    api.vote("bob", &shown, "manager", "return", None).await;
    api.done("alice", &format!("POST /v1{path}/resubmit"), Some(&json!({ "metadata": { "note": "more" } }))).await;
    let stale = post(&api, &format!("{path}/decide"), &bob, &decide(&csrf, &shown, "reject")).await;
    assert_eq!(stale.status, 409, "{}", stale.html);
    assert!(stale.html.contains("It was changed since you loaded the page") && stale.html.contains("kept words"), "{}", stale.html);
    assert_eq!(status_of(&api, &shown).await, "in_progress");
}

#[tokio::test]
async fn a_fresh_login_does_not_cost_the_words() {
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice").await;
    let steps = json!([{ "id": "manager", "approvers": [{ "user": "bob" }], "assurance": "login", "reasons": ["reject"] }]);
    api.template(&json!({ "key": "t", "title": "Thing", "steps": steps })).await;
    let shown = api.submit("alice", "t", "T-1", json!({})).await;
    let (path, bob) = (format!("/requests/{}", shown["id"].as_str().unwrap()), login(&api, "bob").await);
    for minutes in (0..9 * 60).step_by(25) {
        api.clock(&format!("2026-01-05T{:02}:{:02}:00Z", 9 + minutes / 60, minutes % 60)).await;
        get(&api, "/", &bob).await;
    }
    let csrf = get(&api, &path, &bob).await.csrf();
    let refused = post(&api, &format!("{path}/decide"), &bob, &decide(&csrf, &shown, "approve")).await;
    assert!(refused.status == 403 && refused.html.contains("kept words") && refused.html.contains("Log in again"), "{}", refused.html);
}

#[tokio::test]
async fn a_missing_reason_is_tied_to_its_field() {
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice").await;
    let steps = json!([{ "id": "manager", "name": "Head of team", "approvers": [{ "user": "bob" }], "reasons": ["return"] }]);
    let fields = json!({ "amount": { "type": "number", "min": 0, "label": "How much", "required": true } });
    api.template(&json!({ "key": "t", "title": "Thing", "steps": steps, "fields": fields })).await;
    let shown = api.submit("alice", "t", "T-1", json!({ "amount": 1 })).await;
    let (path, bob) = (format!("/requests/{}", shown["id"].as_str().unwrap()), login(&api, "bob").await);
    let csrf = get(&api, &path, &bob).await.csrf();
    let refused = post(&api, &format!("{path}/decide"), &bob, &field("comment", "", decide(&csrf, &shown, "return"))).await;
    assert_eq!(refused.status, 422);
    for mark in [
        "href=\"#comment-manager\"",
        "aria-describedby=\"comment-manager-hint comment-manager-wrong\"",
        "“Head of team” asks for a comment",
    ] {
        assert!(refused.html.contains(mark), "{mark}: {}", refused.html);
    }
    let alice = login(&api, "alice").await;
    let csrf = get(&api, "/new/t", &alice).await.csrf();
    let sent =
        [("csrf", csrf.as_str()), ("title", "X"), ("entity_type", "t"), ("entity_id", "T-2"), ("field.amount", "-1"), ("go", "submit")];
    let refused = post(&api, "/new/t", &alice, &sent).await;
    for mark in [">How much: at least 0.<", "aria-describedby=\"field.amount-hint field.amount-wrong\""] {
        assert!(refused.html.contains(mark), "{mark}: {}", refused.html);
    }
}

#[tokio::test]
async fn a_refusal_speaks_of_people_and_their_time_and_not_of_ids() {
    let (api, shown) = office().await;
    for (id, name) in [("alice", "Alice Lee"), ("bob", "Bob Martin")] {
        api.done("root", &format!("PATCH /v1/users/{id}"), Some(&json!({ "name": name, "time_zone": "Asia/Tokyo" }))).await;
    }
    let (bob, carol) = (login(&api, "bob").await, login(&api, "carol").await);
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    let csrf = [get(&api, &path, &bob).await.csrf(), get(&api, &path, &bob).await.csrf()];
    let other = post(
        &api,
        &format!("{path}/reassign"),
        &bob,
        &[("csrf", &csrf[0]), ("step", "manager"), ("to", "alice"), ("reason", "kept words")],
    )
    .await;
    assert!(
        other.status == 422 && other.html.contains("It cannot pass to Alice Lee, who") && other.html.contains("kept words"),
        "{}",
        other.html
    );
    api.done("alice", &format!("POST /v1{path}/cancel"), Some(&json!({}))).await;
    let late = post(&api, &format!("{path}/decide"), &bob, &decide(&csrf[1], &shown, "approve")).await;
    assert!(late.html.contains("It is cancelled since Mon 5 Jan, 18:00, by Alice Lee."), "{}", late.html);
    let reused = post(&api, &format!("{path}/comments"), &bob, &[("csrf", &csrf[1]), ("comment", "one")]).await;
    assert_eq!(reused.status, 303, "{}", reused.html);
    let reused = post(&api, &format!("{path}/comments"), &bob, &[("csrf", &csrf[1]), ("comment", "two")]).await;
    assert!(reused.status == 422 && reused.html.contains("This page was sent before"), "{}", reused.html);
    assert!(!reused.html.contains("Idempotency"), "{}", reused.html);
    let csrf = get(&api, "/delegations", &carol).await.csrf();
    let fields = [("csrf", csrf.as_str()), ("to", "zed"), ("starts", "2026-01-05"), ("ends", "2026-01-09"), ("reason", "Away")];
    assert!(post(&api, "/delegations", &carol, &fields).await.html.contains("Nobody here is called “zed”, or has this id."));
}

#[tokio::test]
async fn only_who_may_change_it_gets_the_form_and_a_preview_sends_nothing() {
    let (api, shown) = office().await;
    let (alice, bob) = (login(&api, "alice").await, login(&api, "bob").await);
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    api.vote("bob", &shown, "manager", "return", None).await;
    let other = get(&api, &format!("{path}/edit"), &bob).await;
    assert_eq!(other.status, 403);
    assert!(!other.html.contains("<textarea"), "{}", other.html);
    for (go, status) in [("preview", 200), ("", 400), ("submit", 303)] {
        let csrf = get(&api, &format!("{path}/edit"), &alice).await.csrf();
        let fields = [("csrf", csrf.as_str()), ("title", "Thing"), ("metadata", "{\"note\": 2}"), ("comment", "kept words"), ("go", go)];
        let answer = post(&api, &format!("{path}/edit"), &alice, &fields).await;
        assert_eq!(answer.status, status, "{go}: {}", answer.html);
        assert!(status == 303 || answer.html.contains("kept words"), "{go}");
        assert_eq!(answer.html.contains("This is what would happen"), go == "preview", "{}", answer.html);
        assert_eq!(status_of(&api, &shown).await, if go == "submit" { "in_progress" } else { "returned" });
    }
}

#[tokio::test]
async fn a_page_says_who_comes_next_and_why_and_leaves_out_who_cannot() {
    let api = Api::start_at(super::TIME).await;
    api.people("bob alice<bob carol").await;
    let steps = json!([
        { "id": "first", "name": "Head", "approvers": [{ "manager_of": "requester" }] },
        { "id": "second", "name": "Books", "approvers": [{ "user": "carol" }, { "user": "alice" }] }
    ]);
    api.template(&json!({ "key": "t", "title": "Thing", "steps": steps })).await;
    let (alice, bob) = (login(&api, "alice").await, login(&api, "bob").await);
    let csrf = get(&api, "/new/t", &alice).await.csrf();
    let fields = [("csrf", csrf.as_str()), ("title", "X"), ("entity_type", "t"), ("entity_id", "T\u{308}-1"), ("go", "preview")];
    let seen = post(&api, "/new/t", &alice, &fields).await.html;
    let plan = seen.split("id=\"plan\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(plan.contains("carol") && !plan.contains("alice"), "{plan}");
    let sent = post(
        &api,
        "/new/t",
        &alice,
        &[("csrf", csrf.as_str()), ("title", "X"), ("entity_type", "t"), ("entity_id", "T\u{308}-1"), ("go", "submit")],
    )
    .await;
    let own = get(&api, sent.leads_to(), &alice).await.html;
    assert!(own.contains("You submitted it on Mon 5 Jan, 09:00. It waits for bob."), "{own}");
    let route = own.split("id=\"route\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(route.contains("carol") && !route.contains("alice"), "{route}");
    assert!(get(&api, sent.leads_to(), &bob).await.html.contains("You are asked because you are alice’s manager."));
    api.drain().await;
    assert!(get(&api, "/find?q=T%CC%88-1", &alice).await.html.contains(sent.leads_to()), "either spelling of one id");
    for n in 0..60 {
        let who = if n % 2 == 0 { "alice" } else { "bob" };
        api.done(who, &format!("POST /v1{}/comments", sent.leads_to()), Some(&json!({ "comment": format!("Word {n}.") }))).await;
    }
    let short = get(&api, sent.leads_to(), &alice).await.html;
    assert!(short.contains("Show 11 earlier") && !short.contains("Word 0."), "{short}");
    let whole = get(&api, &format!("{}?story=all", sent.leads_to()), &alice).await.html;
    assert!(whole.contains("Word 0.") && !whole.contains("earlier<"));
}
