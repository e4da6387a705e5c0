//! Pages: whose form it is, what a session is worth, where a login leads, and what is never kept. How they look and read is told by
//! `tests/browser`, in a browser.

mod admission;
mod change_of_mind;
mod demo;
mod every;
mod gateway;
mod said;

use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stage::api::Api;

const HOST_NAME: &str = "127.0.0.1:8080";
const SITE: &str = "http://127.0.0.1:8080";
const TIME: &str = "2026-01-05T09:00:00Z";

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) html: String,
}

impl Page {
    fn leads_to(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    /// The cookie it sets: `name=value`.
    fn cookie(&self) -> Option<String> {
        let set = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        set.split(';').next().map(str::to_owned)
    }

    /// What the first form carries.
    pub(crate) fn csrf(&self) -> String {
        self.hidden("csrf")
    }

    fn hidden(&self, name: &str) -> String {
        let after = self.html.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.html));
        after.split('"').next().unwrap().to_owned()
    }
}

async fn page(api: &Api, request: Request<Body>) -> Page {
    let answer = api.local.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let html = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Page { status: parts.status.as_u16(), headers: parts.headers, html }
}

pub(crate) async fn get(api: &Api, path: &str, cookie: &str) -> Page {
    page(api, Request::get(path).header(HOST, HOST_NAME).header(COOKIE, cookie).body(Body::empty()).unwrap()).await
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

async fn post_from(api: &Api, origin: Option<&str>, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Page {
    let mut request = Request::post(path).header(HOST, HOST_NAME).header(COOKIE, cookie);
    request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(origin) = origin {
        request = request.header(ORIGIN, origin);
    }
    page(api, request.body(Body::from(form(fields))).unwrap()).await
}

pub(crate) async fn post(api: &Api, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Page {
    post_from(api, Some(SITE), path, cookie, fields).await
}

pub(crate) async fn login(api: &Api, user: &str) -> String {
    let answer = post(api, "/login", "", &[("user", user), ("next", "/")]).await;
    assert_eq!((answer.status, answer.leads_to()), (303, "/"), "{}", answer.html);
    answer.cookie().unwrap()
}

/// Alice asks, Bob is asked: her manager.
async fn office() -> (Api, Value) {
    let api = Api::start_at(TIME).await;
    api.people("bob alice<bob carol").await;
    api.template(&json!({ "key": "t", "title": "Thing", "steps": [{ "id": "manager", "approvers": [{ "manager_of": "requester" }] }] }))
        .await;
    let shown = api.submit("alice", "t", "T-1", json!({ "note": "hello" })).await;
    (api, shown)
}

fn decide<'a>(csrf: &'a str, shown: &'a Value, decision: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("csrf", csrf),
        ("step", "manager"),
        ("decision", decision),
        ("payload_hash", shown["payload_hash"].as_str().unwrap()),
        ("comment", "kept words"),
    ]
}

async fn status_of(api: &Api, shown: &Value) -> String {
    let now = api.done("alice", &format!("GET /v1/requests/{}", shown["id"].as_str().unwrap()), None).await;
    now["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_form_acts_only_if_it_comes_from_a_page_of_this_site_and_session() {
    let (api, shown) = office().await;
    let path = format!("/requests/{}/decide", shown["id"].as_str().unwrap());
    let (bob, other) = (login(&api, "bob").await, login(&api, "carol").await);
    let own = get(&api, &format!("/requests/{}", shown["id"].as_str().unwrap()), &bob).await.csrf();
    let foreign = get(&api, "/", &other).await.csrf();

    for origin in [None, Some("null"), Some("http://evil.example"), Some("https://127.0.0.1:8080"), Some("http://127.0.0.1:8081")] {
        let answer = post_from(&api, origin, &path, &bob, &decide(&own, &shown, "approve")).await;
        assert_eq!(answer.status, 403, "{origin:?}");
    }
    for csrf in ["", "x.y", &foreign, &format!("{own}A")] {
        let answer = post(&api, &path, &bob, &decide(csrf, &shown, "approve")).await;
        assert_eq!(answer.status, 403, "{csrf}");
        assert!(answer.html.contains("kept words"), "what was typed is there: {}", answer.html);
    }
    let without: Vec<(&str, &str)> = decide(&own, &shown, "approve").into_iter().filter(|(name, _)| *name != "csrf").collect();
    assert_eq!(post(&api, &path, &bob, &without).await.status, 403);
    assert_eq!(status_of(&api, &shown).await, "in_progress", "nothing was decided");

    let answer = post(&api, &path, &bob, &decide(&own, &shown, "approve")).await;
    assert_eq!((answer.status, answer.leads_to()), (303, path.trim_end_matches("/decide")), "{}", answer.html);
    assert_eq!(status_of(&api, &shown).await, "approved");
    let again = post(&api, &path, &bob, &decide(&own, &shown, "approve")).await;
    assert_eq!((again.status, again.leads_to()), (303, path.trim_end_matches("/decide")), "the same form again is the same answer");
}

#[tokio::test]
async fn every_form_is_guarded() {
    let (api, shown) = office().await;
    let (id, bob) = (shown["id"].as_str().unwrap(), login(&api, "bob").await);
    for path in [
        "/new/t".to_owned(),
        format!("/requests/{id}/edit"),
        format!("/requests/{id}/decide"),
        format!("/requests/{id}/comments"),
        format!("/requests/{id}/cancel"),
        format!("/requests/{id}/reassign"),
        "/delegations".to_owned(),
        "/delegations/x/end".to_owned(),
        "/preferences".to_owned(),
        "/preferences/sessions/x/revoke".to_owned(),
        "/logout".to_owned(),
    ] {
        assert_eq!(post_from(&api, Some("https://evil.example"), &path, &bob, &[("comment", "x")]).await.status, 403, "{path}");
        assert_eq!(post(&api, &path, &bob, &[("comment", "x")]).await.status, 403, "{path} without a csrf value");
        let nobody = post(&api, &path, "", &[("comment", "kept words")]).await;
        assert_eq!(nobody.status, 401, "{path} without a session");
        assert!(nobody.html.contains("kept words"), "{path}");
        let look = get(&api, &path, &bob).await;
        assert!(matches!(look.status, 200 | 303), "GET {path} leads to its page: {}", look.status);
    }
}

#[tokio::test]
async fn a_session_is_made_by_a_login_and_ends_with_it() {
    let (api, _) = office().await;
    let planted = format!("session={}", "A".repeat(43));
    assert_eq!(get(&api, "/", &planted).await.status, 303, "a cookie that nobody gave is no session");
    let answer = post(&api, "/login", &planted, &[("user", "bob"), ("next", "/mine")]).await;
    let bob = answer.cookie().unwrap();
    assert_ne!(bob, planted, "a login makes a session of its own");
    assert_eq!(answer.leads_to(), "/mine");
    let set = answer.headers.get(SET_COOKIE).unwrap().to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/") && !set.contains("Max-Age"), "{set}");

    let again = post(&api, "/login", &bob, &[("user", "bob"), ("next", "/")]).await.cookie().unwrap();
    assert_eq!(get(&api, "/", &bob).await.status, 303, "the browser's session before it is over");
    let out = get(&api, "/", &again).await.csrf();
    let left = post(&api, "/logout", &again, &[("csrf", &out)]).await;
    assert_eq!((left.status, left.leads_to()), (303, "/login"));
    assert_eq!(get(&api, "/", &again).await.status, 303, "the cookie is worth nothing after the logout");
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_when_it_is_old_and_when_its_person_leaves() {
    let (api, _) = office().await;
    let bob = login(&api, "bob").await;
    for minute in [29, 58, 87] {
        api.clock(&format!("2026-01-05T{:02}:{:02}:00Z", 9 + minute / 60, minute % 60)).await;
        assert_eq!(get(&api, "/", &bob).await.status, 200, "{minute} minutes, in use");
    }
    api.clock("2026-01-05T10:57:30Z").await;
    assert_eq!(get(&api, "/", &bob).await.status, 303, "half an hour without a call");

    let bob = login(&api, "bob").await;
    for quarter in 1..48 {
        let at = 11 * 60 + quarter * 15 - 2;
        api.clock(&format!("2026-01-05T{:02}:{:02}:30Z", at / 60, at % 60)).await;
        assert_eq!(get(&api, "/", &bob).await.status, 200, "quarter {quarter}");
    }
    api.clock("2026-01-05T22:57:30Z").await;
    assert_eq!(get(&api, "/", &bob).await.status, 303, "twelve hours, in use");

    let bob = login(&api, "bob").await;
    let gone = json!({ "name": "bob", "email": "bob@example.com", "active": false });
    api.done("root", "PUT /v1/users/bob", Some(&gone)).await;
    assert_eq!(get(&api, "/", &bob).await.status, 303, "somebody who left sees nothing");
    let refused = post(&api, "/login", "", &[("user", "bob"), ("next", "/")]).await;
    assert_eq!((refused.status, refused.cookie()), (403, None));
}

#[tokio::test]
async fn after_an_expiry_one_press_is_enough_for_whose_form_it_was_and_for_nobody_else() {
    let (api, shown) = office().await;
    let path = format!("/requests/{}", shown["id"].as_str().unwrap());
    let form = format!("{path}/comments");
    for (who, status) in [("carol", 403), ("bob", 303)] {
        api.clock(if who == "carol" { "2026-01-05T10:00:00Z" } else { "2026-01-05T12:00:00Z" }).await;
        let old = login(&api, "bob").await;
        let csrf = get(&api, &path, &old).await.csrf();
        api.clock(if who == "carol" { "2026-01-05T11:00:00Z" } else { "2026-01-05T13:00:00Z" }).await;
        let over = post(&api, &form, &old, &[("csrf", &csrf), ("comment", "kept words")]).await;
        assert_eq!(over.status, 401);
        let (again, new) = (over.hidden("again"), login(&api, who).await);
        for (comment, with) in [("other words", again.as_str()), ("kept words", "x")] {
            assert_eq!(post(&api, &form, &new, &[("comment", comment), ("again", with)]).await.status, 403, "{comment}");
        }
        let pressed = post(&api, &form, &new, &[("comment", "kept words"), ("again", &again)]).await;
        assert_eq!(pressed.status, status, "{who}: {}", pressed.html);
    }
    let forged = post(&api, &form, "", &[("csrf", "x.y"), ("comment", "kept words")]).await;
    assert!(forged.status == 401 && !forged.html.contains("name=\"again\""), "{}", forged.html);
}

#[tokio::test]
async fn after_a_login_nobody_is_led_to_another_host() {
    let (api, _) = office().await;
    let asked = get(&api, "/mine?status=approved", "").await;
    assert_eq!((asked.status, asked.leads_to()), (303, "/login?next=/mine%3Fstatus%3Dapproved"));
    for next in ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", ""] {
        let answer = post(&api, "/login", "", &[("user", "bob"), ("next", next)]).await;
        assert_eq!((answer.status, answer.leads_to()), (303, "/"), "{next}");
    }
}

#[tokio::test]
async fn nothing_of_a_page_is_kept_framed_or_told_elsewhere() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let request = format!("/requests/{}", shown["id"].as_str().unwrap());
    for (path, status) in [("/", 200), ("/mine", 200), ("/decided", 200), (&request, 200), ("/requests/none", 404), ("/nothing/here", 404)]
    {
        let page = get(&api, path, &bob).await;
        assert_eq!(page.status, status, "{path}");
        let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        let policy = header("content-security-policy");
        for rule in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert!(!page.html.contains(" style=") && !page.html.contains("onclick"), "{path}");
        for foreign in ["src=\"http", "href=\"http", "//cdn"] {
            assert!(!page.html.contains(foreign), "{path}: {foreign}");
        }
    }
}

#[tokio::test]
async fn the_api_does_not_know_a_cookie() {
    let (api, _) = office().await;
    let bob = login(&api, "bob").await;
    for path in ["/v1/inbox", "/v1/requests"] {
        let answer = get(&api, path, &bob).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn who_may_not_see_a_request_meets_the_same_page_as_for_none() {
    let (api, shown) = office().await;
    let carol = login(&api, "carol").await;
    let hidden = get(&api, &format!("/requests/{}", shown["id"].as_str().unwrap()), &carol).await;
    let missing = get(&api, "/requests/00000000000000000000000000", &carol).await;
    assert_eq!((hidden.status, missing.status), (404, 404));
    let bare = |page: &Page| page.html.replace(&page.csrf(), "");
    assert_eq!(bare(&hidden), bare(&missing));
}

#[tokio::test]
async fn a_rejection_is_asked_once_more_and_a_vote_needs_what_was_shown() {
    let (api, shown) = office().await;
    let bob = login(&api, "bob").await;
    let (path, page) =
        (format!("/requests/{}/decide", shown["id"].as_str().unwrap()), format!("/requests/{}", shown["id"].as_str().unwrap()));
    let csrf = get(&api, &page, &bob).await.csrf();
    let asked = post(&api, &path, &bob, &decide(&csrf, &shown, "reject")).await;
    assert_eq!(asked.status, 200);
    assert!(asked.html.contains("Reject this?") && asked.html.contains("kept words") && asked.html.contains("Keep it open"));
    assert_eq!(status_of(&api, &shown).await, "in_progress");

    let mut stale = decide(&csrf, &shown, "approve");
    let other = "A".repeat(43);
    stale.retain(|(name, _)| *name != "payload_hash");
    stale.push(("payload_hash", &other));
    let refused = post(&api, &path, &bob, &stale).await;
    assert_eq!(refused.status, 409);
    assert!(refused.html.contains("kept words") && refused.html.contains("role=\"alert\""), "{}", refused.html);

    let fresh = get(&api, &page, &bob).await.csrf();
    let mut sure = decide(&fresh, &shown, "reject");
    sure.push(("confirm", "reject"));
    assert_eq!(post(&api, &path, &bob, &sure).await.status, 303);
    assert_eq!(status_of(&api, &shown).await, "rejected");
}

#[tokio::test]
async fn a_line_break_counts_as_one_character_and_too_long_a_comment_comes_back() {
    let (api, shown) = office().await;
    let alice = login(&api, "alice").await;
    let (path, page) =
        (format!("/requests/{}/comments", shown["id"].as_str().unwrap()), format!("/requests/{}", shown["id"].as_str().unwrap()));
    let csrf = get(&api, &page, &alice).await.csrf();
    let most = format!("{}\r\n{}", "a".repeat(1_999), "b".repeat(2_000));
    assert_eq!(post(&api, &path, &alice, &[("csrf", &csrf), ("comment", &most)]).await.status, 303);
    let csrf = get(&api, &page, &alice).await.csrf();
    let more = "c".repeat(4_001);
    let refused = post(&api, &path, &alice, &[("csrf", &csrf), ("comment", &more)]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.html.contains(&more) && refused.html.contains("aria-describedby=\"talk-wrong\""));
}
