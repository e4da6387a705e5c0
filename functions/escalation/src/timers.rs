//! Timers of requests. The index says that a request wants attention, perhaps too early; the request itself says which timer fires.

use approvals::app;
use approvals::app::commands::execute::How;
use approvals::store::Freshness;
use approvals::store::keys::{self, Key};
use approvals::store::requests::Record;
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Request;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;
use approvals_domain::timers;

use super::Tick;

/// A request that has no room for more is asked again so much later: it may have been decided by then.
const FULL_HOURS: f64 = 1.0;

/// Fires what must fire on a request. What fails is logged and counted, and still due at the next tick.
pub(super) async fn run(tick: &Tick, tenant: TenantId, id: RequestId) {
    let slot = tick.slots.acquire().await;
    if tick.goes_on()
        && let Err(error) = settle(tick, &tenant, &id).await
    {
        tick.count(|report| report.failed += 1);
        tracing::error!(request = %id, code = error.code(), %error, "a timer did not fire; it comes again");
    }
    drop(slot);
}

/// One timer after the other, each judged on the request as the one before left it; the last write leaves the index where it must be.
pub(super) async fn settle(tick: &Tick, tenant: &TenantId, id: &RequestId) -> Result<(), app::Error> {
    let app = tick.app();
    // The index is a moment behind the table: a request that is not there has gone with its tenant.
    let Some(mut record) = app.requests.load(tenant, id, Freshness::Strong).await? else { return Ok(()) };
    let template = app.pinned(tenant, &record.state.template).await?;
    // Before the first write moves the index: it tells what was noted already.
    note_late(tick, &record, &template, app.clock.now().max(tick.now)).await?;
    let mut now;
    loop {
        // A tick may take long: what is due is due now, not when it began.
        now = app.clock.now().max(tick.now);
        let Some(due) = timers::first_due(&record.state, &template, now) else { break };
        match app.fire(&record, &due).await {
            Ok(outcome) => {
                if outcome.how == How::Done {
                    tick.count(|report| report.fired += 1);
                }
                record = outcome.record;
            }
            Err(app::Error::Refused(Refusal::RequestFull(_))) => {
                tracing::warn!(request = %id, ?due, "a timer finds no room; it is asked again in an hour");
                return rewind(tick, &record, Some(now.plus_hours(FULL_HOURS))).await;
            }
            // Somebody was faster, and has set the index; or a later timer came due in this moment, and the next tick finds it.
            Err(app::Error::Refused(refusal)) => {
                tracing::info!(request = %id, ?due, code = refusal.code(), "a timer was refused");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if !tick.goes_on() {
            return Ok(());
        }
    }
    rewind(tick, &record, timers::attention(&record.state, &template, now)).await
}

/// Puts steps that have come late into the tenant's list of them. One that was late when the index was last set stands there already.
async fn note_late(tick: &Tick, record: &Record, template: &Template, now: Timestamp) -> Result<(), app::Error> {
    let late = timers::late(&record.state, template, now).into_iter();
    let fresh = late.filter(|(_, due_at)| record.timer().is_some_and(|set| set <= *due_at));
    let Request { tenant, id, .. } = &record.state;
    let rows: Vec<Key> = fresh.map(|(step, due_at)| keys::overdue(tenant, due_at, id, &step)).collect();
    if !rows.is_empty() {
        tick.parts.outbox.hints.inboxes.write(&rows, &[]).await?;
        tick.count(|report| report.late += rows.len() as u64);
    }
    Ok(())
}

/// Moves the request in the index, unless it stands there already. Somebody who is faster sets it themselves.
async fn rewind(tick: &Tick, record: &Record, timer: Option<Timestamp>) -> Result<(), app::Error> {
    if record.timer() == timer {
        return Ok(());
    }
    tick.app().requests.rewind(record, timer).await?;
    tick.count(|report| report.rewound += 1);
    Ok(())
}
