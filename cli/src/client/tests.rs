//! The client against a server of a few lines, which answers as it is told and keeps what it got.

use std::net::TcpListener;

use serde_json::json;

use super::*;
use crate::trial::{header_of, server};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\ndate: Tue, 06 Jan 2026 04:00:00 GMT\r\n\
                    idempotent-replayed: true\r\n\r\n{\"id\":42}";
const TAKEN: &str = "HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\ncontent-length: 74\r\nconnection: close\r\n\r\n\
                     {\"title\":\"busy\",\"status\":409,\"code\":\"entity_busy\",\"detail\":\"already open\"}";

#[test]
fn a_busy_service_is_asked_again_with_the_same_key_and_body() {
    let (url, thread) = server([BUSY, BUSY, GOOD]);
    let client = Client::new(&url, Some("tok".into())).unwrap();
    let key = fresh_key();
    let answer = client.send(&Call::post("/v1/requests", Some(&key), &json!({"a": 1}))).unwrap();
    assert_eq!((answer.status, answer.body.as_str(), answer.replayed), (200, "{\"id\":42}", true));
    assert_eq!(answer.now.unwrap().to_rfc3339(), "2026-01-06T04:00:00+00:00");
    let calls = thread.join().unwrap();
    assert_eq!(calls.len(), 3);
    for (head, body) in calls {
        assert!(head.starts_with("POST /v1/requests HTTP/1.1\r\n"), "{head}");
        assert_eq!(header_of(&head, "idempotency-key"), Some(key.as_str()));
        assert_eq!(header_of(&head, "authorization"), Some("Bearer tok"));
        assert_eq!(header_of(&head, "content-type"), Some("application/json"));
        assert_eq!(header_of(&head, "approvals-channel"), Some("cli"));
        assert_eq!(body, "{\"a\":1}");
    }
}

#[test]
fn a_service_that_stays_busy_ends_with_69() {
    let (url, thread) = server([BUSY; TRIES as usize]);
    let failure = Client::new(&url, None).unwrap().send(&Call::get("/v1/inbox")).unwrap_err();
    assert_eq!(failure.exit(), 69);
    assert_eq!(thread.join().unwrap().len(), TRIES as usize);
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_that_is_harmless() {
    let (url, thread) = server(["", GOOD]);
    assert!(Client::new(&url, None).unwrap().send(&Call::post("/x", Some("k"), &json!({}))).is_ok());
    assert_eq!(thread.join().unwrap().len(), 2);

    let (url, thread) = server([""]);
    assert_eq!(Client::new(&url, None).unwrap().send(&Call::post("/x", None, &json!({}))).unwrap_err().exit(), 69);
    assert_eq!(thread.join().unwrap().len(), 1);
}

#[test]
fn a_problem_comes_with_its_exit_code_and_is_not_repeated() {
    let (url, thread) = server([TAKEN]);
    let failure = Client::new(&url, None).unwrap().send(&Call::post("/v1/requests", Some("k"), &json!({}))).unwrap_err();
    let Failure::Refused(problem) = &failure else { panic!("{failure:?}") };
    assert_eq!((failure.exit(), problem.code.as_str(), problem.detail.as_str()), (4, "entity_busy", "already open"));
    assert!(problem.raw.starts_with("{\"title\""));
    thread.join().unwrap();
}

#[test]
fn nobody_there_ends_with_69_and_says_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = Client::new(&format!("http://{free}"), None).unwrap().send(&Call::get("/")).unwrap_err();
    assert_eq!(failure.exit(), 69);
    assert!(failure.to_string().contains("approvals dev"), "{failure}");
}

#[test]
fn a_token_never_travels_in_clear_nor_shows_itself() {
    let token = || Some(Secret::from(" hush\n"));
    assert_eq!(Client::new("http://approvals.example.com", token()).unwrap_err().exit(), 2);
    assert_eq!(Client::new("ftp://x", None).unwrap_err().exit(), 2);
    for url in ["https://approvals.example.com", "http://[::1]:8080", "http://127.0.0.1:8080/", "http://a.localhost:4566"] {
        assert!(!format!("{:?}", Client::new(url, token()).unwrap()).contains("hush"));
    }
    assert!(!Client::new("https://localhost.example.com", None).unwrap().is_loopback());
}

#[test]
fn ids_are_safe_in_a_path() {
    assert_eq!(segment("a b/c?d"), "a%20b%2Fc%3Fd");
    assert_eq!(segment("auth0|x+y@z'"), "auth0%7Cx%2By%40z%27");
    assert_eq!((segment("."), segment("..")), ("%2E".to_owned(), "%2E%2E".to_owned()));
    assert_eq!(query([("a", None), ("b", Some("x y".to_owned())), ("c", Some("1".to_owned()))]), "?b=x%20y&c=1");
    assert_eq!(query([("a", None)]), "");
}

#[test]
fn waiting_is_bounded() {
    let after = |seconds: &str| HeaderMap::from_iter([(header::RETRY_AFTER, seconds.parse().unwrap())]);
    assert_eq!(wait(&after("2"), 1), Duration::from_secs(2));
    assert_eq!(wait(&after("86400"), 1), WAIT_MAX);
    assert_eq!(wait(&after("Fri, 31 Dec 1999 23:59:59 GMT"), 1), Duration::from_millis(200));
    assert_eq!(wait(&HeaderMap::new(), u32::MAX), WAIT_MAX);
}
