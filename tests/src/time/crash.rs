//! A tick dies between any two of its calls: later ticks finish its work, and nothing fires twice.

use std::time::Duration;

use crate::stage::tick;

use super::{acts, hours, ladder, stage, submit};
use crate::stage::seam::{Fault, dying};

/// Dies at its nth call: that one is lost before it arrives, or its answer after; and nothing comes after it.
async fn dies(at: usize, last: Fault) -> bool {
    let stage = stage(ladder()).await;
    let ids = [submit(&stage, "1").await, submit(&stage, "2").await, submit(&stage, "3").await];
    stage.advance_seconds(25 * 3_600);
    stage.seam.take();
    stage.seam.script(dying(at, last));
    let _ = tick(&stage.app, Duration::from_secs(60)).await;
    let crossed = stage.seam.take().calls.len();
    stage.seam.heal();
    let _ = hours(&stage, 0).await;
    for id in &ids {
        assert_eq!(acts(&stage.load(id).await), ["level 1", "level 2"], "killed at call {at}, {last:?}");
    }
    let report = hours(&stage, 5).await;
    assert_eq!((report.due, report.fired), (3, 3), "killed at call {at}, {last:?}: the index still says the next");
    assert_eq!(hours(&stage, 1_000).await.due, 0);
    crossed > at
}

#[tokio::test]
async fn a_tick_that_is_killed_anywhere_is_made_up_for() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let mut at = 0;
        while dies(at, last).await {
            at += 1;
        }
        assert!(at > 15, "only {at} places to die at were tried");
    }
}
