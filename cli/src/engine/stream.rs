//! The table's stream, delivered to a handler as Lambda would: in order per shard, in batches, at least once.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::position::Position;
use super::{Engine, Error, records};

/// Records per invocation at most, as Lambda's default.
pub const BATCH_MAX: usize = 100;

/// How often a position is written at most. A crash has that much delivered again.
const KEEP: Duration = Duration::from_secs(1);
/// Waits after a failed batch: doubled from the first to the last, begun anew after any progress.
const BACKOFF_FIRST: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// Who reads a stream, and what of it.
#[derive(Clone, Copy, Debug)]
pub struct Consumer {
    /// Names its position in the data folder.
    pub name: &'static str,
    /// Only records whose `PK` begins with one of these are delivered, as by the filter of an event source mapping.
    /// `[""]` is all.
    pub pk_prefixes: &'static [&'static str],
    /// After so many tries a record is parked, and the stream goes on; none: it waits for its handler.
    pub tries: Option<u32>,
    /// How long records are gathered before they are delivered, as by the batching window of an event source mapping. Whoever drains does not
    /// wait for it.
    pub window: Duration,
}

/// A consumer of everything, at once.
impl From<&'static str> for Consumer {
    fn from(name: &'static str) -> Self {
        Self { name, pk_prefixes: &[""], window: Duration::ZERO, tries: None }
    }
}

impl Consumer {
    /// The same, which parks a record that it could not handle so often.
    #[must_use]
    pub const fn parking_after(self, tries: u32) -> Self {
        Self { tries: Some(tries), ..self }
    }

    fn wants(&self, record: &Record) -> bool {
        let pk = records::partition_key(record).unwrap_or_default();
        self.pk_prefixes.iter().any(|prefix| pk.starts_with(prefix))
    }
}

/// A running consumer of a table's stream. It stops when this is dropped; what it was handling is delivered again.
#[derive(Debug)]
pub struct Pump {
    task: JoinHandle<()>,
    written: watch::Receiver<u64>,
    handled: watch::Receiver<u64>,
    /// Up to where the position says so.
    kept: watch::Receiver<u64>,
    parked: Arc<AtomicU64>,
    /// Up to where somebody waits for it.
    wanted: watch::Sender<u64>,
}

impl Engine {
    /// Delivers the stream of `table` to `handler`, from where the consumer left off in this data folder. `streams`
    /// is the client it reads with, so that faults can be laid under it.
    ///
    /// The handler answers as a Lambda with `ReportBatchItemFailures` does: everything before the lowest failed
    /// sequence number is done, the rest comes again after a pause; an error fails the whole batch. There is no last
    /// attempt, unless the consumer says how many there are: the stream waits for its handler.
    ///
    /// # Errors
    /// `Error::Failed` if the table has no stream, `Error::Folder` if its position cannot be read.
    pub async fn pump<H, F, E>(&self, streams: Client, table: &str, consumer: impl Into<Consumer>, handler: H) -> Result<Pump, Error>
    where
        H: Fn(Event) -> F + Send + Sync + 'static,
        F: Future<Output = Result<DynamoDbEventResponse, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let consumer = consumer.into();
        let arn = stream_of(&streams, table).await?;
        let position = Position::load(&self.folder, consumer.name, &arn)?;
        let written = self.written();
        let (done, handled) = watch::channel(0);
        let parked = Arc::new(AtomicU64::new(0));
        let (is_kept, kept) = watch::channel(0);
        let (wanted, hurry) = watch::channel(0);
        let (shards, failing) = (Vec::new(), None);
        let reader = Reader { streams, arn, shards, position, handler, consumer, failing, parked: Arc::clone(&parked) };
        let task = tokio::spawn(follow(reader, written.clone(), (done, is_kept), hurry));
        Ok(Pump { task, written, handled, kept, wanted, parked })
    }
}

