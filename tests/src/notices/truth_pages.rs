//! The same of pages and lists: what is shown where, and how much of it.

use serde_json::{Value, json};

use super::{House, Mail, words_of};
use crate::pages::get;

fn by(user: &str) -> Value {
    json!([{ "id": "s", "approvers": [{ "user": user }], "sla": { "hours": 10 } }])
}

async fn page(house: &House, who: &str, request: &Value) -> String {
    let cookie = house.login(who).await;
    words_of(&get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await.html)
}

#[track_caller]
fn to<'m>(mails: &'m [Mail], who: &str) -> &'m Mail {
    mails.iter().find(|mail| mail.to.starts_with(&format!("{who}@"))).unwrap_or_else(|| panic!("no mail to {who} in {mails:?}"))
}

/// Ten comments of the longest kind, in letters that markup makes long.
#[tokio::test]
async fn m6_a_mail_has_at_most_sixty_thousand_bytes() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "amy" }], "sla": { "hours": 10 }, "remind": [0.5] }]);
    let house = House::new("rita amy", step).await;
    let request = house.submit("rita").await;
    for n in 0..10 {
        let words: String = "\"it's\" ".repeat(900).chars().take(3_990).collect();
        house.did("rita", &request, "comments", json!({ "comment": format!("{n} {words}") })).await;
    }
    house.mails().await;
    house.api.clock("2026-01-05T14:30:00.000Z").await;
    let mails = house.mails().await;
    let mail = to(&mails, "amy");
    assert!(mail.html.len() <= 60_000, "{}", mail.html.len());
    assert!((0..10).all(|n| mail.text.contains(&format!("> {n} \"it's"))), "the beginning of each stays: {}", mail.text);
}

#[tokio::test]
async fn m7_the_link_stands_in_the_first_screen_however_long_the_reason_is() {
    let house = House::new("rita amy lea", by("amy")).await;
    let request = house.submit("rita").await;
    house.mails().await;
    let reason = (0..300).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n");
    house.did("amy", &request, "reassign", json!({ "step": "s", "to": "lea", "reason": reason })).await;
    let mails = house.mails().await;
    let text = &to(&mails, "lea").text;
    let at = text.lines().position(|line| line.contains("://")).unwrap();
    assert!(at <= 14, "line {at}: {text}");
    assert!(text.contains("line 299"), "all of it stands below: {text}");
}

#[tokio::test]
async fn m8_a_blocked_step_is_not_over_and_somebody_could_answer() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "ben" }, { "user": "amy" }], "required": 2, "fallback": "none" }]);
    let house = House::new("rita ben amy", step).await;
    let request = house.submit("rita").await;
    let token = house.link_to("amy").await;
    house.person("ben", json!({ "active": false })).await;
    house.mails().await;
    house.look(&token).await.says("Too few people can answer this step now");
    let own = page(&house, "amy", &request).await;
    assert!(own.contains("ben (has left)") && !own.contains("nobody could answer"), "{own}");
    assert!(own.contains("too few could answer; the administrators were told"), "{own}");
}

/// Whoever administers reads whose it is, at once, whatever the template says of reminders.
#[tokio::test]
async fn m9_administrators_hear_that_a_request_is_with_somebody_who_has_left() {
    let house = House::new("rob mia ada", by("mia")).await;
    house.api.role("approval_admin", "ada").await;
    let template = json!({ "key": "t", "title": "T", "unique_entity": false, "steps": by("mia"), "returned": { "remind": [] } });
    house.api.template(&template).await;
    let back = |request: &Value| json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "why?" });
    let first = house.submit("rob").await;
    house.did("mia", &first, "decisions", back(&first)).await;
    house.mails().await;
    house.person("rob", json!({ "name": "Rob Two", "active": false })).await;
    let mails = house.mails().await;
    assert_eq!(mails.iter().map(Mail::short).collect::<Vec<_>>(), ["ada: requester_left"]);
    let text = &mails[0].text;
    assert!(text.contains("Rob Two (rob) has left") && text.contains(&format!("/requests/{}", first["id"].as_str().unwrap())), "{text}");
    assert!(page(&house, "ada", &first).await.contains("sent back to Rob Two, who has left"));
    // And of one that is sent back later.
    house.person("rob", json!({ "name": "Rob Two" })).await;
    let second = house.submit("rob").await;
    house.person("rob", json!({ "name": "Rob Two", "active": false })).await;
    house.mails().await;
    house.did("mia", &second, "decisions", back(&second)).await;
    let mails = house.mails().await;
    let text = &to(&mails, "ada").text;
    assert!(text.contains("mia sent back a request of Rob Two, who has left.") && !text.contains("back to you"), "{text}");
}

