//! The tick: each minute it takes what is due, and gives commands for it. It decides nothing: a command that no longer applies is refused.
//!
//! What is due stands in shards of one index, read side by side, so that a tick costs by what is due and not by what is open. A tick that
//! comes twice, late, or beside another does no harm; what one does not finish the next one takes.
//!
//! Jobs of the directory and deliveries that failed stand in shards of their own: no backlog of timers holds up a leaver or a mail.

mod deliveries;
mod inboxes;
mod jobs;
mod lease;
mod looks;
mod reconcile;
mod replay;
mod timers;
mod turns;

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use approvals::app::App;
use approvals::outbox::Outbox;
use approvals::queue::Queue;
use approvals::runtime::deadline::Deadline;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::jobs::Due;
use approvals::store::keys::{self, Key};
use approvals::store::{Deliveries, Error, Jobs, Stores};
use approvals_domain::time::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;
use tokio::sync::Semaphore;

use inboxes::Walks;
use turns::Turns;

/// Keys read at once from a shard.
const PAGE: i32 = 100;
/// Commands under way at once, all shards together.
const SIDE_BY_SIDE: usize = 16;

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Keys found in the index.
    pub due: u64,
    /// Timers that fired.
    pub fired: u64,
    /// Steps that have come late.
    pub late: u64,
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

/// What this function may touch.
#[derive(Debug, Clone)]
pub struct Escalation {
    /// Requests, the directory, inboxes, jobs, the queue of notices.
    pub outbox: Outbox,
    /// Those that failed and are tried again.
    pub deliveries: Deliveries,
}

impl Escalation {
    /// Over a table's rooms, with the queue of notices.
    pub fn new(stores: &Stores, app: App, queue: Queue) -> Self {
        Self { outbox: Outbox::new(stores, app, queue), deliveries: stores.deliveries.clone() }
    }
}

/// A tick under way.
#[derive(Debug)]
struct Tick {
    parts: Escalation,
    now: Timestamp,
    /// Tells this tick from another.
    worker: String,
    until: Deadline,
    slots: Semaphore,
    report: Mutex<Report>,
    /// Jobs that wait for their turn.
    turns: Mutex<Turns>,
    /// What this tick knows of walks through inboxes.
    walks: Mutex<Walks>,
}

impl Tick {
    fn app(&self) -> &App {
        &self.parts.outbox.hints.app
    }

    fn jobs(&self) -> &Jobs {
        &self.parts.outbox.hints.jobs
    }

    /// Notes something in the report.
    fn count(&self, what: impl FnOnce(&mut Report)) {
        what(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Puts a job among those that wait for their turn.
    fn has_turn(&self, key: Key) {
        self.walks(|walks| walks.note(&key));
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).put(key);
    }

    /// The job whose turn it is.
    fn next_turn(&self) -> Option<Key> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// What is known of walks.
    fn walks<T>(&self, what: impl FnOnce(&mut Walks) -> T) -> T {
        what(&mut self.walks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is time to begin something more; says so in the report if not.
    fn goes_on(&self) -> bool {
        let on = !self.until.has_come();
        if !on {
            self.count(|report| report.more = true);
        }
        on
    }
}

/// Takes what is due, for as long as `time` lasts.
///
/// # Errors
/// [`Error`] if the index cannot be read. What else fails is counted, and comes again.
pub async fn tick(parts: &Escalation, time: Duration) -> Result<Report, Error> {
    let app = &parts.outbox.hints.app;
    let (now, until, worker) = (app.clock.now(), Deadline::after(time), app.entropy.salt().to_string());
    let slots = Semaphore::new(SIDE_BY_SIDE);
    let (report, turns, walks) = (Mutex::default(), Mutex::default(), Mutex::default());
    let tick = Tick { parts: parts.clone(), now, worker, until, slots, report, turns, walks };
    let others = join_all(timed().map(|shard| guarded(take(&tick, shard))));
    let (changes, others) = tokio::join!(guarded(changes(&tick)), others);
    let outcome = changes.and(others.into_iter().try_for_each(|shard| shard.map(drop)));
    let report = tick.report.into_inner().unwrap_or_else(PoisonError::into_inner);
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

/// A part of the tick that panics keeps no other from its end.
async fn guarded<T>(part: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let outcome = AssertUnwindSafe(part).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Error::Unavailable("a part of the tick ended in a panic".to_owned())))
}

/// What the directory's changes ask for.
///
/// INVARIANT (once for all): every change whose job is found here was written before the first walk of this tick begins. So one walk does for
/// all of them.
async fn changes(tick: &Tick) -> Result<(), Error> {
    let found = join_all(of_jobs().map(|shard| guarded(take(tick, shard)))).await;
    let mut outcome = Ok(());
    for shard in found {
        match shard {
            Ok(found) => found.into_iter().for_each(|key| tick.has_turn(key)),
            Err(error) => outcome = Err(error),
        }
    }
    let in_turn = |_| guarded(jobs::run_in_turn(tick).map(Ok));
    let side_by_side = join_all(of_jobs().map(in_turn)).await;
    outcome.and(side_by_side.into_iter().collect())
}

/// When the next tick has something to do, as far as it is known now.
///
/// # Errors
/// [`Error`] if the index does not answer.
pub async fn next_due(parts: &Escalation) -> Result<Option<Timestamp>, Error> {
    let jobs = &parts.outbox.hints.jobs;
    let first = |shard: String| async move { jobs.due(&shard, Timestamp::MAX, None, 1).await };
    let pages = try_join_all(of_jobs().chain(timed()).map(first)).await?;
    Ok(pages.into_iter().flat_map(|page| page.items).map(|(_, at)| at).min())
}

/// Partitions of the index where jobs stand.
fn of_jobs() -> impl Iterator<Item = String> {
    (0..keys::JOB_SHARDS).map(keys::job_partition)
}

/// And all others.
fn timed() -> impl Iterator<Item = String> {
    (0..keys::DUE_SHARDS).map(keys::due_partition).chain((0..keys::DELIVERY_SHARDS).map(keys::delivery_partition))
}

/// What is due in one shard: timers of a page fire side by side. Gives the jobs found, which have their turns, since each walks side by side
/// itself.
async fn take(tick: &Tick, shard: String) -> Result<Vec<Key>, Error> {
    let mut start = None;
    let mut found: Vec<Key> = Vec::new();
    while tick.goes_on() {
        let page = tick.jobs().due(&shard, tick.now, start, PAGE).await?;
        let mut timers = Vec::new();
        for (due, at) in page.items {
            tick.count(|report| report.due += 1);
            let lag = u64::try_from(tick.now.millis().saturating_sub(at.millis())).unwrap_or(0);
            match due {
                Due::Job(key) => found.push(key),
                Due::Request(tenant, id) => timers.push(timers::run(tick, tenant, id)),
                Due::Unknown(_) => {
                    tracing::warn!(shard, "what stands in the index is nothing that this build knows");
                    continue;
                }
                Due::Delivery(key) => deliveries::again(tick, &key).await,
            }
            tick.count(|report| report.lag_ms = report.lag_ms.max(lag));
        }
        join_all(timers).await;
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    Ok(found)
}
