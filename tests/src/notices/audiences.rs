//! Who hears of what: of each act those whom it concerns, and nobody of what they did themselves.

use serde_json::json;

use super::House;

const ONE: &str = "bob";

fn by(user: &str) -> serde_json::Value {
    json!([{ "id": "s", "approvers": [{ "user": user }] }])
}

#[tokio::test]
async fn the_end_is_told_to_who_asked_and_to_who_called_for_them() {
    for (decision, told) in [("approve", "Approved"), ("reject", "Rejected"), ("return", "Sent back to you")] {
        let house = House::new("rita bob clara", by(ONE)).await;
        let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T", "metadata": {}, "requester": "rita" });
        let request = house.api.done("clara", "POST /v1/requests", Some(&body)).await;
        assert_eq!(house.heard().await, "bob: Your approval is needed");
        assert_eq!(house.api.vote("bob", &request, "s", decision, None).await.status, 200);
        assert_eq!(house.heard().await, format!("clara: {told}, rita: {told}"));
    }
}

#[tokio::test]
async fn nobody_is_told_of_their_own_act() {
    let house = House::new("rita bob ada clara", by(ONE)).await;
    house.administered_by("ada").await;
    let request = house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    house.did("rita", &request, "comments", json!({ "comment": "Soon, please" })).await;
    assert_eq!(house.heard().await, "bob: Comment");
    house.did("bob", &request, "comments", json!({ "comment": "Tomorrow" })).await;
    assert_eq!(house.heard().await, "rita: Comment");
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "bob", "to": "ada", "reason": "I do it" })).await;
    assert_eq!(house.heard().await, "bob: Off your desk", "who takes a seat over knows of it");
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "ada", "to": "clara", "reason": "or not" })).await;
    assert_eq!(house.heard().await, "clara: Passed on to you");
    house.did("rita", &request, "cancel", json!({})).await;
    assert_eq!(house.heard().await, "bob: Cancelled, clara: Cancelled");
}

/// S14: an administrator takes somebody's part, and the one whose it was heard nothing.
#[tokio::test]
async fn s14_whoever_s_seat_an_administrator_passes_on_hears_of_it() {
    let house = House::new("rita bob ada clara", by(ONE)).await;
    house.administered_by("ada").await;
    let request = house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "bob", "to": "clara", "reason": "He is ill" })).await;
    let mails = house.mails().await;
    let bobs = mails.iter().find(|mail| mail.to.starts_with("bob@")).expect("a mail to bob");
    for words in ["passed your part in a request of Rita on to Clara", "It is off your desk", "He is ill"] {
        assert!(bobs.text.to_lowercase().contains(&words.to_lowercase()), "{words}: {}", bobs.text);
    }
    assert!(bobs.token().is_none(), "nothing is left for bob to answer");
    house.did("clara", &request, "reassign", json!({ "step": "s", "to": "bob", "reason": "He is back" })).await;
    assert_eq!(house.heard().await, "bob: Passed on to you", "who passes on their own seat knows of it");
}

/// S14, the other way to take somebody's part: whoever's right an administrator passes on finds it in the list of what they gave, with who made it.
#[tokio::test]
async fn s14_what_an_administrator_delegates_stands_in_the_list_of_whose_right_it_is() {
    let house = House::new("rita bob ada", by(ONE)).await;
    house.administered_by("ada").await;
    let request = house.submit("rita").await;
    let lent = json!({ "from": "bob", "to": "ada", "starts_at": "2020-01-05T09:00:00Z", "ends_at": "2036-01-05T09:00:00Z", "reason": "He is ill" });
    house.api.done("ada", "POST /v1/delegations", Some(&lent)).await;
    let listed = house.api.done("bob", "GET /v1/delegations?direction=given", None).await;
    let made = &listed["items"][0];
    assert_eq!((&made["to"], &made["created_by"], &made["reason"]), (&json!("ada"), &json!("ada"), &json!("He is ill")), "{listed}");
    let voted = house.api.vote("ada", &request, "s", "approve", None).await;
    let vote = &voted.body["steps"][0]["votes"][0];
    assert_eq!((&vote["by"], &vote["on_behalf_of"]), (&json!("ada"), &json!("bob")), "{}", voted.body);
    assert_eq!(house.api.done("bob", &format!("GET /v1/requests/{}", request["id"].as_str().unwrap()), None).await["status"], "approved");
}

/// Who approves one step and is asked in the next one is asked.
#[tokio::test]
async fn an_act_of_ones_own_that_asks_oneself_something_new_is_told() {
    let steps = json!([{ "id": "a", "approvers": [{ "user": "bob" }] }, { "id": "b", "approvers": [{ "user": "bob" }] }]);
    let house = House::new("rita bob", steps).await;
    let request = house.submit("rita").await;
    let first = house.link_to("bob").await;
    assert_eq!(house.api.vote("bob", &request, "a", "approve", None).await.status, 200);
    assert_ne!(house.link_to("bob").await, first, "another step is another link");
}

