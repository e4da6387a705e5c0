//! Notifications: takes notices from the queue, finds out who hears of them and whether they still matter, and sends. Nothing is decided
//! here, and nothing is written but how far each delivery is.
//!
//! - [`audience`] and [`people`]: for whom a notice is, resolved when it is sent;
//! - [`channel`]: one recipient on one way; each kind is one variant; [`results`] says what became of a message;
//! - [`letter`], [`lead`], [`news`], [`begun`], [`left`], [`sheet`], [`listing`] and [`mail`]: what people read, and how it leaves;
//! - [`digest`]: asks of one batch to one person, in one mail;
//! - [`systems`], [`webhook`] and [`outcome`]: what systems get, and how it leaves.

mod audience;
mod begun;
mod channel;
mod digest;
mod errand;
mod lead;
mod left;
mod letter;
mod listing;
mod mail;
mod matter;
mod names;
mod news;
mod offices;
mod outcome;
mod people;
mod reached;
mod results;
mod round;
mod sheet;
mod subject;
mod systems;
pub mod webhook;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use approvals::app::{self, App};
use approvals::notice::Notice;
use approvals::queue::Queue;
use approvals::runtime::clock::Clock;
use approvals::runtime::deadline::Deadline;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::metrics::refused;
use approvals::secrets::Links;
use approvals::store::deliveries::looked_up;
use approvals::store::{Deliveries, Inboxes};
use approvals::wiring::{self, Config};
use approvals_domain::time::Timestamp;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use futures_util::future::join_all;

use channel::Recipient;
use errand::Errand;
pub use mail::Mail;
use mail::Reader;
use matter::Requests;
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
    /// Requests and the directory: whom a notice is for, what it says. Endpoints that are gone are switched off.
    pub app: App,
    /// What waits for somebody who may act from now on.
    pub inboxes: Inboxes,
    /// How far each delivery is.
    pub deliveries: Deliveries,
    /// Seals links that go out, and unwraps the secrets of endpoints.
    pub links: Links,
    /// The way to people; none: mail is off, and each delivery says so.
    pub mail: Option<Mail>,
    /// Where the service is reached by people, without a slash at its end: links begin with it.
    pub address: String,
    /// Pages are served there: mails lead to them.
    pub pages: bool,
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
        let stores = config.stores_with_tags()?;
        let app = App::new(&stores, Clock::system(), Entropy::system());
        let (address, parked) = (config.public_address()?.ok_or(wiring::Error::wrong("PUBLIC_URL", "is not set"))?, config.parked_queue()?);
        let pages = config.has_pages();
        let (bus, tasks) = (Bus::from_config(config)?, Tasks::from_config(config)?);
        let (inboxes, deliveries) = (stores.inboxes, stores.deliveries);
        Ok(Self::new(Parts { app, inboxes, deliveries, links: config.links()?, mail, address, pages, parked, carrier, bus, tasks }))
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
/// other, and one that takes long keeps none waiting. Asks for one person go together.
pub async fn handle(desk: &Desk, event: SqsEvent, time: Duration) -> Handled {
    let round = &Round::new(desk.clone(), Deadline::after(time));
    let read: Vec<Result<Notice, End>> = event.records.iter().map(read).collect();
    let twice = again(&read);
    let requests = &Requests::of(desk, read.iter().flatten()).await;
    let found = read.into_iter().zip(&twice).map(|(read, twice)| async move {
        // Told once, whoever brought it: see below.
        if twice.is_some() { Err(End::Done) } else { find(round, requests, read?).await }
    });
    let found = join_all(found.map(|found| AssertUnwindSafe(found).catch_unwind())).await;
    let mut ends: Vec<End> = vec![End::Done; found.len()];
    let mut errands: Vec<(usize, Errand)> = Vec::new();
    for (place, (found, end)) in found.into_iter().zip(&mut ends).enumerate() {
        match found {
            Ok(Ok(errand)) => errands.push((place, errand)),
            Ok(Err(ended)) => *end = ended,
            Err(_) => *end = panicked(),
        }
    }
    if let Err(end) = look_up(desk, &mut errands).await {
        for (place, _) in errands.drain(..) {
            ends.get_mut(place).into_iter().for_each(|of| *of = end);
        }
    }
    let together = digest::gathered(desk, &mut errands);
    let rest: Vec<Vec<Recipient>> = errands.iter_mut().map(|(_, errand)| std::mem::take(&mut errand.recipients)).collect();
    let bundles = join_all(together.into_iter().map(|asks| bundle(round, asks, &errands)));
    let told = join_all(errands.iter().zip(rest).map(|((place, errand), recipients)| async move {
        (*place, AssertUnwindSafe(round.tell(errand, recipients)).catch_unwind().await.unwrap_or_else(|_| panicked()))
    }));
    let (told, bundles) = tokio::join!(told, bundles);
    for (place, came) in told.into_iter().chain(bundles.into_iter().flatten()) {
        if let Some(end) = ends.get_mut(place) {
            *end = came.max(*end);
        }
    }
    for (place, first) in twice.into_iter().enumerate() {
        let end = first.and_then(|first| ends.get(first).copied());
        end.zip(ends.get_mut(place)).into_iter().for_each(|(end, of)| *of = end);
    }
    let mut handled = Handled::default();
    for (message, end) in event.records.into_iter().zip(ends) {
        let id = message.message_id.unwrap_or_default();
        if end != End::Done {
            handled.response.add_failure(id.clone());
        }
        match end {
            End::Standing => handled.standing.push(id),
            End::Foreign => handled.foreign.push(id),
            End::Done | End::Again => {}
        }
    }
    round.counts.emit(desk.now());
    handled
}

