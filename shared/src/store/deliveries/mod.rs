//! Deliveries: what became of a notice on its way to one recipient. They make a repeat harmless, and remember what is to be tried again.
//!
//! Deliveries of events to endpoints lie in the endpoint's own partition: see [`endpoint_log`].
//!
//! INVARIANT (I9): what is not through stands somewhere. At its first try a mail is on the queue, which brings it again if its worker dies; it
//! is written once, when it is through or has failed. A failed one, and what goes to a system from its first moment on, stands in the `due`
//! index, for the tick.

pub mod endpoint_log;
pub mod tries;
mod underway;

use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::webhook::{WEBHOOK, parse_to_endpoint, to_endpoint};
use super::{Condition, Deliveries, Error, Freshness, Item};
use crate::notice::{Notice, Retry};
pub(super) use underway::Underway;

/// The way to people's mailboxes.
pub const MAIL: &str = "mail";
/// Lease: how long one worker holds a delivery before another may take it.
const LEASE_MILLIS: i64 = 60_000;
/// A first try so soon after its commit counts from the commit: one whose worker died unnoted is made again to the last byte.
const SOON_MILLIS: i64 = 5 * 60_000;
/// Retries come from the queue for 15 minutes, later from the `due` index.
pub const IN_QUEUE_MILLIS: i64 = 15 * 60_000;
/// How long a delivery is tried at all.
pub const TRIED_MILLIS: i64 = 3 * 24 * 3_600_000;
/// The longest pause between two tries.
const PAUSE_MILLIS_MAX: i64 = 6 * 3_600_000;
/// What is through is forgotten after so long. A notice that comes later than this would be sent anew.
const KEPT_SECONDS: i64 = 90 * 24 * 3_600;

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Somebody works on it, or died with it.
    Sending,
    /// It is there.
    Sent,
    /// It failed, and is tried again.
    Failed,
    /// Not tried again by itself: it failed for three days, or for good. Who is named by a notice of their own (`retry`) is tried once more.
    Parked,
    /// When it was to be tried again it did not matter any more: decided, or the recipient has gone.
    Dropped,
}

/// A notice on its way to one recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What is to be told. Kept until it is through, since the queue may forget it.
    pub notice: Notice,
    /// The way it goes, such as `mail`.
    pub channel: String,
    /// To whom: a person's id, or [`to_endpoint`].
    pub to: String,
    /// To a system: the event's type.
    pub event: Option<String>,
    /// How far it is.
    pub stage: Stage,
    /// Counts its writes by those who take it: whoever is overtaken changes nothing. 0: nothing is written yet.
    pub tries: u64,
    /// Tries begun.
    pub attempts: u64,
    /// When the first one was.
    pub first_at: Timestamp,
    /// Who works on it tells themselves from others by this.
    pub worker: String,
    /// The id of the key its link was made with, if it has one: a key that rotates meanwhile makes no other link.
    pub key_id: Option<String>,
    /// Until when it is the worker's alone; else when it is to be tried again.
    pub due_at: Timestamp,
    /// What the provider called it.
    pub provider_id: Option<String>,
    /// Why it failed last: a class, nobody's words.
    pub error: Option<String>,
    /// What the receiver answered last, if it speaks HTTP.
    pub status: Option<u16>,
    /// When it was tried last.
    pub tried_at: Option<Timestamp>,
    /// The receiver asked for no try before this.
    pub not_before: Option<Timestamp>,
    /// The replay that sent it again last.
    pub replay: Option<String>,
}

/// Which delivery of a notice: the way and to whom; for a system also the event's type.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// Such as `mail`.
    pub channel: &'a str,
    /// Unique on that way.
    pub to: &'a str,
    /// Kept with the delivery.
    pub event: Option<&'a str>,
}

impl<'a> From<(&'a str, &'a str)> for Way<'a> {
    fn from((channel, to): (&'a str, &'a str)) -> Self {
        Self { channel, to, event: None }
    }
}

/// Who wants to deliver, when, and with which key links are made now.
#[derive(Debug, Clone, Copy)]
pub struct Worker<'a> {
    /// Tells this worker from others.
    pub id: &'a str,
    /// When.
    pub now: Timestamp,
    /// Kept with the delivery, if its message carries a link.
    pub key_id: Option<&'a str>,
}

/// What a worker finds who wants to deliver.
#[derive(Debug)]
pub enum Begun {
    /// The caller holds it.
    Mine(Box<Delivery>),
    /// Already delivered, or given up.
    Finished,
    /// Another worker holds the lease.
    LeasedByOther,
    /// Somebody of this process has it in hand: nothing stands in the table yet.
    InHand,
    /// The receiver asked for time; the index brings it.
    NotYet,
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The queue brings it again.
    Queue,
    /// The index does.
    Index,
    /// Nobody does; a human may.
    Nobody,
}

