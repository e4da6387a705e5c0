//! Who the candidates of a step are, which steps there are, and what happens when nobody could vote.

use approvals_domain::actor::{Actor, SystemPart};
use approvals_domain::event::Event;
use approvals_domain::facts::Facts;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use serde_json::json;

use crate::desk::{caller, code, desk, submitted, template, template_with};
use crate::world::{World, step};

#[test]
fn steps_open_in_order_and_parallel_ones_together() {
    let steps = json!([
        { "id": "one", "approvers": [{ "user": "a" }] },
        [{ "id": "left", "approvers": [{ "user": "b" }] }, { "id": "right", "approvers": [{ "user": "c" }] }],
        { "id": "last", "approvers": [{ "user": "d" }] }
    ]);
    let mut desk = submitted(World::of("rita a b c d"), template(steps));
    assert_eq!(desk.steps(), "one:open left:waiting right:waiting last:waiting");
    assert_eq!(code(&desk.approve("d", "last")), "not_found", "nobody asked d yet");
    assert_eq!(code(&desk.approve("a", "last")), "not_eligible");
    desk.approve("a", "one").unwrap();
    assert_eq!(desk.steps(), "one:approved left:open right:open last:waiting");
    desk.approve("c", "right").unwrap();
    assert_eq!(desk.steps(), "one:approved left:open right:approved last:waiting");
    desk.approve("b", "left").unwrap();
    desk.approve("d", "last").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_step_whose_condition_is_false_is_skipped_and_results_skip_no_other() {
    let steps = json!([
        { "id": "one", "when": "metadata.a", "approvers": [{ "user": "a" }] },
        { "id": "two", "approvers": [{ "user": "b" }] }
    ]);
    let mut desk = desk(World::of("rita a b"), template(steps));
    desk.condition("one", false);
    desk.condition("two", false);
    desk.submit("rita").unwrap();
    assert_eq!(desk.steps(), "one:skipped two:open");
    assert_eq!(code(&desk.approve("a", "one")), "not_found", "nobody asks a");
}

#[test]
fn an_empty_plan_is_refused_or_approved_as_the_systems_act() {
    let steps = json!([{ "id": "one", "when": "metadata.a", "approvers": [{ "user": "a" }] }]);
    let mut strict = desk(World::of("rita a"), template(steps.clone()));
    strict.condition("one", false);
    assert_eq!(code(&strict.submit("rita")), "empty_plan");

    let mut lenient = desk(World::of("rita a"), template_with(steps, json!({ "when_empty": "approve" })));
    lenient.condition("one", false);
    lenient.submit("rita").unwrap();
    assert_eq!(lenient.status(), Status::Approved);
    assert_eq!(lenient.request().outcome().unwrap().by, Actor::System { part: SystemPart::Template });
    assert_eq!(lenient.request().submitted_by.as_str(), "rita");
}

#[test]
fn managers_are_those_of_the_requester_and_of_who_approved_before() {
    let steps = json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }] },
        { "id": "director", "approvers": [{ "manager_of": "manager" }] },
        { "id": "board", "approvers": [{ "manager_of": "director" }] }
    ]);
    let world = World::of("rita m d b x").manager("rita", "m").manager("m", "d").manager("d", "b").manager("x", "b");
    let mut desk = submitted(world, template(steps));
    assert_eq!(desk.candidates("manager"), "user:m");
    desk.approve("m", "manager").unwrap();
    assert_eq!(desk.candidates("director"), "user:d");
    desk.world = desk.world.clone().manager("d", "x");
    assert_eq!(desk.candidates("director"), "user:d", "a named person is resolved at opening");
    desk.approve("d", "director").unwrap();
    assert_eq!(desk.candidates("board"), "user:x", "and the next one when it opens");
    desk.approve("x", "board").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn the_manager_of_a_delegated_vote_is_the_manager_of_the_right() {
    let steps =
        json!([{ "id": "manager", "approvers": [{ "user": "m" }] }, { "id": "director", "approvers": [{ "manager_of": "manager" }] }]);
    let world = World::of("rita m d e x").manager("m", "d").manager("e", "x").delegation("d1", "m", "e");
    let mut desk = submitted(world, template(steps));
    desk.approve("e", "manager").unwrap();
    assert_eq!(desk.candidates("director"), "user:d");
}

