//! The effect of an approval: started once, recalled until then. And a change of mind while the step is open.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::{Decision, EffectEnd, Event};
use approvals_domain::hash::Hash;
use approvals_domain::state::Status;
use approvals_domain::timers::{self, Due};
use serde_json::{Value, json};

use crate::desk::{Desk, caller, clock, code, desk, payload, submitted, template, template_with, text};
use crate::world::{World, person, step};

/// Step `x`: `a` and one of role `p` (b, c). `z` administers, `erp` holds `approval_effect`, `e` may vote for `a`.
pub(crate) fn world() -> World {
    let world = World::of("rita sam a b c d e z erp eve").role("p", "b c").role("approval_admin", "z").role("approval_effect", "erp");
    world.delegation("d1", "a", "e")
}

fn steps() -> Value {
    json!([{ "id": "x", "approvers": [{ "user": "a" }, { "role": "p" }], "required": 2 }])
}

fn with(more: Value) -> Desk {
    let mut desk = submitted(world(), template_with(steps(), more));
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    desk
}

/// Approved by `a` and `b`; its effect waits for thirty days.
pub(crate) fn approved() -> Desk {
    with(json!({ "effect": { "confirm": true } }))
}

#[test]
fn g1_what_waits_for_its_effect_is_approved_and_not_over() {
    let desk = approved();
    assert_eq!((desk.status(), desk.effect()), (Status::Approved, ("pending", 0)));
    let request = desk.request();
    assert!(request.outcome().is_some() && !request.is_over() && request.holds_entity());
    let until = request.updated_at.plus_hours(720.0);
    assert_eq!(timers::soonest(request, &desk.template), Some(until));
    for off in [json!({}), json!({ "effect": { "confirm": false } })] {
        let plain = with(off);
        assert_eq!((plain.status(), plain.effect()), (Status::Approved, ("none", 0)));
        assert!(plain.request().is_over() && !plain.request().holds_entity());
    }
}

#[test]
fn g1_an_effect_is_started_once_and_finished_once() {
    let mut desk = approved();
    let events = desk.start("erp").unwrap();
    assert_eq!(events, [Event::EffectStarted { payload_hash: payload(1), attempt: 1 }]);
    assert_eq!(desk.effect(), ("started", 1));
    for who in ["erp", "rita"] {
        assert_eq!(code(&desk.start(who)), "effect_started");
    }
    assert_eq!(code(&desk.cancel("rita")), "effect_started");
    assert_eq!(code(&desk.recall("a")), "effect_started");
    assert_eq!(code(&desk.recall("z")), "effect_started");
    assert!(desk.request().is_over() && desk.request().holds_entity(), "a failure would open it again");
    desk.finish("erp", EffectEnd::Done).unwrap();
    assert_eq!(desk.effect(), ("done", 1));
    assert!(!desk.request().holds_entity());
    for end in [EffectEnd::Done, EffectEnd::Failed] {
        assert_eq!(code(&desk.finish("erp", end)), "effect_not_started");
    }
    assert_eq!(code(&desk.start("erp")), "effect_started");
    let last = desk.request().effect.as_ref().unwrap().last.clone().unwrap();
    assert_eq!((last.by, last.reference), (person("erp"), Some(text("payment 17"))));
}

