//! What commits weigh: DESIGN §7 gives a 3-step request 2,560 bytes and a submission 1,024, of which an item takes about 360 besides.

use serde_json::json;

use crate::desk::{Desk, desk, template};
use crate::world::World;

/// Bytes of an item besides its commits: keys, index attributes, title and metadata of the reference request.
const ITEM: usize = 360;

/// Ids of 8 characters, one role per step, three steps.
fn reference() -> Desk {
    let steps = json!([
        { "id": "manager", "approvers": [{ "role": "manager" }] },
        { "id": "finance", "approvers": [{ "role": "finance" }] },
        { "id": "director", "approvers": [{ "role": "director" }] }
    ]);
    let mut template = template(steps);
    template.key = "purchase_order".parse().unwrap();
    let world = World::of("u_000001 u_000002 u_000003 u_000004");
    let world = world.role("manager", "u_000002").role("finance", "u_000003").role("director", "u_000004");
    desk(world, template)
}

#[test]
fn a_reference_request_keeps_within_its_bytes() {
    let mut desk = reference();
    desk.submit("u_000001").unwrap();
    for (by, step) in [("u_000002", "manager"), ("u_000003", "finance"), ("u_000004", "director")] {
        desk.approve(by, step).unwrap();
    }
    let sizes: Vec<usize> = desk.commits.iter().map(|sealed| sealed.bytes.len()).collect();
    assert_eq!(sizes, [599, 535, 538, 451], "submit, manager, finance, director");
    assert!(ITEM + sizes.first().unwrap() <= 1_024);
    assert!(ITEM + sizes.iter().sum::<usize>() <= 2_560);
}

#[test]
fn other_acts_stay_small() {
    let mut desk = reference();
    desk.submit("u_000001").unwrap();
    let mut size = |act: &dyn Fn(&mut Desk)| {
        act(&mut desk);
        desk.commits.last().unwrap().bytes.len()
    };
    let sizes = [
        size(&|desk| drop(desk.comment("u_000001").unwrap())),
        size(&|desk| drop(desk.reassign("u_000002", "manager", None, "u_000003").unwrap())),
        size(&|desk| drop(desk.send_back("u_000003", "manager").unwrap())),
        size(&|desk| drop(desk.resubmit("u_000001").unwrap())),
        size(&|desk| drop(desk.cancel("u_000001").unwrap())),
    ];
    assert_eq!(sizes, [314, 429, 462, 528, 305], "comment, reassign, return, resubmit, cancel");
}