/// For each notice that stands in the batch before, where.
fn again(read: &[Result<Notice, End>]) -> Vec<Option<usize>> {
    let same = |one: &Notice| read.iter().position(|other| other.as_ref().is_ok_and(|other| other == one));
    read.iter().enumerate().map(|(place, one)| one.as_ref().ok().and_then(same).filter(|first| *first < place)).collect()
}

/// Reads once what is noted of all these deliveries.
async fn look_up(desk: &Desk, errands: &mut [(usize, Errand)]) -> Result<(), End> {
    let mut keys = Vec::new();
    for (_, errand) in errands.iter() {
        keys.extend(errand.recipients.iter().filter_map(|recipient| looked_up(&errand.notice, recipient.way())));
    }
    let noted = Arc::new(desk.deliveries.noted(&keys).await.map_err(|error| {
        tracing::warn!(%error, "a batch comes again");
        End::Again
    })?);
    errands.iter_mut().for_each(|(_, errand)| errand.noted = Arc::clone(&noted));
    Ok(())
}

fn panicked() -> End {
    tracing::error!("a message ended in a panic");
    End::Again
}

/// Asks for one person that go together; how each of them ended.
async fn bundle(round: &Round, asks: Vec<(usize, Box<Reader>)>, errands: &[(usize, Errand)]) -> Vec<(usize, End)> {
    let places: Vec<usize> = asks.iter().map(|(place, _)| *place).collect();
    let errand = |place: usize| errands.iter().find(|(of, _)| *of == place).map(|(_, errand)| errand);
    let asks = asks.into_iter().filter_map(|(place, reader)| Some((place, errand(place)?, reader))).collect();
    let told = AssertUnwindSafe(round.tell_together(asks)).catch_unwind().await;
    told.unwrap_or_else(|_| places.into_iter().map(|place| (place, panicked())).collect())
}

fn read(message: &SqsMessage) -> Result<Notice, End> {
    Notice::read(message.body.as_deref().unwrap_or_default()).map_err(|error| {
        tracing::error!(error, message = message.message_id, "a message is no notice; it is parked in the end");
        End::Foreign
    })
}

/// Whom one notice is for; else how it ended.
async fn find(round: &Round, requests: &Requests, notice: Notice) -> Result<Errand, End> {
    match round.prepare(notice.clone(), requests).await {
        Ok(errand) => errand.ok_or(End::Again),
        // A human puts it right, and has what is parked tried again.
        Err(error @ app::Error::Damaged(_)) => {
            tracing::error!(%error, notice = %notice.id, "nobody is told of what the service did not write");
            refused(round.now(), "damaged");
            let parked = round.park(&notice).await;
            Err(parked.map_or(End::Again, |()| End::Done))
        }
        Err(error) => {
            tracing::warn!(code = error.code(), %error, notice = %notice.id, "a notice comes again");
            Err(End::Again)
        }
    }
}
