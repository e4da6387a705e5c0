//! Relay, the queue and `notifications`, each call of theirs over a network the test holds, and a queue that loses nothing and repeats
//! what it is told to. The stream is recorded, and given to relay as the test likes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use approvals::queue::Queue;
use approvals::store::Table;
use approvals::store::table::schema::APPROVALS;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use cli::dev::RELAY;
use cli::engine::post::Post;
use cli::engine::queues::{NOTICES, PARKED, Queues};
use cli::engine::stream::{Consumer, Pump};
use cli::engine::{email, queueing, tasks};
use futures_util::future::join_all;
use mail_parser::MessageParser;
use notifications::webhook::wire::Wire;
use notifications::{Desk, Mail, Parts, Tasks, handle};
use serde_json::{Value, json};

use crate::stage::seam::{Fault, Seam};
use crate::stage::{Side, Stage, hasty, links, tags, tick};

/// As much time as anybody needs.
pub(super) const TIME: Duration = Duration::from_secs(600);

/// A mail that was sent, as far as tests compare it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    /// `bob: Your approval is needed`.
    pub(super) short: String,
    pub(super) message_id: String,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Rig {
    pub(super) stage: Stage,
    /// Under the store of relay and `notifications`.
    pub(super) db: Seam,
    pub(super) sqs: Seam,
    pub(super) ses: Seam,
    /// What relay and `notifications` are.
    pub(super) app: Side,
    pub(super) queue: Queue,
    pub(super) desk: Desk,
    pub(super) queues: Queues,
    post: Post,
    /// Messages that were on the queue and are not done: id and body.
    pub(super) waiting: Mutex<Vec<(String, String)>>,
    records: Arc<Mutex<Vec<EventRecord>>>,
    recorder: Pump,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// Persons, a template `t` with these steps.
    pub(super) async fn new(people: &str, steps: Value) -> Self {
        let stage = Stage::new().await;
        stage.people(people).await;
        stage.template(json!({ "key": "t", "title": "Order", "steps": steps, "unique_entity": false })).await;
        let folder = tempfile::tempdir().unwrap();
        let (queues, post) = (Queues::default(), Post::open(folder.path()).unwrap());
        let (db, sqs, ses) = (Seam::new(stage.engine.http_client()), Seam::new(queues.http_client()), Seam::new(post.http_client()));
        let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(300)).build();
        let client = email(SharedHttpClient::new(ses.clone())).config().to_builder().timeout_config(patience).build();
        let mail = Some(Mail::new(&aws_sdk_sesv2::Client::from_conf(client), "Approvals <approvals@example.com>").unwrap());
        let client = sqs_over(&sqs);
        let (queue, parked) = (Queue::new(client.clone(), NOTICES), Queue::new(client, PARKED));
        let stores = stage.aside.stores.through(Table::new(hasty(&db), APPROVALS.name).with_tags(tags()));
        let app = stage.aside.over(stores).with_notices(queue.clone());
        // Nothing here has an endpoint, a bus, or a task that waits.
        let (address, carrier) = ("https://approvals.example.com".to_owned(), Arc::new(Wire::internet().unwrap()));
        let desk = Desk::new(Parts {
            app: app.app.clone(),
            inboxes: app.stores.inboxes.clone(),
            deliveries: app.stores.deliveries.clone(),
            links: links(),
            mail,
            address,
            pages: false,
            parked,
            carrier,
            bus: None,
            tasks: Tasks::new(&tasks(queues.http_client())),
        });
        let records: Arc<Mutex<Vec<EventRecord>>> = Arc::default();
        let kept = Arc::clone(&records);
        let record = move |event: Event| {
            kept.lock().unwrap().extend(event.records);
            async { Ok::<_, std::convert::Infallible>(DynamoDbEventResponse::default()) }
        };
        let reader = Consumer { name: "recorder", ..RELAY };
        let recorder = stage.engine.pump(stage.engine.clients().streams, APPROVALS.name, reader, record).await.unwrap();
        let waiting = Mutex::default();
        Self { stage, db, sqs, ses, app, queue, desk, queues, post, waiting, records, recorder, _folder: folder }
    }

    /// The same where people can log in to pages.
    pub(super) fn with_pages(mut self) -> Self {
        let Parts { app, inboxes, deliveries, links, mail, address, parked, carrier, tasks, .. } = &*self.desk;
        self.desk = Desk::new(Parts {
            app: app.clone(),
            inboxes: inboxes.clone(),
            deliveries: deliveries.clone(),
            links: links.clone(),
            mail: mail.clone(),
            address: address.clone(),
            pages: true,
            parked: parked.clone(),
            carrier: carrier.clone(),
            bus: None,
            tasks: tasks.clone(),
        });
        self
    }

    /// The whole stream so far.
    pub(super) async fn stream(&self) -> Vec<EventRecord> {
        self.stage.drain().await;
        while !self.recorder.is_quiet() {
            self.recorder.drain().await.unwrap();
        }
        self.records.lock().unwrap().clone()
    }

    /// Gives relay a batch; what it says failed.
    pub(super) async fn relay(&self, records: Vec<EventRecord>) -> Vec<String> {
        let mut event = Event::default();
        event.records = records;
        let answer = relay::handle_all(&self.app.outbox(), event).await;
        answer.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
    }

    /// Takes over what is on a queue.
    async fn take(&self, url: &str) -> Vec<(String, String)> {
        let client = queueing(self.queues.http_client());
        let mut taken = Vec::new();
        loop {
            let answer = client.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return taken;
            }
            for message in messages {
                let handle = message.receipt_handle.unwrap();
                let entry = aws_sdk_sqs::types::DeleteMessageBatchRequestEntry::builder().id("0").receipt_handle(handle).build().unwrap();
                client.delete_message_batch().queue_url(url).entries(entry).send().await.unwrap();
                taken.push((message.message_id.unwrap(), message.body.unwrap()));
            }
        }
    }

    /// The queues' client, over the network the test holds.
    pub(super) fn client(&self) -> aws_sdk_sqs::Client {
        sqs_over(&self.sqs)
    }

    /// Hidden messages of the parked ones can be seen again.
    pub(super) async fn show_parked(&self) {
        let hidden = (1..100).map(|n| format!("message-{n}"));
        for handle in hidden {
            let entry = aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry::builder().id("0").receipt_handle(handle);
            let entry = entry.visibility_timeout(0).build().unwrap();
            self.client().change_message_visibility_batch().queue_url(PARKED).entries(entry).send().await.unwrap();
        }
    }

    /// Bodies of what nobody tries any more, and takes them away.
    pub(super) async fn parked(&self) -> Vec<String> {
        self.take(PARKED).await.into_iter().map(|(_, body)| body).collect()
    }

    /// What is on the queue goes to whoever waits for it.
    pub(super) async fn arrive(&self) {
        let more = self.take(NOTICES).await;
        self.waiting.lock().unwrap().extend(more);
    }

    /// One delivery of everything that waits, ten a batch; what failed waits on. Gives their ids.
    pub(super) async fn deliver(&self) -> Vec<String> {
        self.arrive().await;
        let all = self.waiting.lock().unwrap().clone();
        let mut failed = BTreeSet::new();
        for batch in all.chunks(10) {
            let handled = handle(&self.desk, messages(batch), TIME).await;
            failed.extend(handled.response.batch_item_failures.into_iter().map(|failure| failure.item_identifier));
        }
        self.waiting.lock().unwrap().retain(|(id, _)| failed.contains(id));
        failed.into_iter().collect()
    }

    /// A tick on a network that does nothing to it.
    pub(super) async fn tick(&self) -> escalation::Report {
        let app = self.stage.aside.with_notices(self.queue.clone());
        tick(&app, TIME).await.unwrap()
    }

    /// Stream, queue and tick on sound networks, until nothing is left; the clock does not move.
    pub(super) async fn settle(&self) {
        self.heal();
        let records = self.stream().await;
        assert_eq!(self.relay(records).await, [] as [String; 0]);
        loop {
            let failed = self.deliver().await;
            if !self.tick().await.did_something() && failed.len() == self.waiting.lock().unwrap().len() {
                self.arrive().await;
                if self.waiting.lock().unwrap().len() == failed.len() {
                    return;
                }
            }
        }
    }

    /// Delivers while the network dies as its script says, and then makes good what that left. Gives the calls made until then.
    pub(super) async fn deliver_dying(&self) -> usize {
        // Messages are deleted by whoever is alive to do so: here nobody.
        self.arrive().await;
        let waiting = self.waiting.lock().unwrap().clone();
        self.deliver().await;
        let crossed = self.calls();
        *self.waiting.lock().unwrap() = waiting;
        // A lease ends, the stream and the queue bring it again, and so does the index.
        self.heal();
        self.stage.advance_seconds(120);
        self.settle().await;
        self.stage.advance_seconds(3_600);
        self.settle().await;
        crossed
    }

    pub(super) fn heal(&self) {
        [&self.db, &self.sqs, &self.ses].into_iter().for_each(Seam::heal);
    }

    /// One script for all networks together, as one process has it.
    pub(super) fn script(&self, script: impl FnMut(&str) -> Fault + Send + 'static) {
        let script = Arc::new(Mutex::new(script));
        for seam in [&self.db, &self.sqs, &self.ses] {
            let script = Arc::clone(&script);
            seam.script(move |operation| (*script.lock().unwrap())(operation));
        }
    }

    /// Calls over all networks since the last time.
    pub(super) fn calls(&self) -> usize {
        [&self.db, &self.sqs, &self.ses].into_iter().map(|seam| seam.take().calls.len()).sum()
    }

    /// What was sent, in that order.
    pub(super) fn sent(&self) -> Vec<Sent> {
        let read = |(_, bytes): (String, Vec<u8>)| {
            let mail = MessageParser::default().parse(&bytes).unwrap();
            let to = mail.to().unwrap().first().unwrap().address().unwrap().split('@').next().unwrap();
            let reason = mail.header_raw("X-Approvals-Reason").unwrap();
            let short = format!("{to}: {}", super::in_short(reason.trim()));
            let message_id = mail.message_id().unwrap().to_owned();
            Sent { short, message_id, bytes }
        };
        self.post.all().unwrap().into_iter().map(read).collect()
    }

    /// The same in short, sorted.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told: Vec<String> = self.sent().into_iter().map(|sent| sent.short).collect();
        told.sort();
        told
    }

    /// Each mail once, those that came again with it: their bytes are the same to the last one. Gives how many came again.
    #[track_caller]
    pub(super) fn extra(&self) -> usize {
        let sent = self.sent();
        let different: BTreeSet<&Sent> = sent.iter().collect();
        let ids: BTreeSet<&str> = sent.iter().map(|sent| sent.message_id.as_str()).collect();
        assert_eq!(different.len(), ids.len(), "a mail that comes again is the same mail");
        sent.len() - different.len()
    }
}

