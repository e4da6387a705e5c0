//! Who hears what: a play of acts, and what the last of them means to each. The tables are written from the rules of notices, not from the
//! code: what asks somebody to act stands before what informs them, nobody hears of their own act, a pool is asked and not informed.

use serde_json::{Value, json};

use super::House;

/// Rita asks, Clara calls for her. Bob and Carl are asked by name; Erin and Fay are the pool; Dora stands in for Bob; Ada administers.
const CAST: &str = "rita clara bob carl dora erin fay ada kim boss olaf greta";

/// Two of named people and a pool; its clock runs ten hours.
fn mixed() -> Value {
    json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "carl" }, { "role": "pool" }], "required": 2, "sla": { "hours": 10 },
        "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "user": "boss" }] }], "on_timeout": "expire" }])
}

/// A step of two, of whom only Lea's part is Bob's: Ida is Greta, who has left before anything begins.
fn short_of_one(more: Value) -> Value {
    let mut step = json!({ "id": "s", "approvers": [{ "user": "greta" }, { "user": "bob" }], "required": 2, "fallback": "none", "sla": { "hours": 10 } });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([step])
}

struct Play {
    house: House,
    request: Value,
}

impl Play {
    async fn new(steps: Value) -> Self {
        let house = House::new(CAST, steps).await;
        house.api.role("approval_admin", "ada").await;
        house.api.role("pool", "erin fay").await;
        let lent = json!({ "to": "dora", "starts_at": super::START, "ends_at": "2026-03-05T09:00:00Z", "reason": "Holiday" });
        house.api.done("bob", "POST /v1/delegations", Some(&lent)).await;
        house.mails().await;
        Self { house, request: Value::Null }
    }

    /// One act: who, what, and what it needs.
    async fn act(&mut self, act: &str) {
        let words: Vec<&str> = act.split(' ').collect();
        let (house, request) = (&self.house, &self.request);
        let step = |words: &[&str]| words.first().map_or_else(|| "s".to_owned(), |step| (*step).to_owned());
        match words.as_slice() {
            ["submit"] => {
                let body =
                    json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T", "metadata": {}, "requester": "rita" });
                self.request = house.api.done("clara", "POST /v1/requests", Some(&body)).await;
            }
            ["clock", time] => house.api.clock(&format!("2026-01-{time}:00.000Z")).await,
            ["leaves", who] => house.person(who, json!({ "active": false })).await,
            ["returns", who] => house.person(who, json!({})).await,
            [who, "comments"] => drop(house.did(who, request, "comments", json!({ "comment": "Which colour?" })).await),
            [who, "cancels"] => drop(house.did(who, request, "cancel", json!({ "reason": "No money" })).await),
            [who, "recalls"] => drop(house.did(who, request, "recall", json!({ "reason": "A mistake" })).await),
            [who, "resubmits"] => self.request = house.did(who, request, "resubmit", json!({ "metadata": {} })).await,
            [who, "transfers", to] => drop(house.did(who, request, "transfer", json!({ "to": to, "reason": "Moved" })).await),
            [who, "passes", from, to] => {
                let pass = json!({ "step": "s", "from": from, "to": to, "reason": "Ill" });
                house.did(who, request, "reassign", pass).await;
            }
            [who, "withdraws", for_whom @ ..] => {
                let mut body = json!({ "step": "s" });
                for_whom.iter().for_each(|person| body["on_behalf_of"] = json!(person));
                house.did(who, request, "withdraw-vote", body).await;
            }
            [who, decision @ ("approve" | "reject" | "return"), at @ ..] => {
                let vote = json!({ "step": step(at), "decision": decision, "payload_hash": request["payload_hash"] });
                house.did(who, request, "decisions", vote).await;
            }
            _ => panic!("no act: {act}"),
        }
    }
}

