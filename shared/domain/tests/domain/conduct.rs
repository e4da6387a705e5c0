//! Reassign, return and resubmit, cancel, comment: what people do besides voting.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::{Status, StepPhase};
use serde_json::json;

use crate::desk::{Desk, caller, code, payload, submitted, template, text};
use crate::world::{World, person};

fn one_step() -> Desk {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "role": "p" }], "required": 2 }]);
    let world = World::of("rita a b c d e z").role("p", "b c").role("approval_admin", "z");
    submitted(world, template(steps))
}

#[test]
fn a_seat_passes_on_and_back_again() {
    let mut desk = one_step();
    desk.reassign("a", "x", None, "d").unwrap();
    assert_eq!(desk.candidates("x"), "role:p user:d");
    assert_eq!(code(&desk.approve("a", "x")), "not_eligible");
    desk.reassign("d", "x", None, "a").unwrap();
    assert_eq!(desk.candidates("x"), "role:p user:a");
    desk.approve("a", "x").unwrap();
    assert_eq!(code(&desk.approve("d", "x")), "not_eligible");
}

#[test]
fn a_member_of_a_role_passes_on_the_own_seat_only() {
    let mut desk = one_step();
    desk.reassign("b", "x", None, "d").unwrap();
    assert_eq!(code(&desk.approve("b", "x")), "not_eligible");
    desk.approve("c", "x").unwrap();
    desk.approve("d", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn an_administrator_passes_on_a_leavers_seat() {
    let mut desk = one_step();
    desk.world.leave("a");
    desk.world.set_role("p", "b");
    desk.reroute().unwrap();
    desk.reassign("z", "x", Some("a"), "d").unwrap();
    desk.approve("d", "x").unwrap();
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn passing_on_is_refused_where_it_would_give_a_right_nobody_may_have() {
    let mut desk = one_step();
    desk.approve("b", "x").unwrap();
    for (by, from, to, wanted) in [
        ("a", None, "rita", "invalid_target"),
        ("a", None, "nobody", "invalid_target"),
        ("a", None, "c", "invalid_target"),
        ("a", None, "b", "invalid_target"),
        ("a", None, "a", "invalid_target"),
        ("a", Some("c"), "d", "not_allowed"),
        ("d", None, "e", "not_found"),
        ("z", None, "e", "from_required"),
        ("z", Some("e"), "d", "no_such_seat"),
        ("b", None, "d", "no_such_seat"),
        ("rita", None, "d", "not_eligible"),
        ("nobody", None, "d", "not_found"),
    ] {
        assert_eq!(code(&desk.reassign(by, "x", from, to)), wanted, "{by} passes {from:?} to {to}");
    }
    assert_eq!(code(&desk.reassign("a", "y", None, "d")), "unknown_step");
}

#[test]
fn a_requester_who_is_a_candidate_by_name_does_not_choose_another() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "rita" }, { "user": "a" }] }]);
    let mut desk = submitted(World::of("rita a b z").role("approval_admin", "z rita"), template(steps));
    assert_eq!(code(&desk.reassign("rita", "x", Some("rita"), "b")), "not_eligible");
    desk.reassign("z", "x", Some("rita"), "b").unwrap();
    desk.approve("b", "x").unwrap();
}

#[test]
fn an_any_of_seat_is_no_single_persons_to_pass_on() {
    let steps = json!([{ "id": "x", "approvers": [{ "any_of": [{ "user": "a" }, { "user": "b" }] }] }]);
    let mut desk = submitted(World::of("rita a b c"), template(steps));
    assert_eq!(code(&desk.reassign("a", "x", None, "c")), "from_required");
    assert_eq!(code(&desk.reassign("a", "x", Some("a"), "c")), "no_such_seat");
}

#[test]
fn a_reassigned_seat_is_for_this_revision() {
    let mut desk = one_step();
    desk.reassign("a", "x", None, "d").unwrap();
    desk.send_back("d", "x").unwrap();
    desk.resubmit("rita").unwrap();
    desk.approve("a", "x").unwrap();
    assert_eq!(code(&desk.approve("d", "x")), "not_eligible");
}

