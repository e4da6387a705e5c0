//! Every "no" of the domain: a situation, a code, an HTTP status. Which comes first where two apply: `precedence` beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use approvals_domain::command::{Command, Submit, Vote};
use approvals_domain::event::{Decision, EffectEnd};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use approvals_domain::template::Reasoned;
use approvals_domain::timers::Timer;
use serde_json::json;

use crate::desk::{Desk, caller, code, desk, payload, submitted, system, template};
use crate::directory;
use crate::effect;
use crate::paper;
use crate::precedence::{precedence, stale};
use crate::world::{World, person};

/// Steps `x` (role `p`: a, b, c; two approvals) and `later` (d). `z` administers.
pub(crate) fn two_steps() -> Desk {
    let steps = json!([
        { "id": "x", "approvers": [{ "role": "p" }], "required": 2 },
        { "id": "later", "approvers": [{ "user": "b" }, { "user": "d" }] }
    ]);
    let world = World::of("rita sam a b c d e z").role("p", "a b c").role("approval_admin", "z").delegation("d1", "a", "e");
    submitted(world, template(steps))
}

/// Step `x` needs `a` and `b`, nobody stands in, and `a` may vote for `b`.
pub(crate) fn pair() -> Desk {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "user": "b" }], "required": 2, "fallback": "none" }]);
    submitted(World::of("rita a b").delegation("d1", "b", "a"), template(steps))
}

/// In its second revision.
pub(crate) fn revised() -> Desk {
    let mut desk = two_steps();
    desk.send_back("a", "x").unwrap();
    desk.resubmit("rita").unwrap();
    desk
}

fn new_desk(steps: serde_json::Value) -> Desk {
    desk(World::of("rita a"), template(steps))
}

macro_rules! refusals {
    ($($promise:ident: $code:literal, $status:literal, $situation:expr;)*) => {
        $(#[test] fn $promise() {
            let refusal: approvals_domain::refusal::Refusal = $situation().unwrap_err();
            assert_eq!(refusal.code(), $code);
        })*

        /// Promise, HTTP status and refusal, in the order written. The status is for the document; `web` holds its own to it.
        pub(crate) fn examples() -> Vec<(&'static str, u16, approvals_domain::refusal::Refusal)> {
            vec![$((stringify!($promise), $status, $situation().unwrap_err()),)*]
        }
    };
}
pub(crate) use refusals;