impl Pump {
    /// Returns when everything written before this call has been handled, and the position says so. What handlers write meanwhile is not
    /// waited for; see `is_quiet`.
    ///
    /// # Errors
    /// `Error::Failed` if the consumer has stopped.
    pub async fn drain(&self) -> Result<(), Error> {
        let written = *self.written.borrow();
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, written.max(*wanted)) < written);
        let mut kept = self.kept.clone();
        match kept.wait_for(|kept| *kept >= written).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Failed("the stream consumer has stopped".to_owned())),
        }
    }

    /// Records given up since the start.
    pub fn parked(&self) -> u64 {
        self.parked.load(Ordering::Relaxed)
    }

    /// Whether nothing has been written that is not handled yet.
    pub fn is_quiet(&self) -> bool {
        *self.handled.borrow() >= *self.written.borrow()
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads whenever something was written, and sleeps without a poll otherwise.
async fn follow<H, F, E>(
    mut reader: Reader<H>,
    mut written: watch::Receiver<u64>,
    (done, kept): (watch::Sender<u64>, watch::Sender<u64>),
    mut hurry: watch::Receiver<u64>,
) where
    H: Fn(Event) -> F,
    F: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    // `changed` reports only what is newer than this; a write that a pass happens to see early costs one empty pass.
    let mut backoff = BACKOFF_FIRST;
    loop {
        let seen = *written.borrow_and_update();
        match reader.read_to_the_end().await {
            Ok(()) => {
                backoff = BACKOFF_FIRST;
                done.send_replace(seen);
                // Whoever waits, waits for the position as well: a restart reads on after what was drained.
                let is_time = reader.position.is_kept()
                    || tokio::select! {
                        biased;
                        _ = hurry.wait_for(|wanted| *wanted > *kept.borrow()) => true,
                        _ = written.wait_for(|written| *written > seen) => false,
                        () = tokio::time::sleep(KEEP) => true,
                    };
                if is_time {
                    reader.keep();
                    kept.send_replace(seen);
                }
                if written.wait_for(|written| *written > seen).await.is_err() {
                    return;
                }
                // Over when it is, or when somebody waits; also when the pump is dropped, which ends this task.
                let _ = tokio::time::timeout(reader.consumer.window, hurry.wait_for(|wanted| *wanted > seen)).await;
            }
            Err(Stopped { moved, reason }) => {
                tracing::warn!(consumer = reader.consumer.name, reason, "a stream batch comes again");
                if moved {
                    backoff = BACKOFF_FIRST;
                }
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

struct Reader<H> {
    streams: Client,
    arn: String,
    shards: Vec<Shard>,
    position: Position,
    handler: H,
    consumer: Consumer,
    /// The record that failed last, and how often in a row.
    failing: Option<(String, u32)>,
    parked: Arc<AtomicU64>,
}

/// An open shard with the iterator to read on with, if there is one.
struct Shard {
    id: String,
    iterator: Option<String>,
}

/// Why a pass ended before the end of the stream, and whether it got anywhere.
struct Stopped {
    moved: bool,
    reason: String,
}

impl<H, F, E> Reader<H>
where
    H: Fn(Event) -> F,
    F: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    async fn read_to_the_end(&mut self) -> Result<(), Stopped> {
        let stuck = |reason| Stopped { moved: false, reason };
        if self.shards.is_empty() {
            self.shards = self.find_shards().await.map_err(stuck)?;
        }
        // Iterators are cheap and may have expired: after a stop each shard is found again, from its position.
        let mut shards = std::mem::take(&mut self.shards);
        for shard in &mut shards {
            self.read_shard(shard).await?;
        }
        self.shards = shards;
        Ok(())
    }

    async fn read_shard(&mut self, shard: &mut Shard) -> Result<(), Stopped> {
        let mut moved = false;
        loop {
            let stopped = |reason| Stopped { moved, reason };
            let iterator = match shard.iterator.take() {
                Some(iterator) => iterator,
                None => self.iterator(&shard.id).await.map_err(stopped)?,
            };
            let limit = i32::try_from(BATCH_MAX).unwrap_or(i32::MAX);
            let page = self.streams.get_records().shard_iterator(iterator).limit(limit).send();
            let page = page.await.map_err(|error| stopped(DisplayErrorContext(error).to_string()))?;
            let records = page.records.unwrap_or_default();
            if records.is_empty() {
                shard.iterator = page.next_shard_iterator;
                return Ok(());
            }
            self.deliver(&shard.id, records, &mut moved).await?;
            shard.iterator = page.next_shard_iterator;
        }
    }

    /// Hands over one batch and moves the position past what is handled.
    async fn deliver(&mut self, shard: &str, mut records: Vec<Record>, moved: &mut bool) -> Result<(), Stopped> {
        let end = records.last().and_then(records::sequence_number).map(str::to_owned);
        records.retain(|record| self.consumer.wants(record));
        let numbers: Vec<String> = records.iter().filter_map(records::sequence_number).map(str::to_owned).collect();
        let (handled, reason) = if records.is_empty() {
            (0, String::new())
        } else {
            match (self.handler)(records::event(&self.arn, records)).await {
                Ok(answer) => (handled_of(&numbers, &answer), "the handler reported failures".to_owned()),
                Err(error) => (0, error.to_string()),
            }
        };
        let handled = handled + self.parks(numbers.get(handled), &reason);
        let complete = handled == numbers.len();
        let reached = if complete { end } else { handled.checked_sub(1).and_then(|last| numbers.get(last).cloned()) };
        if let Some(reached) = reached {
            *moved = true;
            self.position.advance(shard, &reached);
            if self.position.is_due(KEEP) {
                self.keep();
            }
        }
        if complete { Ok(()) } else { Err(Stopped { moved: *moved, reason }) }
    }

    /// 1 if the record that failed is given up, so that those after it have their turn.
    fn parks(&mut self, failed: Option<&String>, reason: &str) -> usize {
        let Some(failed) = failed else {
            self.failing = None;
            return 0;
        };
        let times = self.failing.take().filter(|(number, _)| number == failed).map_or(0, |(_, times)| times) + 1;
        if self.consumer.tries.is_none_or(|tries| times < tries) {
            self.failing = Some((failed.clone(), times));
            return 0;
        }
        self.parked.fetch_add(1, Ordering::Relaxed);
        tracing::error!(consumer = self.consumer.name, sequence = failed, times, reason, "a stream record is parked; those after it go on");
        1
    }

    fn keep(&mut self) {
        if self.position.is_kept() {
            return;
        }
        if let Err(error) = self.position.keep() {
            tracing::warn!(consumer = self.consumer.name, %error, "a stream position is not kept");
        }
    }

    async fn find_shards(&self) -> Result<Vec<Shard>, String> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.streams.describe_stream().stream_arn(&self.arn).set_exclusive_start_shard_id(after.take());
            let page = page.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
            let stream = page.stream_description.ok_or("the stream has no description")?;
            found.extend(stream.shards.into_iter().flatten().filter_map(|shard| {
                let id = shard.shard_id?;
                Some(Shard { id, iterator: None })
            }));
            match stream.last_evaluated_shard_id {
                Some(last) => after = Some(last),
                None => return Ok(found),
            }
        }
    }

    async fn iterator(&self, shard: &str) -> Result<String, String> {
        let ask = self.streams.get_shard_iterator().stream_arn(&self.arn).shard_id(shard);
        let ask = match self.position.after(shard) {
            Some(number) => ask.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(number),
            None => ask.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let answer = ask.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
        answer.shard_iterator.ok_or_else(|| "the shard gave no iterator".to_owned())
    }
}

/// How many of a batch's leading records are handled. A failure that names no record of the batch fails all of it,
/// as with Lambda.
fn handled_of(numbers: &[String], answer: &DynamoDbEventResponse) -> usize {
    answer
        .batch_item_failures
        .iter()
        .map(|failure| {
            let failed = failure.item_identifier.as_deref();
            numbers.iter().position(|number| Some(number.as_str()) == failed).unwrap_or(0)
        })
        .min()
        .unwrap_or(numbers.len())
}

/// The ARN of the stream of `table`.
async fn stream_of(streams: &Client, table: &str) -> Result<String, Error> {
    let answer =
        streams.list_streams().table_name(table).send().await.map_err(|error| Error::Failed(DisplayErrorContext(error).to_string()))?;
    answer
        .streams()
        .first()
        .and_then(|stream| stream.stream_arn())
        .map(str::to_owned)
        .ok_or_else(|| Error::Failed(format!("table `{table}` has no stream")))
}