impl Delivery {
    /// Where it stands.
    pub fn key(&self) -> Key {
        key(&self.notice, &self.channel, &self.to)
    }

    /// Nothing yet: what stands at the beginning of its first try.
    pub(super) fn fresh(notice: &Notice, way: Way<'_>, worker: &str, now: Timestamp) -> Self {
        Self {
            notice: Notice { retry: None, ..notice.clone() },
            channel: way.channel.to_owned(),
            to: way.to.to_owned(),
            event: way.event.map(str::to_owned),
            stage: Stage::Sending,
            tries: 1,
            attempts: 1,
            first_at: if notice.at <= now && notice.at.plus_millis(SOON_MILLIS) > now { notice.at } else { now },
            worker: worker.to_owned(),
            key_id: None,
            due_at: now.plus_millis(LEASE_MILLIS),
            provider_id: None,
            error: None,
            status: None,
            tried_at: Some(now),
            not_before: None,
            replay: None,
        }
    }

    /// The notice as it goes back on the queue: for this recipient alone.
    pub fn again(&self) -> Notice {
        Notice { retry: Some(Retry { channel: self.channel.clone(), to: self.to.clone() }), ..self.notice.clone() }
    }

    pub(super) fn item(&self, now: Timestamp) -> Item {
        let item = Item::new(&self.key())
            .json("s", &self.stage)
            .number("n", self.tries)
            .number("at", self.attempts)
            .number("fa", self.first_at.millis());
        let mut item = item.text("w", &self.worker).number("un", self.due_at.millis());
        let texts = [("ki", &self.key_id), ("pi", &self.provider_id), ("er", &self.error), ("ev", &self.event), ("rp", &self.replay)];
        for (name, value) in texts {
            if let Some(value) = value {
                item = item.text(name, value);
            }
        }
        let times = [("ta", self.tried_at), ("nb", self.not_before)].map(|(name, at)| (name, at.map(Timestamp::millis)));
        for (name, value) in times.into_iter().chain([("st", self.status.map(i64::from))]) {
            if let Some(value) = value {
                item = item.number(name, value);
            }
        }
        // What went to an endpoint may be asked for again.
        if !matches!(self.stage, Stage::Sent | Stage::Dropped) || self.channel == WEBHOOK {
            item = item.json("no", &self.notice);
        }
        match self.stage {
            Stage::Sending | Stage::Failed => {
                let shard = match self.channel.as_str() {
                    WEBHOOK => keys::endpoint_shard(),
                    _ => keys::delivery_shard(),
                };
                item.text(keys::DUE.1, shard).text(keys::DUE_AT, keys::millis(self.due_at))
            }
            Stage::Sent | Stage::Parked | Stage::Dropped => item.number("ttl", now.millis() / 1_000 + KEPT_SECONDS),
        }
    }

    pub(super) fn read(item: &Item, notice: Notice) -> Result<Self, Error> {
        let to_system = item.key().and_then(|key| keys::parse_endpoint_delivery(&key));
        let (channel, to) = match to_system {
            Some((endpoint, index)) => (WEBHOOK.to_owned(), to_endpoint(&endpoint, index)),
            None => {
                let (channel, to) = item.s(keys::SK)?.split_once('#').ok_or_else(|| item.wrong("the key is no delivery's"))?;
                (channel.to_owned(), to.to_owned())
            }
        };
        let text = |name: &str| item.opt_s(name).map(str::to_owned);
        let at = |millis: u64| Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let time = |name: &str| item.n(name).map(at);
        Ok(Self {
            notice,
            channel,
            to,
            event: text("ev"),
            stage: item.of_json("s")?,
            tries: item.n("n")?,
            attempts: item.opt_n("at").map_or_else(|| item.n("n"), Ok)?,
            first_at: time("fa")?,
            worker: item.s("w")?.to_owned(),
            key_id: text("ki"),
            due_at: time("un")?,
            provider_id: text("pi"),
            error: text("er"),
            status: item.opt_n("st").and_then(|status| u16::try_from(status).ok()),
            tried_at: item.opt_n("ta").map(at),
            not_before: item.opt_n("nb").map(at),
            replay: text("rp"),
        })
    }

    /// What follows if this try fails now. `for_good`: no further try could help.
    pub fn if_failed(&self, now: Timestamp, for_good: bool) -> Next {
        self.after_failure(now, for_good).0
    }

