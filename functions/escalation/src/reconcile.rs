//! Reconcile, where an alarm asked for it: a walk through the whole table, a piece each tick, its place kept in the job.

use approvals::app;
use approvals::outbox::reconcile;
use approvals::runtime::deadline::Deadline;
use approvals::store::Error;
use approvals::store::jobs::{Job, Place};
use approvals_domain::time::Timestamp;

use super::Tick;
use super::lease::{Ran, finish, later, leased};

/// The one walk of such a job.
const WALK: &str = "table";

/// A piece of the walk, for a slice of the tick. What fails is due again later, from the last place.
pub(super) async fn work(tick: &Tick, mut job: Job, since: Timestamp, slice: Deadline) -> Result<Ran, Error> {
    let jobs = tick.jobs();
    loop {
        let kept = job.place.as_ref().and_then(|place| serde_json::from_str(&place.after).ok());
        match piece(tick, kept.unwrap_or(reconcile::Place::since(since))).await {
            Ok(None) => return finish(tick, &job).await.map(|()| Ran::Done),
            Ok(Some(next)) => {
                let on = !slice.has_come() && tick.goes_on();
                let place = Some(Place { walk: WALK.to_owned(), after: serde_json::to_string(&next).unwrap_or_default() });
                let due_at = if on { leased(tick) } else { tick.now };
                // Somebody else took it over: what they do is the same.
                let Some(saved) = jobs.save(Job { place, due_at, failures: 0, ..job }).await? else { return Ok(Ran::Done) };
                if !on {
                    return Ok(Ran::More);
                }
                job = saved;
            }
            Err(error) => {
                tick.count(|report| report.failed += 1);
                tracing::error!(job = job.id, code = error.code(), %error, "a piece of reconcile failed; it comes again");
                let (failures, due_at) = (job.failures + 1, later(tick.now, job.failures));
                return jobs.save(Job { failures, due_at, ..job }).await.map(|_| Ran::Done);
            }
        }
    }
}

async fn piece(tick: &Tick, place: reconcile::Place) -> Result<Option<reconcile::Place>, app::Error> {
    let report = reconcile::page(&tick.parts.outbox, place).await?;
    tracing::info!(?report, "a piece of reconcile");
    Ok(report.next)
}
