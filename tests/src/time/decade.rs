//! Ten years on a virtual clock, with templates that change and restarts in between: nothing fires early, what is late fires once, and a
//! request that waits for nothing causes no work.

use std::collections::BTreeMap;

use approvals_domain::time::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::api::Api;

const START: &str = "2026-01-05T09:00:00.000Z";
const DAYS: i64 = 3_653;
/// Days between two looks at the clock: they do not divide the SLAs, so nothing is due just when it looks.
const STRIDE: i64 = 37;

/// Days after opening: what happens then.
type Ladder = Vec<(f64, String)>;

/// Version `n` of the template: `n + 1` levels, each so many days apart, reminders before the first.
fn template(n: u64) -> (Value, Ladder) {
    let days = 100.0 + 70.0 * n as f64;
    let levels: Vec<Value> = (1..=n + 1).map(|level| json!({ "after": level, "to": [{ "user": format!("l{level}") }] })).collect();
    let steps = json!([{ "id": "s", "approvers": [{ "user": "eve" }], "sla": { "hours": days * 24.0 }, "remind": [0.25, 0.75], "escalate": levels }]);
    let mut ladder = vec![(days * 0.25, "reminder 1".to_owned()), (days * 0.75, "reminder 2".to_owned())];
    ladder.extend((1..=n + 1).map(|level| (days * level as f64, format!("level {level}"))));
    (json!({ "key": "t", "title": format!("T{n}"), "steps": steps }), ladder)
}

/// What must have happened when the clock stood at these moments, worked out from the ladder alone: levels late by a stride at most, of
/// reminders only the last one that was not overtaken.
fn expected(opened: Timestamp, ladder: &Ladder, looks: &[Timestamp]) -> Vec<(String, Timestamp)> {
    let (mut told, mut level, mut reminded) = (Vec::new(), 0.0, 0.0);
    for look in looks.iter().filter(|look| **look > opened) {
        let over = |days: f64| opened.plus_hours(days * 24.0) <= *look;
        let fired: Vec<_> = ladder.iter().filter(|(days, what)| what.starts_with("level") && *days > level && over(*days)).collect();
        told.extend(fired.iter().map(|(_, what)| (what.clone(), *look)));
        level = fired.last().map_or(level, |(days, _)| *days);
        let last = ladder.iter().rfind(|(days, what)| what.starts_with("reminder") && *days > level.max(reminded) && over(*days));
        if let Some((days, what)) = last {
            told.push((what.clone(), *look));
            reminded = *days;
        }
    }
    told
}

async fn seen(api: &Api, id: &str) -> Vec<(String, Timestamp)> {
    let history = api.done("rita", &format!("GET /v1/requests/{id}/history?limit=100"), None).await;
    let mut told = Vec::new();
    for commit in history["items"].as_array().unwrap() {
        let at = Timestamp::parse(commit["at"].as_str().unwrap()).unwrap();
        for event in commit["events"].as_array().unwrap() {
            match event["type"].as_str().unwrap() {
                "step.reminded" => told.push((format!("reminder {}", event["number"]), at)),
                "step.escalated" => told.push((format!("level {}", event["level"]), at)),
                _ => {}
            }
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_years_pass_and_every_level_fires_once_in_its_time() {
    let folder = TempDir::new().unwrap();
    let mut api = Api::at_time(folder.path(), Some(START)).await;
    api.people("rita eve l1 l2 l3 l4 l5 l6 l7 l8 l9").await;
    let plain = json!({ "key": "idle", "title": "Idle", "steps": [{ "id": "s", "approvers": [{ "user": "eve" }] }] });
    api.template(&plain).await;
    let idle = api.submit("rita", "idle", "idle", json!({})).await;
    let mut looks = Vec::new();
    let mut open: BTreeMap<String, (Timestamp, Ladder)> = BTreeMap::new();
    let mut ladder = Vec::new();
    for (n, day) in (0..DAYS).step_by(usize::try_from(STRIDE).unwrap()).enumerate() {
        let now = Timestamp::parse(START).unwrap().plus_hours(day as f64 * 24.0);
        api.clock(&now.to_string()).await;
        looks.push(now);
        if n % 12 == 0 {
            let (template, rungs) = template(n as u64 / 12);
            api.template(&template).await;
            ladder = rungs;
        }
        if n % 3 == 1 {
            let request = api.submit("rita", "t", &format!("e{n}"), json!({})).await;
            open.insert(request["id"].as_str().unwrap().to_owned(), (now, ladder.clone()));
        }
        if n % 10 == 9 {
            drop(api);
            api = Api::at_time(folder.path(), None).await;
        }
    }
    let mut fired = 0;
    for (id, (opened, ladder)) in &open {
        let told = seen(&api, id).await;
        assert_eq!(told, expected(*opened, ladder, &looks), "request {id}, opened {opened}");
        fired += told.len();
    }
    assert!(fired > 100, "only {fired} timers fired in ten years");
    let after = api.done("rita", &format!("GET /v1/requests/{}", idle["id"].as_str().unwrap()), None).await;
    assert_eq!((&after["version"], &after["status"]), (&json!(1), &json!("in_progress")), "ten years later it waits as on the first day");
    // What is quiet costs an idle look at twelve shards, however many are open.
    let before = api.local.units();
    assert_eq!(api.local.tick().await.unwrap(), escalation::Report::default());
    let idle = api.local.units() - before;
    assert!((idle.rru - 6.0).abs() < 1e-9 && idle.wru.abs() < 1e-9, "{idle:?}");
}