refusals! {
    who_has_left_asks_nothing_any_more: "unknown_user", 403, || {
        let mut desk = two_steps();
        desk.world.leave("rita");
        desk.cancel("rita")
    };
    only_a_client_with_submit_for_names_another_requester: "submit_for_required", 403, || {
        let mut desk = new_desk(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]));
        let submit = Submit { requester: Some(person("rita")), ..desk.submission() };
        desk.give(&caller("a"), &Command::Submit(submit))
    };
    an_entity_has_one_open_request_of_a_template: "entity_busy", 409, || two_steps().submit("rita");
    a_plan_without_steps_is_refused: "empty_plan", 422, || {
        let mut desk = new_desk(json!([{ "id": "x", "when": "metadata.big", "approvers": [{ "user": "a" }] }]));
        desk.condition("x", false);
        desk.submit("rita")
    };
    a_step_nobody_could_ever_vote_on_is_refused_early: "unroutable", 422, || {
        new_desk(json!([{ "id": "x", "approvers": [{ "user": "rita" }] }])).submit("rita")
    };
    a_step_the_request_does_not_have_is_not_found: "unknown_step", 404, || two_steps().approve("a", "y");
    a_person_votes_once_per_step_and_revision: "already_voted", 409, || {
        let mut desk = two_steps();
        desk.approve("a", "x").unwrap();
        desk.reject("a", "x")
    };
    who_is_no_candidate_and_nobodys_delegate_does_not_vote: "not_eligible", 403, || two_steps().approve("z", "x");
    only_requester_submitter_or_administrator_cancels: "not_allowed", 403, || two_steps().cancel("a");
    what_has_ended_takes_no_more: "request_closed", 409, || {
        let mut desk = two_steps();
        desk.cancel("rita").unwrap();
        desk.approve("a", "x")
    };
    only_a_returned_request_takes_a_new_revision: "not_returned", 409, || two_steps().resubmit("rita");
    a_step_that_is_not_open_takes_no_vote: "step_not_open", 409, || two_steps().approve("b", "later");
    a_timer_fires_in_its_time_and_order: "not_due", 409, || two_steps().fire("x", Timer::Escalate(1));
    a_seat_is_filled_once: "seat_taken", 409, || {
        let mut desk = two_steps();
        desk.approve("e", "x").unwrap();
        desk.approve("a", "x")
    };
    no_choice_of_a_right_blocks_a_step_that_another_leaves_open: "would_block", 409, || pair().approve_for("a", "b", "x");
    an_approval_says_what_was_shown: "payload_hash_required", 400, || {
        let mut desk = two_steps();
        let vote = Vote { payload_hash: None, ..desk.ballot("x", Decision::Approve) };
        desk.give(&caller("a"), &Command::Vote(vote))
    };
    what_was_shown_must_be_what_stands_there: "stale_revision", 409, || {
        let mut desk = two_steps();
        let vote = Vote { payload_hash: Some(payload(9)), ..desk.ballot("x", Decision::Approve) };
        desk.give(&caller("a"), &Command::Vote(vote))
    };
    a_late_rejection_says_which_revision_it_means: "revision_required", 422, || {
        let mut desk = revised();
        let vote = Vote { payload_hash: None, ..desk.ballot("x", Decision::Reject) };
        desk.give(&caller("a"), &Command::Vote(vote))
    };
    who_votes_again_says_so: "round_required", 422, || {
        let mut desk = two_steps();
        desk.approve("a", "x").unwrap();
        desk.withdraw("a", "x").unwrap();
        desk.approve("a", "x")
    };
    a_vote_of_an_earlier_round_counts_no_more: "stale_round", 409, || {
        let mut desk = two_steps();
        desk.approve("a", "x").unwrap();
        desk.withdraw("a", "x").unwrap();
        desk.approve_in("a", "x", 1)
    };
    only_what_is_approved_is_started: "not_approved", 409, || two_steps().start("rita");
    what_was_started_is_neither_started_again_nor_taken_back: "effect_started", 409, || {
        let mut desk = effect::approved();
        desk.start("rita").unwrap();
        desk.recall("a")
    };
    only_what_was_started_is_finished: "effect_not_started", 409, || effect::approved().finish("rita", EffectEnd::Done);
    only_what_is_over_is_erased: "not_closed", 409, || two_steps().erase("z");
    only_the_own_vote_is_taken_back: "no_such_vote", 409, || two_steps().withdraw("b", "x");
    a_vote_that_closed_its_step_is_taken_back_by_a_recall: "vote_counted", 409, || {
        let mut desk = two_steps();
        desk.approve("a", "x").unwrap();
        desk.approve("c", "x").unwrap();
        desk.withdraw("a", "x")
    };
    a_template_may_ask_for_reasons: "reason_required", 422, || {
        let mut desk = revised();
        desk.template.reasons = [Reasoned::Reject].into();
        desk.reject("a", "x")
    };
    an_administrator_without_a_seat_names_whose_passes_on: "from_required", 400, || two_steps().reassign("z", "x", None, "e");
    nobody_passes_on_a_seat_that_is_not_there: "no_such_seat", 422, || two_steps().reassign("z", "x", Some("d"), "e");
    a_seat_never_passes_to_who_could_not_vote: "invalid_target", 422, || two_steps().reassign("a", "x", None, "rita");
    a_request_takes_two_hundred_comments: "request_full", 409, || {
        let mut desk = two_steps();
        desk.thorough = false;
        for who in ["rita", "a", "b", "c"].iter().cycle().take(limits::COMMENTS as usize) {
            desk.comment(who).unwrap();
        }
        desk.comment("rita")
    };
    who_is_no_party_sees_no_request: "not_found", 404, || {
        let mut desk = two_steps();
        desk.world.join("stranger");
        desk.comment("stranger")
    };
}

/// The HTTP status of a refusal, as its example says.
pub(crate) fn status(refusal: &Refusal) -> u16 {
    static STATUSES: LazyLock<BTreeMap<&str, u16>> =
        LazyLock::new(|| examples().iter().map(|(_, status, refusal)| (refusal.code(), *status)).collect());
    STATUSES.get(refusal.code()).copied().unwrap()
}