/// Plays each row and compares what its last act means to whom. Rows are acts, and who hears what: `bob: asked`.
async fn plays(steps: impl Fn() -> Value, rows: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (acts, heard) in rows {
        let mut play = Play::new(steps()).await;
        let mut told = String::new();
        for act in acts.split("; ") {
            play.act(act).await;
            told = play.house.told().await;
        }
        let mut wanted: Vec<&str> = heard.split(", ").collect();
        wanted.sort_unstable();
        if told != wanted.join(", ") {
            wrong.push(format!("{acts}\n  heard:  {told}\n  wanted: {}", wanted.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each event that asks somebody to act.
#[tokio::test]
async fn who_is_asked_to_act() {
    plays(
        mixed,
        &[
            ("submit", "bob: asked, carl: asked, dora: asked, erin: asked, fay: asked"),
            ("submit; clock 05T14:00", "bob: reminded, carl: reminded, dora: reminded, erin: reminded, fay: reminded"),
            ("submit; carl approve; clock 05T14:00", "bob: reminded, dora: reminded, erin: reminded, fay: reminded"),
            ("submit; clock 05T19:00", "boss: escalated"),
            ("submit; ada passes carl kim", "carl: off_desk, kim: reassigned"),
            ("submit; carl passes carl kim", "kim: reassigned"),
            ("submit; ada passes carl ada", "carl: off_desk"),
            ("submit; carl passes carl kim; leaves kim", "carl: asked"),
            ("submit; dora approve; bob withdraws", "dora: withdrawn"),
            ("submit; dora approve; dora withdraws bob", "bob: asked"),
            ("submit; carl return; rita resubmits", "bob: asked, carl: asked, dora: asked, erin: asked, fay: asked"),
        ],
    )
    .await;
}

/// A conversation, both ways.
#[tokio::test]
async fn who_hears_what_is_said() {
    plays(
        mixed,
        &[
            ("submit; rita comments", "bob: commented, carl: commented, clara: commented, dora: commented"),
            ("submit; clara comments", "bob: commented, carl: commented, dora: commented, rita: commented"),
            ("submit; carl comments", "clara: commented, rita: commented"),
            ("submit; erin comments", "clara: commented, rita: commented"),
            ("submit; dora comments", "clara: commented, rita: commented"),
            ("submit; ada comments", "clara: commented, rita: commented"),
            ("submit; carl comments; bob comments", "carl: commented, clara: commented, rita: commented"),
            ("submit; erin comments; rita comments", "bob: commented, carl: commented, clara: commented, dora: commented, erin: commented"),
            ("submit; carl approve; rita comments", "bob: commented, carl: commented, clara: commented, dora: commented"),
            ("submit; erin approve; rita comments", "bob: commented, carl: commented, clara: commented, dora: commented, erin: commented"),
            ("submit; erin approve; fay comments", "clara: commented, rita: commented"),
            (
                "submit; erin comments; carl return; rita resubmits; rita comments",
                "bob: commented, carl: commented, clara: commented, dora: commented",
            ),
            ("submit; erin comments; erin approve; carl approve; rita comments", "carl: commented, clara: commented, erin: commented"),
        ],
    )
    .await;
}

/// What ends or stops a request: its requester, who was asked by name, who stands in for them and was asked, who spoke, who voted. Nobody of
/// the pool.
#[tokio::test]
async fn who_hears_that_it_is_over() {
    plays(
        mixed,
        &[
            ("submit; rita cancels", "bob: cancelled, carl: cancelled, clara: cancelled, dora: cancelled"),
            ("submit; ada cancels", "bob: cancelled, carl: cancelled, clara: cancelled, dora: cancelled, rita: cancelled"),
            (
                "submit; carl approve; fay comments; rita cancels",
                "bob: cancelled, carl: cancelled, clara: cancelled, dora: cancelled, fay: cancelled",
            ),
            ("submit; carl passes carl kim; rita cancels", "bob: cancelled, clara: cancelled, dora: cancelled, kim: cancelled"),
            ("submit; erin approve; fay approve", "bob: settled, carl: settled, clara: approved, dora: settled, rita: approved"),
            ("submit; erin approve; carl approve", "bob: settled, clara: approved, dora: settled, rita: approved"),
            ("submit; dora approve; carl approve", "clara: approved, rita: approved"),
            ("submit; erin approve; carl reject", "bob: rejected, clara: rejected, dora: rejected, erin: rejected, rita: rejected"),
            ("submit; erin approve; carl return", "bob: sent_back, clara: returned, dora: sent_back, erin: sent_back, rita: returned"),
            (
                "submit; clock 05T19:00; clock 15T19:00",
                "bob: expired, boss: expired, carl: expired, clara: expired, dora: expired, rita: expired",
            ),
            ("submit; carl approve; rita recalls", "bob: recalled, carl: recalled, clara: returned, dora: recalled"),
            ("submit; carl approve; ada recalls", "bob: recalled, carl: recalled, clara: returned, dora: recalled, rita: returned"),
            (
                "submit; erin approve; ada transfers olaf",
                "bob: sent_back, carl: sent_back, clara: transferred, dora: sent_back, erin: sent_back, olaf: returned, rita: transferred",
            ),
            ("submit; carl return; clock 07T10:00", "clara: return_reminded, rita: return_reminded"),
            ("submit; leaves rita; carl return", "ada: requester_left, bob: sent_back, clara: returned, dora: sent_back"),
            ("submit; carl return; leaves rita", "ada: requester_left"),
            ("submit; leaves rita; carl return; clock 07T10:00", "ada: requester_left, clara: return_reminded"),
        ],
    )
    .await;
}

/// Two events of one commit: each person hears what happened to them.
#[tokio::test]
async fn two_events_of_one_commit_never_make_one_wrong_sentence() {
    // The step opens by the very act that passes a seat on, or brings somebody.
    let level = json!({ "escalate": [{ "after": 1.0, "to": [{ "user": "boss" }] }] });
    plays(
        || short_of_one(json!({})),
        &[
            ("leaves greta; submit", "ada: blocked"),
            ("leaves greta; submit; ada passes greta kim", "bob: asked, dora: asked, kim: reassigned"),
            ("leaves greta; submit; returns greta", "bob: asked, dora: asked, greta: asked"),
        ],
    )
    .await;
    plays(|| short_of_one(level.clone()), &[("leaves greta; submit; clock 05T19:00", "bob: asked, boss: escalated, dora: asked")]).await;
    // A step ends, and the next one opens, for somebody of the first as well.
    let two = json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "carl" }, { "user": "kim" }] },
        { "id": "n", "approvers": [{ "user": "carl" }, { "user": "bob" }] }]);
    plays(|| two.clone(), &[("submit; bob approve", "bob: asked, carl: asked, dora: asked, kim: settled")]).await;
    // Side by side: one is rejected, and the neighbour's approvers hear of it.
    let beside =
        json!([[{ "id": "s", "approvers": [{ "user": "carl" }] }, { "id": "n", "approvers": [{ "user": "kim" }, { "role": "pool" }] }]]);
    plays(
        || beside.clone(),
        &[
            ("submit", "carl: asked, erin: asked, fay: asked, kim: asked"),
            ("submit; carl reject", "clara: rejected, kim: rejected, rita: rejected"),
            ("submit; carl approve", ""),
        ],
    )
    .await;
    // Silence approves: whoever was asked by name hears that nobody waits for them.
    let silent = |then: &str| json!([{ "id": "s", "approvers": [{ "user": "carl" }], "sla": { "hours": 10 }, "on_timeout": then }]);
    plays(|| silent("approve"), &[("submit; clock 20T09:00", "carl: settled, clara: approved, rita: approved")]).await;
    plays(|| silent("reject"), &[("submit; clock 20T09:00", "carl: rejected, clara: rejected, rita: rejected")]).await;
    // A reserve comes and goes.
    let reserve = json!([{ "id": "s", "approvers": [{ "user": "carl" }], "fallback": [{ "user": "greta" }] }]);
    plays(
        || reserve.clone(),
        &[("submit; leaves carl", "greta: asked"), ("submit; leaves carl; returns carl", "carl: may_answer, greta: settled")],
    )
    .await;
}

