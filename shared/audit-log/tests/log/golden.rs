//! A log as an older build wrote it, checked in: every newer build must verify it. `UPDATE=1` writes it only where there is none.

use std::path::PathBuf;

use audit_log::folder::Disk;
use audit_log::verify::{Code, Options, verify};
use serde_json::json;

use crate::shelf::{Shelf, key};
use crate::story::{HOUR, Lies, Story};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log_v1")
}

/// Every kind of leaf and most kinds of events.
fn written() -> Shelf {
    let mut story = Story::company(json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }], "sla": { "hours": 4, "calendar": "office" }, "on_reject": "return" },
        { "id": "finance", "approvers": [{ "role": "finance" }], "sla": { "hours": 4 }, "remind": [0.5],
            "escalate": [{ "after": 1.0, "to": [{ "user": "cyd" }] }] },
    ]));
    story.calendar("office");
    story.delegate("ann", "cyd", 24.0);
    story.submit("r1", "rita", &Lies::default());
    story.submit("r2", "rita", &Lies::default());
    story.approve("r1", "cyd", "manager");
    story.comment("r1", "rita", "soon please");
    story.vote("r2", "ann", "manager", approvals_domain::event::Decision::Reject, &Lies::default());
    story.now = story.now.plus_millis(5 * HOUR);
    story.escalate("r1", "finance", 1, &Lies::default());
    story.approve("r1", "bob", "finance");
    let (first, rest) = story.leaves.split_at(9);
    Shelf::in_batches(&[first, rest])
}

#[test]
fn a_log_of_an_older_build_verifies() {
    if !folder().exists() {
        assert!(std::env::var_os("UPDATE").is_some(), "no golden log: UPDATE=1 writes it");
        written().write(&folder());
    }
    let keys = [key(1).verifier()];
    let report = verify(&Disk::new(&folder()), &Options { keys: &keys, ..Options::default() }, &mut |_| {});
    assert!(report.ok && report.replayed, "{:#?}", report.faults);
    assert_eq!((report.commits, report.requests, report.open), (7, 2, 1));
}

/// A new kind of fault does not compile until it has a line in the document.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Unreadable => "unreadable",
        Code::Checkpoint => "checkpoint",
        Code::UnknownSignature => "unknown_signature",
        Code::Since => "since",
        Code::RolledBack => "rolled_back",
        Code::Rewritten => "rewritten",
        Code::Unaccounted => "unaccounted",
        Code::Missing => "missing",
        Code::BeyondCheckpoint => "beyond_checkpoint",
        Code::Malformed => "malformed",
        Code::TileDiffers => "tile_differs",
        Code::PartialDiffers => "partial_differs",
        Code::RootDiffers => "root_differs",
        Code::Leaf => "leaf",
        Code::Violation => "violation",
        Code::OtherTenant => "other_tenant",
        Code::Commit => "commit",
        Code::Chain => "chain",
        Code::Gap => "gap",
        Code::Fork => "fork",
        Code::Time => "time",
        Code::Template => "template",
        Code::Fact => "fact",
        Code::Illegal => "illegal",
    }
}

#[test]
fn the_document_names_every_fault() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.md")).unwrap();
    let all = [
        Code::Unreadable,
        Code::Checkpoint,
        Code::UnknownSignature,
        Code::Since,
        Code::RolledBack,
        Code::Rewritten,
        Code::Unaccounted,
        Code::Missing,
        Code::BeyondCheckpoint,
        Code::Malformed,
        Code::TileDiffers,
        Code::PartialDiffers,
        Code::RootDiffers,
        Code::Leaf,
        Code::Violation,
        Code::OtherTenant,
        Code::Commit,
        Code::Chain,
        Code::Gap,
        Code::Fork,
        Code::Time,
        Code::Template,
        Code::Fact,
        Code::Illegal,
    ];
    for code in all {
        assert_eq!(serde_json::to_value(code).unwrap(), json!(name(code)));
        assert!(page.contains(&format!("| `{}` |", name(code))), "docs/audit.md says nothing of `{}`", name(code));
    }
}