#[test]
fn g1_the_submitter_and_whoever_the_template_names_start_and_nobody_else() {
    let named = json!({ "effect": { "confirm": true, "by": [{ "user": "d" }, { "any_of": [{ "role": "p" }, { "user": "eve" }] }] } });
    for (who, more, wanted) in [
        ("rita", json!({ "effect": { "confirm": true } }), Ok(())),
        ("erp", json!({ "effect": { "confirm": true } }), Ok(())),
        ("a", json!({ "effect": { "confirm": true } }), Err("not_allowed")),
        ("z", json!({ "effect": { "confirm": true } }), Err("not_allowed")),
        ("eve", json!({ "effect": { "confirm": true } }), Err("not_found")),
        ("erp", named.clone(), Err("not_found")),
        ("d", named.clone(), Ok(())),
        ("c", named.clone(), Ok(())),
        ("eve", named, Ok(())),
    ] {
        let mut desk = with(more);
        let answer = desk.start(who);
        assert_eq!(answer.as_ref().map(|_| ()).map_err(|refusal| refusal.code()), wanted, "{who}");
    }
    let mut desk = desk(world(), template_with(steps(), json!({ "effect": { "confirm": true } })));
    desk.submit_for("sam", "rita").unwrap();
    assert_eq!(desk.sight("erp"), None, "nothing is theirs to start yet");
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!((desk.sight("erp"), desk.sight("eve")), (Some(1), None), "whoever may start it may see it");
    assert_eq!(code(&desk.start("rita")), "not_allowed", "another one submitted it for her");
    desk.world.leave("erp");
    assert_eq!(code(&desk.start("erp")), "not_found");
    desk.start("sam").unwrap();
}

#[test]
fn g1_only_what_was_approved_is_started() {
    let mut desk = approved();
    for wrong in [payload(2), Hash::ZERO] {
        assert_eq!(code(&desk.give(&caller("erp"), &Command::StartEffect { payload_hash: wrong })), "stale_revision");
    }
    assert_eq!(desk.effect(), ("pending", 0));
    desk.recall("a").unwrap();
    assert_eq!(code(&desk.start("erp")), "not_approved");
    desk.resubmit("rita").unwrap();
    assert_eq!(code(&desk.start("erp")), "not_approved");
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(code(&desk.give(&caller("erp"), &Command::StartEffect { payload_hash: payload(1) })), "stale_revision");
    desk.start("erp").unwrap();
}

#[test]
fn g1_the_first_failure_opens_the_request_once_more_and_the_second_is_final() {
    let failed = || {
        let mut desk = approved();
        desk.start("erp").unwrap();
        desk.now = desk.now.plus_hours(100.0);
        desk.finish("erp", EffectEnd::Failed).unwrap();
        assert_eq!(desk.effect(), ("pending", 1));
        desk
    };
    let mut again = failed();
    let until = again.request().updated_at.plus_hours(720.0);
    assert_eq!(timers::soonest(again.request(), &again.template), Some(until), "the time runs anew");
    again.start("erp").unwrap();
    assert_eq!(again.effect(), ("started", 2));
    assert!(!again.request().holds_entity(), "nothing opens it any more");
    again.finish("erp", EffectEnd::Failed).unwrap();
    assert_eq!(again.effect(), ("failed", 2));
    for answer in [again.start("erp"), again.recall("a"), again.cancel("rita")] {
        assert_eq!(code(&answer), "effect_started");
    }
    failed().cancel("rita").unwrap();

    let mut recalled = failed();
    recalled.recall("b").unwrap();
    assert_eq!((recalled.status(), recalled.effect()), (Status::Returned, ("none", 1)));
    recalled.resubmit("rita").unwrap();
    recalled.approve("a", "x").unwrap();
    recalled.approve("b", "x").unwrap();
    assert_eq!(recalled.effect(), ("pending", 1));
    assert_eq!(
        recalled.start("erp").unwrap(),
        [Event::EffectStarted { payload_hash: payload(2), attempt: 2 }],
        "no receipt's number twice"
    );
    recalled.finish("erp", EffectEnd::Failed).unwrap();
    assert_eq!(recalled.effect(), ("pending", 2), "failures count since the approval that stands");
}

