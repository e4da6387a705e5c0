//! How often a command asks for facts: each round is a round trip. The desk fails any command that needs more than six.

use approvals_domain::limits;
use serde_json::json;

use crate::desk::{Desk, desk, submitted, template, template_with};
use crate::world::World;

/// Rounds of the last thing done.
fn rounds(desk: &mut Desk, act: impl FnOnce(&mut Desk)) -> usize {
    desk.rounds = 0;
    act(desk);
    desk.rounds
}

#[test]
fn the_usual_acts_ask_once_or_twice() {
    let steps = json!([
        { "id": "one", "approvers": [{ "manager_of": "requester" }] },
        { "id": "two", "approvers": [{ "role": "p" }], "required": 2 },
        { "id": "three", "approvers": [{ "manager_of": "two" }] }
    ]);
    let world = World::of("rita m a b c d").manager("rita", "m").manager("a", "c").manager("b", "d").role("p", "a b");
    let mut desk = desk(world, template(steps));
    assert_eq!(rounds(&mut desk, |desk| drop(desk.submit("rita").unwrap())), 2, "the requester, then all candidates");
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("m", "one").unwrap())), 2, "the voter, then the next step's role");
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("a", "two").unwrap())), 1, "the voter");
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("b", "two").unwrap())), 3, "the voter, the other approver, their managers");
    assert_eq!(rounds(&mut desk, |desk| drop(desk.comment("c").unwrap())), 1);
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("d", "three").unwrap())), 1);
}

#[test]
fn each_hop_of_a_delegation_is_one_round() {
    let world = World::of("rita a b c d").delegation("d1", "a", "b").delegation("d2", "b", "c").delegation("d3", "c", "d");
    for (voter, wanted) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        let mut desk = submitted(world.clone(), template(json!([{ "id": "x", "approvers": [{ "user": "a" }] }])));
        assert_eq!(rounds(&mut desk, |desk| drop(desk.approve(voter, "x").unwrap())), wanted, "{voter}");
    }
}

/// Everything that asks, at once: three hops, barred managers and roles, managers of approvers, roles whose first members do not
/// count, fallbacks and administrators that do not suffice, parallel steps, and steps that may be skipped in a row.
fn worst() -> Desk {
    let greedy = |id: &str, skip: bool| {
        json!({
            "id": id, "required": 3, "skip_if_approved_by": if skip { json!(["first"]) } else { json!([]) }, "distinct_from": ["first"],
            "approvers": [{ "manager_of": "first" }, { "role": format!("{id}_role") }, { "any_of": [{ "manager_of": "requester" }, { "role": "empty" }] }],
            "fallback": [{ "manager_of": "first" }, { "role": format!("{id}_fallback") }]
        })
    };
    let steps = json!([
        { "id": "first", "approvers": [{ "role": "p" }], "required": 2 },
        [greedy("left", true), greedy("right", false)],
        greedy("then", true)
    ]);
    let barred = json!({ "barred": [{ "manager_of": "requester" }, { "role": "vendors" }] });
    let people: Vec<String> = (0..9).map(|n| format!("v{n}")).collect();
    let vendors = people.join(" ");
    let mut world = World::of(&format!("rita sam boss a b c d e z mb {vendors}"));
    world = world.manager("rita", "boss").manager("a", "mb").manager("e", "mb").role("p", "rita sam a e").role("vendors", &vendors);
    for role in ["left_role", "right_role", "then_role", "left_fallback", "right_fallback", "then_fallback"] {
        world = world.role(role, &vendors);
    }
    world = world.role("approval_admin", &format!("{vendors} z")).role("empty", "");
    world = world.delegation("d1", "a", "b").delegation("d2", "b", "c").delegation("d3", "c", "d");
    desk(world, template_with(steps, barred))
}

#[test]
fn no_act_asks_more_than_six_times_whatever_the_template() {
    let mut desk = worst();
    assert!(rounds(&mut desk, |desk| drop(desk.submit_for("sam", "rita").unwrap())) <= limits::FACT_ROUNDS);
    assert!(rounds(&mut desk, |desk| drop(desk.approve("e", "first").unwrap())) <= limits::FACT_ROUNDS);
    let most = rounds(&mut desk, |desk| drop(desk.approve("d", "first").unwrap()));
    assert!(most <= limits::FACT_ROUNDS, "{most}");
    assert_eq!(desk.steps(), "first:approved left:blocked right:blocked then:waiting");
    assert!(rounds(&mut desk, |desk| drop(desk.reroute().unwrap())) <= limits::FACT_ROUNDS);
    assert!(rounds(&mut desk, |desk| drop(desk.comment("d").unwrap())) <= limits::FACT_ROUNDS);
    assert!(rounds(&mut desk, |desk| drop(desk.reassign("z", "right", Some("mb"), "c"))) <= limits::FACT_ROUNDS);
    assert!(rounds(&mut desk, |desk| drop(desk.cancel("z").unwrap())) <= limits::FACT_ROUNDS);
}
