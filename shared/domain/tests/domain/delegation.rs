//! Rights passed on for a time.

use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use approvals_domain::template::Template;
use serde_json::json;

use crate::desk::{Desk, code, desk, submitted, template, template_with};
use crate::world::{HOUR, MORNING, World, euros, only_steps, only_templates};

fn one() -> Template {
    template(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]))
}

fn many(required: u32) -> Template {
    template(json!([{ "id": "x", "approvers": [{ "role": "p" }], "required": required }]))
}

fn last_vote(desk: &Desk) -> (String, String, Vec<String>) {
    let vote = desk.at("x").votes.last().unwrap();
    (vote.by.id.to_string(), vote.person().to_string(), vote.voted.delegations.iter().map(ToString::to_string).collect())
}

fn expect_vote(desk: &Desk, by: &str, person: &str, chain: &[&str]) {
    assert_eq!(last_vote(desk), (by.into(), person.into(), chain.iter().map(ToString::to_string).collect()));
}

#[test]
fn a_chain_reaches_three_hops_and_no_further() {
    let world = World::of("rita a b c d e")
        .delegation("d1", "a", "b")
        .delegation("d2", "b", "c")
        .delegation("d3", "c", "d")
        .delegation("d4", "d", "e");
    for (voter, chain) in [("b", vec!["d1"]), ("c", vec!["d2", "d1"]), ("d", vec!["d3", "d2", "d1"])] {
        let mut desk = submitted(world.clone(), one());
        desk.approve(voter, "x").unwrap();
        expect_vote(&desk, voter, "a", &chain);
    }
    let mut desk = submitted(world, one());
    assert_eq!(code(&desk.approve("e", "x")), "not_found");
}

#[test]
fn a_cycle_is_cut() {
    let world =
        World::of("rita a b c").delegation("d1", "a", "b").delegation("d2", "b", "a").delegation("d3", "b", "c").delegation("d4", "c", "b");
    let mut desk = submitted(world.clone(), one());
    desk.approve("c", "x").unwrap();
    expect_vote(&desk, "c", "a", &["d3", "d1"]);
    let mut desk =
        submitted(world, template(json!([{ "id": "x", "approvers": [{ "user": "rita" }, { "role": "none" }, { "user": "a" }] }])));
    assert_eq!(code(&desk.approve_for("a", "c", "x")), "not_eligible");
}

#[test]
fn the_window_is_half_open() {
    let world = World::of("rita a b").delegation_with("d1", "a", "b", |d| {
        d.starts_at = MORNING.plus_millis(HOUR);
        d.ends_at = MORNING.plus_millis(2 * HOUR);
    });
    for (after, allowed) in [(HOUR - 1, false), (HOUR, true), (2 * HOUR - 1, true), (2 * HOUR, false)] {
        let mut desk = submitted(world.clone(), one());
        desk.now = MORNING.plus_millis(after);
        assert_eq!(desk.approve("b", "x").is_ok(), allowed, "{after}");
    }
}

#[test]
fn scope_and_amount_limit_what_is_covered() {
    type Limit = Box<dyn Fn(&mut approvals_domain::facts::Delegation)>;
    let cases: Vec<(&str, Limit, Option<f64>, bool)> = vec![
        ("any", Box::new(|_| {}), None, true),
        ("this template", Box::new(|d| d.templates = only_templates("t other")), None, true),
        ("another template", Box::new(|d| d.templates = only_templates("other")), None, false),
        ("this step", Box::new(|d| d.steps = only_steps("x")), None, true),
        ("another step", Box::new(|d| d.steps = only_steps("y")), None, false),
        ("no step at all", Box::new(|d| d.steps = only_steps("")), None, false),
        ("up to the limit", Box::new(|d| d.max = Some(euros(100.0))), Some(100.0), true),
        ("above it", Box::new(|d| d.max = Some(euros(100.0))), Some(100.01), false),
        ("no amount", Box::new(|d| d.max = Some(euros(100.0))), None, false),
        ("no number", Box::new(|d| d.max = Some(euros(100.0))), Some(f64::NAN), false),
        ("without limit", Box::new(|_| {}), Some(f64::INFINITY), true),
        (
            "another currency",
            Box::new(|d| d.max = Some(approvals_domain::amount::Amount { value: 1e9, currency: "USD".into() })),
            Some(1.0),
            false,
        ),
    ];
    for (name, with, amount, allowed) in cases {
        let world = World::of("rita a b").delegation_with("d1", "a", "b", with);
        let mut desk = desk(world, one());
        desk.results.amount = amount.map(euros);
        desk.submit("rita").unwrap();
        assert_eq!(desk.approve("b", "x").is_ok(), allowed, "{name}");
    }
}

#[test]
fn each_hop_has_its_own_scope() {
    let world = World::of("rita a b c").delegation("d1", "a", "b").delegation_with("d2", "b", "c", |d| d.steps = only_steps("y"));
    let mut desk = submitted(world, one());
    assert_eq!(code(&desk.approve("c", "x")), "not_found");
}

#[test]
fn the_nearest_delegator_is_taken_then_the_smallest_id() {
    let world = World::of("rita a b c d v").role("p", "a b c d");
    let world = world.delegation("d9", "c", "v").delegation("d8", "b", "v").delegation("d7", "a", "b");
    let mut desk = submitted(world, many(4));
    desk.approve("v", "x").unwrap();
    expect_vote(&desk, "v", "b", &["d8"]);
}

#[test]
fn of_two_delegations_by_one_person_the_smallest_id_counts() {
    let mut desk = submitted(World::of("rita a v").delegation("d2", "a", "v").delegation("d1", "a", "v"), one());
    desk.approve("v", "x").unwrap();
    expect_vote(&desk, "v", "a", &["d1"]);
}

