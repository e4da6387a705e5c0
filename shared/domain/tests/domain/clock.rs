//! Time: reminders, levels of escalation, calendars, and the end of a step's time.

use approvals_domain::candidate::Candidate;
use approvals_domain::event::Event;
use approvals_domain::state::Status;
use approvals_domain::time::Timestamp;
use approvals_domain::timers::{self, Due, Timer, Wait};
use serde_json::{Value, json};

use crate::desk::{Desk, caller, clock, code, submitted, system, template, template_with};
use crate::world::{HOUR, MORNING, World, step};

/// One step of `a`, late after ten hours.
fn one_step(more: Value) -> Desk {
    let mut step = json!({ "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 10 } });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let world = World::of("rita a b boss top lead z").manager("a", "boss").manager("boss", "top").role("lead", "lead");
    submitted(world.role("approval_admin", "z"), template(json!([step])))
}

fn on_x(timer: Timer) -> Due {
    Due::Step(step("x"), timer)
}

fn at(hours: f64) -> Timestamp {
    MORNING.plus_hours(hours)
}

/// What fires at each tick, one a quarter of an hour, as `hours since opening: what`.
fn story(desk: &mut Desk, quarters: u32) -> Vec<String> {
    let mut told = Vec::new();
    for quarter in 1..=quarters {
        let hours = f64::from(quarter) / 4.0;
        desk.now = desk.now.max(at(hours));
        told.extend(desk.tick().into_iter().map(|due| match &due {
            Due::Step(step, timer) => format!("{hours}: {timer:?} on {step}"),
            Due::Returned(wait) => format!("{hours}: {wait:?}"),
            Due::EffectExpired | Due::EffectLate => format!("{hours}: {due:?}"),
        }));
    }
    told
}

#[test]
fn reminders_levels_and_the_end_come_at_their_fractions_of_the_sla() {
    let levels = json!([{ "after": 1.0, "to": [{ "role": "lead" }] }, { "after": 1.5, "to": [{ "user": "b" }] }]);
    let mut desk = one_step(json!({ "remind": [0.9, 0.5], "escalate": levels, "on_timeout": "expire" }));
    let told = story(&mut desk, 100);
    let wanted =
        ["5: Remind(1) on x", "9: Remind(2) on x", "10: Escalate(1) on x", "15: Escalate(2) on x", "20: TimeOut on x"].map(str::to_owned);
    assert_eq!(told, wanted);
    assert_eq!(desk.status(), Status::Expired);
    assert_eq!(desk.candidates("x"), "user:a @1:role:lead @2:user:b");
}

#[test]
fn time_is_up_one_gap_after_the_last_level_and_never_before_the_step_is_late() {
    let to = json!([{ "role": "lead" }]);
    for (levels, end) in [(vec![], 10.0), (vec![0.25], 10.0), (vec![1.0], 20.0), (vec![0.5, 2.0], 35.0), (vec![0.5, 0.6], 10.0)] {
        let escalate: Vec<Value> = levels.iter().map(|after| json!({ "after": after, "to": to })).collect();
        let mut desk = one_step(json!({ "escalate": escalate, "on_timeout": "reject" }));
        desk.now = at(end).plus_millis(-5);
        desk.tick();
        assert_eq!(desk.status(), Status::InProgress, "{levels:?}");
        desk.now = at(end);
        desk.tick();
        assert_eq!(desk.status(), Status::Rejected, "{levels:?}");
    }
}

#[test]
fn nothing_fires_a_millisecond_early() {
    let mut desk = one_step(json!({ "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }] }));
    for (hours, timer) in [(5.0, Timer::Remind(1)), (10.0, Timer::Escalate(1))] {
        desk.now = at(hours).plus_millis(-1);
        assert_eq!(timers::first_due(desk.request(), &desk.template, desk.now), None);
        assert_eq!(code(&desk.fire("x", timer)), "not_due");
        desk.now = at(hours);
        assert_eq!(timers::soonest(desk.request(), &desk.template), Some(at(hours)));
        assert!(desk.fire("x", timer).is_ok());
    }
    assert_eq!(timers::soonest(desk.request(), &desk.template), None, "no timer is left");
}

#[test]
fn a_late_tick_gives_the_last_reminder_alone_and_every_level_in_its_order() {
    let levels = json!([{ "after": 1.0, "to": [{ "role": "lead" }] }, { "after": 2.0, "to": [{ "user": "b" }] }]);
    let ladder = json!({ "remind": [0.2, 0.4, 0.6], "escalate": levels });
    let mut desk = one_step(ladder.clone());
    desk.now = at(7.0);
    assert_eq!(desk.tick(), [on_x(Timer::Remind(3))]);
    assert_eq!(code(&desk.fire("x", Timer::Escalate(2))), "not_due");
    assert_eq!(desk.fire("x", Timer::Remind(2)), Ok(Vec::new()), "overtaken: nothing is left to do");

    let mut desk = one_step(ladder);
    desk.now = at(1_000.0);
    assert_eq!(desk.tick(), [on_x(Timer::Escalate(1)), on_x(Timer::Escalate(2))], "reminders are overtaken");
}

#[test]
fn each_level_fires_once_however_often_it_is_asked_for() {
    let mut desk = one_step(json!({ "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }] }));
    desk.now = at(10.0);
    assert_eq!(desk.fire("x", Timer::Escalate(1)).unwrap().len(), 1);
    for hours in [10.0, 11.0, 500.0] {
        desk.now = at(hours);
        assert_eq!(desk.fire("x", Timer::Escalate(1)), Ok(Vec::new()));
        assert!(desk.tick().is_empty());
    }
    assert_eq!(desk.candidates("x"), "user:a @1:user:b");
}

#[test]
fn the_first_candidates_keep_their_right_and_a_vote_says_its_level() {
    for (by, level) in [("a", 0), ("b", 1)] {
        let mut desk = one_step(json!({ "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }] }));
        desk.now = at(10.0);
        desk.tick();
        desk.approve(by, "x").unwrap();
        assert_eq!(desk.at("x").votes[0].voted.level, level);
        assert_eq!(desk.status(), Status::Approved);
    }
}

#[test]
fn only_the_clock_gives_its_commands() {
    let mut desk = one_step(json!({ "remind": [0.5], "escalate": [{ "after": 0.5, "to": [{ "user": "b" }] }], "on_timeout": "approve" }));
    desk.now = at(100.0);
    for timer in [Timer::Remind(1), Timer::Escalate(1), Timer::TimeOut] {
        for actor in [caller("a"), caller("z"), caller("rita"), system()] {
            assert_eq!(code(&desk.give(&actor, &timer.command(step("x")))), "not_allowed");
        }
        assert_eq!(code(&desk.give(&clock(), &timer.command(step("y")))), "unknown_step");
    }
}

fn climbing(levels: usize, more: Value) -> Value {
    let escalate: Vec<Value> = (1..=levels).map(|level| json!({ "after": level, "to": [{ "manager_of": "approver" }] })).collect();
    let mut ladder = json!({ "escalate": escalate });
    ladder.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ladder
}

#[test]
fn the_ladder_climbs_to_the_top_then_to_the_fallback_then_to_the_administrators() {
    for (fallback, wanted) in [
        (json!({}), "user:a @1:user:boss @2:user:top @3:role:approval_admin"),
        (json!({ "fallback": [{ "user": "b" }] }), "user:a @1:user:boss @2:user:top @3:user:b @4:role:approval_admin"),
        (json!({ "fallback": "none" }), "user:a @1:user:boss @2:user:top"),
    ] {
        let mut desk = one_step(climbing(5, fallback));
        desk.now = at(1_000.0);
        assert_eq!(desk.tick().len(), 5, "each level fires, whoever it finds");
        assert_eq!(desk.candidates("x"), wanted);
        assert_eq!(desk.at("x").opening.as_ref().unwrap().level, 5);
    }
}

#[test]
fn a_manager_who_left_who_asked_for_it_or_who_is_asked_already_is_passed_over() {
    let world = || World::of("rita a boss top ceo").manager("a", "boss").manager("boss", "top").manager("top", "ceo");
    let go = |world: World, approvers: Value| {
        let step = json!([{ "id": "x", "approvers": approvers, "sla": { "hours": 10 }, "escalate": [{ "after": 1.0, "to": [{ "manager_of": "approver" }] }] }]);
        let mut desk = submitted(world, template(step));
        desk.world.leave("boss");
        desk.now = at(10.0);
        desk.tick();
        desk.candidates("x")
    };
    assert_eq!(go(world(), json!([{ "user": "a" }])), "user:a @1:user:top");
    assert_eq!(go(world().manager("boss", "rita").manager("rita", "ceo"), json!([{ "user": "a" }])), "user:a @1:user:ceo");
    assert_eq!(go(world(), json!([{ "user": "a" }, { "user": "top" }])), "user:a user:top @1:user:ceo");
}

#[test]
fn managers_of_a_roles_members_are_each_asked_once_and_a_ring_of_managers_ends() {
    let world = World::of("rita a b c boss").role("p", "a b c").manager("a", "boss").manager("b", "boss").manager("c", "a");
    let steps =
        json!([{ "id": "x", "approvers": [{ "role": "p" }], "sla": { "hours": 1 }, "escalate": climbing(1, json!({}))["escalate"] }]);
    let mut desk = submitted(world.manager("boss", "boss"), template(steps.clone()));
    desk.now = at(1.0);
    desk.tick();
    assert_eq!(desk.candidates("x"), "role:p @1:user:boss", "a may vote already");

    let ring = World::of("rita a b").manager("a", "b").manager("b", "a");
    let mut desk = submitted(
        ring,
        template(
            json!([{ "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 1 }, "escalate": climbing(3, json!({}))["escalate"] }]),
        ),
    );
    desk.now = at(9.0);
    assert_eq!(desk.tick().len(), 3);
    assert_eq!(desk.candidates("x"), "user:a @1:user:b", "nobody is left above them, and nobody administers");
}

#[test]
fn a_level_opens_a_blocked_step_and_the_clock_runs_while_it_is_blocked() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "fallback": "none", "required": 2, "sla": { "hours": 10 },
        "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }] }]);
    let mut desk = submitted(World::of("rita a b").role("p", "a"), template(steps));
    assert_eq!(desk.status(), Status::Pending);
    assert_eq!(story(&mut desk, 100), ["10: Escalate(1) on x"], "nobody is reminded of what is blocked");
    assert_eq!(desk.status(), Status::InProgress);
    assert_eq!(desk.at("x").opening.as_ref().unwrap().due_at, at(10.0));
}

#[test]
fn a_level_that_adds_nobody_who_can_vote_leaves_no_step_stuck() {
    let mut desk = one_step(json!({ "escalate": [{ "after": 1.0, "to": [{ "role": "empty" }] }] }));
    desk.world.leave("a");
    desk.now = at(10.0);
    desk.tick();
    assert_eq!(desk.candidates("x"), "user:a @1:role:approval_admin", "a level reaches somebody");
}

#[test]
fn the_clock_stands_still_while_returned_and_begins_anew() {
    let mut desk = one_step(json!({ "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }], "on_timeout": "approve" }));
    desk.now = at(10.0);
    desk.tick();
    desk.send_back("b", "x").unwrap();
    desk.now = at(1_000.0);
    assert_eq!(desk.tick(), [Due::Returned(Wait::Remind(2))], "the requester's clock alone");
    assert_eq!(timers::soonest(desk.request(), &desk.template), None);
    assert_eq!(code(&desk.fire("x", Timer::Escalate(1))), "step_not_open");
    desk.resubmit("rita").unwrap();
    assert_eq!(desk.candidates("x"), "user:a");
    assert_eq!(timers::soonest(desk.request(), &desk.template), Some(desk.at("x").opening.as_ref().unwrap().opened_at.plus_hours(5.0)));
}

#[test]
fn what_the_clock_ends_is_the_systems_act() {
    for (on_timeout, status) in [("approve", Status::Approved), ("reject", Status::Rejected), ("expire", Status::Expired)] {
        let mut desk = one_step(json!({ "on_timeout": on_timeout }));
        desk.now = at(10.0);
        assert_eq!(desk.tick(), [on_x(Timer::TimeOut)]);
        let outcome = desk.request().outcome().unwrap();
        assert_eq!((outcome.status, &outcome.by, outcome.at), (status, &clock(), at(10.0)));
        assert!(desk.at("x").votes.is_empty(), "nobody voted, and nobody is said to have");
    }
}

#[test]
fn a_step_approved_by_the_clock_lets_the_next_one_open() {
    let steps = json!([
        { "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 10 }, "on_timeout": "approve" },
        { "id": "y", "approvers": [{ "manager_of": "x" }], "sla": { "hours": 10 } }
    ]);
    let mut desk = submitted(World::of("rita a m z").manager("rita", "m").manager("a", "z").role("approval_admin", "z"), template(steps));
    desk.now = at(10.0);
    desk.tick();
    assert_eq!(desk.steps(), "x:approved y:open");
    assert_eq!(desk.candidates("y"), "user:m", "nobody approved x, so the requester's manager is asked");
}

#[test]
fn hours_of_a_calendar_are_counted_once_when_the_clock_starts() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 10 }, "remind": [0.5],
        "escalate": [{ "after": 1.5, "to": [{ "user": "b" }] }] }]);
    let world = || World::of("rita a b z").calendar("third", 3).calendar("half", 2).role("approval_admin", "z");
    let on_step = json!([{ "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 10, "calendar": "third" }, "remind": [0.5],
        "escalate": [{ "after": 1.5, "to": [{ "user": "b" }] }] }]);
    // The step's own calendar, else the template's, else the tenant's, else the wall clock.
    for (template, tenants, slower) in [
        (template_with(on_step.clone(), json!({ "calendar": "half" })), Some("half"), 3.0),
        (template_with(steps.clone(), json!({ "calendar": "half" })), Some("third"), 2.0),
        (template(steps.clone()), Some("third"), 3.0),
        (template(steps.clone()), None, 1.0),
    ] {
        let mut desk = crate::desk::desk(world(), template);
        desk.results.calendar = tenants.map(|id| id.parse().unwrap());
        desk.submit("rita").unwrap();
        assert_eq!(desk.at("x").opening.as_ref().unwrap().due_at, at(10.0 * slower));
        // What becomes of the calendar moves no clock that runs; nor does blocking, and reopening.
        desk.world = std::mem::take(&mut desk.world).calendar("third", 7).calendar("half", 7);
        desk.world.leave("a");
        desk.world.set_role("approval_admin", "");
        desk.reroute().unwrap();
        assert_eq!(desk.status(), Status::Pending);
        desk.world.join("a");
        desk.reroute().unwrap();
        for (hours, timer) in [(5.0, Timer::Remind(1)), (15.0, Timer::Escalate(1))] {
            desk.now = at(hours * slower).plus_millis(-1);
            assert!(desk.tick().is_empty());
            desk.now = at(hours * slower);
            assert_eq!(desk.tick(), [on_x(timer)]);
        }
    }
}

#[test]
fn a_request_with_no_timer_left_wants_no_attention() {
    let mut desk = one_step(json!({}));
    assert_eq!(timers::soonest(desk.request(), &desk.template), None, "being late is no timer");
    desk.now = at(87_600.0);
    assert!(desk.tick().is_empty());
    let mut ladder = one_step(json!({ "escalate": [{ "after": 1.0, "to": [{ "user": "b" }] }] }));
    ladder.approve("a", "x").unwrap();
    assert_eq!(timers::soonest(ladder.request(), &ladder.template), None);
}

#[test]
fn a_level_keeps_the_limit_of_candidates() {
    let crowd: Vec<String> = (0..90).map(|n| format!("u{n}")).collect();
    let called: Vec<String> = (0..50).map(|n| format!("v{n}")).collect();
    let people = format!("rita a {} {}", crowd.join(" "), called.join(" "));
    let named: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let steps = json!([{ "id": "x", "approvers": [{ "expression": "metadata.who" }], "sla": { "hours": 1 },
        "escalate": [{ "after": 1.0, "to": [{ "expression": "metadata.more" }] }] }]);
    let mut desk = crate::desk::desk(World::of(&people), template(steps));
    let texts: Vec<String> = named.iter().map(|id| format!("user:{id}")).collect();
    desk.expression("approvers:x:0", &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let more: Vec<String> = called.iter().map(|id| format!("user:{id}")).collect();
    desk.expression("escalate:x:0:0", &more.iter().map(String::as_str).collect::<Vec<_>>());
    desk.submit("rita").unwrap();
    desk.now = MORNING.plus_millis(2 * HOUR);
    desk.tick();
    assert_eq!(desk.at("x").opening.as_ref().unwrap().candidates.len(), 100);
    assert!(
        matches!(desk.commits.last().unwrap().commit.events.as_slice(), [Event::Escalated { candidates, .. }] if candidates.len() == 10)
    );
    assert!(desk.at("x").opening.as_ref().unwrap().candidates.iter().any(|p| p.candidate == "user:v9".parse::<Candidate>().unwrap()));
}
