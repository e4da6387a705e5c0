//! A batch of messages under way: each notice to everybody it is for, and what comes of each delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use approvals::app;
use approvals::notice::Notice;
use approvals::runtime::deadline::Deadline;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::deliveries::{Begun, Delivery, Next, Worker};
use approvals::store::webhook::WEBHOOK;
use approvals_domain::time::Timestamp;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::channel::Recipient;
use crate::errand::Errand;
use crate::mail::{MAIL, Reader};
use crate::matter::Requests;
use crate::results::{Failed, Sent};
use crate::webhook::Shut;
use crate::{Desk, End, audience, digest};

/// People told side by side, all messages together: SES has a rate.
const PEOPLE: usize = 8;
/// Systems told side by side. Ten messages for as many endpoints as a tenant may have, none of which answers, are through within the
/// function's time: 200 / 64 × 10 s.
const SYSTEMS: usize = 64;

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Round {
    desk: Desk,
    until: Deadline,
    people: Semaphore,
    systems: Semaphore,
    pub(crate) counts: Counts,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    parked: AtomicU64,
    webhooks_sent: AtomicU64,
    webhooks_failed: AtomicU64,
    switched_off: AtomicU64,
    mails_sent: AtomicU64,
    mails_failed: AtomicU64,
    mails_refused: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    pub(crate) fn emit(&self, now: Timestamp) {
        let all = [
            ("NoticesSent", &self.sent),
            ("DeliveriesFailed", &self.failed),
            ("DeliveriesParked", &self.parked),
            ("WebhooksSent", &self.webhooks_sent),
            ("WebhooksFailed", &self.webhooks_failed),
            ("EndpointsSwitchedOff", &self.switched_off),
            ("MailsSent", &self.mails_sent),
            ("MailsFailed", &self.mails_failed),
            ("MailsRefused", &self.mails_refused),
        ];
        let counted = all.into_iter().map(|(name, counter)| (name, counter.load(Ordering::Relaxed), Unit::Count));
        emit("notifications", now, &counted.collect::<Vec<_>>());
    }
}

/// What stands before the next delivery to the same recipient.
#[derive(Debug, Clone)]
enum Before {
    /// Nothing.
    Nothing,
    /// The one before failed so that this one would as well.
    Failed(Failed),
    /// The one before had the recipient switched off.
    Off,
}

/// Nothing is known of a delivery: its message comes again.
fn comes_again(notice: &Notice, error: &app::Error) -> End {
    tracing::warn!(code = error.code(), %error, notice = %notice.id, "a delivery comes again");
    End::Again
}

impl Round {
    pub(crate) fn new(desk: Desk, until: Deadline) -> Self {
        Self { desk, until, people: Semaphore::new(PEOPLE), systems: Semaphore::new(SYSTEMS), counts: Counts::default() }
    }

    /// The present time.
    pub(crate) fn now(&self) -> Timestamp {
        self.desk.now()
    }

    /// Leaves a notice where a human finds it.
    ///
    /// # Errors
    /// [`app::Error`] if the queue does not take it.
    pub(crate) async fn park(&self, notice: &Notice) -> Result<(), app::Error> {
        self.desk.parked.send(std::slice::from_ref(notice)).await.map_err(|error| app::Error::Busy(error.to_string()))
    }

    /// Finds out whom a notice is for; none: there is no time left.
    pub(crate) async fn prepare(&self, notice: Notice, requests: &Requests) -> Result<Option<Errand>, app::Error> {
        if self.until.has_come() {
            return Ok(None);
        }
        let desk = &self.desk;
        let recipients = audience::recipients(desk, &notice, requests.of_notice(&notice)?).await?;
        if let (true, Some(retry)) = (recipients.is_empty(), &notice.retry) {
            // Decided meanwhile, or gone: else it would come due for ever.
            desk.deliveries.drop_if_open(&notice, &retry.channel, &retry.to, desk.now()).await?;
        }
        let key_id = if recipients.iter().any(Recipient::has_link) { Some(desk.links.current().await?.to_string()) } else { None };
        let (worker, noted) = (desk.app.entropy.salt().to_string(), Arc::default());
        Ok(Some(Errand { notice, recipients, worker, key_id, noted }))
    }

