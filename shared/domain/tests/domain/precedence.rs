//! Which refusal comes first where two apply to a vote.

use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::template::Reasoned;

use crate::bounds::crowded;
use crate::desk::{Answer, Desk, caller, code, payload};
use crate::refusals::{pair, revised, two_steps};
use crate::world::person;

/// `(wins, loses, the situation in which both apply, the same situation without the first)`.
type Pair = (&'static str, &'static str, fn() -> Answer, fn() -> Answer);

pub(crate) fn stale(desk: &Desk, decision: Decision) -> Command {
    Command::Vote(Vote { payload_hash: Some(payload(9)), ..desk.ballot("x", decision) })
}

/// `a` has taken a vote back, and a return needs a reason.
fn withdrawn() -> Desk {
    let mut desk = two_steps();
    desk.template.reasons = [Reasoned::Return].into();
    desk.approve("a", "x").unwrap();
    desk.withdraw("a", "x").unwrap();
    desk
}

/// A vote in the second revision that says nothing of what was shown.
fn blind(decision: Decision) -> Answer {
    let mut desk = revised();
    let vote = Vote { payload_hash: None, ..desk.ballot("x", decision) };
    desk.give(&caller("a"), &Command::Vote(vote))
}

pub(crate) fn precedence() -> Vec<Pair> {
    vec![
        (
            "not_found",
            "unknown_user",
            || two_steps().approve("nobody", "y"),
            || {
                let mut desk = two_steps();
                desk.world.leave("rita");
                desk.approve("rita", "y")
            },
        ),
        (
            "unknown_user",
            "unknown_step",
            || {
                let mut desk = two_steps();
                desk.world.leave("rita");
                desk.approve("rita", "y")
            },
            || two_steps().approve("a", "y"),
        ),
        (
            "unknown_step",
            "already_voted",
            // A step has no votes under a name it does not have: the pair only shows that the step is looked up first.
            || {
                let mut desk = two_steps();
                desk.approve("a", "x").unwrap();
                desk.reject("a", "y")
            },
            || {
                let mut desk = two_steps();
                desk.approve("a", "x").unwrap();
                desk.reject("a", "x")
            },
        ),
        (
            "already_voted",
            "not_eligible",
            || {
                let mut desk = revised();
                desk.approve("a", "x").unwrap();
                desk.world.set_role("p", "b c");
                desk.reject("a", "x")
            },
            || {
                let mut desk = revised();
                desk.world.set_role("p", "b c");
                desk.reject("a", "x")
            },
        ),
        (
            "not_eligible",
            "request_closed",
            || {
                let mut desk = two_steps();
                desk.cancel("rita").unwrap();
                desk.approve("rita", "x")
            },
            || {
                let mut desk = two_steps();
                desk.cancel("rita").unwrap();
                desk.approve("a", "x")
            },
        ),
        (
            "request_closed",
            "step_not_open",
            || {
                let mut desk = two_steps();
                desk.cancel("rita").unwrap();
                desk.approve("b", "later")
            },
            || two_steps().approve("b", "later"),
        ),
        (
            "step_not_open",
            "seat_taken",
            || {
                let mut desk = two_steps();
                desk.approve("e", "x").unwrap();
                desk.approve("b", "x").unwrap();
                desk.approve("a", "x")
            },
            || {
                let mut desk = two_steps();
                desk.approve("e", "x").unwrap();
                desk.approve("a", "x")
            },
        ),
        (
            "seat_taken",
            "would_block",
            // A seat that is taken leaves nothing to choose: the pair only shows that the seat is looked at first.
            || {
                let mut desk = pair();
                desk.approve("b", "x").unwrap();
                desk.approve_for("a", "b", "x")
            },
            || pair().approve_for("a", "b", "x"),
        ),
        (
            "would_block",
            "payload_hash_required",
            || {
                let mut desk = pair();
                let vote = Vote { on_behalf_of: Some(person("b")), payload_hash: None, ..desk.ballot("x", Decision::Approve) };
                desk.give(&caller("a"), &Command::Vote(vote))
            },
            || {
                let mut desk = two_steps();
                let vote = Vote { payload_hash: None, ..desk.ballot("x", Decision::Approve) };
                desk.give(&caller("a"), &Command::Vote(vote))
            },
        ),
        (
            "payload_hash_required",
            "revision_required",
            // An approval without its hash hears of the hash; a rejection may do with the revision.
            || blind(Decision::Approve),
            || blind(Decision::Reject),
        ),
        (
            "revision_required",
            "stale_revision",
            || blind(Decision::Return),
            || {
                let mut desk = revised();
                let command = stale(&desk, Decision::Return);
                desk.give(&caller("a"), &command)
            },
        ),
        (
            "stale_revision",
            "round_required",
            || {
                let mut desk = withdrawn();
                let command = stale(&desk, Decision::Return);
                desk.give(&caller("a"), &command)
            },
            || withdrawn().send_back("a", "x"),
        ),
        // Of one vote only one of these can be said: it names no round, or another one.
        ("round_required", "stale_round", || withdrawn().send_back("a", "x"), || withdrawn().approve_in("a", "x", 1)),
        (
            "stale_round",
            "reason_required",
            || {
                let mut desk = withdrawn();
                desk.give(&caller("a"), &Command::Vote(Vote { round: Some(3), ..desk.ballot("x", Decision::Return) }))
            },
            || {
                let mut desk = withdrawn();
                desk.give(&caller("a"), &Command::Vote(Vote { round: Some(2), ..desk.ballot("x", Decision::Return) }))
            },
        ),
        (
            "reason_required",
            "request_full",
            || {
                let mut desk = crowded();
                desk.template.reasons = [Reasoned::Reject].into();
                desk.reject("last", "x")
            },
            || crowded().approve("last", "x"),
        ),
    ]
}

#[test]
fn where_two_refusals_apply_to_a_vote_the_first_wins() {
    let pairs = precedence();
    for (first, second, both, only_second) in &pairs {
        assert_eq!(code(&both()), *first, "{first} before {second}");
        assert_eq!(code(&only_second()), *second, "{second} by itself");
    }
    for (one, next) in pairs.iter().zip(pairs.iter().skip(1)) {
        assert_eq!(one.1, next.0, "the table is a chain");
    }
}
