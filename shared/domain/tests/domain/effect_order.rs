//! Which refusal comes first for start, finish, recall and withdraw-vote; and what holds whether or not the clock has come by.

use approvals_domain::command::Command;
use approvals_domain::event::EffectEnd;
use approvals_domain::hash::Hash;
use approvals_domain::state::{Status, StepPhase};
use serde_json::json;

use crate::desk::{Answer, Desk, caller, code, submitted, template_with};
use crate::effect::{approved, world};

/// A command, and situations in each of which its refusal applies together with every later one that can.
type Order = (&'static str, Vec<(&'static str, fn() -> Answer)>);

fn running() -> Desk {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "role": "p" }], "required": 2 }]);
    submitted(world(), template_with(steps, json!({ "effect": { "confirm": true } })))
}

fn started() -> Desk {
    let mut desk = approved();
    desk.start("erp").unwrap();
    desk
}

fn late() -> Desk {
    let mut desk = approved();
    desk.now = desk.request().updated_at.plus_hours(720.0);
    desk
}

/// A start of what nobody approved.
fn blind(mut desk: Desk, who: &str) -> Answer {
    desk.give(&caller(who), &Command::StartEffect { payload_hash: Hash::ZERO })
}

fn cancelled() -> Desk {
    let mut desk = running();
    desk.approve("a", "x").unwrap();
    desk.cancel("rita").unwrap();
    desk
}

pub(crate) fn orders() -> Vec<Order> {
    vec![
        (
            "start an effect",
            vec![
                ("not_found", || blind(started(), "eve")),
                ("not_allowed", || blind(started(), "a")),
                ("effect_started", || blind(started(), "erp")),
                ("not_approved", || blind(running(), "rita")),
                ("request_closed", || blind(late(), "erp")),
                ("stale_revision", || blind(approved(), "erp")),
            ],
        ),
        (
            "finish an effect",
            vec![
                ("not_found", || approved().finish("eve", EffectEnd::Done)),
                ("not_allowed", || approved().finish("a", EffectEnd::Done)),
                ("effect_not_started", || approved().finish("erp", EffectEnd::Done)),
            ],
        ),
        (
            "recall",
            vec![
                ("not_found", || started().recall("eve")),
                ("not_allowed", || started().recall("c")),
                ("effect_started", || started().recall("a")),
                ("request_closed", || cancelled().recall("a")),
                ("not_approved", || {
                    let mut desk = approved();
                    desk.recall("a").unwrap();
                    desk.recall("b")
                }),
            ],
        ),
        (
            "withdraw a vote",
            vec![
                ("not_found", || cancelled().withdraw("eve", "y")),
                ("unknown_step", || cancelled().withdraw("b", "y")),
                ("no_such_vote", || cancelled().withdraw("b", "x")),
                ("request_closed", || cancelled().withdraw("a", "x")),
                ("vote_counted", || approved().withdraw("a", "x")),
                ("step_not_open", || {
                    let mut desk = running();
                    desk.approve("a", "x").unwrap();
                    desk.recall("rita").unwrap();
                    desk.withdraw("a", "x")
                }),
            ],
        ),
    ]
}

#[test]
fn the_effect_s_refusals_come_in_one_order() {
    for (command, order) in orders() {
        for (wanted, situation) in order {
            assert_eq!(code(&situation()), wanted, "{command}");
        }
    }
}

/// The tick may be late, or off.
#[test]
fn g1_nothing_starts_after_its_deadline_whether_or_not_the_clock_came_by() {
    let mut desk = late();
    assert_eq!(code(&desk.start("erp")), "request_closed");
    assert_eq!(desk.start("erp").unwrap_err().to_string().split(" at ").next(), Some("the request was expired"));
    desk.now = desk.now.plus_millis(-1);
    desk.start("erp").unwrap();
}

#[test]
fn g2_void_approvals_stay_readable_and_count_no_more() {
    let mut desk = approved();
    desk.recall("a").unwrap();
    let x = desk.at("x");
    assert_eq!((x.phase, x.approvals(), x.votes.len()), (StepPhase::Closed, 0, 2));
    desk.resubmit("rita").unwrap();
    desk.approve("a", "x").unwrap();
    assert_eq!((desk.at("x").phase, desk.at("x").approvals()), (StepPhase::Open, 1));
    desk.approve("b", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}
