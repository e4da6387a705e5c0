//! Erasure: of what is over, by an administrator, and never of what somebody may still vote on.

use approvals_domain::command::Command;
use approvals_domain::event::EffectEnd;

use crate::desk::{Answer, Desk, caller, code, text};
use crate::effect;
use crate::refusals::two_steps;

impl Desk {
    pub(crate) fn erase(&mut self, by: &str) -> Answer {
        self.give(&caller(by), &Command::Erase { reason: text("asked") })
    }
}

#[test]
fn only_an_administrator_erases_and_only_what_is_over() {
    let mut desk = two_steps();
    assert_eq!(code(&desk.erase("z")), "not_closed");
    desk.send_back("a", "x").unwrap();
    assert_eq!(code(&desk.erase("z")), "not_closed", "a revision could follow");
    desk.cancel("rita").unwrap();
    for who in ["rita", "a"] {
        assert_eq!(code(&desk.erase(who)), "not_allowed", "{who}");
    }
    desk.world.join("stranger");
    assert_eq!(code(&desk.erase("stranger")), "not_found");
    desk.erase("z").unwrap();
    let erased = desk.request().erased;
    assert_eq!(erased, Some(desk.request().version));
    assert_eq!(desk.erase("z"), Ok(Vec::new()), "nobody wrote anything since");
    desk.comment("rita").unwrap();
    assert_eq!(desk.request().erased, erased, "what is said afterwards stays");
    desk.erase("z").unwrap();
    assert!(desk.request().erased > erased);
}

#[test]
fn what_waits_for_its_effect_or_its_end_is_not_erased() {
    let mut desk = effect::approved();
    assert_eq!(code(&desk.erase("z")), "not_closed");
    desk.start("rita").unwrap();
    assert_eq!(code(&desk.erase("z")), "not_closed", "a failure would open it again");
    desk.finish("rita", EffectEnd::Done).unwrap();
    desk.erase("z").unwrap();
}