#[test]
fn a_taken_seat_is_passed_over_for_a_free_one_further_off() {
    let world =
        World::of("rita a b c v").role("p", "a b c").delegation("d1", "b", "v").delegation("d2", "c", "v").delegation("d3", "a", "c");
    let mut desk = submitted(world, many(3));
    desk.approve("b", "x").unwrap();
    desk.approve("c", "x").unwrap();
    desk.approve("v", "x").unwrap();
    expect_vote(&desk, "v", "a", &["d2", "d3"]);
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn the_own_seat_comes_first_and_on_behalf_chooses_another() {
    let world = World::of("rita a b c").role("p", "a b c").delegation("d1", "a", "b");
    let mut desk = submitted(world.clone(), many(2));
    desk.approve("b", "x").unwrap();
    expect_vote(&desk, "b", "b", &[]);
    let mut desk = submitted(world, many(2));
    desk.approve_for("b", "a", "x").unwrap();
    expect_vote(&desk, "b", "a", &["d1"]);
    assert_eq!(code(&desk.approve("a", "x")), "seat_taken");
    let Err(Refusal::AlreadyVoted { .. }) = desk.approve_for("b", "b", "x") else { panic!() };
}

#[test]
fn one_human_never_fills_two_seats() {
    let world = World::of("rita a b z").role("p", "a b").role("approval_admin", "z").delegation("d1", "a", "b");
    let mut desk = submitted(world, many(2));
    desk.approve_for("b", "a", "x").unwrap();
    assert_eq!(desk.candidates("x"), "role:p ~role:approval_admin", "nobody else was left, so the step was widened");
    desk.approve("z", "x").unwrap();
    assert_eq!(desk.status(), Status::Approved);
}

#[test]
fn a_seat_filled_by_a_delegate_is_taken_for_its_owner() {
    let mut desk = submitted(World::of("rita a b c").role("p", "a c").delegation("d1", "a", "b"), many(2));
    desk.approve("b", "x").unwrap();
    let Err(Refusal::SeatTaken { seat, by, .. }) = desk.approve("a", "x") else { panic!() };
    assert_eq!((seat.as_str(), by.as_str()), ("a", "b"));
    assert_eq!(code(&desk.reassign("a", "x", None, "rita")), "no_such_seat");
}

#[test]
fn who_finds_the_own_seat_taken_votes_for_the_nearest_other() {
    let world = World::of("rita a b c").role("p", "a c").delegation("d1", "a", "b").delegation("d2", "c", "a");
    let mut desk = submitted(world, many(2));
    desk.approve_for("b", "a", "x").unwrap();
    desk.approve("a", "x").unwrap();
    expect_vote(&desk, "a", "c", &["d2"]);
}

#[test]
fn whoever_acts_for_the_requester_never_approves() {
    // rita is a candidate; b acts for her, and c for b: neither by her seat nor through her.
    let world = World::of("rita a b c").role("p", "rita a").delegation("d1", "rita", "b").delegation("d2", "b", "c");
    let mut desk = submitted(world, many(1));
    for (who, wanted) in [("rita", "not_eligible"), ("b", "not_found"), ("c", "not_found")] {
        assert_eq!(code(&desk.approve(who, "x")), wanted, "{who}");
    }
    let world = World::of("rita a b").role("p", "a").delegation("d1", "a", "rita").delegation("d2", "rita", "b");
    let mut desk = submitted(world, many(1));
    assert_eq!(code(&desk.approve("b", "x")), "not_found", "the requester stands between");
}

#[test]
fn a_barred_hop_cuts_the_chain() {
    let template = template_with(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]), json!({ "barred": [{ "role": "vendors" }] }));
    let world = World::of("rita a b c").role("vendors", "b").delegation("d1", "a", "b").delegation("d2", "b", "c");
    let mut desk = submitted(world, template);
    assert_eq!(code(&desk.approve("b", "x")), "not_found");
    assert_eq!(code(&desk.approve("c", "x")), "not_found");
    desk.approve("a", "x").unwrap();
}

#[test]
fn both_ends_must_be_active() {
    let world = World::of("rita a b c z").role("approval_admin", "z").delegation("d1", "a", "b").delegation("d2", "b", "c");
    let mut desk = submitted(world, one());
    desk.world.leave("b");
    assert_eq!(code(&desk.approve("b", "x")), "not_found");
    assert_eq!(code(&desk.approve("c", "x")), "not_found");
    desk.world.join("b");
    desk.world.leave("a");
    assert_eq!(code(&desk.approve("b", "x")), "not_found");
    assert_eq!(code(&desk.approve("c", "x")), "not_found");
}

#[test]
fn a_delegation_that_ends_hands_the_right_back() {
    let mut desk = submitted(World::of("rita a b").delegation("d1", "a", "b"), one());
    desk.now = desk.now.plus_hours(25.0);
    assert_eq!(code(&desk.approve("b", "x")), "not_found");
    desk.approve("a", "x").unwrap();
}

#[test]
fn a_delegate_fills_an_any_of_for_its_member() {
    let steps = json!([{ "id": "x", "approvers": [{ "any_of": [{ "user": "a" }, { "role": "p" }] }] }]);
    let mut desk = submitted(World::of("rita a b v").role("p", "b").delegation("d1", "b", "v"), template(steps));
    desk.approve("v", "x").unwrap();
    expect_vote(&desk, "v", "b", &["d1"]);
    assert_eq!(desk.at("x").votes[0].seat(), "any_of:user:a,role:p");
}
