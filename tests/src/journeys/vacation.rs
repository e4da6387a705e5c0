//! Ann goes on holiday, Ben stands in for her, Cleo covers Ben; then everything returns.

use serde_json::{Value, json};

use crate::stage::api::Api;

const BEFORE: &str = "2026-06-30T12:00:00.000Z";
const STARTS: &str = "2026-07-01T00:00:00.000Z";
const BEN_AWAY: &str = "2026-07-06T00:00:00.000Z";
const BEN_BACK: &str = "2026-07-08T00:00:00.000Z";
const LAST: &str = "2026-07-14T23:59:59.999Z";
const ENDS: &str = "2026-07-15T00:00:00.000Z";

fn away(to: &str, starts: &str, ends: &str) -> Value {
    json!({ "to": to, "starts_at": starts, "ends_at": ends, "reason": "Holiday" })
}

/// Whether somebody may vote now, and through which delegations; `explain` and the vote agree, so this asks without voting.
async fn may_vote(api: &Api, who: &str, request: &Value) -> bool {
    let path = format!("GET /v1/requests/{}/explain?user={who}", request["id"].as_str().unwrap());
    api.done("rita", &path, None).await["may_vote"].as_bool().unwrap()
}

async fn start() -> Api {
    let api = Api::start_at(BEFORE).await;
    api.people("ann ben<ann cleo rita<ann dora").await;
    api.role("finance", "ann dora").await;
    let steps = json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }] },
        { "id": "finance", "approvers": [{ "role": "finance" }], "distinct_from": ["manager"] },
    ]);
    let amount = json!({ "value": "metadata.amount", "currency": "metadata.currency" });
    api.template(&json!({ "key": "order", "title": "Order", "amount": amount, "steps": steps })).await;
    api
}

fn metadata(amount: f64) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

#[tokio::test]
async fn a_holiday_hands_over_what_is_pending_and_hands_it_back() {
    let api = start().await;
    let [first, second, third] = {
        let mut all = Vec::new();
        for entity in ["1", "2", "3"] {
            all.push(api.submit("rita", "order", entity, metadata(480.0)).await);
        }
        <[Value; 3]>::try_from(all).unwrap()
    };
    let id = |request: &Value| request["id"].as_str().unwrap().to_owned();
    let mut own: Vec<String> = [&first, &second, &third].iter().map(|request| format!("{} manager -", id(request))).collect();
    own.sort();
    let sorted = |mut tasks: Vec<String>| {
        tasks.sort();
        tasks
    };

    api.done("ann", "POST /v1/delegations", Some(&away("ben", STARTS, ENDS))).await;
    api.done("ben", "POST /v1/delegations", Some(&away("cleo", BEN_AWAY, BEN_BACK))).await;
    api.drain().await;
    assert_eq!(sorted(api.inbox("ann").await), own);
    assert_eq!(api.inbox("ben").await, Vec::<String>::new());
    assert_eq!(api.call("ben", &format!("GET /v1/requests/{}", id(&first)), None).await.status, 404);
    assert_eq!(api.vote("ben", &first, "manager", "approve", None).await.status, 404);

    // The instant the window opens. Nothing was rewritten: not a byte of the requests.
    let before = api.done("ann", &format!("GET /v1/requests/{}", id(&first)), None).await;
    api.clock(STARTS).await;
    let for_ann: Vec<String> = own.iter().map(|task| task.replace(" -", " ann")).collect();
    assert_eq!(sorted(api.inbox("ben").await), for_ann);
    assert_eq!(sorted(api.inbox("ann").await), own, "whose right it is keeps it");
    assert_eq!(api.done("ben", &format!("GET /v1/requests/{}", id(&first)), None).await["version"], before["version"]);
    api.done("ben", &format!("GET /v1/requests/{}/history", id(&first)), None).await;
    assert_eq!(api.inbox("cleo").await, Vec::<String>::new());
    let voted = api.vote("ben", &first, "manager", "approve", None).await;
    assert_eq!(voted.status, 200, "{}", voted.body);
    api.drain().await;

    // Cleo covers Ben, and through Ben Ann, for two days.
    api.clock(BEN_AWAY).await;
    let left: Vec<String> = sorted(for_ann.iter().filter(|task| !task.starts_with(&id(&first))).cloned().collect());
    let waits: Vec<String> = sorted(api.inbox("cleo").await).into_iter().filter(|task| task.contains(" manager ")).collect();
    assert_eq!(waits, left);
    let voted = api.vote("cleo", &second, "manager", "approve", Some("ann")).await;
    assert_eq!(voted.status, 200, "{}", voted.body);
    api.clock(BEN_BACK).await;
    assert_eq!(api.inbox("cleo").await, Vec::<String>::new());
    assert_eq!(api.vote("cleo", &third, "manager", "approve", None).await.status, 404, "he is back");

    // The last millisecond, and the one after it.
    api.clock(LAST).await;
    assert!(may_vote(&api, "ben", &third).await);
    api.clock(ENDS).await;
    assert!(!may_vote(&api, "ben", &third).await);
    assert_eq!(api.inbox("ben").await, Vec::<String>::new());
    assert_eq!(api.vote("ann", &third, "manager", "approve", None).await.status, 200);

    // The history says who for whom; four eyes look through delegations: neither Ben nor Ann counts in finance of the first.
    for (request, by, hops) in [(&first, "ben", 1), (&second, "cleo", 2)] {
        let history = api.done("rita", &format!("GET /v1/requests/{}/history", id(request)), None).await;
        let events = history["items"].as_array().unwrap().iter().flat_map(|commit| commit["events"].as_array().unwrap());
        let votes: Vec<&Value> = events.filter(|event| event["type"].as_str().unwrap().contains("vote")).collect();
        assert_eq!(votes.len(), 1);
        let shown = api.done("rita", &format!("GET /v1/requests/{}", id(request)), None).await;
        let vote = &shown["steps"][0]["votes"][0];
        assert_eq!((&vote["by"], &vote["on_behalf_of"]), (&json!(by), &json!("ann")), "{vote}");
        assert_eq!(vote["via"]["delegations"].as_array().unwrap().len(), hops, "{vote}");
    }
    assert_eq!(api.vote("ann", &first, "finance", "approve", None).await.status, 403, "her seat counted in `manager`");
    assert_eq!(api.vote("dora", &first, "finance", "approve", None).await.status, 200);
    let over = api.done("rita", &format!("GET /v1/requests/{}/explain?user=ben", id(&first)), None).await;
    assert_eq!((&over["may_vote"], &over["reason"]["code"]), (&json!(false), &json!("request_closed")), "{over}");
}

