//! How many approvals a step needs, when that number is taken, and what rejections do.

use approvals_domain::event::Decision;
use approvals_domain::state::Status;
use serde_json::json;

use crate::desk::{code, submitted, template};
use crate::world::World;

#[test]
fn required_becomes_a_number_when_the_step_opens_and_stays() {
    // (rule, members at opening, approvals needed)
    for (rule, members, need) in [
        (json!(1), "a", 1),
        (json!(2), "a b c", 2),
        (json!("all"), "a b c", 3),
        (json!("majority"), "a b c d", 3),
        (json!("majority"), "a b c d e", 3),
        (json!("60%"), "a b c d e", 3),
        (json!("61%"), "a b c d e", 4),
        (json!("1%"), "a", 1),
    ] {
        let world = World::of("rita a b c d e f g").role("finance", members);
        let mut desk = submitted(world, template(json!([{ "id": "x", "approvers": [{ "role": "finance" }], "required": rule }])));
        assert_eq!(desk.need("x"), need, "{rule} of {members}");
        desk.world.set_role("finance", "a b c d e f g");
        for (cast, voter) in members.split(' ').take(need as usize).enumerate() {
            assert_eq!(desk.at("x").approvals(), cast);
            desk.approve(voter, "x").unwrap();
        }
        assert_eq!(desk.status(), Status::Approved, "{rule} of {members}");
    }
}

#[test]
fn requesters_and_barred_persons_are_not_counted_into_all() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "finance" }], "required": "all" }]);
    let template = crate::desk::template_with(steps, json!({ "barred": [{ "user": "b" }, { "role": "vendors" }] }));
    let world = World::of("rita sam a b c d").role("finance", "rita sam a b c d").role("vendors", "c");
    let mut desk = crate::desk::desk(world, template);
    desk.submit_for("sam", "rita").unwrap();
    assert_eq!(desk.need("x"), 2, "a and d");
    for (who, why) in [("rita", "own_request"), ("sam", "own_request"), ("b", "barred"), ("c", "barred")] {
        let Err(approvals_domain::refusal::Refusal::NotEligible { why: found, .. }) = desk.approve(who, "x") else { panic!("{who}") };
        assert_eq!(found.code(), why, "{who}");
    }
    desk.approve("a", "x").unwrap();
    desk.approve("d", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn any_of_is_one_seat_in_every_count() {
    let any_of = json!({ "any_of": [{ "role": "legal" }, { "user": "c" }] });
    let world = || World::of("rita a b c d").role("legal", "a b");
    let mut desk = submitted(world(), template(json!([{ "id": "x", "approvers": [any_of, { "user": "d" }], "required": "all" }])));
    assert_eq!(desk.need("x"), 2);
    desk.approve("b", "x").unwrap();
    assert_eq!(code(&desk.approve("a", "x")), "seat_taken");
    assert_eq!(code(&desk.approve("c", "x")), "seat_taken");
    desk.approve("d", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
    let vote = &desk.at("x").votes[0];
    assert_eq!(vote.seat(), "any_of:role:legal,user:c");
    assert_eq!(vote.voted.role.as_ref().map(ToString::to_string).as_deref(), Some("legal"));
}

#[test]
fn all_counts_persons_on_distinct_seats_and_not_a_person_twice() {
    let steps =
        json!([{ "id": "x", "approvers": [{ "user": "a" }, { "any_of": [{ "user": "a" }, { "role": "legal" }] }], "required": "all" }]);
    let desk = submitted(World::of("rita a").role("legal", "a"), template(steps.clone()));
    assert_eq!(desk.need("x"), 1, "one human, two seats");
    let desk = submitted(World::of("rita a b").role("legal", "b"), template(steps));
    assert_eq!(desk.need("x"), 2);
}

#[test]
fn a_person_with_two_seats_has_one_right() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "any_of": [{ "user": "a" }, { "user": "b" }] }], "required": 2 }]);
    let world = World::of("rita a b d").delegation("d1", "a", "d");
    let mut desk = submitted(world, template(steps));
    desk.approve("d", "x").unwrap();
    assert_eq!(desk.at("x").votes[0].seat(), "a");
    assert_eq!(code(&desk.approve("a", "x")), "seat_taken", "a's right is used, on whichever seat");
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_person_in_two_roles_counts_once() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }, { "role": "q" }], "required": 2 }]);
    let mut desk = submitted(World::of("rita a b").role("p", "a").role("q", "a b"), template(steps));
    desk.approve("a", "x").unwrap();
    assert!(desk.approve("a", "x").unwrap().is_empty(), "the same vote again changes nothing");
    assert_eq!(code(&desk.reject("a", "x")), "already_voted");
    assert_eq!(desk.at("x").votes.len(), 1);
}

#[test]
fn a_cast_vote_keeps_counting_when_its_caster_leaves() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "finance" }], "required": 2 }]);
    let mut desk = submitted(World::of("rita a b").role("finance", "a b"), template(steps));
    desk.approve("a", "x").unwrap();
    desk.world.leave("a");
    assert!(desk.reroute().unwrap().is_empty());
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn one_rejection_ends_the_request_and_closes_neighbours() {
    let steps = json!([[
        { "id": "x", "approvers": [{ "user": "a" }] },
        { "id": "y", "approvers": [{ "user": "b" }] },
        { "id": "z", "approvers": [{ "user": "c" }] }
    ], { "id": "later", "approvers": [{ "user": "a" }] }]);
    let mut desk = submitted(World::of("rita a b c"), template(steps));
    desk.approve("a", "x").unwrap();
    desk.reject("b", "y").unwrap();
    assert_eq!(desk.steps(), "x:approved y:rejected z:closed later:closed");
    assert_eq!(desk.status(), Status::Rejected);
    assert_eq!(desk.request().outcome().unwrap().by.person().unwrap().as_str(), "b");
    assert_eq!(code(&desk.approve("c", "z")), "request_closed");
}

