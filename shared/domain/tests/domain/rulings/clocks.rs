//! What time brings: levels, time-outs, reminders, calendars.

use approvals_domain::command::Command;
use approvals_domain::event::{Event, Unapproved};
use approvals_domain::state::Status;
use approvals_domain::timers::{self, Due, Timer, Wait};
use serde_json::{Value, json};

use super::one;
use crate::desk::{caller, clock, code, desk, submitted, template, template_with};
use crate::world::{MORNING, World, step};

#[test]
fn f2_a_level_that_names_nobody_who_can_vote_reaches_fallback_then_administrators() {
    for to in [json!([{ "user": "boss" }]), json!([{ "role": "empty" }]), json!([{ "user": "boss" }, { "role": "empty" }])] {
        for (fallback, wanted) in [(json!({}), "role:approval_admin"), (json!({ "fallback": [{ "user": "f" }] }), "user:f")] {
            let mut rules = json!({ "approvers": [{ "user": "a" }], "escalate": [{ "after": 1.0, "to": to }] });
            rules.as_object_mut().unwrap().extend(fallback.as_object().unwrap().clone());
            let mut desk = submitted(World::of("rita a boss f z").role("approval_admin", "z"), one(rules));
            desk.world.leave("boss");
            desk.now = MORNING.plus_hours(10.0);
            desk.tick();
            assert_eq!(desk.candidates("x"), format!("user:a @1:{wanted}"));
        }
    }
}

#[test]
fn f2_a_level_passes_over_whoever_could_cast_no_further_vote() {
    let rules = json!({ "approvers": [{ "role": "ro" }], "required": 2,
        "escalate": [{ "after": 0.5, "to": [{ "manager_of": "approver" }] }, { "after": 1.0, "to": [{ "manager_of": "approver" }] }] });
    let world = World::of("rita a b c top z").role("ro", "a b").manager("b", "a").role("approval_admin", "z");
    let mut desk = submitted(world.clone(), one(rules.clone()));
    desk.now = MORNING.plus_hours(5.0);
    desk.tick();
    assert_eq!(desk.candidates("x"), "role:ro @1:role:approval_admin", "a could vote before");

    let mut desk = submitted(world.manager("a", "top"), one(rules));
    desk.now = MORNING.plus_hours(5.0);
    desk.tick();
    assert_eq!(desk.candidates("x"), "role:ro @1:user:top");
    desk.approve("top", "x").unwrap();
    desk.now = MORNING.plus_hours(10.0);
    desk.tick();
    assert_eq!(desk.candidates("x"), "role:ro @1:user:top @2:role:approval_admin");
}

#[test]
fn f2_whoever_a_level_adds_has_full_right_and_where_it_adds_nobody_those_there_are_reminded() {
    let rules = json!({ "approvers": [{ "user": "a" }], "escalate": [{ "after": 0.5, "to": [{ "role": "approval_admin" }] },
        { "after": 1.0, "to": [{ "role": "empty" }] }] });
    let mut desk = submitted(World::of("rita a z").role("approval_admin", "z"), one(rules));
    desk.now = MORNING.plus_hours(5.0);
    desk.tick();
    let answer = desk.fire("x", Timer::Escalate(2));
    assert_eq!(code(&answer), "not_due");
    desk.now = MORNING.plus_hours(10.0);
    let fired = desk.fire("x", Timer::Escalate(2)).unwrap();
    assert_eq!(fired, [Event::Escalated { step: step("x"), level: 2, candidates: Vec::new() }], "relay makes it a reminder");
    desk.approve("z", "x").unwrap();
    assert!(!desk.at("x").votes[0].voted.reserve);
}

#[test]
fn s1_silence_approves_no_blocked_step() {
    let rules = json!({ "approvers": [{ "role": "p" }], "required": 2, "fallback": "none", "on_timeout": "approve" });
    for (admins, status) in [("z y", Status::InProgress), ("", Status::Pending)] {
        let mut desk = submitted(World::of("rita a z y").role("p", "a").role("approval_admin", admins), one(rules.clone()));
        desk.now = MORNING.plus_hours(10.0);
        desk.tick();
        let last = desk.commits.last().unwrap().commit.events.clone();
        assert!(matches!(last.first(), Some(Event::TimedOut { why: Some(Unapproved::Blocked), .. })), "{last:?}");
        assert_eq!((desk.status(), desk.candidates("x").as_str()), (status, "role:p role:approval_admin"));
        assert_eq!(timers::soonest(desk.request(), &desk.template), None, "time is up once");
        assert_eq!(desk.fire("x", Timer::TimeOut), Ok(Vec::new()));
    }
}

