//! An archiver dies between any two of its calls, to the table or to the objects: whoever comes next goes on, and nothing is lost or forked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Vault, tenant, words};
use crate::stage::seam::Fault;

/// Dies at its nth call: that one is lost before it arrives, or its answer after; and nothing comes after it.
async fn dies(at: usize, last: Fault, from: usize) -> bool {
    let vault = Vault::new().await;
    if from > 0 {
        vault.archiver().0.append(&tenant(), &words(0..from)).await.unwrap();
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let script = || {
        let calls = Arc::clone(&calls);
        move |_: &str| match calls.fetch_add(1, Ordering::SeqCst) {
            n if n < at => Fault::None,
            n if n == at => last,
            _ => Fault::DropBefore,
        }
    };
    let (archiver, seam, objects) = vault.archiver();
    seam.script(script());
    objects.script(script());
    let told = archiver.append(&tenant(), &words(from..from + 3)).await;
    let crossed = calls.load(Ordering::SeqCst);

    // The batch comes again, to another process, and then a later one.
    let (next, _, _) = vault.archiver();
    if told.is_err() {
        next.append(&tenant(), &words(from..from + 3)).await.unwrap();
    }
    next.append(&tenant(), &words(from + 3..from + 5)).await.unwrap();
    let report = vault.verify().await;
    assert!(report.ok, "killed at call {at}, {last:?}, after {from}: {:?}", report.faults);
    assert_eq!(report.directory, from as u64 + 5, "killed at call {at}, {last:?}, after {from}");
    assert!(report.duplicates <= 3);
    crossed > at
}

#[tokio::test]
async fn an_archiver_that_is_killed_anywhere_is_made_up_for() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        // An empty log, one within a tile, and one whose next leaves fill a tile.
        for from in [0, 7, 254] {
            let mut at = 0;
            while dies(at, last, from).await {
                at += 1;
            }
            assert!(at > 7, "only {at} places to die at were tried");
        }
    }
}