#[test]
fn expressions_name_persons_and_roles_per_revision() {
    let steps = json!([{ "id": "x", "approvers": [{ "expression": "e" }, { "any_of": [{ "user": "c" }, { "expression": "f" }] }] }]);
    let mut desk = desk(World::of("rita a b c d").role("p", "b"), template(steps));
    desk.expression("approvers:x:0", &["user:a", "role:p"]);
    desk.expression("approvers:x:1:1", &["any_of:user:d,role:p"]);
    desk.submit("rita").unwrap();
    assert_eq!(desk.candidates("x"), "user:a role:p any_of:user:c,user:d,role:p", "an any_of within another is one");
    desk.send_back("b", "x").unwrap();
    desk.expression("approvers:x:0", &["user:d"]);
    desk.results.named.remove("approvers:x:1:1");
    desk.resubmit("rita").unwrap();
    assert_eq!(desk.candidates("x"), "user:d any_of:user:c");
    assert_eq!(code(&desk.approve("a", "x")), "not_eligible");
}

#[test]
fn role_membership_is_looked_up_when_somebody_acts() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }] }]);
    let mut desk = submitted(World::of("rita a b").role("p", "a"), template(steps));
    desk.world.set_role("p", "b");
    assert_eq!(code(&desk.approve("a", "x")), "not_found");
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn what_nobody_could_ever_approve_is_refused_at_submission() {
    let steps = json!([
        { "id": "one", "approvers": [{ "user": "a" }] },
        { "id": "two", "approvers": [{ "role": "empty" }] },
        { "id": "three", "approvers": [{ "user": "rita" }, { "user": "gone" }], "fallback": [{ "role": "empty" }] }
    ]);
    let mut refused = desk(World::of("rita a z").role("approval_admin", ""), template(steps.clone()));
    assert_eq!(refused.submit("rita"), Err(Refusal::Unroutable(vec![step("two"), step("three")])));
    let mut helped = desk(World::of("rita a z").role("approval_admin", "z"), template(steps));
    helped.submit("rita").unwrap();
}

#[test]
fn fallback_none_keeps_approval_admin_out() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "empty" }], "fallback": "none" }]);
    let mut desk = desk(World::of("rita z").role("approval_admin", "z"), template(steps));
    assert_eq!(code(&desk.submit("rita")), "unroutable");
}

#[test]
fn a_step_with_too_few_is_accepted_blocked_and_opens_when_there_are_enough() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 2, "fallback": "none" }]);
    let mut desk = submitted(World::of("rita a b").role("p", "a"), template(steps));
    assert_eq!((desk.status(), desk.request().blocked()), (Status::Pending, true));
    assert_eq!(code(&desk.approve("a", "x")), "step_not_open");
    assert!(desk.reroute().unwrap().is_empty(), "a reroute that changes nothing makes no commit");
    desk.world.set_role("p", "a b");
    let due_at = desk.at("x").opening.as_ref().unwrap().due_at;
    desk.now = desk.now.plus_hours(5.0);
    desk.reroute().unwrap();
    let opening = desk.at("x").opening.as_ref().unwrap();
    assert_eq!((desk.status(), opening.due_at), (Status::InProgress, due_at), "the clock runs while blocked");
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn fallback_joins_first_then_approval_admin_then_it_blocks() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "fallback": [{ "role": "q" }] }]);
    let world = World::of("rita a b z").role("p", "a").role("q", "b").role("approval_admin", "z");
    let mut desk = submitted(world, template(steps));
    assert_eq!(desk.candidates("x"), "role:p");
    desk.world.leave("a");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "role:p ~role:q");
    desk.world.leave("b");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "role:p ~role:q ~role:approval_admin");
    desk.world.leave("z");
    let events = desk.reroute().unwrap();
    assert!(matches!(events.as_slice(), [Event::Blocked { .. }]));
    assert_eq!(desk.status(), Status::Pending);
    desk.world.join("b");
    desk.world.set_role("p", "b");
    desk.reroute().unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_vote_elsewhere_opens_what_was_blocked_and_blocks_what_it_empties() {
    let steps = json!([[
        { "id": "x", "approvers": [{ "role": "p" }], "required": 2 },
        { "id": "y", "approvers": [{ "user": "a" }], "distinct_from": ["x"], "fallback": "none" }
    ]]);
    let mut desk = submitted(World::of("rita a b c").role("p", "a b c"), template(steps));
    desk.approve("a", "x").unwrap();
    assert_eq!(desk.steps(), "x:open y:blocked", "the only candidate of y counted in x");
    desk.world.set_role("p", "");
    desk.reroute().unwrap();
    assert_eq!(desk.steps(), "x:blocked y:blocked");
    desk.world.set_role("p", "a b c");
    desk.reroute().unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.steps(), "x:approved y:blocked");
    assert_eq!(desk.status(), Status::Pending);
}

