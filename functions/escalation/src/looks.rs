//! Looking at requests again, because the directory changed.

use std::collections::BTreeSet;

use approvals::app;
use approvals::app::commands::execute::How;
use approvals::store::Error;
use approvals::store::jobs::{About, Job};
use approvals_domain::ids::RequestId;
use futures_util::future::join_all;

use super::lease::later;
use super::{Tick, timers};

/// Requests of one page.
pub(super) const PAGE: i32 = 100;

/// Looks at a page's requests side by side. One that fails gets a job of its own, and holds up nobody.
pub(super) async fn look_at_all(tick: &Tick, job: &Job, requests: BTreeSet<RequestId>) -> Result<(), Error> {
    let outcomes = join_all(requests.into_iter().map(|request| look_at_one(tick, job, request))).await;
    outcomes.into_iter().collect()
}

async fn look_at_one(tick: &Tick, job: &Job, request: RequestId) -> Result<(), Error> {
    let slot = tick.slots.acquire().await;
    let outcome = look_at(tick, job, &request).await;
    drop(slot);
    let Err(error) = outcome else { return Ok(()) };
    tick.count(|report| report.failed += 1);
    tracing::error!(job = job.id, %request, code = error.code(), "a request could not be looked at; it gets a job of its own");
    tick.jobs().file(&Job::for_request(&job.tenant, &request, &job.id, later(tick.now, 0))).await
}

/// Gives `Reroute`. A refusal is an answer; only what may go better later is an error.
pub(super) async fn look_at(tick: &Tick, job: &Job, request: &RequestId) -> Result<(), app::Error> {
    tick.count(|report| report.looked_at += 1);
    match tick.app().reroute(&job.tenant, request, format!("job|{}", job.id)).await {
        Ok(How::Done) => tick.count(|report| report.rerouted += 1),
        Ok(How::Replayed | How::Unchanged) => {}
        Err(app::Error::Refused(refusal)) => tracing::info!(job = job.id, %request, code = refusal.code(), "a reroute was refused"),
        Err(error) => return Err(error),
    }
    if matches!(job.about, About::Request { .. }) {
        // A reconciliation may have found it missing in the index of what is due.
        timers::settle(tick, &job.tenant, request).await?;
    }
    Ok(())
}
