//! Examples and demo belong together: each example is published without a warning, and runs to its end with the demo's people.

use cli::dev::demo;
use serde_json::{Value, json};

use crate::stage::api::Api;

/// For each example: who asks, and metadata that makes every step of it wanted.
fn wanted() -> Vec<(&'static str, &'static str, Value)> {
    let steps = ["pre_approver", "administration", "budget_owner", "supervisor", "director"];
    let mut expense = json!({ "amount": 480.0 });
    steps.iter().for_each(|step| expense[*step] = json!(true));
    vec![
        ("purchase_order", "alice", json!({ "amount": 25_000, "currency": "EUR", "capex": true, "security_owner": "ivan" })),
        ("expense_declaration", "alice", expense),
        ("content_publish", "alice", json!({ "section": "press", "url": "https://preview.example.com", "mentions_customers": true })),
        ("refund", "alice", json!({ "amount": 6_000, "currency": "EUR", "reason": "goodwill" })),
        (
            "access_request",
            "alice",
            json!({ "system": "ledger", "level": "admin", "owner": "ivan", "until": "2027-01-01", "justification": "audit" }),
        ),
        (
            "contract",
            "alice",
            json!({ "value": 300_000, "currency": "EUR", "counterparty": "Acme", "kind": "purchase", "reviewers": ["judy"] }),
        ),
        (
            "salary_change",
            "alice",
            json!({ "employee": "judy", "salary": 91_234.5, "currency": "EUR", "starts_on": "2027-01-01", "reason": "new post" }),
        ),
    ]
}

const PEOPLE: [&str; 10] = ["bob", "carol", "erin", "frank", "heidi", "ivan", "judy", "u_cfo", "grace", "alice"];

#[tokio::test]
async fn every_example_is_published_without_a_warning_and_runs_to_its_end() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    demo::seed(&api.local).await.unwrap();
    let examples = std::fs::read_dir(crate::tidy::root().join("examples")).unwrap();
    let examples = examples.map(|entry| entry.unwrap().path()).filter(|path| !path.to_str().unwrap().contains(".mapping."));
    let mut seen: Vec<String> = Vec::new();
    for path in examples {
        let key = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let yaml = std::fs::read_to_string(&path).unwrap();
        let put = api.put_yaml("grace", &format!("/v1/templates/{key}"), yaml).await;
        assert!(put["warnings"].as_array().is_none_or(Vec::is_empty), "{key}: {put}");
        seen.push(key);
    }
    let wanted = wanted();
    seen.sort();
    let mut known: Vec<&str> = wanted.iter().map(|(key, ..)| *key).collect();
    known.sort_unstable();
    assert_eq!(seen, known, "each example is played");
    for (key, who, metadata) in wanted {
        let shown = api.submit(who, key, &format!("E-{key}"), metadata).await;
        let id = shown["id"].as_str().unwrap();
        let mut now = shown.clone();
        for _ in 0..12 {
            if now["status"] != "in_progress" {
                break;
            }
            for person in PEOPLE {
                let mine = api.call(person, &format!("GET /v1/requests/{id}/explain"), None).await;
                // Whoever is not asked does not see it.
                let steps = mine.body["steps"].as_array().cloned().unwrap_or_default();
                if let Some(step) = steps.iter().find(|step| step["may_vote"] == true) {
                    let voted = api.vote(person, &shown, step["step"].as_str().unwrap(), "approve", None).await;
                    assert_eq!(voted.status, 200, "{key}: {}", voted.body);
                    break;
                }
            }
            now = api.done(who, &format!("GET /v1/requests/{id}"), None).await;
        }
        assert_eq!(now["status"], "approved", "{key}: {now}");
    }
}

#[tokio::test]
async fn the_demo_s_requests_are_there_once_however_often_it_starts() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    for _ in 0..2 {
        demo::seed(&api.local).await.unwrap();
        demo::requests(&api.local).await.unwrap();
    }
    let mut found: Vec<String> = Vec::new();
    for who in ["alice", "judy"] {
        let list = api.done(who, "GET /v1/requests?limit=100", None).await;
        found.extend(list["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap().to_owned()));
    }
    found.sort();
    assert_eq!(found, ["approved", "in_progress", "in_progress", "in_progress", "in_progress", "rejected", "returned"]);
}
