//! The tick: each minute it takes what is due, and gives commands for it. It decides nothing: a command that no longer applies is refused.
//!
//! What is due stands in shards of one index, read side by side, so that a tick costs by what is due and not by what is open. A tick that
//! comes twice, late, or beside another does no harm; what one does not finish the next one takes.
//!
//! Jobs of the directory and deliveries that failed stand in shards of their own: no backlog of timers holds up a leaver or a mail.

mod deliveries;
mod jobs;
mod lease;
mod reconcile;
mod replay;
mod timers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use approvals::app::App;
use approvals::runtime::deadline::Deadline;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::Error;
use approvals::store::jobs::Due;
use approvals::store::keys::{self, Key};
use approvals_domain::time::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Keys read at once from a shard.
const PAGE: i32 = 100;
/// Commands under way at once, all shards together.
const SIDE_BY_SIDE: usize = 16;
/// Before the function's end a tick stops taking more, so that what it has begun comes to its end.
const MARGIN: Duration = Duration::from_secs(5);

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Keys found in the index.
    pub due: u64,
    /// Timers that fired.
    pub fired: u64,
    /// Requests whose place in the index was set anew, or taken out of it.
    pub rewound: u64,
    /// Jobs brought to their end.
    pub jobs: u64,
    /// Requests looked at again because the directory changed.
    pub looked_at: u64,
    /// Of those the ones that changed.
    pub rerouted: u64,
    /// Deliveries put on the queue again.
    pub redelivered: u64,
    /// Events put on the queue once more because somebody asked for them.
    pub replayed: u64,
    /// What failed and comes again later.
    pub failed: u64,
    /// There is more, for the next tick.
    pub more: bool,
    /// How long the oldest has been due, milliseconds.
    pub lag_ms: u64,
}

impl Report {
    /// Whether it changed anything: another tick may find more.
    pub fn did_something(&self) -> bool {
        self.fired + self.rewound + self.jobs + self.looked_at + self.rerouted + self.redelivered + self.replayed > 0 || self.more
    }
}

/// A tick under way.
#[derive(Debug)]
struct Tick {
    app: App,
    now: Timestamp,
    /// Tells this tick from another.
    worker: String,
    until: Deadline,
    slots: Arc<Semaphore>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    due: AtomicU64,
    fired: AtomicU64,
    rewound: AtomicU64,
    jobs: AtomicU64,
    looked_at: AtomicU64,
    rerouted: AtomicU64,
    redelivered: AtomicU64,
    replayed: AtomicU64,
    failed: AtomicU64,
    lag_ms: AtomicU64,
    more: AtomicBool,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tick {
    /// Whether there is time to begin something more; says so in the report if not.
    fn goes_on(&self) -> bool {
        let on = !self.until.has_come();
        if !on {
            self.counts.more.store(true, Ordering::Relaxed);
        }
        on
    }

    fn report(&self) -> Report {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { due, fired, rewound, jobs, looked_at, rerouted, redelivered, replayed, failed, lag_ms, more } = &self.counts;
        Report {
            due: get(due),
            fired: get(fired),
            rewound: get(rewound),
            jobs: get(jobs),
            looked_at: get(looked_at),
            rerouted: get(rerouted),
            redelivered: get(redelivered),
            replayed: get(replayed),
            failed: get(failed),
            more: more.load(Ordering::Relaxed),
            lag_ms: get(lag_ms),
        }
    }
}

/// How long a tick may take more on, if the function ends at `deadline_ms` (milliseconds since 1970).
pub fn time_left(app: &App, deadline_ms: u64) -> Duration {
    let now = u64::try_from(app.clock.now().millis()).unwrap_or(0);
    Duration::from_millis(deadline_ms.saturating_sub(now)).saturating_sub(MARGIN)
}

/// Takes what is due, for as long as `time` lasts.
///
/// # Errors
/// [`Error`] if the index cannot be read. What else fails is counted, and comes again.
pub async fn tick(app: &App, time: Duration) -> Result<Report, Error> {
    let (now, until) = (app.clock.now(), Deadline::after(time));
    let slots = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let worker = app.entropy.salt().to_string();
    let tick = Arc::new(Tick { app: app.clone(), now, worker, until, slots, counts: Counts::default() });
    let mut shards = JoinSet::new();
    let partitions = (0..keys::JOB_SHARDS).map(keys::job_partition).chain((0..keys::DUE_SHARDS).map(keys::due_partition));
    for shard in partitions.chain((0..keys::DELIVERY_SHARDS).map(keys::delivery_partition)) {
        shards.spawn(take(Arc::clone(&tick), shard));
    }
    let mut outcome = Ok(());
    while let Some(done) = shards.join_next().await {
        outcome = outcome.and(done.unwrap_or_else(|panic| Err(Error::Unavailable(panic.to_string()))));
    }
    let report = tick.report();
    emit(
        "escalation",
        now,
        &[
            ("EscalationLag", report.lag_ms, Unit::Milliseconds),
            ("TimersFired", report.fired, Unit::Count),
            ("JobsDone", report.jobs, Unit::Count),
            ("Rerouted", report.rerouted, Unit::Count),
            ("EventsReplayed", report.replayed, Unit::Count),
            ("TickFailures", report.failed, Unit::Count),
        ],
    );
    outcome.map(|()| report)
}

/// One shard, to its end or the tick's. Timers of a page fire side by side; jobs follow each other, since each walks side by side itself.
async fn take(tick: Arc<Tick>, shard: String) -> Result<(), Error> {
    let mut start = None;
    let mut found: Vec<Key> = Vec::new();
    while tick.goes_on() {
        let page = tick.app.store.due(&shard, tick.now, start, PAGE).await?;
        let mut timers = JoinSet::new();
        for (due, at) in page.items {
            count(&tick.counts.due);
            let lag = u64::try_from(tick.now.millis().saturating_sub(at.millis())).unwrap_or(0);
            match due {
                Due::Job(key) => found.push(key),
                Due::Request(tenant, id) => drop(timers.spawn(timers::run(Arc::clone(&tick), tenant, id))),
                Due::Unknown(_) => {
                    tracing::warn!(shard, "what stands in the index is nothing that this build knows");
                    continue;
                }
                Due::Delivery(key) => deliveries::again(&tick, &key).await,
            }
            tick.counts.lag_ms.fetch_max(lag, Ordering::Relaxed);
        }
        while let Some(done) = timers.join_next().await {
            done.map_err(|panic| Error::Unavailable(panic.to_string()))?;
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    for key in found {
        if tick.goes_on() {
            jobs::run(&tick, &key).await;
        }
    }
    Ok(())
}
