//! No word is lost: whatever a press does not count as an answer brings back what was written. And a rejection is asked about once more.

use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE};
use serde_json::json;

use super::super::{House, words_of};
use super::Page;
use crate::stage::api::asked;

const WORDS: &str = "Line one <b>\nline \"two\"";

impl House {
    async fn send(&self, token: &str, cookie: &str, fields: &[(&str, &str)]) -> Page {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        let request = asked(&format!("POST /v1/actions/{token}"), None).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.page(request.header(COOKIE, cookie).body(Body::from(body)).unwrap(), token).await
    }
}

/// The words stand in a text area, as they were typed.
#[track_caller]
fn kept(page: &Page, status: u16, why: &str) {
    assert_eq!(page.status, status, "{why}: {}", words_of(&page.html));
    assert!(page.html.contains("Line one &#60;b&#62;\nline &#34;two&#34;</textarea>"), "{why}: {}", page.html);
}

#[tokio::test]
async fn t17_words_come_back_from_every_press_that_does_not_count() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    let sent = WORDS.replace('\n', "\r\n");
    let send = async |form: &str, decision: &str, more: &[(&str, &str)]| {
        house.send(&token, "", &[&[("form", form), ("decision", decision), ("comment", sent.as_str())], more].concat()).await
    };
    kept(&send("x", "approve", &[]).await, 409, "a form of another page");
    kept(&send(&form, "perhaps", &[]).await, 400, "no decision");
    kept(&send(&form, "approve", &[("by", "ann")]).await, 400, "a field that no form of ours has");
    kept(&send(&form, "reject", &[]).await, 200, "asked once more");
    let cleo = house.login("cleo").await;
    let others = house.send(&token, &cleo, &[("form", form.as_str()), ("decision", "approve"), ("comment", sent.as_str())]).await;
    kept(&others, 403, "somebody else's session");
    kept(&house.send(&"A".repeat(48), "", &[("form", "x"), ("decision", "approve"), ("comment", sent.as_str())]).await, 404, "no link");
    house.api.clock("2026-01-05T09:16:00.000Z").await;
    kept(&send(&form, "approve", &[]).await, 409, "a quarter of an hour later");
    let fresh = house.look(&token).await.form().unwrap();
    let long = format!("{}{WORDS}", "x".repeat(4_000));
    kept(&house.press(&token, &fresh, "approve", &long).await, 400, "too long");
    assert_eq!(house.version(&request).await, 1, "nothing was decided");
    house.did("rita", &request, "cancel", json!({ "reason": "No money" })).await;
    kept(&send(&fresh, "approve", &[]).await, 409, "it was cancelled meanwhile");
}

/// What counted is not said to be unsent.
#[tokio::test]
async fn t17_words_that_counted_are_not_shown_as_unsent() {
    let (house, _, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    for _ in 0..2 {
        let page = house.press(&token, &form, "approve", "Fine by me").await;
        assert!(page.html.contains("Fine by me") && !words_of(&page.html).contains("not sent"), "{}", words_of(&page.html));
    }
}

#[tokio::test]
async fn t16_a_line_break_of_a_form_is_one_character() {
    let two = json!({ "approvers": [{ "user": "bob" }, { "user": "cleo" }], "required": 2 });
    let (house, request, token) = House::asked_bob(two).await;
    let form = house.look(&token).await.form().unwrap();
    let words = format!("{}\r\n{}", "x".repeat(3_000), "y".repeat(999));
    assert_eq!(house.press(&token, &form, "approve", &words).await.status, 200);
    let body = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"], "comment": words });
    house.did("cleo", &request, "decisions", body).await;
    let history = house.api.done("rita", &format!("GET /v1/requests/{}/history", request["id"].as_str().unwrap()), None).await.to_string();
    assert_eq!((history.matches("\\n").count(), history.matches("\\r").count()), (2, 0), "stored with the break that was counted");
}

#[tokio::test]
async fn c7_a_rejection_is_asked_about_once_more_without_a_script() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    let asks = house.send(&token, "", &[("form", &form), ("decision", "reject"), ("comment", WORDS)]).await;
    kept(&asks, 200, "asked once more");
    let words = words_of(&asks.html);
    assert!(words.starts_with("Reject this? Two chairs") && words.contains("Keep it open") && !words.contains("Approve"), "{words}");
    assert!(asks.html.contains("<a class=\"button\" href=\"\">Keep it open</a>"), "it leads to the page of the link");
    assert_eq!(house.version(&request).await, 1, "nothing was decided");
    for (decision, confirm) in [("approve", "reject"), ("return", "reject")] {
        // Only a rejection is confirmed; what confirms nothing is no harm.
        assert!(
            !words_of(&house.send(&token, "", &[("form", "x"), ("decision", decision), ("confirm", confirm)]).await.html)
                .contains("Reject this?")
        );
    }
    let fields =
        [("form", asks.form().unwrap()), ("decision", "reject".into()), ("confirm", "reject".into()), ("comment", "Too dear".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    house.send(&token, "", &fields).await.says("Your answer is recorded");
    assert_eq!(house.now(&request).await["status"], "rejected");
}

#[tokio::test]
async fn t7_a_no_without_a_reason_says_so_wherever_a_link_shows_it() {
    for (decision, words) in [("reject", "cleo rejected it: s; no reason given"), ("return", "cleo sent it back: s; no reason given")] {
        let two = json!({ "approvers": [{ "user": "bob" }, { "user": "cleo" }] });
        let (house, request, token) = House::asked_bob(two).await;
        let body = json!({ "step": "s", "decision": decision, "payload_hash": request["payload_hash"] });
        house.did("cleo", &request, "decisions", body).await;
        let page = house.look(&token).await;
        page.says(words);
        assert_eq!(words_of(&page.html).matches("no reason given").count(), 2, "above, and in what happened: {}", words_of(&page.html));
    }
}
