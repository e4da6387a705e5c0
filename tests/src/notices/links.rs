//! Action links: who looks writes nothing; who presses says so first; a link that is used, stale or somebody else's explains itself.

use axum::body::Body;
use http::Request;
use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{House, words_of};
use crate::stage::api::asked;

mod ended;
mod examples;
mod rounds;
mod shown;
mod words;

/// A page as it came.
pub(super) struct Page {
    status: u16,
    pub(super) html: String,
}

impl Page {
    /// What its form carries; none: nothing can be pressed.
    fn form(&self) -> Option<String> {
        let (_, rest) = self.html.split_once("name=\"form\" value=\"")?;
        Some(rest.split_once('"').unwrap().0.to_owned())
    }

    /// It explains, and offers nothing to press.
    #[track_caller]
    pub(super) fn says(&self, words: &str) {
        let said = words_of(&self.html);
        assert!(said.contains(words), "`{words}` is not in: {said}");
        assert_eq!(self.form(), None, "{said}");
    }
}

impl House {
    async fn page(&self, request: Request<Body>, token: &str) -> Page {
        let answer = self.api.local.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(parts.headers.get(name).unwrap(), value);
        }
        let policy = parts.headers.get("content-security-policy").unwrap().to_str().unwrap();
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(token.len() < 48 || !html.contains(token), "no page repeats its link");
        Page { status: parts.status.as_u16(), html }
    }

    pub(super) async fn look(&self, token: &str) -> Page {
        self.page(asked(&format!("GET /v1/actions/{token}"), None).body(Body::empty()).unwrap(), token).await
    }

    /// The cookie of a session of theirs.
    pub(super) async fn login(&self, who: &str) -> String {
        let request = Request::post("/login").header(HOST, "127.0.0.1:8080").header(ORIGIN, "http://127.0.0.1:8080");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = Body::from(format!("user={who}&next=%2F"));
        let answer = self.api.local.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        answer.headers().get(SET_COOKIE).unwrap().to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    async fn look_as(&self, cookie: &str, token: &str) -> Page {
        let request = asked(&format!("GET /v1/actions/{token}"), None).header(COOKIE, cookie);
        self.page(request.body(Body::empty()).unwrap(), token).await
    }

    async fn press_as(&self, cookie: &str, token: &str, form: &str) -> Page {
        let request = asked(&format!("POST /v1/actions/{token}"), None).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form: String = form.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = Body::from(format!("form={form}&decision=approve&comment="));
        self.page(request.header(COOKIE, cookie).body(body).unwrap(), token).await
    }

    async fn press(&self, token: &str, form: &str, decision: &str, comment: &str) -> Page {
        let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        // Somebody who rejects was asked once more.
        let confirm = if decision == "reject" { "&confirm=reject" } else { "" };
        let body = format!("form={}&decision={decision}&comment={}{confirm}", encode(form), encode(comment));
        let request = asked(&format!("POST /v1/actions/{token}"), None).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.page(request.body(Body::from(body)).unwrap(), token).await
    }

    async fn version(&self, request: &Value) -> u64 {
        self.now(request).await["version"].as_u64().unwrap()
    }

    /// One step of bob's, submitted, and his link.
    async fn asked_bob(more: Value) -> (Self, Value, String) {
        let mut step = json!({ "id": "s", "approvers": [{ "user": "bob" }] });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let house = Self::new("rita bob ada cleo", json!([step])).await;
        house.administered_by("ada").await;
        let request = house.submit("rita").await;
        let token = house.link_to("bob").await;
        (house, request, token)
    }
}

#[tokio::test]
async fn a_press_is_a_vote_by_link_and_the_commit_names_it() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    let page = house.press(&token, &form, "approve", "Fine <b>by</b> me").await;
    assert_eq!(page.status, 200);
    page.says("Your answer is recorded");
    let now = house.now(&request).await;
    assert_eq!(now["status"], "approved");
    let vote = &now["steps"][0]["votes"][0];
    assert_eq!((&vote["by"], &vote["channel"], &vote["auth"]["method"]), (&json!("bob"), &json!("link"), &json!("link")), "{vote}");
    let hash = approvals::link::Token::parse(&token).unwrap().hash();
    let id = request["id"].as_str().unwrap().parse().unwrap();
    let record =
        house.api.local.app.requests.load(&crate::stage::tenant(), &id, approvals::store::Freshness::Strong).await.unwrap().unwrap();
    assert_eq!(record.commits.last().unwrap().commit.command.id, format!("link|{hash}"));
    // Pressed again: the same answer counts once, another one not at all, and the page says so.
    for decision in ["approve", "reject"] {
        house.press(&token, &form, decision, "").await.says("You approved on");
        assert_eq!(house.version(&request).await, 2);
    }
    house.look(&token).await.says("You have answered");
}