#[tokio::test]
async fn who_wants_no_mail_or_has_left_gets_none() {
    let house = House::new("rita bob carl dan", json!([{ "id": "s", "approvers": [{ "role": "finance" }] }])).await;
    house.api.role("finance", "bob carl dan").await;
    let off = json!({ "channels": { "mail": false } });
    house.api.done("bob", "PUT /v1/users/bob/preferences", Some(&off)).await;
    house.person("carl", json!({ "active": false })).await;
    house.api.drain().await;
    house.submit("rita").await;
    assert_eq!(house.heard().await, "dan: Your approval is needed");
    house.api.done("bob", "PUT /v1/users/bob/preferences", Some(&json!({ "channels": { "mail": true } }))).await;
    house.person("carl", json!({})).await;
    assert_eq!(house.heard().await, "carl: may_answer", "what waited while he was gone");
    house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed, carl: Your approval is needed, dan: Your approval is needed");
}

/// One row a delegation: window, scope, and whether the delegate hears of a request of 500 EUR.
#[tokio::test]
async fn a_delegate_hears_exactly_while_the_delegation_counts() {
    let (past, now, later) = ("2026-01-01T00:00:00.000Z", "2026-01-05T00:00:00.000Z", "2026-01-06T00:00:00.000Z");
    let end = "2026-01-09T00:00:00.000Z";
    for (starts, ends, scope, heard) in [
        (now, end, json!({}), true),
        (later, end, json!({}), false),
        (past, now, json!({}), false),
        (now, end, json!({ "templates": ["order"] }), true),
        (now, end, json!({ "templates": ["other"] }), false),
        (now, end, json!({ "steps": ["s"] }), true),
        (now, end, json!({ "steps": ["other"] }), false),
        (now, end, json!({ "max": { "amount": 500, "currency": "EUR" } }), true),
        (now, end, json!({ "max": { "amount": 499, "currency": "EUR" } }), false),
        (now, end, json!({ "max": { "amount": 500, "currency": "USD" } }), false),
    ] {
        let house = House::new("rita bob dora", by(ONE)).await;
        let amount = json!({ "value": "metadata.amount", "currency": "metadata.currency" });
        house.api.template(&json!({ "key": "order", "title": "Order", "amount": amount, "steps": by(ONE) })).await;
        let mut given = json!({ "from": "bob", "to": "dora", "starts_at": starts, "ends_at": ends, "reason": "Holiday" });
        given.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        if starts == past {
            // It was made in time, and is over.
            given["starts_at"] = json!(now);
            given["ends_at"] = json!("2026-01-05T10:00:00.000Z");
        }
        house.api.done("bob", "POST /v1/delegations", Some(&given)).await;
        if starts == past {
            house.api.clock("2026-01-05T10:00:00.000Z").await;
        }
        house.mails().await;
        house.api.submit("rita", "order", "1", json!({ "amount": 500, "currency": "EUR" })).await;
        let expected = if heard { "bob: Your approval is needed, dora: Your approval is needed" } else { "bob: Your approval is needed" };
        assert_eq!(house.heard().await, expected, "{given}");
    }
}

#[tokio::test]
async fn reminders_go_to_those_who_have_not_answered_and_levels_to_those_who_are_new() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "carl" }], "required": 2, "sla": { "hours": 10 }, "remind": [0.5],
        "escalate": [{ "after": 1.0, "to": [{ "user": "boss" }] }], "on_timeout": "expire" }]);
    let house = House::new("rita bob carl boss", step).await;
    let request = house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed, carl: Your approval is needed");
    assert_eq!(house.api.vote("bob", &request, "s", "approve", None).await.status, 200);
    assert_eq!(house.heard().await, "");
    house.api.clock("2026-01-05T14:00:00.000Z").await;
    assert_eq!(house.heard().await, "carl: Reminder");
    house.api.clock("2026-01-05T19:00:00.000Z").await;
    assert_eq!(house.heard().await, "boss: Overdue");
    house.api.clock("2026-01-15T19:00:00.000Z").await;
    assert_eq!(house.heard().await, "bob: Expired, boss: Expired, carl: Expired, rita: Expired");
}

#[tokio::test]
async fn administrators_hear_of_what_is_blocked_and_approvers_when_it_goes_on() {
    let house = House::new("rita bob ada", json!([{ "id": "s", "approvers": [{ "user": "bob" }], "fallback": "none" }])).await;
    house.administered_by("ada").await;
    house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    house.person("bob", json!({ "active": false })).await;
    assert_eq!(house.heard().await, "ada: Blocked");
    house.person("bob", json!({})).await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
}

/// Somebody added to a step that waits already is asked; the others are not asked again.
#[tokio::test]
async fn who_joins_a_waiting_step_is_asked_alone() {
    let house = House::new("rita bob ada", by(ONE)).await;
    house.administered_by("ada").await;
    house.submit("rita").await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    house.person("bob", json!({ "active": false })).await;
    assert_eq!(house.heard().await, "ada: Your approval is needed");
}
