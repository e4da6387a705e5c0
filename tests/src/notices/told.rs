//! Each fault that people reported of who was told, and who was not.

use serde_json::{Value, json};

use super::House;

fn by(user: &str) -> Value {
    json!([{ "id": "s", "approvers": [{ "user": user }], "sla": { "hours": 1_000 } }])
}

async fn lend(house: &House, who: &str, from: &str, to: &str, (starts, ends): (&str, &str)) -> Value {
    let lent = json!({ "from": from, "to": to, "starts_at": starts, "ends_at": ends, "reason": "Holiday" });
    house.api.done(who, "POST /v1/delegations", Some(&lent)).await
}

/// A delegate hears of what waits already once the delegation begins, and that they stand in. Once.
#[tokio::test]
async fn t1_the_delegate_of_a_waiting_task_hears_of_it_when_the_delegation_begins() {
    let house = House::new("rita bob dora", by("bob")).await;
    for _ in 0..3 {
        house.submit("rita").await;
    }
    house.mails().await;
    lend(&house, "bob", "bob", "dora", (super::START, "2026-01-09T00:00:00Z")).await;
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let text = &mails[0].text;
    assert!(mails[0].to.starts_with("dora@") && text.contains("You stand in for bob (bob) from"), "{text}");
    assert!(
        text.contains("3 requests wait") && text.matches("- Two chairs").count() == 3 && text.contains("you stand in for bob"),
        "{text}"
    );
    assert_eq!(text.matches("://").count(), 1, "one link: {text}");
    house.submit("rita").await;
    assert_eq!(house.told().await, "bob: asked, dora: asked");
}

#[tokio::test]
async fn t1_a_delegation_that_begins_later_is_told_then() {
    let house = House::new("rita bob dora", by("bob")).await;
    house.submit("rita").await;
    house.mails().await;
    lend(&house, "bob", "bob", "dora", ("2026-01-06T09:00:00Z", "2026-01-09T00:00:00Z")).await;
    let second = lend(&house, "bob", "bob", "dora", ("2026-01-07T09:00:00Z", "2026-01-09T00:00:00Z")).await;
    assert_eq!(house.told().await, "", "nobody can act yet");
    // One that was taken back never begins.
    house.api.done("bob", &format!("DELETE /v1/delegations/{}", second["id"].as_str().unwrap()), None).await;
    house.api.clock("2026-01-06T09:00:00.000Z").await;
    assert_eq!(house.told().await, "dora: stands_in");
    for day in ["07", "08", "10"] {
        house.api.clock(&format!("2026-01-{day}T09:30:00.000Z")).await;
        assert_eq!(house.told().await, "", "on the {day}th");
    }
}

#[tokio::test]
async fn t1_a_delegate_for_whom_nothing_waits_hears_that_they_stand_in() {
    let house = House::new("rita bob dora", by("bob")).await;
    lend(&house, "bob", "bob", "dora", (super::START, "2026-01-09T00:00:00Z")).await;
    let mails = house.mails().await;
    assert!(mails.len() == 1 && mails[0].text.contains("Nothing waits for you by it now"), "{mails:?}");
}

/// The same for a new member of a role, if anything waits; nobody hears what they did themselves.
#[tokio::test]
async fn t1_a_new_member_of_a_role_hears_what_waits_for_its_members() {
    let house = House::new("rita bob erin fay", json!([{ "id": "s", "approvers": [{ "role": "pool" }, { "user": "bob" }] }])).await;
    house.api.role("pool", "erin").await;
    assert_eq!(house.told().await, "", "nothing waits for her");
    for _ in 0..22 {
        house.submit("rita").await;
    }
    house.mails().await;
    house.api.role("pool", "fay bob").await;
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1, "bob was asked by name: {mails:?}");
    let text = &mails[0].text;
    assert!(mails[0].to.starts_with("fay@") && text.contains("You are a member of pool now. 22 requests wait"), "{text}");
    assert!(text.matches("- Two chairs").count() == 20 && text.contains("And 2 more."), "{text}");
    // Ends, and begins again: nothing is told twice of one membership, and a new one is news.
    house.api.done("root", "DELETE /v1/roles/pool/members/fay", None).await;
    assert_eq!(house.told().await, "");
    house.api.role("pool", "fay").await;
    assert_eq!(house.told().await, "fay: role_joined");
}

/// S14: whoever's right an administrator passes on hears of it, at once and once; of what one does oneself nobody is told.
#[tokio::test]
async fn s14_whose_right_an_administrator_delegates_hears_of_it() {
    let house = House::new("rita bob ada dora", by("bob")).await;
    house.api.role("approval_admin", "ada").await;
    house.mails().await;
    lend(&house, "ada", "bob", "ada", (super::START, "2026-01-09T00:00:00Z")).await;
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let text = &mails[0].text;
    assert!(
        mails[0].to.starts_with("bob@") && text.contains("ada (ada) had ada (ada) stand in for you from") && text.contains("Holiday"),
        "{text}"
    );
    lend(&house, "ada", "bob", "dora", ("2026-01-06T09:00:00Z", "2026-01-09T00:00:00Z")).await;
    assert_eq!(house.told().await, "bob: right_lent", "before it begins");
    house.api.clock("2026-01-06T09:00:00.000Z").await;
    assert_eq!(house.told().await, "dora: stands_in");
}

