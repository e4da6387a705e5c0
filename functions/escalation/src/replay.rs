//! Replays: an endpoint gets again what it was to get in a time. The job walks the endpoint's log page by page, lets each delivery begin
//! anew, and puts it on the queue; its place is kept in it.
//!
//! A tick replays so many and leaves the rest to the next one: the queue brings mails as well. What a killed tick did of a page it does
//! not do again: each delivery remembers the replay that had it last. One that was begun anew and never reached the queue is brought by
//! the index.

use approvals::store::Error;
use approvals::store::deliveries::endpoint_log::LogPage;
use approvals::store::deliveries::{Delivery, IN_QUEUE_MILLIS};
use approvals::store::jobs::{Job, Place, Replay};
use approvals_domain::limits;
use futures_util::future::join_all;

use super::Tick;
use super::lease::leased;

/// Deliveries of one page.
const PAGE: usize = 100;
/// The one walk there is.
const WALK: &str = "log";

pub(super) async fn run(tick: &Tick, job: &Job, replay: &Replay) -> Result<(), Error> {
    let (jobs, deliveries) = (tick.jobs(), &tick.parts.deliveries);
    let taken = Job { due_at: leased(tick), worker: tick.worker.clone(), ..job.clone() };
    let Some(mut job) = jobs.save(taken).await? else { return Ok(()) };
    let mut replayed = 0;
    loop {
        let after = job.place.as_ref().map(|place| place.after.clone());
        let time = (replay.from, replay.to);
        let LogPage { deliveries: page, next } =
            deliveries.log_between(&job.tenant, &replay.endpoint, time, after.as_deref(), PAGE).await?;
        replayed += page.len();
        send_again(tick, &job, replay, page).await?;
        let Some(after) = next else {
            jobs.end_replay(&job, tick.app().clock.now()).await?;
            tick.count(|report| report.jobs += 1);
            return Ok(());
        };
        let on = replayed < limits::REPLAYED_PER_TICK && tick.goes_on();
        // The next tick goes on at once; one that is killed here leaves the job to whoever finds its lease over.
        let due_at = if on { leased(tick) } else { tick.now };
        let place = Some(Place { walk: WALK.to_owned(), after });
        let Some(saved) = jobs.save(Job { place, due_at, ..job }).await? else { return Ok(()) };
        if !on {
            return Ok(());
        }
        job = saved;
    }
}

/// A page, side by side. What cannot be put on the queue now stands in the index, and comes a quarter of an hour later.
async fn send_again(tick: &Tick, job: &Job, replay: &Replay, deliveries: Vec<Delivery>) -> Result<(), Error> {
    let wanted = |delivery: &Delivery| match (&replay.events, &delivery.event) {
        (Some(events), Some(event)) => events.contains(event),
        _ => true,
    };
    let reopened = deliveries.iter().filter(|delivery| wanted(delivery)).map(|delivery| async {
        let _slot = tick.slots.acquire().await;
        let now = tick.app().clock.now();
        tick.parts.deliveries.reopen(delivery, &job.id, now, now.plus_millis(IN_QUEUE_MILLIS)).await
    });
    let (mut again, mut outcome) = (Vec::new(), Ok(()));
    for done in join_all(reopened).await {
        match done {
            Ok(reopened) => again.extend(reopened.map(|delivery| (delivery.notice.at, delivery.again()))),
            Err(error) => outcome = Err(error),
        }
    }
    again.sort_by_key(|(at, _)| *at);
    let notices: Vec<_> = again.into_iter().map(|(_, notice)| notice).collect();
    tick.count(|report| report.replayed += notices.len() as u64);
    if let Err(error) = tick.parts.outbox.queue.send(&notices).await {
        tracing::warn!(%error, job = job.id, "replayed events wait in the index");
    }
    outcome
}
