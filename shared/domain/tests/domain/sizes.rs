//! What commits weigh: DESIGN §7 gives a 3-step request 2,560 bytes and a submission 1,024, of which an item takes about 360 besides.

use approvals_domain::commit::Commit;
use serde_json::json;

use crate::desk::{Desk, caller, desk, template};
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
    for sealed in &desk.commits {
        println!("{:5} {}", sealed.bytes.len(), String::from_utf8_lossy(&sealed.bytes));
    }
    println!("{sizes:?} = {}", sizes.iter().sum::<usize>());
    assert!(ITEM + sizes[0] <= 1_024, "{sizes:?}");
    assert!(ITEM + sizes.iter().sum::<usize>() <= 2_560, "{sizes:?}");
    let _: &Commit = &desk.commits[0].commit;
    let _ = caller;
}
