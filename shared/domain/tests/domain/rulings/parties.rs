//! Who has to do with a request, and what each of them may do.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::state::Status;
use approvals_domain::template::Reasoned;
use serde_json::json;

use super::{one, why};
use crate::desk::{Desk, caller, code, desk, submitted, template, template_with};
use crate::world::{World, person};

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

/// Alice submitted and asked, an administrator gave it to dan, and dan wrote revision 2: it is his.
#[test]
fn after_a_transfer_the_revision_belongs_to_whoever_submitted_it_and_the_old_submitter_rules_no_more() {
    let start = |by: &str| {
        let world = World::of("alice dan bob root sam").role("approval_admin", "root").role("p", "bob alice sam dan");
        let effect = json!({ "effect": { "confirm": true } });
        let mut desk = desk(world, template_with(json!([{ "id": "x", "approvers": [{ "role": "p" }] }]), effect));
        desk.submit_for(by, "alice").unwrap();
        desk.transfer("root", "dan").unwrap();
        desk
    };
    for by in ["alice", "sam"] {
        let mut desk = start(by);
        desk.resubmit("dan").unwrap();
        assert_eq!(desk.request().submitted_by, person("dan"));
        for who in ["alice", by] {
            assert_eq!(code(&desk.recall(who)), "not_allowed", "{who}");
            assert_eq!(code(&desk.cancel(who)), "not_allowed", "{who}");
            assert_eq!(why(&mut desk, who), "own_request", "{who} stays bound");
            assert_eq!(desk.sight(who), Some(2), "{who} keeps sight of it");
        }
        desk.clone().recall("dan").expect("the new one recalls");
        desk.approve("bob", "x").unwrap();
        for who in ["alice", by] {
            assert_eq!(code(&desk.start(who)), "not_allowed", "{who}");
            assert_eq!(code(&desk.cancel(who)), "not_allowed", "{who}");
        }
        desk.clone().cancel("dan").expect("the new one cancels");
        desk.start("dan").expect("the new one starts its effect");
    }
    let mut written = start("alice");
    written.resubmit("root").unwrap();
    assert_eq!(written.request().submitted_by, person("root"));
    assert_eq!(why(&mut written, "root"), "own_request");
    written.send_back("bob", "x").unwrap();
    written.resubmit("dan").unwrap();
    assert_eq!(written.request().submitted_by, person("root"), "only a transfer changes who submitted it");
}

#[test]
fn from_the_transfer_on_the_old_requester_neither_cancels_nor_writes_the_next_revision() {
    let world = || World::of("alice dan bob root sam").role("approval_admin", "root");
    let mut own = desk(world(), one(json!({ "approvers": [{ "user": "bob" }] })));
    own.submit("alice").unwrap();
    own.transfer("root", "dan").unwrap();
    assert_eq!(code(&own.cancel("alice")), "not_allowed");
    assert_eq!(code(&own.resubmit("alice")), "not_allowed");
    own.resubmit("dan").unwrap();

    let mut other = desk(world(), one(json!({ "approvers": [{ "user": "bob" }] })));
    other.submit_for("sam", "alice").unwrap();
    other.transfer("root", "dan").unwrap();
    assert_eq!(code(&other.resubmit("alice")), "not_allowed");
    other.resubmit("sam").expect("whoever submits for others does so for the new requester");
    assert_eq!(other.request().submitted_by, person("sam"));
}
