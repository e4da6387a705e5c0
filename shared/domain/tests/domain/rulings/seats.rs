//! Votes and the seats they take: reach, reserves, quorum, delegation, seats passed on.

use approvals_domain::event::Event;
use approvals_domain::facts::Facts;
use approvals_domain::state::{Status, StepPhase};
use serde_json::{Value, json};

use super::{one, why};
use crate::desk::{caller, code, desk, submitted, template};
use crate::world::{Loads, MORNING, World, euros, only_steps};

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

/// The right of whoever voted for another is still there, and a delegate may use it: whichever of the votes comes first.
#[test]
fn f3_a_right_left_unused_by_a_vote_for_another_counts_while_a_delegate_can_use_it() {
    let two = |fallback: Value| one(json!({ "approvers": [{ "user": "a" }, { "user": "c" }], "required": 2, "fallback": fallback }));
    let world = || World::of("rita a c d z").role("approval_admin", "z").delegation("d1", "c", "a").delegation("d2", "a", "d");
    for fallback in [json!("none"), json!([{ "user": "z" }])] {
        for first in ["a for c", "d for a"] {
            let mut desk = submitted(world(), two(fallback.clone()));
            for vote in [first, if first == "a for c" { "d for a" } else { "a for c" }] {
                assert_eq!((desk.status(), desk.candidates("x").as_str()), (Status::InProgress, "user:a user:c"), "{vote}");
                let (by, person) = vote.split_once(" for ").unwrap();
                desk.approve_for(by, person, "x").unwrap();
            }
            assert_eq!(desk.status(), Status::Approved, "{first} first");
        }
    }
    // Without a delegate nobody can use it: a reserve is needed, and steps without one are blocked.
    let mut desk = submitted(World::of("rita a c z").delegation("d1", "c", "a"), two(json!([{ "user": "z" }])));
    desk.approve_for("a", "c", "x").unwrap();
    assert_eq!(desk.candidates("x"), "user:a user:c ~user:z");
    // Nor can a delegate who has left, who voted, or whose delegation is of another step.
    let mut gone = world();
    gone.leave("d");
    let other = World::of("rita a c d z").delegation("d1", "c", "a").delegation_with("d2", "a", "d", |d| d.steps = only_steps("y"));
    for world in [gone, other] {
        let mut desk = submitted(world, two(json!("none")));
        assert_eq!(code(&desk.approve_for("a", "c", "x")), "would_block");
        desk.world = std::mem::take(&mut desk.world).delegation("d3", "a", "z");
        desk.approve_for("a", "c", "x").unwrap();
        desk.world.revoke(desk.world.delegations() - 1);
        desk.reroute().unwrap();
        assert_eq!(desk.status(), Status::Pending);
        desk.world = std::mem::take(&mut desk.world).delegation("d4", "a", "z");
        desk.reroute().unwrap();
        desk.approve_for("z", "a", "x").unwrap();
        assert_eq!(desk.status(), Status::Approved, "a delegation that came later counts once the step is looked at");
    }
}

