//! Whoever dies, wherever, and however often a message comes: every event arrives, and only what was on its way when somebody died arrives
//! twice.

use std::collections::BTreeMap;

use approvals::store::deliveries::Stage as Standing;
use approvals::store::jobs::{About, Job, Replay};
use approvals::store::{Condition, keys};
use approvals_domain::time::Timestamp;
use notifications::webhook::carrier::Answer;

use super::works::{self, Works, systems};
use super::{URL, answered};
use crate::stage::seam::{Fault, dying};

const OTHER: &str = "https://other.example.com/";
const BOTH: [&str; 2] = ["request.submitted", "step.opened"];

async fn two_endpoints() -> Works {
    let works = Works::new().await;
    works.endpoint("erp", URL, &BOTH).await;
    works.endpoint("other", OTHER, &BOTH).await;
    works
}

/// How often each event arrived at each address.
fn counted(works: &Works) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for (url, heard) in works.world.take_all() {
        *counts.entry((url, heard.id)).or_insert(0) += 1;
    }
    counts
}

/// Dies at its nth call to the table; then the queue brings the message again, and time goes by. Each time with a new request.
async fn dies(works: &Works, at: usize, last: Fault, gone: bool) -> bool {
    works.endpoint("other", OTHER, &BOTH).await;
    let notice = works.submitted().await;
    let (_, before) = works.active("other").await;
    works.world.script(move |parcel| answered(if gone && parcel.url == OTHER { 410 } else { 200 }));
    works.stage.seam.take();
    works.stage.seam.script(dying(at, last));
    works.bring(std::slice::from_ref(&notice)).await;
    let crossed = works.stage.seam.take().calls.len();
    works.stage.seam.heal();
    works.bring(std::slice::from_ref(&notice)).await;
    works.third_hours(2).await;
    let place = format!("killed at call {at}, {last:?}, gone: {gone}");
    let counts = counted(works);
    let (mine, other): (Vec<_>, Vec<_>) = counts.iter().partition(|((url, _), _)| url == URL);
    let again = |of: &[(&(String, String), &usize)]| of.iter().map(|(_, count)| **count - 1).sum::<usize>();
    assert!(mine.len() == 2 && again(&mine) <= 1, "{place}: {counts:?}");
    assert_eq!(works.newest("erp", 2).await, [Standing::Sent; 2], "{place}");
    if gone {
        assert!(again(&other) <= 1 && other.len() <= 2, "{place}: {counts:?}");
        assert_eq!(works.newest("other", 2).await, [Standing::Parked; 2], "{place}");
        assert_eq!(works.active("other").await, (false, before + 1), "{place}: switched off once");
    } else {
        assert!(again(&other) <= 1 && other.len() == 2, "{place}: {counts:?}");
        assert_eq!(works.newest("other", 2).await, [Standing::Sent; 2], "{place}");
    }
    crossed > at
}

#[tokio::test]
async fn whoever_dies_between_any_two_calls_loses_nothing() {
    let works = two_endpoints().await;
    for (last, gone) in [(Fault::DropBefore, false), (Fault::DropAfter, false), (Fault::DropAfter, true)] {
        let mut at = 0;
        while dies(&works, at, last, gone).await {
            at += 1;
        }
        assert!(at > 9, "only {at} places to die at were tried");
    }
}

/// An administrator is faster than the service that would switch the endpoint off: it stays on, and the new address gets everything.
#[tokio::test]
async fn an_endpoint_that_was_changed_meanwhile_stays_on() {
    let works = Works::new().await;
    works.endpoint("other", OTHER, &BOTH).await;
    let notice = works.submitted().await;
    works.world.script(move |parcel| answered(if parcel.url == OTHER { 410 } else { 200 }));
    works.stage.seam.hold("TransactWriteItems");
    let change = async {
        works.stage.seam.somebody_waits().await;
        works.endpoint("other", URL, &BOTH).await;
        works.stage.seam.let_through();
    };
    tokio::join!(works.bring(std::slice::from_ref(&notice)), change);
    assert_eq!(works.active("other").await, (true, 2));
    works.third_hours(2).await;
    let counts = counted(&works);
    assert_eq!(counts.keys().filter(|(url, _)| url == URL).count(), 2, "{counts:?}");
    assert_eq!(works.newest("other", 3).await, [Standing::Sent; 2]);
}

