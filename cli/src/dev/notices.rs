//! The way of notices in this process: stream → relay → queue → `notifications` → folder. The parts are the ones the Lambda functions run;
//! only what AWS would stand between them is made here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use approvals::app::{App, PerMinute};
use approvals::destinations::Destinations;
use approvals::outbox::Outbox;
use approvals::queue::Queue;
use approvals::runtime::batch::failed_at;
use approvals::secrets::Links;
use approvals::store::Stores;
use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use mail_parser::{Address, MessageParser};
use notifications::webhook::carrier::Carrier;
use notifications::{Bus, Desk, Mail, Parts, Tasks};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::doors::Doors;
use super::hooks::{self, Hooks};
use crate::engine::post::Post;
use crate::engine::queues::{NOTICES, PARKED, Queues};
use crate::engine::systems::{self, Systems};
use crate::engine::{bus, email, queueing, tasks};

/// Messages of one call, as an event source mapping takes them.
const BATCH: i32 = 10;
/// How long a batch may take, as the function's time on AWS.
const TIME: Duration = Duration::from_secs(60);
/// Whom mails come from on this machine.
const FROM: &str = "Approvals <approvals@localhost>";

/// Queues, post office, and the desk between them.
#[derive(Clone, Debug)]
pub struct Notices {
    /// The queue that relay and the tick send to.
    pub queue: Queue,
    /// Who sends.
    pub desk: Desk,
    pub(super) sqs: aws_sdk_sqs::Client,
    post: Post,
    working: Arc<Mutex<()>>,
}

/// Where calls to AWS go instead.
#[derive(Clone, Debug)]
pub struct Ways {
    /// SQS.
    pub sqs: SharedHttpClient,
    /// SES.
    pub ses: SharedHttpClient,
    /// Where sent messages lie.
    pub post: Post,
    /// Who takes webhooks to their addresses.
    pub carrier: Arc<dyn Carrier>,
    /// EventBridge and Step Functions.
    pub systems: SharedHttpClient,
    /// The bus that hears how requests end.
    pub event_bus: Option<String>,
    /// How many commands are taken in a minute; by default as many as come, as replays, imports and the bench need.
    pub commands_per_minute: PerMinute,
    /// How people log in.
    pub doors: Doors,
    /// What does not run beside the service, so that the bench can say what it costs.
    pub without: Vec<Part>,
}

/// What runs beside the service, on the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Mails, webhooks, outcomes.
    Notices,
    /// The audit archive.
    Archive,
}

impl Ways {
    /// Queues and a post office in this process, on a data folder.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn local(data: &Path) -> std::io::Result<Self> {
        crate::engine::private(data)?;
        let post = Post::open(&data.join("mail"))?;
        let carrier = Arc::new(Hooks::kept(post.clone()));
        let (sqs, ses, systems) = (Queues::default().http_client(), post.http_client(), Systems::new(post.clone()).http_client());
        Ok(Self {
            sqs,
            ses,
            post,
            carrier,
            systems,
            event_bus: None,
            commands_per_minute: PerMinute::default(),
            doors: Doors::default(),
            without: Vec::new(),
        })
    }

    /// The same with webhooks on another way.
    #[must_use]
    pub fn with_carrier(self, carrier: Arc<dyn Carrier>) -> Self {
        Self { carrier, ..self }
    }

    /// The ways of a development server on a data folder, and where its endpoints may lie.
    ///
    /// # Errors
    /// If the folder cannot be used, or TLS cannot be set up.
    pub(super) fn of_server(data: &Path, loopback: bool) -> std::io::Result<(Self, Destinations)> {
        let ways = Self::local(data)?;
        if !loopback {
            return Ok((ways, Destinations::Internet));
        }
        let hooks = Hooks::with_loopback(ways.post.clone()).map_err(std::io::Error::other)?;
        Ok((ways.with_carrier(Arc::new(hooks)), Destinations::Loopback))
    }
}

/// What a round of work came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worked {
    /// Messages handled.
    pub messages: usize,
    /// Some failed and stand nowhere but on the queue.
    pub lost: bool,
}

