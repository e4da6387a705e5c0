//! The smallest scenario of each disagreement between core and model that no ruling's own test covers.

use serde_json::json;

use crate::desk::{code, desk, submitted, template, template_with};
use crate::world::{MORNING, World};

/// Found by the model: only the last of several successors was bound.
#[test]
fn whoever_a_transfer_named_in_between_never_votes() {
    let world = World::of("rita bob carol root").role("approval_admin", "root");
    let mut desk = submitted(world, template(json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "root" }] }])));
    desk.transfer("root", "bob").unwrap();
    desk.transfer("root", "carol").unwrap();
    desk.resubmit("carol").unwrap();
    for bound in ["rita", "bob", "carol"] {
        assert_eq!(code(&desk.approve(bound, "s")), "not_eligible", "{bound}");
    }
    desk.approve("root", "s").unwrap();
}

/// Found by the model: whoever was also named in an `any_of` kept a right after passing the own seat on.
#[test]
fn a_seat_passed_on_leaves_its_giver_no_other_right_on_the_step() {
    let world = World::of("rita ann bob");
    let any = json!({ "any_of": [{ "user": "ann" }, { "user": "bob" }] });
    let mut desk = submitted(world, template(json!([{ "id": "s", "approvers": [{ "user": "ann" }, any], "fallback": "none" }])));
    desk.reassign("ann", "s", None, "bob").unwrap();
    assert_eq!(code(&desk.approve("ann", "s")), "not_eligible");
    desk.approve("bob", "s").unwrap();
}

/// Found by the model: an `any_of` of a fallback that another member filled passed for a right of whoever was not needed.
#[test]
fn who_is_not_needed_hears_so_even_where_another_filled_the_seat() {
    let fallback = json!([{ "any_of": [{ "user": "ann" }, { "user": "bob" }] }]);
    let steps =
        json!([{ "id": "s", "approvers": [{ "user": "gone" }], "fallback": fallback }, { "id": "t", "approvers": [{ "user": "z" }] }]);
    let mut world = World::of("rita ann bob gone z");
    world.leave("gone");
    let mut desk = submitted(world, template(steps));
    desk.approve("ann", "s").unwrap();
    for _ in 0..2 {
        assert_eq!(code(&desk.approve("bob", "s")), "not_eligible");
        assert_eq!(code(&desk.reassign("bob", "s", None, "z")), "not_eligible");
        drop(desk.cancel("rita"));
    }
}

/// Found by the model: a step was taken for decided by its first approval, though others were to come.
#[test]
fn the_managers_of_a_steps_approvers_are_known_once_it_is_through() {
    let steps = json!([
        { "id": "s", "approvers": [{ "user": "ann" }, { "user": "bob" }], "required": 2 },
        { "id": "t", "approvers": [{ "manager_of": "s" }] }
    ]);
    let world = World::of("rita ann bob boss chief").manager("ann", "boss").manager("bob", "chief").role("approval_admin", "boss");
    let mut desk = submitted(world, template(steps));
    desk.approve("ann", "s").unwrap();
    assert_eq!(code(&desk.approve("boss", "t")), "not_eligible", "nothing says yet that boss will be asked");
    desk.approve("bob", "s").unwrap();
    assert_eq!(desk.candidates("t"), "user:boss user:chief");
    desk.approve("boss", "t").unwrap();
}

/// Found by the model: it held rights back from whoever got their own seat again.
#[test]
fn a_seat_that_comes_back_brings_all_rights_back() {
    let steps = json!([{ "id": "s", "approvers": [{ "role": "p" }, { "any_of": [{ "role": "p" }] }], "required": 2, "fallback": "none" }]);
    let mut desk = submitted(World::of("rita ann bob cleo").role("p", "ann bob"), template(steps));
    desk.reassign("ann", "s", None, "cleo").unwrap();
    desk.reassign("cleo", "s", None, "ann").unwrap();
    desk.approve("ann", "s").unwrap();
    desk.approve("bob", "s").unwrap();
}

/// Found by the model: it took whom a blocked step would ask now for asked, before anything looked at the step again.
#[test]
fn a_blocked_step_asks_anew_only_when_it_is_looked_at() {
    let steps = json!([
        { "id": "s", "approvers": [{ "user": "ann" }] },
        { "id": "t", "approvers": [{ "manager_of": "s" }], "fallback": "none" }
    ]);
    let mut desk = submitted(World::of("rita ann boss"), template(steps));
    desk.approve("ann", "s").unwrap();
    desk.world = std::mem::take(&mut desk.world).manager("ann", "boss");
    assert_eq!(desk.sight("boss"), None);
    desk.reroute().unwrap();
    assert_eq!(desk.sight("boss"), Some(1));
    desk.approve("boss", "t").unwrap();
}

/// Found by the model: a level that named the fallback's own seat again, after a reserve had filled it, added nobody who could vote.
#[test]
fn a_level_that_names_a_filled_seat_reaches_others() {
    let any = json!({ "any_of": [{ "role": "p" }] });
    let step = json!({
        "id": "s", "approvers": [{ "user": "ann" }, { "user": "gone" }], "required": 2, "sla": { "hours": 10 },
        "fallback": [any], "escalate": [{ "after": 1.0, "to": [any] }]
    });
    let mut world = World::of("rita ann gone bob cleo z").role("p", "bob cleo").role("approval_admin", "z");
    world.leave("gone");
    let mut desk = submitted(world, template(json!([step])));
    desk.approve("bob", "s").unwrap();
    desk.now = MORNING.plus_hours(10.0);
    desk.tick();
    desk.approve("z", "s").unwrap();
}

