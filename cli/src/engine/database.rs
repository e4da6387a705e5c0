//! The SQLite file behind the engine, and the one thread that touches it.
//!
//! Work arrives on a queue, and a batch is whatever waits there. The reads of a batch run first and are answered at
//! once; its writes share one SQLite transaction, and so one `fsync`.
//! INVARIANT (durable before answered): a write's answer leaves after the commit, under `synchronous=FULL`, that holds it.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::DynoxideError;
use dynoxide::storage::Storage;
use tokio::sync::{mpsc, oneshot, watch};

use super::Error;
use super::clock::Clock;
use super::sqlite::{self, Group};

/// Beside the data file; whoever holds its lock is the one engine of the folder. A killed process lets it go.
const LOCK: &str = "approvals.lock";

/// How long a start waits for an engine that is just closing.
const CLOSING: Duration = Duration::from_secs(2);

/// Requests that share a commit at most. One waits for at most this many others, about 20 ms of work.
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

/// What work comes to: its answer, and whether it succeeded (what failed must leave no trace).
struct Done {
    answer: Answer,
    succeeded: bool,
}

struct Job {
    effect: Effect,
    work: Box<dyn FnOnce(&Storage) -> Done + Send>,
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
    /// `Error::Open` if SQLite refuses the file, `Error::NotDurable` if it will not sync, `Error::InUse` if another
    /// engine has the folder.
    pub(super) fn open(file: &Path, clock: Arc<Clock>) -> Result<Self, Error> {
        let lock = lock(&file.with_file_name(LOCK))?;
        let storage = Storage::new(&file.to_string_lossy()).map_err(Error::Open)?.with_clock(clock);
        sqlite::prepare(storage.conn())?;
        let group = Group::on(storage.conn());
        let (queue, jobs) = mpsc::unbounded_channel();
        let (count, written) = watch::channel(0);
        let thread = Thread { storage, group, count, _lock: lock };
        std::thread::Builder::new().name("engine".to_owned()).spawn(move || thread.serve(jobs))?;
        Ok(Self { queue, written })
    }

    /// Runs `work` on the engine's thread; the answer comes when what it wrote is on disk.
    ///
    /// # Errors
    /// What `work` returns (then it has written nothing), or `InternalServerError` if the disk refused.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        effect: Effect,
        work: impl FnOnce(&Storage) -> dynoxide::Result<T> + Send + 'static,
    ) -> dynoxide::Result<T> {
        let (caller, answer) = oneshot::channel();
        let work = move |storage: &Storage| {
            let result = work(storage);
            let succeeded = result.is_ok();
            // The caller may have stopped waiting; what it asked for has happened all the same.
            let answer = move |durable| drop(caller.send(if durable { result } else { Err(not_durable()) }));
            Done { answer: Box::new(answer), succeeded }
        };
        self.queue.send(Job { effect, work: Box::new(work) }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Counts the writes since the start; it changes when there is something new on the stream.
    pub(super) fn written(&self) -> watch::Receiver<u64> {
        self.written.clone()
    }
}

/// What the engine's thread owns.
struct Thread {
    storage: Storage,
    group: Group,
    count: watch::Sender<u64>,
    /// Two engines on one folder would deliver its stream twice. Let go when the file is closed, hence last.
    _lock: File,
}

impl Thread {
    fn serve(self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut writes = Vec::new();
            let mut taken = 0;
            let mut next = Some(first);
            while let Some(job) = next {
                taken += 1;
                match job.effect {
                    Effect::Read => self.perform(job).into_iter().for_each(|done| (done.answer)(true)),
                    Effect::OneCommit | Effect::ManyCommits => writes.push(job),
                }
                next = if taken < BATCH_MAX { jobs.try_recv().ok() } else { None };
            }
            if !writes.is_empty() {
                self.write(writes);
            }
        }
    }

    /// Runs the writes of a batch and answers them when they are on disk.
    fn write(&self, writes: Vec<Job>) {
        let alone = matches!(writes.as_slice(), [job] if job.effect == Effect::OneCommit);
        let (all, durable) = if alone || self.group.begin(self.storage.conn()).is_err() {
            // Each commits by itself, as dynoxide does without us.
            (writes.into_iter().filter_map(|job| self.perform(job)).collect(), true)
        } else {
            self.together(writes)
        };
        // Counted before it is answered: whoever has an answer finds the count to hold it, which `Pump::drain` needs.
        let made = all.iter().map(|done| u64::from(done.succeeded)).sum::<u64>();
        self.count.send_if_modified(|written| {
            *written = written.saturating_add(made);
            made > 0
        });
        for done in all {
            (done.answer)(durable);
        }
    }

    fn together(&self, writes: Vec<Job>) -> (Vec<Done>, bool) {
        let connection = self.storage.conn();
        let mut all: Vec<Done> = Vec::with_capacity(writes.len());
        let mut sound = true;
        for job in writes {
            let attempted = self.group.attempt(connection, || {
                let done = self.perform(job);
                let succeeded = done.as_ref().is_some_and(|done| done.succeeded);
                all.extend(done);
                succeeded
            });
            sound &= attempted.is_ok();
        }
        let committed = self.group.commit(connection);
        if let Err(error) = &committed {
            tracing::error!(%error, "a commit failed; every write of the batch is answered with an error");
        }
        (all, sound && committed.is_ok())
    }

    /// One piece of work. A panic inside dynoxide costs that request its answer and nobody else anything.
    fn perform(&self, job: Job) -> Option<Done> {
        let done = catch_unwind(AssertUnwindSafe(|| (job.work)(&self.storage))).ok();
        let connection = self.storage.conn();
        // Inside a group this does nothing, and the group undoes the request.
        if done.is_none() && !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            tracing::error!("a panicked request left a transaction that cannot be rolled back");
        }
        done
    }
}

fn lock(file: &Path) -> Result<File, Error> {
    let lock = File::create(file)?;
    let from = std::time::Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(std::fs::TryLockError::WouldBlock) if from.elapsed() < CLOSING => std::thread::sleep(Duration::from_millis(10)),
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::InUse),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

fn gone() -> DynoxideError {
    DynoxideError::InternalServerError("the embedded engine gave no answer".to_owned())
}

fn not_durable() -> DynoxideError {
    DynoxideError::InternalServerError("the write could not be synced to disk".to_owned())
}