impl Notices {
    /// Over ways to SQS and SES. `stores`, `links` and `app` are what `notifications` reads and writes with; links begin with `address`.
    ///
    /// # Errors
    /// What is wrong with the address mails come from.
    pub fn new((stores, links): (&Stores, Links), app: App, ways: Ways, address: String) -> Result<Self, String> {
        let sqs = queueing(ways.sqs);
        let mail = Some(Mail::new(&email(ways.ses), FROM)?);
        let parked = Queue::new(sqs.clone(), PARKED);
        let bus = ways.event_bus.map(|name| Bus::new(&bus(ways.systems.clone()), &name));
        let tasks = Tasks::new(&tasks(ways.systems));
        let (inboxes, deliveries) = (stores.inboxes.clone(), stores.deliveries.clone());
        let desk =
            Desk::new(Parts { app, inboxes, deliveries, links, mail, address, pages: true, parked, carrier: ways.carrier, bus, tasks });
        Ok(Self { queue: Queue::new(sqs.clone(), NOTICES), desk, sqs, post: ways.post, working: Arc::default() })
    }

    /// The stream's second reader: puts notices on the queue, and has them delivered. It is done with a record when each notice is
    /// delivered or its deliveries stand in the table, since the queue is gone when the process is.
    pub async fn relay(&self, outbox: &Outbox, event: Event) -> DynamoDbEventResponse {
        let answer = relay::notify(outbox, &event).await;
        match (self.work().await, event.records.first()) {
            (Ok(Worked { lost: false, .. }), _) | (_, None) => answer,
            (Ok(_), Some(first)) => failed_at(first, &"a notice was neither delivered nor kept"),
            (Err(error), Some(first)) => failed_at(first, &error),
        }
    }

    /// Delivers what is ready on the queue, until nothing is: what Lambda's event source mapping does.
    ///
    /// # Errors
    /// What SQS answers.
    pub async fn work(&self) -> Result<Worked, String> {
        let _alone = self.working.lock().await;
        let mut worked = Worked::default();
        loop {
            let call = self.sqs.receive_message().queue_url(NOTICES).max_number_of_messages(BATCH);
            let answer = call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(worked);
            }
            worked.messages += messages.len();
            let mut event = SqsEvent::default();
            event.records = messages.iter().map(record).collect();
            let handled = notifications::handle(&self.desk, event, TIME).await;
            let stays = [handled.standing, handled.foreign].concat();
            worked.lost |= handled.response.batch_item_failures.len() > stays.len();
            // Whatever stands nowhere else comes again with the stream, or from the index: two ways to one notice would only multiply. What
            // is no notice comes from neither, and stays until the queue gives it up.
            let stays = |message: &Message| message.message_id().is_some_and(|id| stays.iter().any(|other| other == id));
            self.delete(messages.iter().filter(|message| !stays(message))).await?;
        }
    }

    async fn delete<'m>(&self, messages: impl Iterator<Item = &'m Message>) -> Result<(), String> {
        let entry = |(place, message): (usize, &Message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
            entry.receipt_handle(message.receipt_handle().unwrap_or_default()).build().ok()
        };
        let entries: Vec<_> = messages.enumerate().filter_map(entry).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let call = self.sqs.delete_message_batch().queue_url(NOTICES).set_entries(Some(entries));
        call.send().await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// What was sent, in that order: a mail as `{channel, to, subject, text, html, reason, headers}`.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn outbox(&self) -> std::io::Result<Vec<Value>> {
        let shown = |(kind, bytes): &(String, Vec<u8>)| match kind.as_str() {
            "eml" => mail(bytes),
            hooks::ENDING => hooks::shown("webhook", bytes),
            systems::BUS | systems::TASK => hooks::shown(kind, bytes),
            _ => None,
        };
        Ok(self.post.all()?.iter().filter_map(shown).collect())
    }
}

fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    record.event_source = Some("aws:sqs".to_owned());
    record
}

fn mail(bytes: &[u8]) -> Option<Value> {
    let message = MessageParser::default().parse(bytes)?;
    let to = message.to().and_then(Address::first).and_then(|to| to.address());
    // Every header, so that a test or a person sees what a mail program goes by.
    let headers: Map<String, Value> = message.headers_raw().map(|(name, value)| (name.to_owned(), json!(value.trim()))).collect();
    Some(json!({
        "channel": "mail", "to": to, "subject": message.subject(), "text": message.body_text(0), "html": message.body_html(0),
        "reason": headers.get("X-Approvals-Reason"), "headers": headers,
    }))
}