    /// One notice, to these of those it is for.
    pub(crate) async fn tell(&self, errand: &Errand, recipients: Vec<Recipient>) -> End {
        let told = groups(recipients).into_iter().map(|group| self.deliver_in_turn(errand, group));
        join_all(told).await.into_iter().max().unwrap_or(End::Done)
    }

    /// Several asks for one person: one mail. How each of them ended, by its errand.
    ///
    /// INVARIANT (nothing lost): each is a delivery of its own, begun before the mail and ended after it. Only first tries go together: one
    /// that was tried before may have left, and comes again as it was, to its last byte.
    pub(crate) async fn tell_together(&self, asks: Vec<(usize, &Errand, Box<Reader>)>) -> Vec<(usize, End)> {
        let _slot = self.people.acquire().await;
        let (mut ends, mut together, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for (place, errand, reader) in asks {
            let recipient = Recipient::Mail(reader);
            match self.begin(errand, &recipient).await {
                Ok(Ok(delivery)) if delivery.attempts == 1 => together.push((place, recipient, delivery)),
                Ok(Ok(delivery)) => alone.push((place, recipient, delivery)),
                Ok(Err(end)) => ends.push((place, end)),
                Err(error) => ends.push((place, comes_again(&errand.notice, &error))),
            }
        }
        if together.len() < 2 {
            alone.append(&mut together);
        }
        for (place, recipient, delivery) in alone {
            let notice = delivery.notice.clone();
            let end = self.attempt(&recipient, delivery, &mut Before::Nothing).await;
            ends.push((place, end.unwrap_or_else(|error| comes_again(&notice, &error))));
        }
        let outcome = digest::send(&self.desk, &together).await;
        for (place, recipient, delivery) in together {
            let notice = delivery.notice.clone();
            let end = self.note(&recipient, delivery, outcome.clone()).await;
            ends.push((place, end.unwrap_or_else(|error| comes_again(&notice, &error))));
        }
        ends
    }

    /// What one recipient gets of a notice, one after the other.
    async fn deliver_in_turn(&self, errand: &Errand, group: Vec<Recipient>) -> End {
        let slots = if group.iter().any(|recipient| recipient.in_turn().is_some()) { &self.systems } else { &self.people };
        let _slot = slots.acquire().await;
        let (mut end, mut before) = (End::Done, Before::Nothing);
        for recipient in &group {
            // Near the function's end: what is left comes again, and finds the rest delivered.
            if self.until.has_come() {
                return End::Again;
            }
            let came = self.deliver(errand, recipient, &mut before).await;
            end = end.max(came.unwrap_or_else(|error| comes_again(&errand.notice, &error)));
        }
        end
    }

    /// One delivery: taken, sent, noted. Whoever dies between any two of these leaves it to the index.
    async fn deliver(&self, errand: &Errand, recipient: &Recipient, before: &mut Before) -> Result<End, app::Error> {
        let shut = if matches!(before, Before::Off) { Some(Shut::Off) } else { recipient.shut(&self.desk) };
        if let Some(shut) = shut {
            self.desk.deliveries.hold(&errand.notice, recipient.way(), shut.as_str(), self.desk.now()).await?;
            return Ok(End::Done);
        }
        match self.begin(errand, recipient).await? {
            Ok(delivery) => self.attempt(recipient, delivery, before).await,
            Err(end) => Ok(end),
        }
    }

    /// Takes a delivery; else how it stands.
    async fn begin(&self, errand: &Errand, recipient: &Recipient) -> Result<Result<Box<Delivery>, End>, app::Error> {
        let worker = Worker { id: &errand.worker, now: self.desk.now(), key_id: errand.key_id.as_deref() };
        Ok(match self.desk.deliveries.begin(&errand.notice, recipient.way(), worker, &errand.noted).await? {
            Begun::Mine(delivery) => Ok(delivery),
            // The index brings what has to wait.
            Begun::Finished | Begun::NotYet => Err(End::Done),
            Begun::LeasedByOther => Err(End::Standing),
            Begun::InHand => Err(End::Again),
        })
    }

    async fn attempt(&self, recipient: &Recipient, delivery: Box<Delivery>, before: &mut Before) -> Result<End, app::Error> {
        let outcome = match &*before {
            Before::Failed(failed) => Err(failed.behind()),
            Before::Nothing | Before::Off => match recipient.send(&self.desk, &delivery).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.desk.deliveries.give_back(&delivery);
                    return Err(error);
                }
            },
        };
        if let Err(failed) = &outcome {
            if failed.spreads {
                *before = Before::Failed(failed.clone());
            }
            if failed.gone {
                *before = Before::Off;
            }
        }
        self.note(recipient, delivery, outcome).await
    }

    /// Notes what became of a try.
    async fn note(&self, recipient: &Recipient, delivery: Box<Delivery>, outcome: Result<Sent, Failed>) -> Result<End, app::Error> {
        let (way, notice) = (recipient.way(), &delivery.notice);
        let sent = match outcome {
            Ok(sent) => sent,
            Err(failed) => return self.fail(recipient, *delivery, failed).await,
        };
        count(&self.counts.sent);
        match way.channel {
            WEBHOOK => count(&self.counts.webhooks_sent),
            MAIL => count(&self.counts.mails_sent),
            _ => {}
        }
        let (tenant, about, version) = (&notice.tenant, notice.about(), notice.version);
        tracing::info!(%tenant, request = about, version, commit = %notice.commit, channel = way.channel, "a delivery is through");
        let delivery = Delivery { status: sent.status, ..*delivery };
        self.desk.deliveries.end(&delivery, sent.provider_id, self.desk.now()).await?;
        Ok(End::Done)
    }

    async fn fail(&self, recipient: &Recipient, delivery: Delivery, failed: Failed) -> Result<End, app::Error> {
        let (now, way) = (self.desk.now(), recipient.way());
        let delivery = Delivery { status: failed.status, not_before: failed.not_before, ..delivery };
        let next = delivery.if_failed(now, failed.for_good);
        count(&self.counts.failed);
        match way.channel {
            WEBHOOK => count(&self.counts.webhooks_failed),
            MAIL => count(&self.counts.mails_failed),
            _ => {}
        }
        if failed.needs_setup {
            count(&self.counts.mails_refused);
        }
        if failed.gone {
            count(&self.counts.switched_off);
        }
        if next == Next::Nobody {
            count(&self.counts.parked);
            // Said where humans look before it is given up; if that fails, it is not given up yet.
            self.desk.parked.send(&[delivery.again()]).await.map_err(|error| app::Error::Busy(error.to_string()))?;
        }
        self.desk.deliveries.fail(&delivery, &failed.class, failed.for_good, now).await?;
        let Notice { id: notice, tenant, version, commit, .. } = &delivery.notice;
        let (class, status, channel, about) = (failed.class, failed.status, way.channel, delivery.notice.about());
        tracing::warn!(class, status, %notice, %tenant, request = about, version, %commit, channel, ?next, "a delivery failed");
        Ok(if next == Next::Queue { End::Standing } else { End::Done })
    }
}

/// Those that follow each other, together, in the order given.
fn groups(recipients: Vec<Recipient>) -> Vec<Vec<Recipient>> {
    let mut groups: Vec<Vec<Recipient>> = Vec::new();
    for recipient in recipients {
        let same =
            |group: &Vec<Recipient>| recipient.in_turn().is_some() && group.iter().any(|other| other.in_turn() == recipient.in_turn());
        match groups.last_mut().filter(|group| same(group)) {
            Some(group) => group.push(recipient),
            None => groups.push(vec![recipient]),
        }
    }
    groups
}