/// SQS over a seam; the SDK tries as often as in production, and does not make the tests wait for it.
pub(super) fn sqs_over(seam: &Seam) -> aws_sdk_sqs::Client {
    let hasty = RetryConfig::standard().with_initial_backoff(Duration::from_millis(2));
    let config = queueing(SharedHttpClient::new(seam.clone())).config().to_builder().retry_config(hasty);
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// A batch as Lambda brings it.
pub(super) fn messages(of: &[(String, String)]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = of
        .iter()
        .map(|(id, body)| {
            let mut message = SqsMessage::default();
            message.message_id = Some(id.clone());
            message.body = Some(body.clone());
            message
        })
        .collect();
    event
}

/// Plays `dies` at each place from 0 on, some side by side, until one says that nobody came so far. Gives the number of places.
pub(super) async fn everywhere(dies: impl AsyncFn(usize) -> bool) -> usize {
    let mut places = 0;
    loop {
        let reached = join_all((places..places + 8).map(async |at| dies(at).await)).await;
        places += reached.iter().filter(|reached| **reached).count();
        if reached.contains(&false) {
            return places;
        }
    }
}

/// Chance that repeats.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// Below `n`.
    pub(super) fn roll(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }

    /// In another order.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            let other = self.roll(at + 1);
            all.swap(at, other);
        }
    }
}