/// One list, wherever it is read; what the service notes beside acts is for people alone.
#[tokio::test]
async fn m12_the_list_of_the_api_is_that_of_mail_and_page() {
    let step = json!([{ "id": "s", "name": "Sign-off", "approvers": [{ "user": "amy" }], "sla": { "hours": 10 }, "on_timeout": "reject" }]);
    let house = House::new("rita amy", step).await;
    let request = house.submit("rita").await;
    house.mails().await;
    house.api.clock("2026-01-05T19:30:00.000Z").await;
    let mails = house.mails().await;
    let told = house.now(&request).await["conversation"].as_array().unwrap().clone();
    let said: Vec<&str> = told.iter().map(|entry| entry["summary"].as_str().unwrap()).collect();
    assert_eq!(said, ["rita asked for it", "It is rejected"]);
    let own = page(&house, "rita", &request).await;
    for sentence in [said, vec!["Sign-off: the time was up"]].concat() {
        assert!(to(&mails, "rita").text.contains(sentence) && own.contains(sentence), "{sentence}");
    }
}

/// Ten is the rule of mails: the page behind the link tells all.
#[tokio::test]
async fn m13_the_page_of_a_link_tells_more_than_a_mail() {
    let house = House::new("rita mia", by("mia")).await;
    let request = house.submit("rita").await;
    let token = house.link_to("mia").await;
    for n in 0..55 {
        house.did("rita", &request, "comments", json!({ "comment": format!("comment no. {n}.") })).await;
        if n == 14 {
            let words = words_of(&house.look(&token).await.html);
            assert!((0..15).all(|n| words.contains(&format!("comment no. {n}."))) && words.contains("rita asked for it"), "{words}");
        }
        if n == 49 {
            break;
        }
    }
    house.did("mia", &request, "comments", json!({ "comment": "one more" })).await;
    let page = house.look(&token).await.html;
    assert!(page.contains(&format!("href=\"/requests/{}?story=all#story\"", request["id"].as_str().unwrap())), "{}", words_of(&page));
    assert!(words_of(&page).contains("2 older entries are not shown here."), "{}", words_of(&page));
}

#[tokio::test]
async fn m14_a_step_that_was_open_is_not_called_unreached() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "kim" }, { "user": "lea" }], "required": 2 }, { "id": "n", "approvers": [{ "user": "kim" }] }]);
    let house = House::new("rita kim lea", step).await;
    let request = house.submit("rita").await;
    let vote = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"] });
    house.did("kim", &request, "decisions", vote).await;
    house.did("rita", &request, "cancel", json!({ "reason": "no" })).await;
    let own = page(&house, "rita", &request).await;
    assert_eq!((own.matches("stopped").count(), own.matches("not reached").count()), (1, 1), "{own}");
}

/// What the requester calls something cannot pass for what we say.
#[tokio::test]
async fn m15_what_no_field_declares_stands_apart_from_our_own_rows() {
    let house = House::new("rita amy", by("amy")).await;
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T",
        "metadata": { "Asked by": "Mia Boss", "Answer by": "no hurry" } });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    let link = words_of(&house.look(&house.link_to("amy").await).await.html);
    for words in [link, page(&house, "amy", &request).await] {
        let (ours, theirs) = words.split_once("Sent along, not declared by the template").unwrap();
        assert!(!ours.contains("Mia Boss") && !ours.contains("no hurry") && theirs.contains("Asked by Mia Boss"), "{words}");
    }
}

