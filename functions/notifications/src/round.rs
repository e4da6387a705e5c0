//! A batch of messages under way: each notice to everybody it is for, and what comes of each delivery.

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
use crate::mail::MAIL;
use crate::results::Failed;
use crate::webhook::Shut;
use crate::{Desk, End, audience};

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

    /// One notice, to everybody it is for.
    pub(crate) async fn tell(&self, notice: &Notice) -> Result<End, app::Error> {
        if self.until.has_come() {
            return Ok(End::Again);
        }
        let desk = &self.desk;
        let recipients = audience::recipients(desk, notice).await?;
        if let (true, Some(retry)) = (recipients.is_empty(), &notice.retry) {
            // Decided meanwhile, or gone: else it would come due for ever.
            desk.deliveries.drop_if_open(notice, &retry.channel, &retry.to, desk.now()).await?;
        }
        let key_id = if recipients.iter().any(Recipient::has_link) { Some(desk.links.current().await?.to_string()) } else { None };
        // One for each message: the same one twice in a batch is two who must not take each other's delivery for their own.
        let worker = desk.app.entropy.salt().to_string();
        let (worker, key_id) = (worker.as_str(), key_id.as_deref());
        let told = groups(recipients).into_iter().map(|group| self.deliver_in_turn(notice, group, worker, key_id));
        Ok(join_all(told).await.into_iter().max().unwrap_or(End::Done))
    }

    /// What one recipient gets of a notice, one after the other.
    async fn deliver_in_turn(&self, notice: &Notice, group: Vec<Recipient>, worker: &str, key_id: Option<&str>) -> End {
        let slots = if group.iter().any(|recipient| recipient.in_turn().is_some()) { &self.systems } else { &self.people };
        let _slot = slots.acquire().await;
        let (mut end, mut before) = (End::Done, Before::Nothing);
        for recipient in &group {
            // Near the function's end: what is left comes again, and finds the rest delivered.
            if self.until.has_come() {
                return End::Again;
            }
            let came = self.deliver(notice, recipient, (worker, key_id), &mut before).await;
            end = end.max(came.unwrap_or_else(|error| {
                tracing::warn!(code = error.code(), %error, notice = %notice.id, "a delivery comes again");
                End::Again
            }));
        }
        end
    }

    /// One delivery: taken, sent, noted. Whoever dies between any two of these leaves it to the index.
    async fn deliver(
        &self,
        notice: &Notice,
        recipient: &Recipient,
        (worker, key_id): (&str, Option<&str>),
        before: &mut Before,
    ) -> Result<End, app::Error> {
        let (deliveries, way, now) = (&self.desk.deliveries, recipient.way(), self.desk.now());
        let shut = if matches!(before, Before::Off) { Some(Shut::Off) } else { recipient.shut(&self.desk) };
        if let Some(shut) = shut {
            deliveries.hold(notice, way, shut.as_str(), now).await?;
            return Ok(End::Done);
        }
        let delivery = match deliveries.begin(notice, way, Worker { id: worker, now, key_id }).await? {
            Begun::Mine(delivery) => delivery,
            // The index brings what has to wait.
            Begun::Finished | Begun::NotYet => return Ok(End::Done),
            Begun::LeasedByOther => return Ok(End::Standing),
        };
        let outcome = match &*before {
            Before::Failed(failed) => Err(failed.behind()),
            Before::Nothing | Before::Off => recipient.send(&self.desk, &delivery).await?,
        };
        match outcome {
            Ok(sent) => {
                count(&self.counts.sent);
                match way.channel {
                    WEBHOOK => count(&self.counts.webhooks_sent),
                    MAIL => count(&self.counts.mails_sent),
                    _ => {}
                }
                let (tenant, about, version) = (&notice.tenant, notice.about(), notice.version);
                tracing::info!(%tenant, request = about, version, commit = %notice.commit, channel = way.channel, "a delivery is through");
                let delivery = Delivery { status: sent.status, ..*delivery };
                deliveries.end(&delivery, sent.provider_id, self.desk.now()).await?;
                Ok(End::Done)
            }
            Err(failed) => {
                if failed.spreads {
                    *before = Before::Failed(failed.clone());
                }
                if failed.gone {
                    *before = Before::Off;
                }
                self.fail(recipient, *delivery, failed).await
            }
        }
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
