//! Notifications: takes notices from the queue, finds out who hears of them and whether they still matter, and sends. Nothing is decided
//! here, and nothing is written but how far each delivery is.
//!
//! - [`audience`]: for whom a notice is, resolved when it is sent;
//! - [`channel`]: one recipient on one way; each kind is one variant; [`results`] says what became of a message;
//! - [`letter`] and [`mail`]: what people read, and how it leaves;
//! - [`systems`], [`webhook`] and [`outcome`]: what systems get, and how it leaves.

mod audience;
mod channel;
mod letter;
mod mail;
mod outcome;
mod results;
mod round;
mod systems;
pub mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use approvals::app::App;
use approvals::notice::Notice;
use approvals::queue::Queue;
use approvals::runtime::deadline::Deadline;
use approvals::wiring::Config;
use approvals_domain::time::Timestamp;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

pub use mail::Mail;
pub use outcome::{Bus, Tasks};
use round::Round;
use webhook::carrier::Carrier;
use webhook::wire::Wire;

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
    /// Who takes webhooks to their addresses.
    pub carrier: Arc<dyn Carrier>,
    /// Where outcomes go, if anywhere.
    pub bus: Option<Bus>,
    /// The way to tasks that wait for an outcome.
    pub tasks: Tasks,
}

impl Desk {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// From a function's configuration.
    ///
    /// # Errors
    /// Naming the variable that is missing or wrong.
    pub fn from_config(config: &Config) -> Result<Self, lambda_runtime::Error> {
        let mail = Mail::from_config(config)?;
        let carrier = Arc::new(Wire::internet()?);
        let (app, address, parked) = (config.app()?, config.public_address()?, config.parked_queue()?);
        let (bus, tasks) = (Bus::from_config(config)?, Tasks::from_config(config)?);
        Ok(Self::new(Parts { app, mail, address, parked, carrier, bus, tasks }))
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
    /// No notice: comes again with the queue until that gives it up.
    Foreign,
}

/// Handles a batch of messages side by side, for as long as `time` lasts: what is not begun then comes again. One that ends badly harms no
/// other, and one that takes long keeps none waiting.
pub async fn handle(desk: &Desk, event: SqsEvent, time: Duration) -> Handled {
    let round = Arc::new(Round::new(desk.clone(), Deadline::after(time)));
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    let mut running = tokio::task::JoinSet::new();
    for message in event.records {
        let (round, id) = (Arc::clone(&round), message.message_id.unwrap_or_default());
        waiting.insert(id.clone());
        running.spawn(async move {
            let end = match Notice::read(message.body.as_deref().unwrap_or_default()) {
                Ok(notice) => round.tell(&notice).await.unwrap_or_else(|error| {
                    tracing::warn!(code = error.code(), %error, notice = %notice.id, "a notice comes again");
                    End::Again
                }),
                Err(error) => {
                    tracing::error!(error, message = id, "a message is no notice; it is parked in the end");
                    End::Foreign
                }
            };
            (id, end)
        });
    }
    let mut handled = Handled::default();
    while let Some(done) = running.join_next().await {
        // Whoever panicked is still waiting.
        let Ok((id, end)) = done else { continue };
        waiting.remove(&id);
        if end != End::Done {
            handled.response.add_failure(id.clone());
        }
        match end {
            End::Standing => handled.standing.push(id),
            End::Foreign => handled.foreign.push(id),
            End::Done | End::Again => {}
        }
    }
    for id in waiting {
        tracing::error!(message = id, "a message ended in a panic");
        handled.response.add_failure(id);
    }
    round.counts.emit(desk.now());
    handled
}
