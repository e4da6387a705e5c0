//! Leases of jobs: how long one tick holds a job, how it ends, and when a failed one is due again.

use approvals::store::Error;
use approvals::store::jobs::Job;
use approvals_domain::time::Timestamp;

use super::Tick;

/// Lease of a running job. Other ticks see it as due only after.
const LEASE_SECONDS: f64 = 120.0;
/// Pause after a failure: twice as long each time, at most an hour.
const AGAIN_SECONDS: f64 = 30.0;
const AGAIN_SECONDS_MAX: f64 = 3_600.0;

/// What became of a job in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ran {
    /// Through, or left to a later tick.
    Done,
    /// Its slice is over: it keeps its place, and goes behind.
    More,
}

/// End of the lease of a job that this tick takes: counted from the tick's start.
pub(super) fn begun(tick: &Tick) -> Timestamp {
    tick.now.plus_hours(LEASE_SECONDS / 3_600.0)
}

/// End of the lease of a job that this tick goes on with: counted from now.
pub(super) fn leased(tick: &Tick) -> Timestamp {
    tick.app().clock.now().max(tick.now).plus_hours(LEASE_SECONDS / 3_600.0)
}

/// When a job that failed is due again.
pub(super) fn later(now: Timestamp, failures: u32) -> Timestamp {
    let seconds = (AGAIN_SECONDS * 2_f64.powi(i32::try_from(failures.min(20)).unwrap_or(20))).min(AGAIN_SECONDS_MAX);
    now.plus_hours(seconds / 3_600.0)
}

/// Ends a job that is done.
///
/// # Errors
/// [`Error`] if the store does not answer: the job comes again.
pub(super) async fn finish(tick: &Tick, job: &Job) -> Result<(), Error> {
    tick.jobs().end(job).await?;
    tick.count(|report| report.jobs += 1);
    Ok(())
}