/// Every variant by its number: a new one does not compile until it stands here, and then needs an example.
const fn number(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::UnknownUser(_) => 0,
        Refusal::SubmitForNeeded => 1,
        Refusal::EntityBusy(_) => 2,
        Refusal::EmptyPlan => 3,
        Refusal::Unroutable(_) => 4,
        Refusal::UnknownStep(_) => 5,
        Refusal::AlreadyVoted { .. } => 6,
        Refusal::NotEligible { .. } => 7,
        Refusal::NotAllowed { .. } => 8,
        Refusal::RequestClosed { .. } => 9,
        Refusal::NotReturned(_) => 10,
        Refusal::StepNotOpen { .. } => 11,
        Refusal::SeatTaken { .. } => 12,
        Refusal::PayloadHashRequired => 13,
        Refusal::StaleRevision(_) => 14,
        Refusal::FromRequired => 15,
        Refusal::NoSuchSeat { .. } => 16,
        Refusal::InvalidTarget { .. } => 17,
        Refusal::RequestFull(_) => 18,
        Refusal::NoRequest => 19,
        Refusal::NotDue => 20,
        Refusal::NoObject(_) => 21,
        Refusal::DecideNeeded => 22,
        Refusal::PreconditionFailed { .. } => 23,
        Refusal::NoSuchUser { .. } => 24,
        Refusal::NoSuchCalendar(_) => 25,
        Refusal::IdCaseConflict(_) => 26,
        Refusal::LimitReached(_) => 27,
        Refusal::DelegationCycle(_) => 28,
        Refusal::DelegationRevoked => 29,
        Refusal::EndpointInactive => 30,
        Refusal::RevisionRequired => 31,
        Refusal::ReasonRequired { .. } => 32,
        Refusal::RoundRequired(_) => 33,
        Refusal::StaleRound(_) => 34,
        Refusal::NotApproved(_) => 35,
        Refusal::EffectStarted { .. } => 36,
        Refusal::EffectNotStarted(_) => 37,
        Refusal::NoSuchVote(_) => 38,
        Refusal::NotClosed(_) => 39,
        Refusal::WouldBlock { .. } => 40,
        Refusal::VoteCounted { .. } => 41,
    }
}

const VARIANTS: usize = 42;
/// `not_found` is said of a request and of an object of the directory.
const CODES: usize = VARIANTS - 1;

#[test]
fn every_refusal_has_an_example_a_code_of_its_own_and_a_line_in_the_document() {
    let mut examples = examples();
    examples.extend(directory::examples());
    let mut found: Vec<usize> = examples.iter().map(|(_, _, refusal)| number(refusal)).collect();
    found.sort_unstable();
    assert_eq!(found, (0..VARIANTS).collect::<Vec<_>>());
    let codes: BTreeMap<&str, usize> = examples.iter().map(|(_, _, refusal)| (refusal.code(), number(refusal))).collect();
    assert_eq!(codes.len(), CODES);

    let mut page = String::from(
        "# Refusals of the domain\n\nWritten by `shared/domain/tests/domain/refusals.rs` and `directory.rs` beside it; each line is a test. `detail` is for people and may change.\n\n\
         | code | status | promise | detail, for example |\n|---|---|---|---|\n",
    );
    for (promise, status, refusal) in &examples {
        writeln!(page, "| `{}` | {status} | {} | {refusal} |", refusal.code(), promise.replace('_', " ")).unwrap();
    }
    page.push_str(
        "\n## Which comes first\n\nFor a vote, where several apply. The same vote again comes before all of these and succeeds.\n\n",
    );
    for (place, (first, _, _, _)) in precedence().iter().enumerate() {
        writeln!(page, "{}. `{first}`", place + 1).unwrap();
    }
    writeln!(page, "{}. `request_full`", precedence().len() + 1).unwrap();
    page.push_str(
        "\n## Which comes first for an effect, and for a change of mind\n\n| command | refusals, the first one first |\n|---|---|\n",
    );
    for (command, order) in crate::effect_order::orders() {
        let codes: Vec<String> = order.iter().map(|(code, _)| format!("`{code}`")).collect();
        writeln!(page, "| {command} | {} |", codes.join(", ")).unwrap();
    }
    page.push_str("\nBefore all of them, whatever is asked: `too_many_commands` (429, with `Retry-After`), if one person's commands come too fast; then `tenant_throttled` (429, with `Retry-After`), if those of all people of the tenant do. docs/security.md says how fast.\n");
    page.push_str("\n## Which comes first in the directory\n\n| command | refusals, the first one first |\n|---|---|\n");
    for (command, pairs) in directory::precedence() {
        let codes: Vec<String> =
            pairs.iter().map(|pair| pair.0).chain(pairs.last().map(|pair| pair.1)).map(|code| format!("`{code}`")).collect();
        writeln!(page, "| {command} | {} |", codes.join(", ")).unwrap();
    }
    paper::keep("refusals.md", &page);
}

#[test]
fn the_same_vote_again_succeeds_whatever_happened_since() {
    let mut desk = two_steps();
    desk.approve("a", "x").unwrap();
    desk.world.set_role("p", "b c");
    let command = stale(&desk, Decision::Approve);
    assert_eq!(desk.give(&caller("a"), &command), Ok(Vec::new()), "not eligible any more, stale, and yet applied");
    desk.cancel("rita").unwrap();
    assert_eq!(desk.approve("a", "x"), Ok(Vec::new()));
}

#[test]
fn the_service_itself_casts_no_vote() {
    let mut desk = two_steps();
    let command = Command::Vote(desk.ballot("x", Decision::Approve));
    assert_eq!(code(&desk.give(&system(), &command)), "not_allowed");
    assert_eq!(code(&desk.give(&system(), &Command::Cancel { reason: None })), "not_allowed");
}
