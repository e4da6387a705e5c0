//! The SQLite file behind the engine, and the one thread that touches it.
//!
//! Work arrives on a queue, and a batch is whatever waits there. Reads of a batch run first and are answered at once.
//! If its writes make more than one commit, they share one `fsync`: they run without one each, then a marker is
//! committed under `synchronous=FULL`, which makes SQLite sync its log up to that marker, and only then is any of
//! them answered. INVARIANT (durable before answered): no write's answer leaves before a sync that covers it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use dynoxide::DynoxideError;
use dynoxide::storage::Storage;
use tokio::sync::{mpsc, oneshot, watch};

use super::clock::Clock;
use super::{Error, index};

/// Requests that share a sync at most. One waits for at most this many others, about 20 ms of work.
const BATCH_MAX: usize = 64;

/// How many commits a piece of work makes, as far as the queue must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Read,
    OneCommit,
    ManyCommits,
}

/// Told whether the work is on disk, it answers its caller.
type Answer = Box<dyn FnOnce(bool) + Send>;

struct Job {
    effect: Effect,
    work: Box<dyn FnOnce(&Storage) -> Answer + Send>,
}

/// A handle to the thread that owns the file; clones share it. The file closes when the last one is dropped.
#[derive(Clone, Debug)]
pub(super) struct Database {
    queue: mpsc::UnboundedSender<Job>,
    written: watch::Receiver<u64>,
}

impl Database {
    /// Opens or creates the file, makes sure of `synchronous=FULL` and of our index, and starts the thread.
    ///
    /// # Errors
    /// `Error::Open` if SQLite refuses the file or will not be durable.
    pub(super) fn open(file: &Path, clock: Arc<Clock>) -> Result<Self, Error> {
        let storage = Storage::new(&file.to_string_lossy()).map_err(Error::Open)?.with_clock(clock);
        index::prepare(storage.conn())?;
        let (queue, jobs) = mpsc::unbounded_channel();
        let (count, written) = watch::channel(0);
        std::thread::Builder::new().name("engine".to_owned()).spawn(move || serve(&storage, jobs, &count))?;
        Ok(Self { queue, written })
    }

    /// Runs `work` on the engine's thread; the answer comes when what it wrote is on disk.
    ///
    /// # Errors
    /// What `work` returns, or `InternalServerError` if the disk refused (then the outcome is unknown).
    pub(super) async fn run<T: Send + 'static>(
        &self,
        effect: Effect,
        work: impl FnOnce(&Storage) -> dynoxide::Result<T> + Send + 'static,
    ) -> dynoxide::Result<T> {
        let (caller, answer) = oneshot::channel();
        let work = move |storage: &Storage| -> Answer {
            let result = work(storage);
            Box::new(move |durable| {
                // The caller may have stopped waiting; what it asked for has happened all the same.
                let _ = caller.send(if durable { result } else { Err(not_durable()) });
            })
        };
        let job = Job { effect, work: Box::new(work) };
        self.queue.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Counts the writes since the start; it changes when there may be something new on the stream.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.clone()
    }
}

fn serve(storage: &Storage, mut jobs: mpsc::UnboundedReceiver<Job>, count: &watch::Sender<u64>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut writes = Vec::new();
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            taken += 1;
            match job.effect {
                Effect::Read => perform(storage, job).into_iter().for_each(|answer| answer(true)),
                Effect::OneCommit | Effect::ManyCommits => writes.push(job),
            }
            next = if taken < BATCH_MAX { jobs.try_recv().ok() } else { None };
        }
        if writes.is_empty() {
            continue;
        }
        write(storage, writes, count);
    }
}

/// Runs the writes of a batch and answers them when they are on disk.
fn write(storage: &Storage, writes: Vec<Job>, count: &watch::Sender<u64>) {
    let made = u64::try_from(writes.len()).unwrap_or(u64::MAX);
    let alone = matches!(writes.as_slice(), [job] if job.effect == Effect::OneCommit);
    // A single commit is synced by SQLite itself; the marker would only add a page.
    let shared = !alone && index::sync_later(storage.conn()).is_ok();
    let answers: Vec<Answer> = writes.into_iter().filter_map(|job| perform(storage, job)).collect();
    let durable = !shared || index::sync_now(storage.conn()).is_ok();
    if !durable {
        tracing::error!("the disk refused a sync; every write of the batch is answered with an error");
    }
    // Counted before it is answered: whoever has an answer finds the count to hold it, which `Pump::drain` needs.
    count.send_modify(|written| *written = written.saturating_add(made));
    for answer in answers {
        answer(durable);
    }
}

/// One piece of work. A panic inside dynoxide costs that request its answer and nobody else anything.
fn perform(storage: &Storage, job: Job) -> Option<Answer> {
    let done = catch_unwind(AssertUnwindSafe(|| (job.work)(storage)));
    if done.is_err()
        && !storage.conn().is_autocommit()
        && let Err(error) = storage.rollback()
    {
        tracing::error!(%error, "a panicked request left a transaction that cannot be rolled back");
    }
    done.ok()
}

fn gone() -> DynoxideError {
    DynoxideError::InternalServerError("the embedded engine gave no answer".to_owned())
}

fn not_durable() -> DynoxideError {
    DynoxideError::InternalServerError("the write could not be synced to disk".to_owned())
}