/// The template wants a reason: the field says so, and an answer without one comes back with a form to press again.
#[tokio::test]
async fn a_reason_that_is_wanted_is_a_required_field_and_nothing_is_lost_without_it() {
    let (house, request, token) = House::asked_bob(json!({ "reasons": ["reject"] })).await;
    let page = house.look(&token).await;
    assert!(words_of(&page.html).contains("Comment (needed to reject)"), "{}", page.html);
    assert!(page.html.contains("maxlength=\"4000\" required"), "{}", page.html);
    for (value, free) in [("approve", true), ("reject", false), ("return", true)] {
        assert_eq!(page.html.contains(&format!("value=\"{value}\" formnovalidate")), free, "{value}");
    }
    let form = page.form().unwrap();
    let again = house.press(&token, &form, "reject", "  ").await;
    assert_eq!((again.status, house.version(&request).await), (422, 1));
    assert!(words_of(&again.html).contains("Nothing was decided"), "{}", again.html);
    let longer = house.press(&token, &again.form().unwrap(), "reject", &"No <b> ".repeat(1_000)).await;
    assert_eq!((longer.status, house.version(&request).await), (400, 1), "too long");
    assert_eq!(longer.html.matches("No &#60;b&#62;").count(), 1_000, "the words stand in the field");
    house.press(&token, &longer.form().unwrap(), "reject", "Too dear").await.says("Your answer is recorded");
    assert_eq!(house.now(&request).await["status"], "rejected");
}

/// Whatever is wrong with what is sent: nothing is decided.
#[tokio::test]
async fn a_press_without_the_pages_own_form_decides_nothing() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let other = house.submit("rita").await;
    let other_token = house.link_to("bob").await;
    let (form, other_form) = (house.look(&token).await.form().unwrap(), house.look(&other_token).await.form().unwrap());
    let changed = format!("{}{}", if form.starts_with('A') { 'B' } else { 'A' }, &form[1..]);
    for bad in ["", "x", other_form.as_str(), &changed, &form[..form.len() - 1]] {
        let page = house.press(&token, bad, "approve", "").await;
        assert_eq!(page.status, 409, "{bad}");
        assert!(words_of(&page.html).contains("Nothing was decided"));
    }
    for body in ["decision=approve", "form=x&decision=maybe", "form=x&decision=approve&by=ann", ""] {
        let request = asked(&format!("POST /v1/actions/{token}"), None).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(house.page(request.body(Body::from(body)).unwrap(), &token).await.status, 400, "{body}");
    }
    house.api.clock("2026-01-05T09:16:00.000Z").await;
    assert_eq!(house.press(&token, &form, "approve", "").await.status, 409, "a quarter of an hour later");
    for request in [&request, &other] {
        assert_eq!(house.version(request).await, 1);
    }
    let fresh = house.look(&token).await.form().unwrap();
    assert_eq!(house.press(&token, &fresh, "approve", "").await.status, 200);
}

#[tokio::test]
async fn a_changed_link_leads_nowhere() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    for at in 0..token.len() {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = token.clone();
        changed.replace_range(at..=at, other);
        assert_eq!(house.look(&changed).await.status, 404);
        assert_eq!(house.press(&changed, &form, "approve", "").await.status, 404);
    }
    for bad in ["x", "%00", &"A".repeat(48), &"A".repeat(5_000)] {
        assert_eq!(house.look(bad).await.status, 404, "{bad}");
    }
    assert_eq!(house.version(&request).await, 1);
}