    fn after_failure(&self, now: Timestamp, for_good: bool) -> (Next, Stage, Timestamp) {
        let age = now.millis() - self.first_at.millis();
        if for_good || age >= TRIED_MILLIS {
            return (Next::Nobody, Stage::Parked, now);
        }
        let end = self.first_at.plus_millis(TRIED_MILLIS);
        if let Some(then) = self.not_before {
            return (Next::Index, Stage::Failed, then.min(end));
        }
        if age < IN_QUEUE_MILLIS {
            // The index would bring it should the queue not.
            return (Next::Queue, Stage::Failed, self.first_at.plus_millis(IN_QUEUE_MILLIS));
        }
        // The last try is at the end of the time.
        (Next::Index, Stage::Failed, now.plus_millis(self.pause(now)).min(end))
    }

    /// As long again as it has been failing already, which doubles the pause each time; and up to a fifth of it less, another part for each
    /// delivery and each try: what failed together does not come back together.
    fn pause(&self, now: Timestamp) -> i64 {
        let pause = (now.millis() - self.first_at.millis()).clamp(IN_QUEUE_MILLIS, PAUSE_MILLIS_MAX);
        let id = message_id(&self.notice.id, &self.channel, &self.to);
        let byte = Hash::of(&[&id.0, &self.tries.to_be_bytes()]).0.last().copied().unwrap_or(0);
        pause - pause / 5 * i64::from(byte) / i64::from(u8::MAX)
    }
}

impl Deliveries {
    /// A delivery that is due; none: it is through, or somebody works on it.
    ///
    /// # Errors
    /// [`Error::Damaged`] if what stands there is no delivery.
    pub async fn due(&self, key: &Key, now: Timestamp) -> Result<Option<Delivery>, Error> {
        let Some(item) = self.table.get(key, Freshness::Strong).await? else { return Ok(None) };
        let Some(notice) = item.opt_json("no")? else { return Ok(None) };
        let delivery = Delivery::read(&item, notice)?;
        // A row that anybody wrote under another key would stay due for ever: nothing that is done about it is written there.
        if delivery.key() != *key {
            let ends = now.millis() / 1_000 + KEPT_SECONDS;
            self.table.put(Item::new(key).number("ttl", ends), Some(tried(delivery.tries))).await?;
            return Err(item.wrong("its key is not that of its notice; it is taken out of what is due"));
        }
        Ok(Some(delivery).filter(|found| matches!(found.stage, Stage::Sending | Stage::Failed) && found.due_at <= now))
    }

    /// Moves a delivery on in the index, once it is on the queue again: should that come to nothing, it is due again then, and later each
    /// time.
    pub async fn postpone(&self, delivery: &Delivery, now: Timestamp) -> Result<(), Error> {
        let next = Delivery { due_at: now.plus_millis(delivery.pause(now)), stage: Stage::Failed, ..delivery.clone() };
        self.table.put(next.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// Ends a delivery that was to be tried again and does not matter any more. One that somebody works on is theirs; one that is through
    /// stays so.
    pub async fn drop_if_open(&self, notice: &Notice, channel: &str, to: &str, now: Timestamp) -> Result<(), Error> {
        let Some(delivery) = self.get(notice, channel, to).await? else { return Ok(()) };
        let over = match delivery.stage {
            Stage::Sent | Stage::Dropped => false,
            Stage::Sending => delivery.due_at <= now,
            Stage::Failed | Stage::Parked => true,
        };
        if !over {
            return Ok(());
        }
        let dropped = Delivery { stage: Stage::Dropped, due_at: now, ..delivery.clone() };
        self.table.put(dropped.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// What became of a notice on its way to one recipient.
    pub async fn get(&self, notice: &Notice, channel: &str, to: &str) -> Result<Option<Delivery>, Error> {
        self.table.get(&key(notice, channel, to), Freshness::Strong).await?.map(|item| Delivery::read(&item, notice.clone())).transpose()
    }
}

/// Where a delivery stands.
fn key(notice: &Notice, channel: &str, to: &str) -> Key {
    match parse_to_endpoint(to).filter(|_| channel == WEBHOOK) {
        Some((endpoint, index)) => keys::endpoint_delivery(&notice.tenant, &endpoint, notice.at, &notice.commit, index),
        None => keys::delivery(&notice.tenant, &notice.id, channel, to),
    }
}

/// Nobody has begun another try since.
pub(super) fn tried(tries: u64) -> Condition {
    Condition::equals("n", AttributeValue::N(tries.to_string()))
}

/// Names a notice's delivery to somebody, the same for ever: for ids of messages.
pub fn message_id(notice: &Hash, channel: &str, to: &str) -> Hash {
    Hash::of(&[b"approvals/message/1", &notice.0, channel.as_bytes(), b"#", to.as_bytes()])
}

#[cfg(test)]
mod tests;
