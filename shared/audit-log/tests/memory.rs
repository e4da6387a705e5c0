//! How much a verification keeps: little for each request that is over, so that a log of years fits into a laptop.
#![cfg(test)]

#[allow(dead_code, reason = "told by two tests, each with what it needs")]
#[path = "log/story.rs"]
mod story;

use std::fs;
use std::path::Path;

use audit_log::checkpoint::{Checkpoint, origin};
use audit_log::edge::Edge;
use audit_log::folder::Disk;
use audit_log::note::SignerKey;
use audit_log::verify::{Options, verify};
use peak_alloc::PeakAlloc;
use serde_json::json;
use story::{Lies, Story, tenant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes for each request that is over, as issue and README promise.
const PROMISED: usize = 200;

/// A log of so many requests, three commits each, all over.
fn write(requests: usize, folder: &Path, key: &SignerKey) {
    let mut story = Story::company(json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "required": 2 }]));
    for n in 0..requests {
        let id = format!("r{n}");
        story.submit(&id, "rita", &Lies::default());
        story.approve(&id, "ann", "finance");
        story.approve(&id, "bob", "finance");
    }
    let mut edge = Edge::default();
    let files = edge.append(&story.leaves).unwrap();
    for (tile, bytes) in files {
        let file = folder.join(tile.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let checkpoint = Checkpoint { origin: key.verifier().name().to_owned(), size: edge.size(), root: edge.root() };
    fs::write(folder.join("checkpoint"), checkpoint.sign(std::slice::from_ref(key), 1_772_710_000)).unwrap();
}

/// The most that a verification of such a log holds at once.
fn peak(requests: usize, key: &SignerKey) -> usize {
    let folder = tempfile::tempdir().unwrap();
    write(requests, folder.path(), key);
    let keys = [key.verifier()];
    let spill = tempfile::tempfile().unwrap();
    let options = Options { keys: &keys, spill: Some(&spill), ..Options::default() };
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let report = verify(&Disk::new(folder.path()), &options, &mut |_| {});
    assert!(report.ok && report.replayed, "{:?}", report.faults);
    assert_eq!((report.requests, report.open), (requests as u64, 0));
    MEMORY.peak_usage() - before
}

/// Not the average: what each further request costs at worst, at every size on the way, growing tables included.
#[test]
fn a_request_that_is_over_costs_less_than_two_hundred_bytes() {
    let key = SignerKey::new(&origin("approvals.test", &tenant()), &[1; 32]).unwrap();
    let small = peak(500, &key);
    for requests in [2_000, 3_000, 4_200, 6_000] {
        let each = peak(requests, &key).saturating_sub(small) / (requests - 500);
        println!("{requests} requests: {each} bytes each");
        assert!(each <= PROMISED, "{requests} requests: {each} bytes each");
        assert!(each > 20, "{requests} requests: {each} bytes each is too little to be true");
    }
}