/// A tick dies in the middle of a replay: the ones after it finish it, and each event is sent again once.
async fn replay_dies(works: &Works, at: usize, last: Fault) -> bool {
    let now = works.app.clock.now();
    let replay = Replay { endpoint: works::endpoint_id("erp"), from: Timestamp::from_millis(0), to: now, events: None };
    let job = Job::new(&works::tenant(), format!("replay|{at}{last:?}"), About::Replay(replay), now);
    works.stage.aside.stores.jobs.file_replay(&job).await.unwrap();
    works.stage.seam.take();
    works.stage.seam.script(dying(at, last));
    works.tick().await;
    let crossed = works.stage.seam.take().calls.len();
    works.stage.seam.heal();
    works.notices.work().await.unwrap();
    works.third_hours(2).await;
    let counts = counted(works);
    assert!(counts.len() == 2 && counts.values().all(|count| *count == 1), "killed at call {at}, {last:?}: {counts:?}");
    assert_eq!(works.newest("erp", 3).await, [Standing::Sent; 2], "killed at call {at}, {last:?}");
    crossed > at
}

#[tokio::test]
async fn a_replay_whose_tick_is_killed_anywhere_sends_each_event_again_once() {
    let works = Works::new().await;
    works.endpoint("erp", URL, &BOTH).await;
    let notice = works.submitted().await;
    works.bring(&[notice]).await;
    assert_eq!(counted(&works).len(), 2);
    // The directory's own jobs are no concern of this.
    works.stage.settle().await;
    works.stage.advance_seconds(60);
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let mut at = 0;
        while replay_dies(&works, at, last).await {
            at += 1;
        }
        assert!(at > 14, "only {at} places to die at were tried");
    }
}

/// A message comes again for another's sake, or twice: who asked for time is not called sooner.
#[tokio::test]
async fn a_message_that_comes_again_wakes_nobody_who_asked_for_time() {
    let works = Works::new().await;
    works.endpoint("erp", URL, &BOTH[..1]).await;
    let notice = works.submitted().await;
    let busy = || Ok(Answer { status: 429, retry_after: Some("1100".to_owned()) });
    works.world.script(move |_| busy());
    for _ in 0..3 {
        works.bring(std::slice::from_ref(&notice)).await;
    }
    assert_eq!(works.world.take().len(), 1);
    works.world.script(|_| answered(200));
    works.third_hours(1).await;
    assert_eq!((works.world.take().len(), works.newest("erp", 3).await), (1, vec![Standing::Sent]));
}

/// A table that was restored without a request: what waits for it ends, and is not brought for ever.
#[tokio::test]
async fn what_waits_for_a_request_that_is_gone_ends() {
    let works = Works::new().await;
    works.endpoint("erp", URL, &BOTH[..1]).await;
    let notice = works.submitted().await;
    works.stage.settle().await;
    works.world.script(|_| answered(500));
    works.bring(std::slice::from_ref(&notice)).await;
    let key = keys::request(&works::tenant(), notice.request.as_ref().unwrap());
    works.stage.aside.stores.table.delete(&key, Condition::version(1)).await.unwrap();
    works.third_hours(1).await;
    assert_eq!((works.world.take().len(), works.newest("erp", 3).await), (1, vec![Standing::Parked]));
    works.stage.advance_seconds(30 * 24 * 3_600);
    assert_eq!(works.tick().await.unwrap().redelivered, 0);
}

/// F13: everything twice, in two orders, by two at once: each event arrives once.
#[tokio::test]
async fn everything_twice_and_in_any_order_is_as_once() {
    let works = two_endpoints().await;
    let first = works.stage.submit("rita", "PO-1", None).await.unwrap().record;
    let second = works.stage.vote("bob", &first, "s", approvals_domain::event::Decision::Approve, "v").await.unwrap().record;
    let third = works.stage.submit("rita", "PO-2", None).await.unwrap().record;
    works.stage.drain().await;
    let mut notices: Vec<_> = systems(&second).into_iter().chain(systems(&third)).collect();
    assert_eq!(notices.len(), 3);
    let event = |notices: &[approvals::notice::Notice]| {
        let mut event = aws_lambda_events::event::sqs::SqsEvent::default();
        for (n, notice) in notices.iter().chain(notices).enumerate() {
            let mut message = aws_lambda_events::event::sqs::SqsMessage::default();
            (message.message_id, message.body) = (Some(format!("m{n}")), Some(notice.body()));
            event.records.push(message);
        }
        event
    };
    let forwards = event(&notices);
    notices.reverse();
    let time = std::time::Duration::from_secs(60);
    let (one, other) =
        (notifications::handle(&works.notices.desk, forwards, time), notifications::handle(&works.notices.desk, event(&notices), time));
    tokio::join!(one, other);
    let counts = counted(&works);
    assert_eq!(counts.len(), 8, "two endpoints, and of three commits the four events they asked for: {counts:?}");
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    works.third_hours(72).await;
    works.bring(&notices).await;
    assert_eq!(counted(&works).len(), 0);
}