/// Many short delegations beside an old one: a shift plan.
#[tokio::test]
async fn t2_a_delegate_of_long_standing_is_always_found() {
    let house = House::new("rita dg deputy shift", by("dg")).await;
    lend(&house, "dg", "dg", "deputy", (super::START, "2026-11-05T00:00:00Z")).await;
    for n in 0..60 {
        house.api.clock(&format!("2026-01-{:02}T{:02}:00:00.000Z", 6 + n / 20, n % 20)).await;
        let made = lend(&house, "dg", "dg", "shift", ("2026-01-01T00:00:00Z", "2026-01-20T00:00:00Z")).await;
        house.api.done("dg", &format!("DELETE /v1/delegations/{}", made["id"].as_str().unwrap()), None).await;
    }
    house.mails().await;
    house.submit("rita").await;
    assert_eq!(house.told().await, "deputy: asked, dg: asked");
}

/// The answer to a question.
#[tokio::test]
async fn t3_the_answer_to_a_question_reaches_whoever_asked() {
    let house = House::new("rita amy", by("amy")).await;
    let request = house.submit("rita").await;
    house.mails().await;
    house.did("amy", &request, "comments", json!({ "comment": "Which cost centre?" })).await;
    assert_eq!(house.told().await, "rita: commented");
    house.did("rita", &request, "comments", json!({ "comment": "It is CC-4711" })).await;
    let mails = house.mails().await;
    assert!(mails.len() == 1 && mails[0].to.starts_with("amy@") && mails[0].text.contains("CC-4711"), "{mails:?}");
}

/// The new holder reads why, the old one that it is off their desk, and nobody else hears anything.
#[tokio::test]
async fn t4_a_reassignment_tells_the_holder_why_and_nobody_a_wrong_thing() {
    let house =
        House::new("rita amy kim lea ada", json!([{ "id": "s", "approvers": [{ "user": "amy" }, { "user": "lea" }], "required": 2 }]))
            .await;
    house.api.role("approval_admin", "ada").await;
    let request = house.submit("rita").await;
    house.mails().await;
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "amy", "to": "kim", "reason": "Amy is ill" })).await;
    let mails = house.mails().await;
    assert_eq!(
        mails.iter().map(|mail| (&mail.to[..4], mail.reason.as_str())).collect::<Vec<_>>(),
        [("amy@", "off_desk"), ("kim@", "reassigned")]
    );
    assert!(mails.iter().all(|mail| mail.text.contains("Amy is ill")), "{mails:?}");
}

/// Asked, then no longer needed.
#[tokio::test]
async fn t5_whoever_was_asked_by_name_hears_that_it_is_over_and_why() {
    let house = House::new(
        "rita amy bo erin",
        json!([{ "id": "s", "approvers": [{ "user": "amy" }, { "user": "bo" }, { "role": "pool" }], "required": 2 }]),
    )
    .await;
    house.api.role("pool", "erin").await;
    let request = house.submit("rita").await;
    house.mails().await;
    house.did("rita", &request, "cancel", json!({ "reason": "The shop is closed" })).await;
    let mails = house.mails().await;
    assert_eq!(
        mails.iter().map(|mail| (&mail.to[..3], mail.reason.as_str())).collect::<Vec<_>>(),
        [("amy", "cancelled"), ("bo@", "cancelled")]
    );
    assert!(mails.iter().all(|mail| mail.text.contains("The shop is closed") && mail.text.contains("rita")), "{mails:?}");
}

/// A role of thirty, two approvals: each is asked once, the requester hears the end, and the pool hears nothing of it.
#[tokio::test]
async fn nobody_is_flooded() {
    let pool: Vec<String> = (10..40).map(|n| format!("p{n}")).collect();
    let house =
        House::new(&format!("rita {}", pool.join(" ")), json!([{ "id": "s", "approvers": [{ "role": "pool" }], "required": 2 }])).await;
    house.api.role("pool", &pool.join(" ")).await;
    house.mails().await;
    let request = house.submit("rita").await;
    assert_eq!(house.mails().await.len(), 30);
    for voter in ["p10", "p11"] {
        house.did(voter, &request, "comments", json!({ "comment": "Fine" })).await;
        assert_eq!(house.api.vote(voter, &request, "s", "approve", None).await.status, 200);
    }
    // Two comments to rita, the second one to whoever spoke first as well; and the end.
    assert_eq!(house.told().await, "p10: commented, rita: approved, rita: commented, rita: commented");
}
