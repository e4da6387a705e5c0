//! Notifications: takes notices from the queue, finds out who hears of them and whether they still matter, and sends. Nothing is decided
//! here, and nothing is written but how far each delivery is.
//!
//! - [`audience`]: for whom a notice is, resolved when it is sent;
//! - [`channel`]: one recipient on one way; each kind is one variant. A webhook is one more;
//! - [`letter`] and [`mail`]: what people read, and how it leaves.

mod audience;
mod channel;
mod letter;
mod mail;

use std::sync::Arc;
use std::time::Duration;

use approvals::app::App;
use approvals::queue::Queue;
use approvals::runtime::config::{Config, Error};
use approvals::runtime::deadline::Deadline;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::deliveries::{Begun, Next, Worker};
use approvals::wire::notice_v1::Notice;
use approvals::wire::problem::Problem;
use approvals_domain::time::Timestamp;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

use channel::Recipient;
pub use mail::Mail;

/// Recipients of a notice told side by side.
const SIDE_BY_SIDE: usize = 8;

/// What sending needs.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Parts>);

/// Its parts.
#[derive(Debug)]
pub struct Parts {
    /// The service's parts; reads, and how far deliveries are.
    pub app: App,
    /// The way to people.
    pub mail: Mail,
    /// Where the service is reached by people, without a slash at its end: links begin with it.
    pub address: String,
    /// Where notices go that nobody tries any more: the dead-letter queue.
    pub parked: Queue,
}

impl Desk {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// From a function's configuration.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing or wrong.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        let mail = Mail::from_config(config)?;
        Ok(Self::new(Parts { app: config.app()?, mail, address: config.public_address()?, parked: config.parked_queue()? }))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }
}

impl std::ops::Deref for Desk {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Handled {
    /// For Lambda: which messages come again.
    pub response: SqsBatchResponse,
    /// Of those the ones whose every delivery stands as an item, so that they would not be lost with the queue: ids of messages.
    pub standing: Vec<String>,
    /// Of those the ones that are no notice: only the queue knows them, and gives them up in the end.
    pub foreign: Vec<String>,
}

/// How a message, or one delivery of it, ended. The worst of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Through, or nothing to do.
    Done,
    /// Comes again with the queue; the index would bring it too.
    Standing,
    /// Comes again with the queue, and nowhere else.
    Again,
}

/// Handles a batch of messages, each for itself, for as long as `time` lasts: what is not begun then comes again.
pub async fn handle(desk: &Desk, event: SqsEvent, time: Duration) -> Handled {
    let until = Deadline::after(time);
    let mut handled = Handled::default();
    let mut counts = Counts::default();
    for message in event.records {
        let id = message.message_id.unwrap_or_default();
        let end = match Notice::read(message.body.as_deref().unwrap_or_default()) {
            Ok(_) if until.has_come() => End::Again,
            Ok(notice) => one(desk, &notice, until, &mut counts).await.unwrap_or_else(|problem| {
                tracing::warn!(code = problem.code, detail = problem.detail, notice = %notice.id, "a notice comes again");
                End::Again
            }),
            Err(error) => {
                tracing::error!(error, message = id, "a message is no notice; it is parked in the end");
                handled.foreign.push(id.clone());
                End::Again
            }
        };
        if end != End::Done {
            handled.response.add_failure(id.clone());
        }
        if end == End::Standing {
            handled.standing.push(id);
        }
    }
    counts.emit(desk.now());
    handled
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    failed: u64,
    parked: u64,
}

impl Counts {
    fn emit(&self, now: Timestamp) {
        let all = [("NoticesSent", self.sent), ("DeliveriesFailed", self.failed), ("DeliveriesParked", self.parked)];
        let told: Vec<_> = all.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, count, Unit::Count)).collect();
        emit("notifications", now, &told);
    }
}

/// What one delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// Sent by us now.
    Sent,
    /// Through before.
    Through,
    /// Somebody else has it.
    Elsewhere,
    /// It failed.
    Failed(Next),
}

/// One notice, to everybody it is for.
async fn one(desk: &Desk, notice: &Notice, until: Deadline, counts: &mut Counts) -> Result<End, Problem> {
    let recipients = audience::recipients(desk, notice).await?;
    if let (true, Some(retry)) = (recipients.is_empty(), &notice.retry) {
        // Decided meanwhile, or gone: else it would come due for ever.
        desk.app.store.drop_delivery(notice, &retry.channel, &retry.to, desk.now()).await?;
    }
    let worker = desk.app.entropy.salt().to_string();
    let key_id = if recipients.iter().any(Recipient::has_link) {
        Some(desk.app.store.obtain_link_keys(&desk.app.entropy).await?.current().to_owned())
    } else {
        None
    };
    let mut waiting = recipients.into_iter();
    let mut running = tokio::task::JoinSet::new();
    let mut end = End::Done;
    loop {
        while running.len() < SIDE_BY_SIDE && !until.has_come() {
            let Some(recipient) = waiting.next() else { break };
            let (desk, notice, worker, key_id) = (desk.clone(), notice.clone(), worker.clone(), key_id.clone());
            running.spawn(async move { deliver(&desk, &notice, &recipient, &worker, key_id.as_deref()).await });
        }
        let Some(done) = running.join_next().await else { break };
        end = end.max(match done.map_err(|error| Problem::internal(&error.to_string()))? {
            Ok(Came::Sent) => {
                counts.sent += 1;
                End::Done
            }
            Ok(Came::Through) => End::Done,
            Ok(Came::Elsewhere) => End::Standing,
            Ok(Came::Failed(next)) => {
                counts.failed += 1;
                counts.parked += u64::from(next == Next::Nobody);
                if next == Next::Queue { End::Standing } else { End::Done }
            }
            Err(problem) => {
                tracing::warn!(code = problem.code, detail = problem.detail, notice = %notice.id, "a delivery comes again");
                End::Again
            }
        });
    }
    // Near the function's end: what is left comes again, and finds the rest delivered.
    if waiting.next().is_some() { Ok(End::Again) } else { Ok(end) }
}

/// One delivery: taken, sent, noted. Whoever dies between any two of these leaves it to the index.
async fn deliver(desk: &Desk, notice: &Notice, recipient: &Recipient, worker: &str, key_id: Option<&str>) -> Result<Came, Problem> {
    let (store, way) = (&desk.app.store, (recipient.channel(), recipient.id()));
    let delivery = match store.begin_delivery(notice, way, Worker { id: worker, now: desk.now(), key_id }).await? {
        Begun::Mine(delivery) => delivery,
        Begun::Through => return Ok(Came::Through),
        Begun::Elsewhere => return Ok(Came::Elsewhere),
    };
    match recipient.send(desk, &delivery).await? {
        Ok(provider_id) => {
            store.end_delivery(&delivery, provider_id, desk.now()).await?;
            Ok(Came::Sent)
        }
        Err(failure) => {
            let now = desk.now();
            let next = delivery.if_failed(now, failure.for_good);
            if next == Next::Nobody {
                // Said where humans look before it is given up; if that fails, it is not given up yet.
                desk.parked.send(&[delivery.again()]).await.map_err(|error| Problem::busy(&error.to_string()))?;
            }
            store.fail_delivery(&delivery, &failure.class, failure.for_good, now).await?;
            tracing::warn!(class = failure.class, notice = %notice.id, channel = way.0, ?next, "a delivery failed");
            Ok(Came::Failed(next))
        }
    }
}
