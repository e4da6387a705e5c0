//! The rulings on decisions, each named after the fault or surprise that asked for it.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::{Decision, Event, Unapproved};
use approvals_domain::facts::Facts;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use approvals_domain::template::Reasoned;
use approvals_domain::timers::{self, Due, Timer, Wait};
use serde_json::{Value, json};

use crate::desk::{Desk, caller, clock, code, desk, submitted, template, template_with};
use crate::world::{Loads, MORNING, World, euros, person, step};

/// One step `x` with these fields.
fn one(more: Value) -> approvals_domain::template::Template {
    let mut step = json!({ "id": "x", "sla": { "hours": 10 } });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    template(json!([step]))
}

fn why(desk: &mut Desk, by: &str) -> &'static str {
    match desk.approve(by, "x") {
        Err(Refusal::NotEligible { why, .. }) => why.code(),
        Err(refusal) => refusal.code(),
        Ok(_) => "approved",
    }
}

#[test]
fn f1_who_wrote_a_revision_never_approves_the_request() {
    for approvers in [json!({ "approvers": [{ "role": "finance" }] }), json!({ "approvers": [{ "role": "nobody" }] })] {
        let world = World::of("alice root bob ann").role("finance", "root bob").role("approval_admin", "root bob");
        let mut desk = desk(world.delegation("d1", "bob", "root"), one(approvers));
        desk.submit("alice").unwrap();
        desk.send_back("root", "x").unwrap();
        desk.resubmit("root").unwrap();
        assert!(desk.request().revised_by.contains(&person("root")));
        assert_eq!(why(&mut desk, "root"), "own_request");
        assert_eq!(code(&desk.approve_for("root", "bob", "x")), "not_eligible", "nor for another");
        assert_eq!(code(&desk.reassign("root", "x", Some("bob"), "ann")), "not_eligible", "nor do they choose who does");
        desk.send_back("bob", "x").unwrap();
        desk.resubmit("alice").unwrap();
        assert_eq!(why(&mut desk, "root"), "own_request", "for the rest of the request");
        desk.approve("bob", "x").unwrap();
    }
}

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
fn f3_order_of_votes_never_blocks() {
    let rules = || {
        one(json!({ "approvers": [{ "any_of": [{ "user": "a" }, { "user": "b" }] }, { "any_of": [{ "user": "a" }, { "user": "c" }] }],
            "required": 2, "fallback": "none" }))
    };
    for order in [["a", "b"], ["b", "a"]] {
        let mut desk = desk(World::of("rita a b c d"), rules());
        desk.world.leave("c");
        desk.submit("rita").unwrap();
        for voter in order {
            desk.approve(voter, "x").unwrap_or_else(|no| panic!("{order:?}: {no}"));
        }
        assert_eq!(desk.status(), Status::Approved, "{order:?}");
    }
    // The same for a delegate who has the choice.
    let mut desk = desk(World::of("rita a b c d").delegation("d1", "a", "d"), rules());
    desk.world.leave("c");
    desk.submit("rita").unwrap();
    desk.approve("d", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn f4_an_approval_never_rejects() {
    let rules = json!({ "approvers": [{ "role": "ro" }], "required": 2, "on_reject": "majority" });
    let world = World::of("rita a b c z").role("ro", "a b c").delegation("d1", "c", "a").role("approval_admin", "z");
    let mut desk = submitted(world, one(rules));
    desk.reject("b", "x").unwrap();
    desk.approve_for("a", "c", "x").unwrap();
    assert_eq!(desk.status(), Status::InProgress, "a's own seat has not voted");
    assert_eq!(desk.candidates("x"), "role:ro ~role:approval_admin", "but a cannot vote twice");
    desk.approve("z", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn f4_a_rejection_rejects_once_the_seats_left_cannot_approve() {
    let rules = json!({ "approvers": [{ "role": "ro" }], "required": 2, "on_reject": "majority" });
    let mut desk = submitted(World::of("rita a b c z").role("ro", "a b c").role("approval_admin", "z"), one(rules));
    desk.reject("a", "x").unwrap();
    assert_eq!(desk.status(), Status::InProgress);
    desk.reject("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Rejected, "no reserve stands in for one who said no");
}

#[test]
fn f6_a_stranger_hears_not_found_whatever_they_send() {
    let rules = json!([
        { "id": "x", "approvers": [{ "user": "a" }], "sla": { "hours": 10 } },
        { "id": "later", "approvers": [{ "user": "b" }], "sla": { "hours": 10 } }
    ]);
    for ended in [false, true] {
        let mut desk = submitted(World::of("rita a b eve z").role("approval_admin", "z"), template(rules.clone()));
        desk.send_back("a", "x").unwrap();
        if ended {
            desk.cancel("rita").unwrap();
        }
        for who in ["eve", "b", "nobody"] {
            for step in ["x", "later", "nosuch"] {
                assert_eq!(code(&desk.approve(who, step)), "not_found", "{who}");
                assert_eq!(code(&desk.reject(who, step)), "not_found", "{who}");
                assert_eq!(code(&desk.reassign(who, step, None, "a")), "not_found", "{who}");
                assert_eq!(code(&desk.reassign(who, step, Some("a"), who)), "not_found", "{who}");
            }
            assert_eq!(code(&desk.resubmit(who)), "not_found", "{who}");
            assert_eq!(code(&desk.cancel(who)), "not_found", "{who}");
            assert_eq!(code(&desk.comment(who)), "not_found", "{who}");
            assert_eq!(code(&desk.transfer(who, who)), "not_found", "{who}");
        }
        desk.world = std::mem::take(&mut desk.world).delegation("d1", "a", "eve");
        assert_eq!(code(&desk.comment("eve")), "not_found", "nothing waits for a, so nothing for who acts for a");
    }
}

#[test]
fn f6_where_everybody_sees_it_strangers_hear_that_they_may_not() {
    let more = json!({ "visibility": "tenant" });
    let mut desk = submitted(World::of("rita a eve"), template_with(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]), more));
    assert_eq!(code(&desk.cancel("eve")), "not_allowed");
    assert_eq!(code(&desk.comment("eve")), "not_allowed");
    assert_eq!(code(&desk.approve("nobody", "x")), "not_found");
}

#[test]
fn f6_the_requester_has_left_and_others_bring_it_to_an_end() {
    let start = || {
        let mut desk = desk(World::of("rita sam a z roy").role("approval_admin", "z"), one(json!({ "approvers": [{ "user": "a" }] })));
        desk.submit_for("sam", "rita").unwrap();
        desk.send_back("a", "x").unwrap();
        desk.world.leave("rita");
        desk
    };
    for who in ["sam", "z"] {
        start().resubmit(who).unwrap();
    }
    assert_eq!(code(&start().resubmit("rita")), "unknown_user");
    let mut desk = start();
    desk.transfer("z", "roy").unwrap();
    desk.resubmit("roy").unwrap();
    assert_eq!(desk.request().requester, person("roy"));
    desk.approve("a", "x").unwrap();
}

#[test]
fn a_transfer_returns_a_running_request_and_neither_requester_ever_votes() {
    let world = || World::of("rita a roy z eve").role("p", "a roy rita").role("approval_admin", "z");
    let mut desk = submitted(world(), one(json!({ "approvers": [{ "role": "p" }] })));
    for (by, to, wanted) in [
        ("rita", "roy", "not_allowed"),
        ("a", "a", "not_allowed"),
        ("eve", "eve", "not_found"),
        ("z", "rita", "invalid_target"),
        ("z", "nobody", "invalid_target"),
    ] {
        assert_eq!(code(&desk.transfer(by, to)), wanted, "{by} to {to}");
    }
    desk.transfer("z", "roy").unwrap();
    assert_eq!((desk.status(), desk.request().requester.as_str(), desk.request().asks().as_str()), (Status::Returned, "rita", "roy"));
    assert_eq!(code(&desk.resubmit("a")), "not_allowed");
    desk.resubmit("roy").unwrap();
    assert_eq!(desk.request().requester.as_str(), "roy");
    for who in ["rita", "roy"] {
        assert_eq!(why(&mut desk, who), "own_request");
        assert!(desk.sight(who).is_some());
    }
    desk.approve("a", "x").unwrap();
    assert_eq!(code(&desk.transfer("z", "eve")), "request_closed");
}

#[test]
fn f9_a_late_rejection_says_which_revision_it_means() {
    let mut desk = submitted(World::of("rita a b").role("p", "a b"), one(json!({ "approvers": [{ "role": "p" }] })));
    let vote = |desk: &Desk, decision, hash, revision| {
        let ballot = desk.ballot("x", decision);
        Command::Vote(Vote { payload_hash: ballot.payload_hash.filter(|_| hash), revision, ..ballot })
    };
    let early = vote(&desk, Decision::Return, false, None);
    desk.give(&caller("a"), &early).expect("there is only one revision yet");
    desk.resubmit("rita").unwrap();
    for decision in [Decision::Return, Decision::Reject] {
        let late = vote(&desk, decision, false, None);
        assert_eq!(code(&desk.give(&caller("b"), &late)), "revision_required");
        let stale = vote(&desk, decision, false, Some(1));
        assert_eq!(code(&desk.give(&caller("b"), &stale)), "stale_revision");
    }
    let approval = vote(&desk, Decision::Approve, false, Some(2));
    assert_eq!(code(&desk.give(&caller("b"), &approval)), "payload_hash_required", "an approval names the content, not its number");
    let named = vote(&desk, Decision::Reject, false, Some(2));
    desk.give(&caller("b"), &named).unwrap();
    assert_eq!(desk.at("x").votes[0].voted.revision, Some(2));
}

#[test]
fn p4_parties_say_a_last_word_after_the_end_and_the_outcome_stays() {
    let mut desk = submitted(World::of("rita a b eve").role("p", "a b"), one(json!({ "approvers": [{ "role": "p" }] })));
    desk.approve("a", "x").unwrap();
    for who in ["rita", "a", "b"] {
        desk.comment(who).unwrap();
    }
    assert_eq!(code(&desk.comment("eve")), "not_found");
    assert_eq!(desk.status(), Status::Approved);
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
fn s2_all_never_gets_weaker_when_somebody_named_has_left() {
    let rules = || one(json!({ "approvers": [{ "user": "cfo" }, { "user": "ceo" }], "required": "all" }));
    let world = || World::of("rita cfo ceo z y").role("approval_admin", "z y");
    let mut before = desk(world(), rules());
    before.world.leave("cfo");
    before.submit("rita").unwrap();
    let mut after = submitted(world(), rules());
    after.world.leave("cfo");
    after.reroute().unwrap();
    for desk in [&mut before, &mut after] {
        assert_eq!((desk.need("x"), desk.candidates("x").as_str()), (2, "user:cfo user:ceo ~role:approval_admin"));
        desk.approve("z", "x").unwrap();
        assert_eq!(why(desk, "y"), "not_a_candidate", "only one was missing");
        desk.approve("ceo", "x").unwrap();
        assert_eq!(desk.status(), Status::Approved);
    }
    // The requester among them is no judge of the own request, so is not counted.
    let mut own = desk(World::of("ceo cfo z").role("approval_admin", "z"), rules());
    own.submit("ceo").unwrap();
    assert_eq!(own.need("x"), 1);
}

#[test]
fn s2_preview_says_how_many_of_those_named_are_there() {
    let mut desk = desk(
        World::of("rita cfo ceo z").role("approval_admin", "z"),
        one(json!({ "approvers": [{ "user": "cfo" }, { "user": "ceo" }], "required": "all" })),
    );
    desk.world.leave("cfo");
    desk.submit("rita").unwrap();
    let facts: Facts = desk.world.load(&Default::default(), Loads::Everything);
    let actor = caller("rita");
    let prospects = approvals_domain::decide::prospects(desk.request(), &desk.context(&actor, &facts)).unwrap();
    assert_eq!(prospects.iter().map(|p| (p.present, p.need)).collect::<Vec<_>>(), [(1, 2)]);
}

#[test]
fn s3_a_step_without_an_approver_passes_the_question_on() {
    let steps = |more: Value| {
        let mut middle = json!({ "id": "two", "approvers": [{ "user": "b" }], "sla": { "hours": 10 } });
        middle.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        template(
            json!([{ "id": "one", "approvers": [{ "user": "a" }] }, middle, { "id": "three", "approvers": [{ "manager_of": "two" }] }]),
        )
    };
    let world = || World::of("rita a b ma mr z").manager("a", "ma").manager("rita", "mr").role("approval_admin", "z");
    let mut skipped = desk(world(), steps(json!({ "when": "metadata.two" })));
    skipped.condition("two", false);
    skipped.submit("rita").unwrap();
    skipped.approve("a", "one").unwrap();
    assert_eq!(skipped.candidates("three"), "user:ma", "skipped: the nearest approver before it");

    let mut late = submitted(world(), steps(json!({ "on_timeout": "approve" })));
    late.approve("a", "one").unwrap();
    late.now = MORNING.plus_hours(1_000.0);
    late.tick();
    assert_eq!(late.candidates("three"), "user:ma", "timed out");

    let mut known = submitted(world(), steps(json!({ "approvers": [{ "user": "a" }], "skip_if_approved_by": ["one"] })));
    known.approve("a", "one").unwrap();
    assert_eq!((known.steps().as_str(), known.candidates("three").as_str()), ("one:approved two:skipped three:open", "user:ma"));

    let first = json!([{ "id": "two", "when": "metadata.two", "approvers": [{ "user": "b" }] }, { "id": "three", "approvers": [{ "manager_of": "two" }] }]);
    let mut none = desk(world(), template(first));
    none.condition("two", false);
    none.submit("rita").unwrap();
    assert_eq!(none.candidates("three"), "user:mr", "nobody before it: the requester's manager");
}

#[test]
fn s5_a_flap_of_the_directory_leaves_nobody_behind() {
    let rules = json!({ "approvers": [{ "manager_of": "requester" }], "fallback": [{ "user": "f" }] });
    let world = World::of("rita m f z").manager("rita", "m").role("approval_admin", "z");
    let mut desk = submitted(world, one(rules));
    for (leaves, wanted) in [("m", "user:m ~user:f"), ("f", "user:m ~user:f ~role:approval_admin")] {
        desk.world.leave(leaves);
        desk.reroute().unwrap();
        assert_eq!(desk.candidates("x"), wanted);
    }
    desk.world.join("f");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "user:m ~user:f", "the fallback is back, so no administrator is needed");
    desk.world.join("m");
    assert_eq!(why(&mut desk, "f"), "not_needed", "whether or not the directory's change has been walked");
    assert!(matches!(desk.reroute().unwrap().as_slice(), [Event::Narrowed { .. }]));
    assert_eq!(desk.candidates("x"), "user:m");
    assert_eq!(why(&mut desk, "f"), "not_a_candidate");
    assert_eq!(desk.sight("f"), Some(1), "whoever was asked keeps sight of it");
}

#[test]
fn s5_reserves_cast_no_more_votes_than_are_missing() {
    let rules = json!({ "approvers": [{ "role": "p" }], "required": 3, "fallback": [{ "role": "q" }] });
    let mut desk = submitted(World::of("rita a b c d e").role("p", "a b").role("q", "c d e"), one(rules));
    desk.approve("c", "x").unwrap();
    assert!(desk.at("x").votes[0].voted.reserve);
    assert_eq!(desk.candidates("x"), "role:p", "the others left with the vote that ended their need");
    assert_eq!(why(&mut desk, "d"), "not_a_candidate");
    assert_eq!(code(&desk.reject("d", "x")), "not_eligible", "nor to reject");
    assert_eq!(code(&desk.reassign("d", "x", None, "e")), "not_eligible", "nor to choose somebody");
    desk.world.leave("b");
    desk.reroute().unwrap();
    desk.approve("d", "x").unwrap();
    desk.approve("a", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn s9_a_limit_bounds_the_size_of_an_amount() {
    for (value, covered) in [(-50_000.0, false), (-100.0, true), (100.0, true), (100.5, false)] {
        let world = World::of("rita a d").delegation_with("d1", "a", "d", |d| d.max = Some(euros(100.0)));
        let mut desk = desk(world, one(json!({ "approvers": [{ "user": "a" }] })));
        desk.results.amount = Some(euros(value));
        desk.submit("rita").unwrap();
        assert_eq!(desk.approve("d", "x").is_ok(), covered, "{value}");
    }
}

#[test]
fn s10_a_vote_takes_the_seat_the_inbox_shows() {
    let world = World::of("rita a c d").role("p", "a c").delegation("d1", "a", "d").delegation("d2", "c", "a");
    let mut desk = submitted(world, one(json!({ "approvers": [{ "role": "p" }], "required": 2 })));
    assert_eq!(desk.seat("a", "x"), "on a");
    desk.approve("d", "x").unwrap();
    assert_eq!(desk.seat("a", "x"), "on c", "the own one is taken");
    desk.approve("a", "x").unwrap();
    assert_eq!(desk.at("x").votes[1].seat(), "c");
}

#[test]
fn s12_a_passed_seat_returns_to_its_giver_when_the_holder_leaves() {
    let rules = json!({ "approvers": [{ "user": "a" }, { "role": "p" }], "required": 2, "fallback": "none" });
    let mut desk = submitted(World::of("rita a b c d e").role("p", "b"), one(rules));
    desk.reassign("a", "x", None, "c").unwrap();
    desk.reassign("b", "x", None, "e").unwrap();
    desk.reassign("c", "x", None, "d").unwrap();
    assert_eq!(desk.candidates("x"), "role:p user:e user:d");
    desk.world.leave("d");
    desk.world.leave("e");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "role:p user:c", "each to whoever gave it");
    desk.world.leave("c");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "role:p user:a");
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn s12_a_seat_whose_holder_voted_stays_used() {
    let rules = json!({ "approvers": [{ "user": "a" }, { "user": "b" }], "required": 2 });
    let mut desk = submitted(World::of("rita a b c"), one(rules));
    desk.reassign("a", "x", None, "c").unwrap();
    desk.approve("c", "x").unwrap();
    desk.world.leave("c");
    assert_eq!(desk.reroute(), Ok(Vec::new()));
    assert_eq!(why(&mut desk, "a"), "reassigned");
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
fn reasons_are_asked_for_where_template_or_step_say_so() {
    let ask = |template_says: &[Reasoned], step_says: Option<&[Reasoned]>, decision| {
        let mut desk = submitted(World::of("rita a"), one(json!({ "approvers": [{ "user": "a" }] })));
        desk.template.reasons = template_says.iter().copied().collect();
        if let [approvals_domain::template::Group::One(step)] = desk.template.steps.as_mut_slice() {
            step.reasons = step_says.map(|says| says.iter().copied().collect());
        }
        let silent = desk.ballot("x", decision);
        let answer = desk.give(&caller("a"), &Command::Vote(silent.clone()));
        if answer.is_err() {
            let spoken = Vote { comment: Some(crate::desk::text("because")), ..silent };
            desk.give(&caller("a"), &Command::Vote(spoken)).unwrap();
        }
        answer.err().map(|refusal| refusal.code())
    };
    use Decision::{Approve, Reject, Return};
    let both = [Reasoned::Reject, Reasoned::Return];
    assert_eq!(ask(&[], None, Reject), None);
    assert_eq!(ask(&both, None, Approve), None);
    assert_eq!(ask(&both, None, Reject), Some("reason_required"));
    assert_eq!(ask(&[Reasoned::Return], None, Reject), None);
    assert_eq!(ask(&[], Some(&both), Return), Some("reason_required"));
    assert_eq!(ask(&both, Some(&[]), Return), None, "the step has the last word");
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