/// One link each, and to what a right is limited.
#[tokio::test]
async fn m16_who_hears_of_a_delegation_reads_its_limits_and_can_go_there() {
    let house = House::new("rita bob ada dora", by("bob")).await;
    house.api.role("approval_admin", "ada").await;
    house.mails().await;
    let lent = json!({ "from": "bob", "to": "dora", "starts_at": super::START, "ends_at": "2026-03-05T09:00:00Z", "reason": "sick",
        "templates": ["t"], "max": { "amount": 10, "currency": "EUR" } });
    house.api.done("ada", "POST /v1/delegations", Some(&lent)).await;
    let mails = house.mails().await;
    for (who, path) in [("bob", "/delegations"), ("dora", "/")] {
        let text = &to(&mails, who).text;
        assert!(text.contains("It is limited to requests of the template `t`, and to amounts up to EUR 10.00."), "{text}");
        let links: Vec<&str> = text.split_whitespace().filter(|word| word.contains("://")).collect();
        assert!(links.len() == 1 && links[0].ends_with(path), "{text}");
    }
}

/// Silence is no end: who asked, and who administers, hear that it did not take effect.
#[tokio::test]
async fn m17_an_effect_that_failed_for_good_is_told() {
    let house = House::new("rita mia lea ada", by("mia")).await;
    house.api.role("approval_admin", "ada").await;
    let template = json!({ "key": "t", "title": "T", "unique_entity": false, "steps": by("mia"),
        "effect": { "confirm": true, "within": "2d", "by": [{ "user": "lea" }] } });
    house.api.template(&template).await;
    let request = house.submit("rita").await;
    let vote = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"] });
    house.did("mia", &request, "decisions", vote).await;
    house.mails().await;
    let mut told = Vec::new();
    for _ in 0..2 {
        house.did("lea", &request, "effect/start", json!({ "payload_hash": request["payload_hash"] })).await;
        house.did("lea", &request, "effect/finish", json!({ "outcome": "failed", "reference": "the bank said no" })).await;
        told.push(house.mails().await);
    }
    assert_eq!(told[0], [], "it may be started once more");
    assert_eq!(told[1].iter().map(Mail::short).collect::<Vec<_>>(), ["ada: effect_failed", "rita: effect_failed"]);
    assert!(told[1].iter().all(|mail| mail.text.contains("failed for good") && mail.text.contains("the bank said no")), "{told:?}");
}

/// Whoever decides after a time-out reads why it is them.
#[tokio::test]
async fn m18_administrators_who_are_asked_because_the_time_was_up_read_so() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "kim" }, { "user": "lea" }, { "user": "mia" }], "required": 2,
        "on_reject": "majority", "sla": { "hours": 10 }, "on_timeout": "approve" }]);
    let house = House::new("rita kim lea mia ada", step).await;
    house.api.role("approval_admin", "ada").await;
    let request = house.submit("rita").await;
    let vote = json!({ "step": "s", "decision": "reject", "payload_hash": request["payload_hash"], "comment": "no" });
    house.did("kim", &request, "decisions", vote).await;
    house.mails().await;
    house.api.clock("2026-01-20T09:30:00.000Z").await;
    let mails = house.mails().await;
    let why = "you are a member of approval_admin, asked because the time was up and somebody had rejected it";
    assert!(to(&mails, "ada").text.contains(why), "{}", to(&mails, "ada").text);
}