#[test]
fn g1_what_is_not_started_in_time_expires_and_what_is_not_finished_is_reported_once() {
    let mut desk = approved();
    let until = desk.request().updated_at.plus_hours(720.0);
    desk.now = until.plus_millis(-1);
    assert!(desk.tick().is_empty());
    assert_eq!(code(&desk.give(&clock(), &Command::Expire)), "not_due");
    assert_eq!(code(&desk.give(&caller("rita"), &Command::Expire)), "not_allowed");
    let mut started = desk.clone();
    desk.now = until;
    assert_eq!(desk.tick(), [Due::EffectExpired]);
    assert_eq!((desk.status(), desk.effect()), (Status::Expired, ("none", 0)));
    assert_eq!(code(&desk.start("erp")), "not_approved");
    assert_eq!(code(&desk.recall("a")), "request_closed");

    started.start("erp").unwrap();
    started.now = until;
    assert!(started.tick().is_empty(), "it is under way");
    assert_eq!(code(&started.finish("z", EffectEnd::Done)), "not_allowed", "not yet an administrator's");
    assert_eq!(code(&started.give(&clock(), &Command::RemindEffect)), "not_due");
    started.now = started.request().updated_at.plus_hours(24.0);
    assert_eq!(started.tick(), [Due::EffectLate]);
    assert_eq!(started.give(&clock(), &Command::RemindEffect), Ok(Vec::new()));
    assert_eq!(timers::soonest(started.request(), &started.template), None);
    started.finish("z", EffectEnd::Done).unwrap();
}

#[test]
fn g1_whoever_started_an_effect_finishes_it_and_keeps_sight_though_they_lost_the_role() {
    let mut desk = approved();
    desk.start("erp").unwrap();
    desk.world.set_role("approval_effect", "d");
    assert_eq!(desk.sight("erp"), Some(1), "they keep sight of what they started");
    assert_eq!(code(&desk.finish("a", EffectEnd::Done)), "not_allowed");
    assert_eq!(code(&desk.start("erp")), "not_allowed", "they hear who may, and not that there is no request");
    desk.clone().finish("erp", EffectEnd::Done).unwrap();
    desk.clone().finish("d", EffectEnd::Done).expect("whoever holds the role now may as well");

    desk.finish("erp", EffectEnd::Failed).unwrap();
    assert_eq!(code(&desk.start("erp")), "not_allowed", "another attempt needs the role");
    desk.start("d").unwrap();
    assert_eq!(desk.sight("erp"), Some(1), "an earlier attempt was theirs");
    assert_eq!(code(&desk.finish("erp", EffectEnd::Done)), "not_allowed", "the attempt under way is not");
    desk.world.leave("d");
    assert_eq!(code(&desk.finish("d", EffectEnd::Done)), "unknown_user");
}

#[test]
fn g2_whoever_counted_in_an_approval_recalls_it_until_the_start() {
    for who in ["a", "b", "z"] {
        let mut desk = approved();
        let events = desk.recall(who).unwrap();
        assert!(matches!(events.as_slice(), [Event::Recalled { .. }, Event::Returned { .. }]), "{events:?}");
        assert_eq!((desk.status(), desk.effect()), (Status::Returned, ("none", 0)), "{who}");
        desk.resubmit("rita").unwrap();
        assert!(desk.at("x").votes.is_empty());
        assert_eq!(desk.at("x").round(&person("a"), "a"), 1, "a new revision begins with the first round");
    }
    for who in ["c", "rita", "erp", "e"] {
        assert_eq!(code(&approved().recall(who)), if who == "e" { "not_found" } else { "not_allowed" }, "{who}");
    }
    let mut desk = submitted(world(), template_with(steps(), json!({ "effect": { "confirm": true } })));
    desk.approve("e", "x").unwrap();
    desk.approve("c", "x").unwrap();
    let recall = |who: &str, person_of: &str| {
        let command = Command::Recall { reason: text("no"), on_behalf_of: Some(person(person_of)) };
        desk.clone().give(&caller(who), &command)
    };
    assert!(recall("e", "a").is_ok() && recall("a", "a").is_ok() && recall("c", "c").is_ok());
    for (who, of) in [("e", "c"), ("c", "a"), ("z", "a")] {
        assert_eq!(code(&recall(who, of)), "not_allowed", "{who} for {of}");
    }
}

