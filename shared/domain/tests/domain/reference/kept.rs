//! The smallest scenario of each disagreement between core and model that no ruling's own test covers.

use serde_json::json;

use crate::desk::{code, submitted, template};
use crate::world::World;

/// Found by the model: only the last of several successors was bound.
#[test]
fn whoever_a_transfer_named_in_between_never_votes() {
    let world = World::of("rita bob carol root").role("approval_admin", "root");
    let mut desk = submitted(world, template(json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "user": "root" }] }])));
    desk.transfer("root", "bob").unwrap();
    desk.transfer("root", "carol").unwrap();
    desk.resubmit("carol").unwrap();
    for bound in ["rita", "bob", "carol"] {
        assert_eq!(code(&desk.approve(bound, "s")), "not_eligible", "{bound}");
    }
    desk.approve("root", "s").unwrap();
}

/// Found by the model: whoever was also named in an `any_of` kept a right after passing the own seat on.
#[test]
fn a_seat_passed_on_leaves_its_giver_no_other_right_on_the_step() {
    let world = World::of("rita ann bob");
    let any = json!({ "any_of": [{ "user": "ann" }, { "user": "bob" }] });
    let mut desk = submitted(world, template(json!([{ "id": "s", "approvers": [{ "user": "ann" }, any], "fallback": "none" }])));
    desk.reassign("ann", "s", None, "bob").unwrap();
    assert_eq!(code(&desk.approve("ann", "s")), "not_eligible");
    desk.approve("bob", "s").unwrap();
}
