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

/// Parallel steps.
const SIDES: [&str; 8] = ["left", "right", "s3", "s4", "s5", "s6", "s7", "s8"];

/// Everything that asks, at once: three hops, barred managers and roles, managers of approvers, roles whose first members do not
/// count, fallbacks and administrators that do not suffice, parallel steps, and steps that may be skipped in a row.
fn worst(head: &str) -> Desk {
    let greedy = |id: &str, skip: bool| {
        json!({
            "id": id, "required": 3, "skip_if_approved_by": if skip { json!(["first"]) } else { json!([]) }, "distinct_from": ["first"],
            "approvers": [{ "manager_of": head }, { "role": format!("{id}_role") }, { "any_of": [{ "manager_of": "requester" }, { "role": "empty" }] }],
            "fallback": [{ "manager_of": head }, { "role": format!("{id}_fallback") }]
        })
    };
    let sides: Vec<serde_json::Value> = SIDES.iter().map(|id| greedy(id, *id == "left")).collect();
    let steps = json!([
        { "id": "first", "approvers": [{ "role": "p" }], "required": 2 },
        sides,
        greedy("then", true)
    ]);
    let barred = json!({ "barred": [{ "manager_of": "requester" }, { "role": "vendors" }] });
    let people: Vec<String> = (0..9).map(|n| format!("v{n}")).collect();
    let vendors = people.join(" ");
    let mut world = World::of(&format!("rita sam boss a b c d e z mb {vendors}"));
    world = world.manager("rita", "boss").manager("a", "mb").manager("e", "mb").role("p", "rita sam a e").role("vendors", &vendors);
    for id in SIDES.iter().chain(&["then"]) {
        world = world.role(&format!("{id}_role"), &vendors).role(&format!("{id}_fallback"), &vendors);
    }
    world = world.role("approval_admin", &format!("{vendors} z")).role("empty", "");
    world = world.delegation("d1", "a", "b").delegation("d2", "b", "c").delegation("d3", "c", "d");
    desk(world, template_with(steps, barred))
}

#[test]
fn no_act_asks_more_than_six_times_whatever_the_template() {
    for (head, holder, wanted) in [("first", "mb", [2, 1, 5, 3, 1, 5, 1]), ("requester", "boss", [3, 1, 4, 3, 1, 4, 1])] {
        let mut desk = worst(head);
        let mut seen = Vec::new();
        let mut most = |act: &dyn Fn(&mut Desk)| seen.push(rounds(&mut desk, |desk| act(desk)));
        most(&|desk| drop(desk.submit_for("sam", "rita").unwrap()));
        most(&|desk| drop(desk.approve("e", "first").unwrap()));
        most(&|desk| drop(desk.approve("d", "first").unwrap()));
        most(&|desk| drop(desk.reroute().unwrap()));
        most(&|desk| drop(desk.comment("d").unwrap()));
        most(&|desk| drop(desk.reassign("z", "right", Some(holder), "c").unwrap()));
        most(&|desk| drop(desk.cancel("z").unwrap()));
        assert_eq!(seen, wanted, "managers of {head}");
        assert!(seen.iter().all(|rounds| *rounds <= limits::FACT_ROUNDS));
    }
}

#[test]
fn parallel_steps_ask_together() {
    let mut desk = worst("first");
    desk.submit_for("sam", "rita").unwrap();
    desk.approve("e", "first").unwrap();
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("a", "first").unwrap())), 4);
}

#[test]
fn a_row_of_steps_that_may_be_skipped_asks_together() {
    let mut steps = vec![json!({ "id": "first", "approvers": [{ "role": "p" }] })];
    let mut world = World::of("rita a b").role("p", "a");
    for n in 0..10 {
        steps.push(json!({ "id": format!("s{n}"), "approvers": [{ "role": format!("r{n}") }], "required": "all", "skip_if_approved_by": ["first"] }));
        world = world.role(&format!("r{n}"), if n == 9 { "a b" } else { "a" });
    }
    let mut desk = submitted(world, template(json!(steps)));
    assert_eq!(rounds(&mut desk, |desk| drop(desk.approve("a", "first").unwrap())), 2);
    assert!(desk.steps().ends_with("s8:skipped s9:open"));
}