/// Steps side by side that ask one person: one mail, whose link is the page where both are answered.
#[tokio::test]
async fn who_is_asked_twice_by_one_commit_gets_one_mail() {
    let beside = json!([[{ "id": "s", "name": "Budget", "approvers": [{ "user": "bob" }] }, { "id": "n", "name": "Legal", "approvers": [{ "user": "bob" }] }]]);
    let house = House::new("rita bob", beside).await;
    let request = house.submit("rita").await;
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let page = format!("/requests/{}", request["id"].as_str().unwrap());
    assert!(mails[0].token().is_none() && mails[0].text.contains(&page), "{}", mails[0].text);
    assert!(mails[0].text.contains("Budget") && mails[0].text.contains("Legal"), "{}", mails[0].text);
}

/// What a commit means belongs to each person: only the new holder has a seat passed on to them.
#[tokio::test]
async fn m2_who_stands_in_for_the_new_holder_of_a_seat_is_asked_and_not_passed_anything() {
    let one = json!([{ "id": "s", "approvers": [{ "user": "carl" }] }]);
    plays(|| one.clone(), &[("submit; ada passes carl bob", "bob: reassigned, carl: off_desk, dora: asked")]).await;
}

/// Settled by others, over somebody's head.
#[tokio::test]
async fn m10_who_rejected_or_spoke_hears_that_others_settled_it() {
    let majority = json!([{ "id": "s", "approvers": [{ "user": "carl" }, { "user": "kim" }, { "user": "boss" }], "required": 2, "on_reject": "majority" }]);
    plays(|| majority.clone(), &[("submit; kim reject; carl approve; boss approve", "clara: approved, kim: outvoted, rita: approved")])
        .await;
    let pool = json!([{ "id": "s", "approvers": [{ "role": "pool" }] }, { "id": "n", "approvers": [{ "user": "carl" }] }]);
    plays(|| pool.clone(), &[("submit; erin comments; fay approve", "carl: asked, erin: settled")]).await;
}

/// A level that names somebody who may answer already asks them nothing new.
#[tokio::test]
async fn m18_who_could_answer_already_is_reminded_by_a_level_that_names_them() {
    let step = json!([{ "id": "s", "approvers": [{ "role": "nobody_here" }], "sla": { "hours": 10 },
        "escalate": [{ "after": 1.0, "to": [{ "role": "nor_here" }] }] }]);
    plays(|| step.clone(), &[("submit", "ada: asked"), ("submit; clock 05T19:00", "ada: reminded")]).await;
}