/// A link that was used says what its answer is worth.
#[tokio::test]
async fn a_link_of_an_answer_that_was_voided_says_so() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "kim" }] }, { "id": "n", "approvers": [{ "user": "mia" }] }]);
    let house = House::new("rita kim mia", step).await;
    let request = house.submit("rita").await;
    let token = house.link_to("kim").await;
    let vote = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"] });
    house.did("kim", &request, "decisions", vote).await;
    house.did("rita", &request, "recall", json!({ "reason": "oops" })).await;
    house.look(&token).await.says("your answer counts no more");
}

/// A person is called by name, by link as by mail.
#[tokio::test]
async fn a_link_page_names_whom_its_reader_stands_in_for() {
    let house = House::new("rita", json!([{ "id": "s", "approvers": [{ "role": "pool" }] }])).await;
    house.person("u_8f31c2", json!({ "name": "Vera Long" })).await;
    house.person("u_9a", json!({ "name": "Stan Din" })).await;
    house.api.role("pool", "u_8f31c2").await;
    let lent = json!({ "to": "u_9a", "starts_at": super::START, "ends_at": "2026-03-05T09:00:00Z", "reason": "leave" });
    house.api.done("u_8f31c2", "POST /v1/delegations", Some(&lent)).await;
    house.mails().await;
    house.submit("rita").await;
    let words = words_of(&house.look(&house.link_to("u_9a").await).await.html);
    assert!(words.contains("you stand in for Vera Long"), "{words}");
}

/// Whoever else ends a delegation, the other side hears of it.
#[tokio::test]
async fn a_delegation_that_another_ends_is_told_to_the_other_side() {
    let house = House::new("bob dora ada", by("bob")).await;
    house.api.role("approval_admin", "ada").await;
    house.mails().await;
    let both = "bob: delegation_ended, dora: delegation_ended";
    for (who, told) in [("dora", "bob: delegation_ended"), ("bob", "dora: delegation_ended"), ("ada", both)] {
        let lent = json!({ "to": "dora", "starts_at": super::START, "ends_at": "2026-03-05T09:00:00Z", "reason": "leave" });
        let made = house.api.done("bob", "POST /v1/delegations", Some(&lent)).await;
        house.mails().await;
        house.api.done(who, &format!("DELETE /v1/delegations/{}", made["id"].as_str().unwrap()), None).await;
        assert_eq!(house.told().await, told, "{who}");
    }
}

/// A change is told so that one sees it.
#[tokio::test]
async fn a_change_far_behind_or_of_form_alone_is_seen() {
    let house = House::new("rita mia", by("mia")).await;
    let long = |end: &str| format!("{} {end}", "w".repeat(400));
    let body = |metadata: Value| json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T", "metadata": metadata });
    let first = json!({ "essay": long("before"), "tags": ["a", "b"] });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body(first))).await;
    let back = json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "why?" });
    house.did("mia", &request, "decisions", back).await;
    house.did("rita", &request, "resubmit", json!({ "metadata": { "essay": long("after"), "tags": "a; b" } })).await;
    let own = page(&house, "mia", &request).await;
    assert!(own.contains("before → ") || own.contains("before") && own.contains("after"), "{own}");
    assert!(own.contains("w before") && own.contains("w after") && own.contains("(written differently)"), "{own}");
}

/// Who wrote what stands.
#[tokio::test]
async fn a_later_revision_names_who_submitted_it() {
    let house = House::new("rita ola mia ada", by("mia")).await;
    house.api.role("approval_admin", "ada").await;
    let request = house.submit("rita").await;
    let back = json!({ "step": "s", "decision": "return", "payload_hash": request["payload_hash"], "comment": "why?" });
    house.did("mia", &request, "decisions", back).await;
    house.did("ada", &request, "transfer", json!({ "to": "ola", "reason": "moved" })).await;
    house.mails().await;
    house.did("ola", &request, "resubmit", json!({ "metadata": {} })).await;
    let mails = house.mails().await;
    let text = &to(&mails, "mia").text;
    assert!(text.contains("asked by ola · revision 2"), "{text}");
}