/// One row: what happened meanwhile, and what the page says of it.
#[tokio::test]
async fn a_stale_link_says_what_happened_and_by_whom() {
    let reassign = json!({ "step": "s", "from": "bob", "to": "cleo", "reason": "Bob is ill" });
    let back = json!({ "step": "s", "decision": "return", "comment": "More words, please" });
    for (who, what, body, words) in [
        ("ada", "reassign", reassign, "ada passed your seat on to cleo"),
        ("rita", "cancel", json!({ "reason": "No money" }), "The request was cancelled by rita"),
        ("bob", "decisions", back, "You sent it back on"),
    ] {
        let (house, request, token) = House::asked_bob(json!({})).await;
        let form = house.look(&token).await.form().unwrap();
        house.did(who, &request, what, body).await;
        let version = house.version(&request).await;
        house.look(&token).await.says(words);
        house.press(&token, &form, "approve", "").await.says(words);
        assert_eq!(house.version(&request).await, version, "{what}");
        if what == "decisions" {
            house.did("rita", &request, "resubmit", json!({ "metadata": { "more": "words" } })).await;
            house.look(&token).await.says("rita changed the request since");
        }
    }
    let (house, request, token) = House::asked_bob(json!({ "sla": { "hours": 10_000 } })).await;
    house.api.clock("2026-02-05T09:00:00.000Z").await;
    let page = house.look(&token).await;
    assert_eq!(page.status, 410);
    page.says("This link is too old");
    assert_eq!(house.version(&request).await, 1);
}

#[tokio::test]
async fn a_step_that_demands_a_login_takes_no_bare_press_and_nobody_elses_token() {
    let (house, request, token) = House::asked_bob(json!({ "assurance": "login" })).await;
    let page = house.look(&token).await;
    assert!(words_of(&page.html).contains("Access token"));
    assert_eq!(house.press(&token, &page.form().unwrap(), "approve", "").await.status, 403);
    let body = json!({ "decision": "approve" });
    let path = format!("POST /v1/actions/{token}/decide");
    let forwarded = house.api.call("cleo", &path, Some(&body)).await;
    assert_eq!((forwarded.status, forwarded.code()), (403, "not_your_link"));
    assert_eq!(house.version(&request).await, 1);
    assert_eq!(house.api.call("bob", &path, Some(&body)).await.status, 200);
    let vote = &house.now(&request).await["steps"][0]["votes"][0];
    assert_eq!((&vote["channel"], vote["auth"]["method"] == "link"), (&json!("link"), false), "{vote}");
}

/// A login of the last eight hours, in the same browser, is the login that the step demands.
#[tokio::test]
async fn a_session_of_the_recipient_is_the_login_that_a_step_demands() {
    let (house, request, token) = House::asked_bob(json!({ "assurance": "login" })).await;
    let bare = house.look(&token).await;
    assert!(bare.html.contains(&format!("href=\"/requests/{}\"", request["id"].as_str().unwrap())), "the way to log in: {}", bare.html);
    let bob = house.login("bob").await;
    let page = house.look_as(&bob, &token).await;
    assert!(!words_of(&page.html).contains("Access token"), "{}", page.html);
    let form = page.form().unwrap();
    assert_eq!(house.press_as("session=AAAA", &token, &form).await.status, 403, "a cookie that nobody gave");
    assert_eq!(house.version(&request).await, 1);
    house.press_as(&bob, &token, &form).await.says("Your answer is recorded");
    let vote = &house.now(&request).await["steps"][0]["votes"][0];
    assert_eq!((&vote["channel"], &vote["auth"]["method"]), (&json!("link"), &json!("session")), "{vote}");
}

#[tokio::test]
async fn a_login_of_long_ago_is_none() {
    let (house, request, token) = House::asked_bob(json!({ "assurance": "login", "sla": { "hours": 1_000 } })).await;
    let bob = house.login("bob").await;
    for half_hours in 1..=17 {
        let minutes = 9 * 60 + half_hours * 29;
        house.api.clock(&format!("2026-01-05T{:02}:{:02}:00Z", minutes / 60, minutes % 60)).await;
        let request = Request::get("/").header(HOST, "127.0.0.1:8080").header(COOKIE, &bob).body(Body::empty()).unwrap();
        assert_eq!(house.api.local.router.clone().oneshot(request).await.unwrap().status(), 200, "the session lives");
    }
    let page = house.look_as(&bob, &token).await;
    assert!(words_of(&page.html).contains("Access token"), "{}", page.html);
    assert_eq!(house.press_as(&bob, &token, &page.form().unwrap()).await.status, 403);
    assert_eq!(house.version(&request).await, 1);
}

/// Whoever has the link and is somebody else sees nothing of the request, and does nothing by it.
#[tokio::test]
async fn a_link_opened_in_anothers_session_says_so_and_does_nothing() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let form = house.look(&token).await.form().unwrap();
    let cleo = house.login("cleo").await;
    for page in [house.look_as(&cleo, &token).await, house.press_as(&cleo, &token, &form).await] {
        assert_eq!(page.status, 403);
        page.says("It was sent to bob, and you are logged in as cleo. Nothing was done.");
        assert!(!page.html.contains("Two chairs"), "{}", page.html);
    }
    assert_eq!(house.version(&request).await, 1);
    house.press(&token, &form, "approve", "").await.says("Your answer is recorded");
}