/// A delegation covers no more than it says.
#[tokio::test]
async fn a_delegation_can_be_limited_and_taken_back() {
    let api = start().await;
    let small = api.submit("rita", "order", "small", metadata(1_000.0)).await;
    let large = api.submit("rita", "order", "large", metadata(1_000.01)).await;
    api.clock(STARTS).await;
    let cases = [
        (json!({ "templates": ["order"] }), true, true),
        (json!({ "templates": ["contract"] }), false, false),
        (json!({ "steps": ["manager"] }), true, true),
        (json!({ "steps": ["finance"] }), false, false),
        (json!({ "max": { "amount": 1_000.0, "currency": "EUR" } }), true, false),
        (json!({ "max": { "amount": 1_000.0, "currency": "USD" } }), false, false),
    ];
    for (scope, for_small, for_large) in cases {
        let mut body = away("ben", STARTS, ENDS);
        body.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        let made = api.done("ann", "POST /v1/delegations", Some(&body)).await;
        assert_eq!((may_vote(&api, "ben", &small).await, may_vote(&api, "ben", &large).await), (for_small, for_large), "{scope}");
        api.done("ann", &format!("DELETE /v1/delegations/{}", made["id"].as_str().unwrap()), None).await;
        assert!(!may_vote(&api, "ben", &small).await, "taken back: at once");
    }
    // Whoever asked for it is nobody's hand: neither as delegate nor in between.
    api.done("ann", "POST /v1/delegations", Some(&away("rita", STARTS, ENDS))).await;
    let voted = api.vote("rita", &small, "manager", "approve", Some("ann")).await;
    assert_eq!((voted.status, &voted.body["errors"][0]["code"]), (403, &json!("own_request")), "{}", voted.body);
    api.done("rita", "POST /v1/delegations", Some(&away("cleo", STARTS, ENDS))).await;
    assert!(!may_vote(&api, "cleo", &small).await);
    assert!(may_vote(&api, "ann", &small).await);
}
