//! One inbox of many: own tasks, those of roles, those of people one stands in for; page by page, soonest due first.

use serde_json::{Value, json};

use crate::stage::api::Api;

const DAY: &str = "2026-07-01T00:00:00.000Z";
const END: &str = "2026-07-02T00:00:00.000Z";

async fn delegate(api: &Api, from: &str, to: &str) -> String {
    let body = json!({ "to": to, "starts_at": DAY, "ends_at": END, "reason": "Away" });
    api.done(from, "POST /v1/delegations", Some(&body)).await["id"].as_str().unwrap().to_owned()
}

/// Request, step, on whose behalf and due time of each task, page by page of `limit`; `between` runs after the first page.
async fn pages(api: &Api, who: &str, limit: usize, between: impl AsyncFnOnce()) -> Vec<Value> {
    let (mut tasks, mut cursor, mut between) = (Vec::new(), String::new(), Some(between));
    loop {
        let page = api.done(who, &format!("GET /v1/inbox?limit={limit}{cursor}"), None).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        tasks.extend(items.iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return tasks };
        cursor = format!("&cursor={next}");
        if let Some(between) = between.take() {
            between().await;
        }
    }
}

#[tokio::test]
async fn an_inbox_merges_all_that_one_may_do_and_says_why() {
    let api = Api::start_at(DAY).await;
    api.people("rita ann ben cleo dora").await;
    api.role("finance", "ben").await;
    api.role("legal", "cleo").await;
    for (key, approver, hours) in [
        ("own", json!({ "user": "ann" }), 30),
        ("of_ben", json!({ "user": "ben" }), 10),
        ("finance", json!({ "role": "finance" }), 20),
        ("legal", json!({ "role": "legal" }), 40),
    ] {
        let steps = json!([{ "id": "s", "approvers": [approver, { "user": "dora" }], "sla": { "hours": hours } }]);
        api.template(&json!({ "key": key, "title": key, "steps": steps })).await;
    }
    // Ben passes on to Ann what is his, and what Cleo passed on to him.
    delegate(&api, "cleo", "ben").await;
    let of_ben = delegate(&api, "ben", "ann").await;
    for n in 0..5 {
        for key in ["own", "of_ben", "finance", "legal"] {
            api.submit("rita", key, &n.to_string(), json!({})).await;
        }
    }
    // What Ann asks for herself waits for others, and is no task of hers.
    for key in ["own", "finance"] {
        api.submit("ann", key, "ann", json!({})).await;
    }
    api.drain().await;

    let tasks = pages(&api, "ann", 3, async || {}).await;
    let due: Vec<&str> = tasks.iter().map(|task| task["due_at"].as_str().unwrap()).collect();
    assert!(due.is_sorted(), "{due:?}");
    let why = |task: &Value| {
        let text = |name: &str| task[name].as_str().unwrap_or("-").to_owned();
        let key = task["request"]["template"]["key"].as_str().unwrap();
        let hops = task["delegations"].as_array().map_or(0, Vec::len);
        format!("{key}: {} by {} over {hops}", text("on_behalf_of"), text("role"))
    };
    let whys: Vec<String> = tasks.iter().map(why).collect();
    let wanted = ["of_ben: ben by - over 1", "finance: ben by finance over 1", "own: - by - over 0", "legal: cleo by legal over 2"];
    assert_eq!(whys, wanted.iter().flat_map(|why| [*why; 5]).collect::<Vec<_>>());

    // What was voted on is no task any more, for nobody; and a right taken back between two pages takes only its own tasks away.
    let first = &tasks[0];
    let shown = json!({ "id": first["request"]["id"], "payload_hash": first["request"]["payload_hash"] });
    assert_eq!(api.vote("dora", &shown, "s", "approve", None).await.status, 200);
    api.drain().await;
    let tasks = pages(&api, "ann", 4, async || {
        api.done("ben", &format!("DELETE /v1/delegations/{of_ben}"), None).await;
    })
    .await;
    let whys: Vec<String> = tasks.iter().map(why).collect();
    assert_eq!(whys, [[wanted[0]; 4].as_slice(), [wanted[2]; 5].as_slice()].concat());
}
