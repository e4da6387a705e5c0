//! Who may see a request, and up to which revision.

use approvals_domain::limits;
use serde_json::json;

use crate::desk::{code, desk, submitted, template, template_with};
use crate::world::World;

#[test]
fn s11_whoever_was_asked_keeps_sight_of_what_they_were_asked_about() {
    let steps = json!([{ "id": "x", "approvers": [{ "user": "a" }, { "role": "p" }, { "any_of": [{ "user": "m" }, { "role": "q" }] }] }]);
    let world =
        World::of("rita a b c d e m n z eve").role("p", "b c").role("q", "n").role("approval_admin", "z").delegation("d1", "a", "d");
    let mut desk = submitted(world, template(steps));
    for who in ["rita", "a", "b", "c", "d", "m", "n", "z"] {
        assert_eq!(desk.sight(who), Some(1), "{who}");
    }
    assert_eq!((desk.sight("eve"), desk.sight("nobody")), (None, None));
    desk.reassign("a", "x", None, "e").unwrap();
    assert_eq!((desk.sight("a"), desk.sight("e")), (Some(1), Some(1)), "both ends of a seat that passed on");
    desk.approve("b", "x").unwrap();
    for who in ["a", "c", "e", "m", "n"] {
        assert_eq!(desk.sight(who), Some(1), "{who}, mail in hand");
        desk.comment(who).unwrap();
    }
    assert_eq!(desk.sight("d"), None, "who stood in for somebody asked was not asked");
    desk.world.set_role("p", "b");
    assert_eq!(desk.sight("c"), None, "only present members of the role");
    desk.world.leave("a");
    assert_eq!(desk.sight("a"), None, "who has left sees nothing");
}

#[test]
fn s11_sight_ends_with_the_last_revision_somebody_was_asked_in() {
    let steps = json!([{ "id": "x", "approvers": [{ "expression": "e" }] }]);
    let world = World::of("rita a b c v z").role("p", "c").role("approval_admin", "z");
    let mut desk = desk(world, template(steps));
    desk.expression("approvers:x:0", &["user:a", "user:v", "role:p"]);
    desk.submit("rita").unwrap();
    desk.send_back("v", "x").unwrap();
    desk.expression("approvers:x:0", &["user:b"]);
    desk.resubmit("rita").unwrap();
    for (who, wanted) in [("a", Some(1)), ("c", Some(1)), ("b", Some(2)), ("v", Some(2)), ("rita", Some(2)), ("z", Some(2))] {
        assert_eq!(desk.sight(who), wanted, "{who}");
    }
    assert_eq!(code(&desk.comment("a")), "not_allowed", "of the revision that stands they know nothing");
    desk.send_back("b", "x").unwrap();
    desk.expression("approvers:x:0", &["user:a"]);
    desk.resubmit("rita").unwrap();
    assert_eq!((desk.sight("a"), desk.sight("b"), desk.sight("c")), (Some(3), Some(3), Some(1)), "b voted and stays a party");
}

#[test]
fn five_hundred_named_people_keep_sight_and_the_oldest_are_dropped() {
    let people: Vec<String> = (0..700).map(|n| format!("u{n:03}")).collect();
    let mut desk =
        desk(World::of(&format!("rita v {}", people.join(" "))), template(json!([{ "id": "x", "approvers": [{ "expression": "e" }] }])));
    desk.thorough = false;
    for (round, chunk) in people.chunks(99).enumerate() {
        let named: Vec<String> = chunk.iter().map(|id| format!("user:{id}")).chain(["user:v".to_owned()]).collect();
        desk.expression("approvers:x:0", &named.iter().map(String::as_str).collect::<Vec<_>>());
        if round == 0 {
            desk.submit("rita").unwrap()
        } else {
            desk.resubmit("rita").unwrap()
        };
        desk.send_back("v", "x").unwrap();
    }
    desk.resubmit("rita").unwrap();
    assert_eq!(desk.request().earlier_asked.len(), limits::ASKED);
    assert_eq!((desk.sight("u000"), desk.sight("u699")), (None, Some(desk.request().revision)));
}

#[test]
fn everybody_active_sees_what_the_template_opens_to_the_tenant() {
    let mut desk = submitted(
        World::of("rita a eve"),
        template_with(json!([{ "id": "x", "approvers": [{ "user": "a" }] }]), json!({ "visibility": "tenant" })),
    );
    assert_eq!((desk.sight("eve"), desk.sight("nobody")), (Some(1), None));
    desk.world.leave("eve");
    assert_eq!(desk.sight("eve"), None);
}