#[test]
fn votes_of_a_former_revision_count_no_more_and_their_payload_is_stale() {
    let mut desk = one_step();
    desk.approve("a", "x").unwrap();
    desk.send_back("b", "x").unwrap();
    assert_eq!(code(&desk.reassign("a", "x", None, "d")), "step_not_open");
    desk.now = desk.now.plus_hours(100.0);
    desk.resubmit("rita").unwrap();
    let request = desk.request();
    assert_eq!((request.revision, request.payload_hash, request.earlier_payloads.as_slice()), (2, payload(2), [payload(1)].as_slice()));
    assert!(desk.at("x").votes.is_empty());
    assert_eq!(desk.at("x").opening.as_ref().unwrap().opened_at, request.updated_at, "the clock starts anew");
    let stale = Vote { payload_hash: Some(payload(1)), ..desk.ballot("x", Decision::Approve) };
    assert_eq!(desk.give(&caller("a"), &Command::Vote(stale.clone())), Err(Refusal::StaleRevision(payload(2))));
    let stale = Vote { decision: Decision::Reject, ..stale };
    assert_eq!(code(&desk.give(&caller("a"), &Command::Vote(stale))), "stale_revision");
    let blind = Vote { payload_hash: None, ..desk.ballot("x", Decision::Approve) };
    assert_eq!(code(&desk.give(&caller("a"), &Command::Vote(blind))), "payload_hash_required");
    desk.approve("a", "x").unwrap();
    assert_eq!(desk.status(), Status::InProgress, "b's former vote does not count");
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_rejection_needs_no_payload_hash() {
    let mut desk = one_step();
    let vote = Vote { payload_hash: None, ..desk.ballot("x", Decision::Reject) };
    desk.give(&caller("a"), &Command::Vote(vote)).unwrap();
    assert_eq!(desk.status(), Status::Rejected);
}

#[test]
fn requester_submitter_and_administrators_resubmit_and_cancel_and_nobody_else() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }] }]);
    let start = || {
        let world = World::of("rita sam a d z").role("approval_admin", "z");
        let mut desk = crate::desk::desk(world, template(steps.clone()));
        desk.submit_for("sam", "rita").unwrap();
        desk
    };
    for who in ["rita", "sam", "z"] {
        let mut desk = start();
        desk.send_back("a", "x").unwrap();
        desk.resubmit(who).unwrap();
        desk.cancel(who).unwrap();
        assert_eq!(desk.status(), Status::Cancelled, "{who}");
        assert_eq!(desk.at("x").phase, StepPhase::Closed);
        assert_eq!(code(&desk.cancel(who)), "request_closed");
    }
    let mut desk = start();
    assert_eq!(code(&desk.resubmit("rita")), "not_returned");
    for (who, wanted) in [("a", "not_allowed"), ("d", "not_found")] {
        assert_eq!(code(&desk.cancel(who)), wanted, "{who}");
    }
    desk.send_back("a", "x").unwrap();
    assert_eq!(code(&desk.resubmit("a")), "not_allowed");
    desk.cancel("rita").unwrap();
}

#[test]
fn parties_comment_and_others_see_no_request() {
    let mut desk = one_step();
    for who in ["rita", "a", "b", "z"] {
        desk.comment(who).unwrap();
    }
    assert_eq!(code(&desk.comment("d")), "not_found");
    desk.world = desk.world.clone().delegation("d1", "a", "d");
    desk.comment("d").unwrap();
    desk.send_back("a", "x").unwrap();
    desk.resubmit("rita").unwrap();
    desk.reassign("a", "x", None, "e").unwrap();
    desk.comment("a").expect("who voted in an earlier revision stays a party");
    desk.cancel("rita").unwrap();
    desk.comment("rita").expect("words are taken after the end, too");
    assert_eq!(desk.request().comments, 7);
}

