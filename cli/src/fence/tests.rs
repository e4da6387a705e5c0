use std::net::Ipv4Addr;

use axum::body::Body;
use axum::routing::any;
use tower::ServiceExt;

use super::*;

/// Where the server under test listens.
const PORT: u16 = 8080;
const OURS: &str = "127.0.0.1:8080";

fn allowed() -> Allowed {
    Allowed { hosts: vec![host("approvals.test").unwrap()], origins: vec![origin("http://localhost:3000").unwrap()] }
}

/// Calls a server that answers everything with 200. `headers` is lines of `name: value`.
async fn call(what: &str, headers: &str) -> Response {
    let (method, path) = what.split_once(' ').unwrap();
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers.lines().filter_map(|line| line.trim().split_once(": ")) {
        request = request.header(name, value);
    }
    let fence = Fence::new((Ipv4Addr::LOCALHOST, PORT).into(), &allowed());
    let routes = fence.around(Router::new().fallback(any(async || "fine")));
    routes.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn status(what: &str, headers: &str) -> u16 {
    call(what, headers).await.status().as_u16()
}

#[tokio::test]
async fn a_host_that_is_not_this_server_is_misdirected() {
    for ours in ["127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080", "approvals.test", "approvals.test:443"] {
        assert_eq!(status("GET /v1/inbox", &format!("host: {ours}")).await, 200, "{ours}");
    }
    let foreign = ["evil.example", "evil.example:8080", "localhost", "127.0.0.1:9000", "127.0.0.1.evil.example:8080", "x@127.0.0.1:8080"];
    for host in foreign.into_iter().chain(["localhost.:8080", "127.0.0.2:8080", "0.0.0.0:8080", "approvals.test.evil.example", "a b"]) {
        for what in ["GET /v1/inbox", "POST /_dev/token", "GET /_dev/outbox", "GET /"] {
            assert_eq!(status(what, &format!("host: {host}\napprovals-dev: 1")).await, 421, "{what} at {host}");
        }
    }
    assert_eq!(status("GET /v1/inbox", "").await, 421, "no host at all");
    assert_eq!(status("GET /v1/inbox", &format!("host: {OURS}\nhost: evil.example")).await, 421, "two hosts");
    assert_eq!(status("GET http://evil.example:8080/v1/inbox", &format!("host: {OURS}")).await, 421, "another one in the request line");
    assert_eq!(status("GET http://127.0.0.1:8080/v1/inbox", &format!("host: {OURS}")).await, 200);
}

#[tokio::test]
async fn pages_of_other_origins_call_nothing() {
    let foreign = [
        "origin: http://evil.example",
        "origin: null",
        "origin: http://127.0.0.1:8080.evil.example",
        "origin: http://127.0.0.1:8081",
        "origin: http://localhost:8080",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "origin: http://127.0.0.1:8080\nsec-fetch-site: cross-site",
    ];
    for headers in foreign {
        for what in
            ["GET /v1/inbox", "POST /v1/requests", "POST /requests/r/decide", "POST /_dev/drain", "GET /_dev/outbox", "OPTIONS /v1/inbox"]
        {
            let answered = call(what, &format!("host: {OURS}\napprovals-dev: 1\n{headers}")).await;
            assert_eq!(answered.status().as_u16(), 403, "{what} with {headers}");
            assert!(!answered.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{what} with {headers}");
        }
    }
    for own in ["origin: http://127.0.0.1:8080", "sec-fetch-site: same-origin", "sec-fetch-site: none", ""] {
        assert_eq!(status("POST /requests/r/decide", &format!("host: {OURS}\n{own}")).await, 200, "{own}");
    }
    assert_eq!(status("POST /login", "host: approvals.test\norigin: https://approvals.test").await, 200, "behind a proxy that speaks TLS");
}

#[tokio::test]
async fn links_in_mails_open_pages_and_nothing_of_dev() {
    let visit = format!("host: {OURS}\nsec-fetch-site: cross-site\nsec-fetch-mode: navigate");
    for (what, expected) in [
        ("GET /v1/actions/abc", 200),
        ("HEAD /requests/r", 200),
        ("GET /login/callback", 200),
        ("POST /requests/r/decide", 403),
        ("GET /_dev/outbox", 403),
        ("GET /_dev", 403),
    ] {
        assert_eq!(status(what, &visit).await, expected, "{what}");
    }
    let form = |site: &str| format!("host: {OURS}\norigin: null\nsec-fetch-site: {site}\nsec-fetch-mode: navigate");
    for (what, site, expected) in [
        ("POST /v1/actions/abc", "same-origin", 200),
        ("POST /v1/actions/abc", "cross-site", 403),
        ("POST /v1/actions/abc", "none", 403),
        ("POST /v1/requests", "same-origin", 403),
        ("POST /requests/r/decide", "same-origin", 403),
        ("POST /_dev/drain", "same-origin", 403),
    ] {
        assert_eq!(status(what, &form(site)).await, expected, "{what} from {site}: a page that keeps its address for itself");
    }
    let framed = visit.replace("navigate", "no-cors");
    assert_eq!(status("GET /v1/actions/abc", &framed).await, 403, "an image, a script, a style");
}

#[tokio::test]
async fn an_allowed_origin_reads_v1_and_nothing_else() {
    let page = format!("host: {OURS}\norigin: http://localhost:3000\nsec-fetch-site: same-site\nsec-fetch-mode: cors");
    let answer = call("POST /v1/requests", &page).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
    assert_eq!(answer.headers()[VARY], "Origin");
    assert!(answer.headers()[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("etag"));
    let answer = call("OPTIONS /v1/requests", &format!("{page}\naccess-control-request-method: POST")).await;
    assert_eq!(answer.status(), 204);
    assert!(answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("authorization"));
    for what in ["GET /", "POST /requests/r/decide", "POST /_dev/token", "GET /_dev/outbox", "OPTIONS /_dev/token", "GET /v1x"]
        .into_iter()
        .chain(["GET /v1/actions/abc", "POST /v1/actions/abc/decide", "OPTIONS /v1/actions/abc"])
    {
        let answer = call(what, &format!("{page}\napprovals-dev: 1\naccess-control-request-method: POST")).await;
        assert_eq!(answer.status().as_u16(), 403, "{what}");
        assert!(!answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{what}");
    }
}

#[tokio::test]
async fn dev_endpoints_with_effects_need_what_no_page_sends_unasked() {
    let with = |headers: &str| format!("host: {OURS}\n{headers}");
    for unasked in
        ["", "content-type: text/plain", "content-type: application/x-www-form-urlencoded", "content-type: text/plain; application/json"]
    {
        for what in ["POST /_dev/drain", "POST /_dev/rotate-links", "POST /_dev/token", "DELETE /_dev/anything"] {
            assert_eq!(status(what, &with(unasked)).await, 403, "{what} with {unasked}");
        }
        assert_eq!(status("GET /_dev/outbox", &with(unasked)).await, 200);
        assert_eq!(status("POST /v1/requests", &with(unasked)).await, 200);
    }
    for asked in ["content-type: application/json", "content-type: Application/JSON; charset=utf-8", "approvals-dev: 1"] {
        assert_eq!(status("POST /_dev/drain", &with(asked)).await, 200, "{asked}");
    }
    assert_eq!(status("POST /_dev/drain", &with("approvals-dev: yes")).await, 403);
}

#[test]
fn what_is_no_host_or_origin_is_refused_at_the_start() {
    for bad in ["", "a b", "http://x", "x@y", "x/y"] {
        assert!(host(bad).is_err(), "{bad}");
    }
    for bad in ["", "*", "null", "localhost:3000", "http://x/", "http://x/path", "ftp://x", "http://u@x"] {
        assert!(origin(bad).is_err(), "{bad}");
    }
}