#[test]
fn g2_the_requester_recalls_what_is_in_progress_unless_the_template_forbids_it() {
    let start = |more| {
        let mut desk = submitted(world(), template_with(steps(), more));
        desk.approve("a", "x").unwrap();
        desk
    };
    let mut desk = start(json!({}));
    desk.recall("rita").unwrap();
    assert_eq!((desk.status(), desk.steps().as_str()), (Status::Returned, "x:closed"));
    desk.resubmit("rita").unwrap();
    assert_eq!(code(&start(json!({ "recall": false })).recall("rita")), "not_allowed");
    start(json!({ "recall": false })).recall("a").expect("an approver may");
    assert_eq!(code(&start(json!({})).recall("b")), "not_allowed", "b gave no approval");
    assert_eq!(code(&approved().recall("rita")), "not_allowed", "no way to have it approved again");
}

#[test]
fn g3_a_vote_taken_back_frees_its_seat_in_the_next_round() {
    let mut desk = submitted(world(), template(steps()));
    desk.approve("e", "x").unwrap();
    for who in ["b", "z", "rita"] {
        assert_eq!(code(&desk.withdraw(who, "x")), "no_such_vote", "{who}");
    }
    let mut by_holder = desk.clone();
    assert_eq!(by_holder.withdraw("a", "x").unwrap(), [Event::VoteWithdrawn { step: step("x"), person: person("a") }]);
    desk.withdraw("e", "x").unwrap();
    assert_eq!(code(&desk.withdraw("e", "x")), "no_such_vote");
    assert!(desk.at("x").votes.is_empty());
    assert_eq!(desk.sight("e"), Some(1), "who voted stays a party");
    // Late duplicates, by whoever: harmless. Whoever means it says so.
    for (who, round, wanted) in [
        ("e", None, "round_required"),
        ("a", None, "round_required"),
        ("e", Some(1), "stale_round"),
        ("a", Some(3), "stale_round"),
        ("b", Some(2), "stale_round"),
    ] {
        let vote = Vote { round, ..desk.ballot("x", Decision::Approve) };
        assert_eq!(code(&desk.give(&caller(who), &Command::Vote(vote))), wanted, "{who} in round {round:?}");
    }
    desk.approve("b", "x").expect("the round of other seats is the first");
    desk.approve_in("a", "x", 2).unwrap();
    assert_eq!(desk.status(), Status::Approved);
    assert_eq!(code(&desk.withdraw("a", "x")), "request_closed");
}

#[test]
fn g4_a_rejection_taken_back_can_be_approved_again_and_again() {
    let steps =
        json!([{ "id": "x", "approvers": [{ "user": "a" }, { "user": "b" }, { "user": "c" }], "required": 2, "on_reject": "majority" }]);
    let mut desk = submitted(world(), template(steps));
    desk.reject("a", "x").unwrap();
    desk.withdraw("a", "x").unwrap();
    desk.approve_in("a", "x", 2).unwrap();
    desk.withdraw("a", "x").unwrap();
    assert_eq!(code(&desk.approve_in("a", "x", 2)), "stale_round");
    desk.approve_in("a", "x", 3).unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn g4_after_the_step_is_closed_no_vote_is_taken_back() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }] }, { "id": "y", "approvers": [{ "user": "b" }] }]);
    let mut desk = submitted(world(), template(steps));
    desk.approve("a", "x").unwrap();
    let answer = desk.withdraw("a", "x");
    assert_eq!(code(&answer), "vote_counted");
    let said = "step `x` is approved: a vote that counted is not taken back alone; recall the request instead";
    assert_eq!(answer.unwrap_err().to_string(), said);
    assert_eq!(code(&desk.withdraw("a", "nowhere")), "unknown_step");
    desk.recall("a").expect("but the request is recalled");
    assert_eq!(code(&desk.withdraw("a", "x")), "step_not_open", "there is nothing to recall any more");

    let mut waiting = approved();
    assert_eq!(code(&waiting.withdraw("a", "x")), "vote_counted", "its effect is not started: recall helps");
    waiting.clone().recall("a").unwrap();
    waiting.start("erp").unwrap();
    assert_eq!(code(&waiting.withdraw("a", "x")), "request_closed", "nothing helps any more");
}