#[test]
fn distinct_from_bars_voters_and_persons_voted_for() {
    let steps = json!([
        { "id": "x", "approvers": [{ "user": "a" }] },
        { "id": "y", "approvers": [{ "role": "p" }], "distinct_from": ["x"] }
    ]);
    let world = World::of("rita a b c").role("p", "a b c").delegation("d1", "a", "b");
    let mut desk = submitted(world, template(steps));
    desk.approve("b", "x").unwrap();
    for who in ["a", "b"] {
        let Err(Refusal::NotEligible { why, .. }) = desk.approve(who, "y") else { panic!("{who}") };
        assert_eq!(why.code(), "distinct_from", "{who}");
    }
    desk.approve("c", "y").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_step_is_skipped_when_enough_of_its_candidates_approved_before() {
    let steps = json!([
        { "id": "x", "approvers": [{ "role": "p" }], "required": 2 },
        { "id": "y", "approvers": [{ "role": "q" }], "required": 2, "skip_if_approved_by": ["x"] },
        { "id": "z", "approvers": [{ "role": "q" }], "skip_if_approved_by": ["x"] }
    ]);
    let world = |q| World::of("rita a b c d").role("p", "a b").role("q", q);
    let both = |q| {
        let mut desk = submitted(world(q), template(steps.clone()));
        desk.approve("a", "x").unwrap();
        desk.approve("b", "x").unwrap();
        desk.steps()
    };
    assert_eq!(both("a b c"), "x:approved y:skipped z:skipped");
    assert_eq!(both("a c d"), "x:approved y:open z:waiting", "one of two is not enough");
    assert_eq!(both("c d"), "x:approved y:open z:waiting");
}

#[test]
fn one_seat_that_two_approved_before_counts_once() {
    let steps = json!([
        { "id": "x", "approvers": [{ "role": "p" }], "required": 2 },
        { "id": "y", "approvers": [{ "any_of": [{ "user": "a" }, { "user": "b" }] }, { "user": "c" }], "required": 2, "skip_if_approved_by": ["x"] }
    ]);
    let mut desk = submitted(World::of("rita a b c").role("p", "a b"), template(steps));
    desk.approve("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.steps(), "x:approved y:open");
}

#[test]
fn neither_requester_nor_submitter_votes_unless_the_step_allows_it() {
    for (allow, wanted) in [(false, "not_eligible"), (true, "")] {
        let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 3, "allow_self": allow }]);
        let mut desk = desk(World::of("rita sam a b c").role("p", "rita sam a b c"), template(steps));
        desk.submit_for("sam", "rita").unwrap();
        for who in ["rita", "sam"] {
            let answer = desk.approve(who, "x");
            assert_eq!(answer.err().map_or("", |refusal| refusal.code()), wanted, "{who}");
        }
    }
}

#[test]
fn the_requesters_manager_may_be_barred() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }] }]);
    let template = template_with(steps, json!({ "barred": [{ "manager_of": "requester" }, { "expression": "metadata.payee" }] }));
    let world = World::of("rita m n a payee").manager("rita", "m").role("p", "m n payee a");
    let mut desk = desk(world, template);
    desk.expression("barred:1", &["user:payee"]);
    desk.submit("rita").unwrap();
    assert_eq!(code(&desk.approve("m", "x")), "not_eligible");
    assert_eq!(code(&desk.approve("payee", "x")), "not_eligible");
    desk.world = desk.world.clone().manager("rita", "n");
    assert_eq!(code(&desk.approve("n", "x")), "not_eligible", "whoever it is when they act");
    desk.approve("m", "x").unwrap();
}

#[test]
fn preview_tells_the_outlook_of_every_step() {
    let steps = json!([
        { "id": "one", "approvers": [{ "manager_of": "requester" }] },
        { "id": "two", "approvers": [{ "any_of": [{ "manager_of": "one" }] }] },
        { "id": "three", "approvers": [{ "role": "p" }], "required": "all" }
    ]);
    let desk = submitted(World::of("rita m a b").manager("rita", "m").role("p", "a b"), template(steps));
    let everything = desk.world.load(&Default::default(), crate::world::Loads::Everything);
    let facts: Facts = everything;
    let actor = caller("rita");
    let prospects = approvals_domain::decide::prospects(desk.request(), &desk.context(&actor, &facts)).unwrap();
    let told: Vec<_> = prospects.iter().map(|p| (p.step.as_str(), p.candidates.len(), p.need, p.routable, p.later)).collect();
    assert_eq!(told, [("one", 1, 1, true, false), ("two", 0, 1, true, true), ("three", 1, 2, true, false)]);
}