#[test]
fn s1_silence_approves_nothing_that_somebody_rejected() {
    let rules = json!({ "approvers": [{ "role": "p" }], "required": 2, "on_reject": "majority", "on_timeout": "approve" });
    let mut desk = submitted(World::of("rita a b c z").role("p", "a b c").role("approval_admin", "z"), one(rules));
    desk.reject("a", "x").unwrap();
    desk.now = MORNING.plus_hours(10.0);
    desk.tick();
    assert!(matches!(desk.commits.last().unwrap().commit.events.as_slice(), [Event::TimedOut { why: Some(Unapproved::Rejection), .. }]));
    assert_eq!(desk.status(), Status::InProgress);
    desk.approve("z", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
    assert!(!desk.at("x").votes[1].voted.reserve, "whom a time-out adds has full right");
}

#[test]
fn s13_a_step_that_opens_again_counts_its_reminder_as_given() {
    let rules = json!({ "approvers": [{ "user": "a" }], "fallback": "none", "remind": [0.2, 0.5, 0.9] });
    let mut desk = submitted(World::of("rita a"), one(rules));
    desk.world.leave("a");
    desk.reroute().unwrap();
    desk.now = MORNING.plus_hours(6.0);
    desk.world.join("a");
    desk.reroute().unwrap();
    assert!(desk.tick().is_empty(), "asking and reminding at once is one too many");
    desk.now = MORNING.plus_hours(9.0);
    assert_eq!(desk.tick(), [Due::Step(step("x"), Timer::Remind(3))]);
}

#[test]
fn a_returned_request_reminds_its_requester_and_may_expire() {
    let hours = |h: f64| MORNING.plus_hours(h);
    let start = |more: Value| {
        let mut desk = submitted(World::of("rita a"), template_with(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]), more));
        desk.send_back("a", "x").unwrap();
        desk.now = hours(0.1);
        desk
    };
    let mut plain = start(json!({}));
    assert_eq!(timers::soonest(plain.request(), &plain.template).map(|at| at < hours(48.1)), Some(true));
    for (at, wanted) in [(47.9, vec![]), (48.1, vec![Wait::Remind(1)]), (200.0, vec![Wait::Remind(2)]), (90_000.0, vec![])] {
        plain.now = hours(at);
        assert_eq!(plain.tick(), wanted.into_iter().map(Due::Returned).collect::<Vec<_>>(), "{at}");
    }
    assert_eq!(plain.status(), Status::Returned, "by default it never expires");

    let mut strict = start(json!({ "returned": { "remind": ["1h", "2h"], "expire": "3d" } }));
    strict.now = hours(5.0);
    assert_eq!(strict.tick(), [Due::Returned(Wait::Remind(2))], "of those overdue the last");
    for actor in [caller("rita"), caller("a")] {
        assert_eq!(code(&strict.give(&actor, &Command::Expire)), "not_allowed");
    }
    strict.now = hours(73.0);
    strict.tick();
    assert_eq!((strict.status(), &strict.request().outcome().unwrap().by), (Status::Expired, &clock()));

    let mut answered = start(json!({ "returned": { "expire": "3d" } }));
    answered.resubmit("rita").unwrap();
    answered.now = hours(1_000.0);
    assert!(answered.tick().iter().all(|due| matches!(due, Due::Step(..))));
    assert_eq!(code(&answered.give(&clock(), &Command::Expire)), "not_returned");
}

#[test]
fn f10_a_calendar_that_does_not_exist_is_refused_at_submission() {
    for (planned, named) in [(true, "office"), (true, "offce"), (false, "offce")] {
        let steps = json!([
            { "id": "x", "approvers": [{ "user": "a" }] },
            { "id": "y", "when": "metadata.y", "approvers": [{ "user": "a" }], "sla": { "hours": 16, "calendar": named } }
        ]);
        let mut desk = desk(World::of("rita a").calendar("office", 3), template(steps));
        desk.condition("y", planned);
        let code = desk.submit("rita").err().map(|refusal| refusal.code());
        assert_eq!(code, (planned && named == "offce").then_some("no_such_calendar"), "{planned} {named}");
    }
}
