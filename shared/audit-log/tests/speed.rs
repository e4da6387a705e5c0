//! How fast hashes and chains are verified. Left out of the ordinary run, which is never timed:
//! `cargo test --release -p audit-log --test speed -- --ignored --nocapture`.
#![cfg(test)]

#[allow(dead_code, reason = "told by three tests, each with what it needs")]
#[path = "log/story.rs"]
mod story;

use std::fs;
use std::time::Instant;

use audit_log::checkpoint::{Checkpoint, origin};
use audit_log::edge::Edge;
use audit_log::folder::Disk;
use audit_log::note::SignerKey;
use audit_log::verify::{Options, verify};
use serde_json::json;
use story::{Lies, Story, tenant};

/// Commits in a second, on one core, as the issue promises.
const PROMISED: f64 = 100_000.0;

#[test]
#[ignore = "timed: by hand, built for release"]
#[allow(clippy::disallowed_methods, reason = "this one test is a stopwatch")]
fn hashes_and_chains_of_a_hundred_thousand_commits_take_a_second() {
    let mut story = Story::company(json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "required": 2 }]));
    for n in 0..40_000 {
        let id = format!("r{n}");
        story.submit(&id, "rita", &Lies::default());
        story.approve(&id, "ann", "finance");
        story.approve(&id, "bob", "finance");
    }
    let (folder, key) = (tempfile::tempdir().unwrap(), SignerKey::new(&origin("approvals.test", &tenant()), &[1; 32]).unwrap());
    let mut edge = Edge::default();
    for (tile, bytes) in edge.append(&story.leaves).unwrap() {
        let file = folder.path().join(tile.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let checkpoint = Checkpoint { origin: key.verifier().name().to_owned(), size: edge.size(), root: edge.root() };
    fs::write(folder.path().join("checkpoint"), checkpoint.sign(std::slice::from_ref(&key), 1_772_710_000)).unwrap();
    let keys = [key.verifier()];
    for chains_only in [true, false] {
        let began = Instant::now();
        let report = verify(&Disk::new(folder.path()), &Options { keys: &keys, chains_only, ..Options::default() }, &mut |_| {});
        let seconds = began.elapsed().as_secs_f64();
        assert!(report.ok && report.commits == 120_000, "{:?}", report.faults);
        let rate = report.commits as f64 / seconds;
        println!("chains only: {chains_only}: {rate:.0} commits/s, {:.0} bytes each", report.bytes as f64 / report.size as f64);
        assert!(!chains_only || rate >= PROMISED, "{rate:.0} commits/s");
    }
}