/// Whoever serves for another serves no more for themselves, unless somebody serves for them in turn.
#[test]
fn f3_each_human_serves_once() {
    let three = || one(json!({ "approvers": [{ "user": "a" }, { "user": "c" }, { "user": "d" }], "required": 3, "fallback": "none" }));
    let world = World::of("rita a c d e").delegation("d1", "c", "a").delegation("d2", "a", "d");
    let mut desk = submitted(world.clone(), three());
    assert_eq!(code(&desk.approve_for("a", "c", "x")), "would_block", "d votes once: for a, or for themselves");
    let mut desk = submitted(world.delegation("d3", "d", "e"), three());
    for (by, person) in [("a", "c"), ("d", "a"), ("e", "d")] {
        assert_eq!(desk.status(), Status::InProgress, "before {by} for {person}");
        desk.approve_for(by, person, "x").unwrap();
    }
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

/// Bob may vote for dan. In one order both approve; in the other bob used dan's right, nobody was left, and nobody could change their mind.
#[test]
fn no_order_of_legal_votes_blocks_what_another_order_approves() {
    let rules = json!({ "approvers": [{ "user": "bob" }, { "user": "dan" }], "required": 2, "fallback": "none" });
    let start = || submitted(World::of("rita bob dan eve").delegation("d1", "dan", "bob"), one(rules.clone()));
    for reject in [false, true] {
        let mut desk = start();
        let answer = desk.approve_for("bob", "dan", "x");
        assert_eq!(code(&answer), "would_block");
        assert_eq!(
            answer.unwrap_err().to_string(),
            "a vote on the right of `dan` would block step `x`, and one on the right of `bob` would not"
        );
        desk.approve("bob", "x").expect("their own is free");
        if reject {
            desk.reject("dan", "x").unwrap();
        } else {
            desk.approve("dan", "x").unwrap();
        }
        assert_eq!(desk.status(), if reject { Status::Rejected } else { Status::Approved });
    }
    let mut served = start();
    served.world = std::mem::take(&mut served.world).delegation("d2", "bob", "eve");
    served.approve_for("bob", "dan", "x").expect("eve can still vote for bob: it is a choice");
    served.approve("eve", "x").unwrap();
    assert_eq!(served.status(), Status::Approved);
    let mut reserved = submitted(
        World::of("rita bob dan z").delegation("d1", "dan", "bob").role("approval_admin", "z"),
        one(json!({ "approvers": [{ "user": "bob" }, { "user": "dan" }], "required": 2 })),
    );
    reserved.approve_for("bob", "dan", "x").expect("a reserve stands in, so nothing is blocked");
}

/// I1: a human votes once on a step, whoever's right they used; so their own right stays another's to use, and their vote can be taken back.
#[test]
fn who_voted_for_another_casts_no_second_vote_on_the_own_right() {
    let world = World::of("rita bob dan eve").delegation("d1", "dan", "bob");
    let mut desk = submitted(
        world,
        one(json!({ "approvers": [{ "role": "p" }, { "user": "bob" }, { "user": "dan" }, { "user": "eve" }], "required": 2 })),
    );
    desk.approve_for("bob", "dan", "x").unwrap();
    assert_eq!(desk.approve("bob", "x"), Ok(Vec::new()), "the same answer again, without a name");
    assert_eq!(code(&desk.approve_for("bob", "bob", "x")), "already_voted");
    assert_eq!(code(&desk.approve("dan", "x")), "seat_taken");
    desk.withdraw("bob", "x").unwrap();
    desk.approve_in("bob", "x", 2).unwrap();
    assert_eq!(desk.at("x").votes[0].seat(), "bob");
}

/// Whatever blocked it, a change of mind is possible, and opens it again.
#[test]
fn g4_a_vote_on_a_blocked_step_is_taken_back_by_the_voter_or_the_seat_s_holder() {
    for who in ["bob", "dan"] {
        let rules = json!({ "approvers": [{ "user": "bob" }, { "user": "dan" }], "required": 2, "fallback": "none" });
        let world = World::of("rita bob dan eve").delegation("d1", "dan", "bob").delegation("d2", "bob", "eve");
        let mut desk = submitted(world, one(rules));
        desk.approve_for("bob", "dan", "x").unwrap();
        desk.world.revoke(1);
        desk.reroute().unwrap();
        assert_eq!(desk.at("x").phase, StepPhase::Blocked);
        let events = desk.withdraw(who, "x").unwrap();
        assert!(matches!(events.as_slice(), [Event::VoteWithdrawn { .. }, Event::Opened { .. }]), "{events:?}");
        desk.approve_in("bob", "x", 2).unwrap();
        desk.approve_in("dan", "x", 2).unwrap();
        assert_eq!(desk.status(), Status::Approved);
    }
}