/// Found by the model: whoever had passed on a role's seat lost sight of the request when the seat came back and the role was gone.
#[test]
fn whoever_a_seat_comes_back_to_keeps_sight_without_the_role() {
    let mut desk =
        submitted(World::of("rita ann bob cleo").role("p", "ann bob"), template(json!([{ "id": "s", "approvers": [{ "role": "p" }] }])));
    desk.reassign("ann", "s", None, "cleo").unwrap();
    desk.world.set_role("p", "bob");
    desk.world.leave("cleo");
    desk.reroute().unwrap();
    assert_eq!(desk.sight("ann"), Some(1));
    assert_eq!(code(&desk.approve("ann", "s")), "not_eligible", "to see is not to vote");
}

/// Found by the model: a climb within an `any_of`, over managers who had left, asked for a seventh round of facts. Such a level was tried
/// again each minute and never given.
#[test]
fn all_that_a_level_may_need_is_asked_for_along_with_its_climb() {
    let climb = json!({ "manager_of": "approver" });
    let step = json!({
        "id": "s", "approvers": [{ "role": "r0" }], "sla": { "hours": 4 },
        "escalate": [{ "after": 0.5, "to": [{ "role": "r0" }] }, { "after": 0.75, "to": [{ "any_of": [climb, { "role": "r1" }] }, climb] }]
    });
    let world = World::of("p0 p1 p3 p4 p5 p6").manager("p0", "p3").manager("p1", "p0").manager("p4", "p0").manager("p5", "p4");
    let world = world.role("r0", "p5 p6").role("r1", "p1 p5 p6").role("approval_admin", "p0 p4").delegation("d", "p0", "p6");
    let mut desk = desk(world, template_with(json!([step]), json!({ "barred": [{ "user": "p0" }] })));
    desk.world.leave("p3");
    desk.submit("p0").unwrap();
    desk.now = MORNING.plus_hours(2.0);
    desk.tick();
    desk.world.leave("p6");
    desk.now = MORNING.plus_hours(3.0);
    desk.tick();
    assert_eq!(desk.at("s").opening.as_ref().unwrap().level, 2);
    desk.approve("p1", "s").unwrap();
}

/// Found by the model: an `any_of` that names whoever passed their seat on was taken for a vote of theirs, though nobody else of it was new.
#[test]
fn a_level_reaches_nobody_through_a_right_that_was_passed_on() {
    let step = json!({
        "id": "s", "approvers": [{ "role": "p" }], "required": 2, "sla": { "hours": 10 },
        "fallback": [{ "any_of": [{ "user": "ann" }, { "role": "p" }] }], "escalate": [{ "after": 1.0, "to": [{ "role": "empty" }] }]
    });
    let world = World::of("rita ann bob cleo dan z").role("p", "ann bob cleo").role("approval_admin", "z");
    let mut desk = submitted(world, template(json!([step])));
    desk.reassign("ann", "s", None, "dan").unwrap();
    desk.now = MORNING.plus_hours(10.0);
    desk.tick();
    assert_eq!(desk.candidates("s"), "role:p user:dan @1:role:approval_admin");
}

/// Found by the model: a delegate of a reserve lost sight of the request as soon as others could vote again, while the reserve still stood
/// there.
#[test]
fn whoever_acts_for_somebody_asked_sees_it_whether_or_not_the_vote_is_wanted() {
    let world = World::of("rita ann dan z").role("approval_admin", "z").delegation("d", "z", "dan");
    let mut desk = submitted(world, template(json!([{ "id": "s", "approvers": [{ "role": "p" }] }])));
    assert_eq!((desk.candidates("s").as_str(), desk.sight("dan")), ("role:p ~role:approval_admin", Some(1)));
    desk.world.set_role("p", "ann");
    assert_eq!(desk.sight("dan"), Some(1));
    assert_eq!(code(&desk.approve("dan", "s")), "not_eligible");
    desk.reroute().unwrap();
    assert_eq!((desk.candidates("s").as_str(), desk.sight("dan")), ("role:p", None), "who stood in for somebody asked was not asked");
}

/// Found by the model: a vote through three delegations, on the better of two seats, asked for a seventh round of facts.
#[test]
fn what_a_vote_brings_is_asked_for_along_with_the_choice_of_its_seat() {
    let step = json!({
        "id": "s", "approvers": [{ "manager_of": "requester" }, { "role": "r1" }, { "any_of": [{ "role": "r0" }, { "user": "p0" }] }],
        "required": 3
    });
    let world =
        World::of("p0 p1 p2 p3 p4 p5").manager("p0", "p0").role("r0", "p1 p2 p4").role("r1", "p0 p1 p2").role("approval_admin", "p0");
    let world = world.delegation("d1", "p2", "p5").delegation("d2", "p5", "p1").delegation("d3", "p1", "p4").delegation("d4", "p0", "p5");
    let mut desk = desk(world, template(json!([step])));
    desk.submit("p0").unwrap();
    assert_eq!(code(&desk.approve_for("p4", "p2", "s")), "would_block", "p1, who may vote once, is needed on another right");
}