#[test]
fn on_reject_return_and_the_vote_return_send_back_and_close_neighbours() {
    for (on_reject, decision) in [("return", Decision::Reject), ("reject", Decision::Return), ("majority", Decision::Return)] {
        let steps = json!([[
            { "id": "x", "approvers": [{ "role": "p" }], "required": 3, "on_reject": on_reject },
            { "id": "y", "approvers": [{ "user": "b" }] }
        ], { "id": "later", "approvers": [{ "user": "a" }] }]);
        let mut desk = submitted(World::of("rita a b c").role("p", "a b c"), template(steps));
        desk.approve("b", "x").unwrap();
        desk.vote("a", "x", decision).unwrap();
        assert_eq!(desk.steps(), "x:returned y:closed later:closed", "{on_reject}");
        assert_eq!(desk.status(), Status::Returned);
        assert_eq!(code(&desk.approve("b", "y")), "step_not_open");
        assert_eq!(code(&desk.approve("a", "later")), "step_not_open");
        assert_eq!(code(&desk.approve("c", "later")), "not_eligible");
        desk.resubmit("rita").unwrap();
        assert_eq!(desk.steps(), "x:open y:open later:waiting");
    }
}

#[test]
fn on_reject_majority_ends_only_when_approval_cannot_be_reached() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": "majority", "on_reject": "majority" }]);
    let world = || World::of("rita a b c d e").role("p", "a b c d e");
    let mut desk = submitted(world(), template(steps.clone()));
    desk.reject("a", "x").unwrap();
    desk.approve("b", "x").unwrap();
    desk.reject("c", "x").unwrap();
    assert_eq!(desk.status(), Status::InProgress, "1 approval, 2 seats left, 3 needed");
    desk.reject("d", "x").unwrap();
    assert_eq!(desk.status(), Status::Rejected);

    let mut desk = submitted(world(), template(steps));
    desk.reject("a", "x").unwrap();
    desk.reject("b", "x").unwrap();
    for voter in ["c", "d", "e"] {
        desk.approve(voter, "x").unwrap();
    }
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn majority_counts_the_seats_there_are_when_a_vote_is_cast() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 2, "on_reject": "majority", "fallback": "none" }]);
    let mut desk = submitted(World::of("rita a b c d").role("p", "a b c"), template(steps));
    desk.world.set_role("p", "a b");
    desk.reject("a", "x").unwrap();
    assert_eq!(desk.status(), Status::Rejected, "b alone cannot reach 2");
}

#[test]
fn a_rejected_vote_and_a_leaver_do_not_leave_a_step_stuck() {
    let steps = json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": 2, "on_reject": "majority" }]);
    let mut desk = submitted(World::of("rita a b c z").role("p", "a b c").role("approval_admin", "z"), template(steps));
    desk.approve("a", "x").unwrap();
    desk.reject("b", "x").unwrap();
    desk.world.set_role("p", "a b");
    desk.reroute().unwrap();
    assert_eq!(desk.candidates("x"), "role:p ~role:approval_admin");
    desk.approve("z", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_step_blocked_from_the_start_counts_its_seats_when_it_opens() {
    let steps = json!([
        { "id": "first", "approvers": [{ "user": "z" }] },
        { "id": "x", "approvers": [{ "role": "p" }], "required": "all", "fallback": "none" }
    ]);
    let mut desk = submitted(World::of("rita a b c z").role("p", "a"), template(steps));
    desk.world.set_role("p", "");
    desk.approve("z", "first").unwrap();
    assert_eq!((desk.steps().as_str(), desk.status()), ("first:approved x:blocked", Status::Pending));
    desk.world.set_role("p", "a b c");
    desk.reroute().unwrap();
    assert_eq!(desk.need("x"), 3);
    desk.world.set_role("p", "a b");
    desk.reroute().unwrap();
    assert_eq!(desk.steps(), "first:approved x:blocked");
    assert_eq!(desk.need("x"), 3, "once open, the number stays");
    desk.world.set_role("p", "a b c d");
    desk.reroute().unwrap();
    assert_eq!((desk.need("x"), desk.steps().as_str()), (3, "first:approved x:open"));
}

#[test]
fn reserves_are_not_counted_into_all_when_a_blocked_step_opens() {
    let steps = json!([
        { "id": "first", "approvers": [{ "user": "z" }] },
        { "id": "x", "approvers": [{ "role": "p" }], "required": "all", "fallback": [{ "role": "q" }] }
    ]);
    let mut desk = submitted(World::of("rita a b c d z").role("p", "a").role("q", ""), template(steps));
    desk.world.set_role("p", "");
    desk.approve("z", "first").unwrap();
    assert_eq!(desk.candidates("x"), "role:p ~role:q ~role:approval_admin");
    desk.world.set_role("p", "a b");
    desk.world.set_role("q", "c d");
    desk.reroute().unwrap();
    assert_eq!(desk.need("x"), 2);
}