#[test]
fn the_own_seat_named_as_on_behalf_is_the_own_seat() {
    let mut desk = one_step();
    desk.approve_for("a", "a", "x").unwrap();
    assert!(desk.approve_for("a", "a", "x").unwrap().is_empty());
    assert!(desk.approve("a", "x").unwrap().is_empty());
    assert_eq!(code(&desk.approve_for("a", "b", "x")), "already_voted");
    assert_eq!(desk.at("x").votes[0].voted.on_behalf_of, None);
}

#[test]
fn a_meaning_and_a_comment_stand_with_the_vote() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }], "meaning": "budget approval" }]);
    let mut desk = submitted(World::of("rita a"), template(steps));
    let vote = Vote { comment: Some(text("fine")), ..desk.ballot("x", Decision::Approve) };
    desk.give(&caller("a"), &Command::Vote(vote)).unwrap();
    let voted = &desk.at("x").votes[0].voted;
    assert_eq!((voted.meaning.as_deref(), voted.comment), (Some("budget approval"), Some(text("fine"))));
    assert_eq!(desk.at("x").votes[0].by.id, person("a"));
}

/// The reproducer of M6a: a candidate writes and passes a seat to and fro until the request takes no new revision.
#[test]
fn nobody_alone_fills_a_request_up() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }] }]);
    let mut desk = submitted(World::of("rita a b z").role("approval_admin", "z"), template(steps));
    desk.thorough = false;
    for _ in 0..limits::COMMENTS_EACH {
        desk.comment("a").unwrap();
    }
    assert_eq!(code(&desk.comment("a")), "request_full");
    desk.comment("rita").expect("others still speak");
    for turn in 0..limits::REASSIGNMENTS_EACH {
        let (from, to) = if turn % 2 == 0 { ("a", "b") } else { ("b", "a") };
        desk.reassign("z", "x", Some(from), to).unwrap();
    }
    assert_eq!(code(&desk.reassign("z", "x", Some("a"), "b")), "request_full");
    desk.reassign("a", "x", None, "b").expect("whose seat it is has turns of their own");
    desk.send_back("b", "x").unwrap();
    desk.resubmit("rita").expect("it is still to be revised");
}

#[test]
fn a_request_has_fifty_revisions_and_ends_all_the_same() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }] }]);
    let mut desk = submitted(World::of("rita a"), template(steps));
    desk.thorough = false;
    for _ in 1..limits::REVISIONS {
        desk.send_back("a", "x").unwrap();
        desk.resubmit("rita").unwrap();
    }
    desk.send_back("a", "x").unwrap();
    assert_eq!(code(&desk.resubmit("rita")), "request_full");
    desk.cancel("rita").unwrap();
}

/// Each withdrawal frees the seat, and each new vote fills it: one person alone could go on until the request is full.
#[test]
fn one_person_takes_twenty_votes_back() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "user": "b" }, { "user": "c" }], "required": 3 }]);
    let mut desk = submitted(World::of("rita a b c"), template(steps));
    desk.thorough = false;
    for round in 1..=limits::WITHDRAWALS_EACH {
        desk.approve_in("a", "x", round).unwrap();
        desk.withdraw("a", "x").unwrap();
    }
    desk.approve_in("a", "x", limits::WITHDRAWALS_EACH + 1).unwrap();
    assert_eq!(code(&desk.withdraw("a", "x")), "request_full");
    desk.approve("b", "x").unwrap();
    desk.withdraw("b", "x").expect("others change their minds");
}

/// Each recall costs the requester a revision.
#[test]
fn one_person_recalls_a_request_twenty_times() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }] }]);
    let mut desk = submitted(World::of("rita a z").role("approval_admin", "z"), template(steps));
    desk.thorough = false;
    for _ in 0..limits::RECALLS_EACH {
        desk.recall("rita").unwrap();
        desk.resubmit("rita").unwrap();
    }
    assert_eq!(code(&desk.recall("rita")), "request_full");
    desk.recall("z").expect("others recall it");
    desk.resubmit("rita").unwrap();
    desk.cancel("rita").expect("the requester may end it all the same");
}