/// A delegate's own link fills the seat that the page showed.
#[tokio::test]
async fn a_delegates_link_votes_on_the_delegators_seat() {
    let house = House::new("rita bob dora", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    let away = json!({ "to": "dora", "starts_at": "2026-01-05T00:00:00Z", "ends_at": "2026-01-09T00:00:00Z", "reason": "Holiday" });
    house.api.done("bob", "POST /v1/delegations", Some(&away)).await;
    let request = house.submit("rita").await;
    let token = house.link_to("dora").await;
    let form = house.look(&token).await.form().unwrap();
    assert_eq!(house.press(&token, &form, "approve", "").await.status, 200);
    let vote = house.now(&request).await["steps"][0]["votes"][0].clone();
    assert_eq!((&vote["by"], &vote["on_behalf_of"]), (&json!("dora"), &json!("bob")), "{vote}");
}

#[tokio::test]
async fn a_rotated_key_breaks_no_link_that_is_out() {
    let (house, request, token) = House::asked_bob(json!({})).await;
    let local = &house.api.local;
    assert_eq!(local.secrets.rotate("links").unwrap(), 2);
    let form = house.look(&token).await.form().unwrap();
    assert_eq!(house.press(&token, &form, "approve", "").await.status, 200);
    assert_eq!(house.now(&request).await["status"], "approved");
    house.submit("rita").await;
    assert!(house.link_to("bob").await.starts_with("AAAAA"), "a token names its version");
}

/// What people write stays text, in mail and page alike.
#[tokio::test]
async fn words_are_inert_wherever_they_are_shown() {
    let house = House::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    house.person("rita", json!({ "name": "<script>alert(1)</script>" })).await;
    let title = "[x](javascript:alert(1)) <img src=x onerror=alert(1)> \u{202e}evil";
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": title, "metadata": {} });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    let mail = house.mails().await.remove(0);
    let page = house.look(&mail.token().unwrap()).await;
    for html in [&mail.html, &page.html] {
        for bad in ["<script>alert", "<img", "\u{202e}", "\u{1b}", "href=\"javascript"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("&lt;img") || html.contains("&#60;img"), "it is shown, as text");
    }
    for text in [&mail.subject, &mail.text] {
        assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}') && text.contains("[U+202E]"), "{text}");
    }
    assert_eq!((mail.to.as_str(), mail.subject.lines().count()), ("bob@example.com", 1), "no header is added");
    let words = "**no** <b>way</b>\r\n.\r\nBcc: all@example.com\u{1b}[31m \u{2066}[x](http://evil.example)";
    let back = json!({ "step": "s", "decision": "return", "comment": words });
    house.did("bob", &request, "decisions", back).await;
    let mail = house.mails().await.remove(0);
    assert!(mail.html.contains("&#60;b&#62;way") || mail.html.contains("&lt;b&gt;way"), "{}", mail.html);
    for said in [&mail.html, &mail.text] {
        assert!(!said.contains('\u{1b}') && !said.contains('\u{2066}') && said.contains("[U+2066]"), "{said}");
    }
    assert_eq!(mail.to, "rita@example.com");
}

impl House {
    /// Bob as an administrator writes him.
    async fn bob(&self, fields: Value) {
        self.person("bob", fields).await;
    }
}

/// A client that rejects by the link that approved before must not believe that it rejected.
#[tokio::test]
async fn l1_another_answer_by_the_same_link_is_refused() {
    let two = json!({ "approvers": [{ "user": "bob" }, { "user": "cleo" }], "required": 2 });
    let (house, request, token) = House::asked_bob(two).await;
    let path = format!("POST /v1/actions/{token}/decide");
    let answer = async |decision: &str| house.api.call("bob", &path, Some(&json!({ "decision": decision }))).await;
    assert_eq!(answer("approve").await.status, 200);
    let version = house.version(&request).await;
    let again = answer("approve").await;
    assert_eq!((again.status, again.code()), (200, "already_applied"), "{}", again.body);
    for other in ["reject", "return"] {
        let refused = answer(other).await;
        assert_eq!((refused.status, refused.code()), (409, "already_voted"), "{other}: {}", refused.body);
    }
    assert_eq!(house.version(&request).await, version);
}
