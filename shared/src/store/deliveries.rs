//! Deliveries: what became of a notice on its way to one recipient. They make a repeat harmless, and remember what is to be tried again.
//!
//! INVARIANT (I9): a delivery that is not through stands in the `due` index from its first moment on. Whoever dies with it leaves it to
//! the tick.

use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::{Condition, Error, Freshness, Item, Store, Written};
use crate::wire::notice_v1::{Notice, Retry};

/// Who works on a delivery has it for themselves, so long.
const LEASE_MILLIS: i64 = 60_000;
/// So long the queue brings a failing delivery again; then it waits in the index.
pub const IN_QUEUE_MILLIS: i64 = 15 * 60_000;
/// So long it is tried at all.
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
    /// To whom: a person's or an endpoint's id.
    pub to: String,
    /// How far it is.
    pub stage: Stage,
    /// Tries begun.
    pub tries: u64,
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
    /// It is theirs.
    Mine(Box<Delivery>),
    /// It is through.
    Through,
    /// Somebody else works on it, or did until a moment ago.
    Elsewhere,
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
        keys::delivery(&self.notice.tenant, &self.notice.id, &self.channel, &self.to)
    }

    /// The notice as it goes back on the queue: for this recipient alone.
    pub fn again(&self) -> Notice {
        Notice { retry: Some(Retry { channel: self.channel.clone(), to: self.to.clone() }), ..self.notice.clone() }
    }

    fn item(&self, now: Timestamp) -> Item {
        let item = Item::new(&self.key()).json("s", &self.stage).number("n", self.tries).number("fa", self.first_at.millis());
        let mut item = item.text("w", &self.worker).number("un", self.due_at.millis());
        for (name, value) in [("ki", &self.key_id), ("pi", &self.provider_id), ("er", &self.error)] {
            if let Some(value) = value {
                item = item.text(name, value);
            }
        }
        if !matches!(self.stage, Stage::Sent | Stage::Dropped) {
            item = item.json("no", &self.notice);
        }
        match self.stage {
            Stage::Sending | Stage::Failed => {
                let shard = keys::delivery_shard(&self.notice.id, &self.to);
                item.text(keys::DUE.1, shard).text(keys::DUE_AT, keys::millis(self.due_at))
            }
            Stage::Sent | Stage::Parked | Stage::Dropped => item.number("ttl", now.millis() / 1_000 + KEPT_SECONDS),
        }
    }

    fn read(item: &Item, notice: Notice) -> Result<Self, Error> {
        let (channel, to) = item.s(keys::SK)?.split_once('#').ok_or_else(|| item.wrong("the key is no delivery's"))?;
        let text = |name: &str| item.opt_s(name).map(str::to_owned);
        let time = |name: &str| item.n(name).map(|millis| Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)));
        Ok(Self {
            notice,
            channel: channel.to_owned(),
            to: to.to_owned(),
            stage: item.of_json("s")?,
            tries: item.n("n")?,
            first_at: time("fa")?,
            worker: item.s("w")?.to_owned(),
            key_id: text("ki"),
            due_at: time("un")?,
            provider_id: text("pi"),
            error: text("er"),
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
        if age < IN_QUEUE_MILLIS {
            // The index would bring it should the queue not.
            return (Next::Queue, Stage::Failed, self.first_at.plus_millis(IN_QUEUE_MILLIS));
        }
        // The last try is at the end of the time.
        (Next::Index, Stage::Failed, now.plus_millis(self.pause(now)).min(self.first_at.plus_millis(TRIED_MILLIS)))
    }

    /// As long again as it has been failing already, which doubles the pause each time.
    fn pause(&self, now: Timestamp) -> i64 {
        (now.millis() - self.first_at.millis()).clamp(IN_QUEUE_MILLIS, PAUSE_MILLIS_MAX)
    }
}

impl Store {
    /// Takes a delivery for oneself: makes it, or takes over what nobody works on any more.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer: then it may be ours, and is tried again when the lease is over.
    pub async fn begin_delivery(
        &self,
        notice: &Notice,
        (channel, to): (&str, &str),
        Worker { id: worker, now, key_id }: Worker<'_>,
    ) -> Result<Begun, Error> {
        let fresh = Delivery {
            notice: Notice { retry: None, ..notice.clone() },
            channel: channel.to_owned(),
            to: to.to_owned(),
            stage: Stage::Sending,
            tries: 1,
            first_at: now,
            worker: worker.to_owned(),
            key_id: key_id.map(str::to_owned),
            due_at: now.plus_millis(LEASE_MILLIS),
            provider_id: None,
            error: None,
        };
        let there = match self.put(fresh.item(now), Some(Condition::absent())).await? {
            Written::Done => return Ok(Begun::Mine(Box::new(fresh))),
            Written::Conflict(Some(item)) => Delivery::read(&item, fresh.notice.clone())?,
            Written::Conflict(None) => return Ok(Begun::Elsewhere),
        };
        match there.stage {
            Stage::Sent | Stage::Dropped => return Ok(Begun::Through),
            // The stream read again, or a commit told again, does not try again what was given up: a human does, by name.
            Stage::Parked if notice.retry.is_none() => return Ok(Begun::Through),
            // An answer lost on the way: what stands is our own.
            Stage::Sending if there == fresh => return Ok(Begun::Mine(Box::new(fresh))),
            Stage::Sending if there.due_at > now => return Ok(Begun::Elsewhere),
            Stage::Sending | Stage::Failed | Stage::Parked => {}
        }
        let tries = there.tries + 1;
        let due_at = now.plus_millis(LEASE_MILLIS);
        let key_id = there.key_id.clone().or(fresh.key_id);
        let next = Delivery { stage: Stage::Sending, tries, worker: worker.to_owned(), due_at, key_id, ..there };
        Ok(match self.put(next.item(now), Some(tried(next.tries - 1))).await? {
            Written::Done => Begun::Mine(Box::new(next)),
            Written::Conflict(Some(item)) if Delivery::read(&item, next.notice.clone())? == next => Begun::Mine(Box::new(next)),
            Written::Conflict(_) => Begun::Elsewhere,
        })
    }

    /// Notes that it is through. A worker whose lease was over and who was overtaken changes nothing.
    pub async fn end_delivery(&self, delivery: &Delivery, provider_id: Option<String>, now: Timestamp) -> Result<(), Error> {
        let sent = Delivery { stage: Stage::Sent, provider_id, error: None, due_at: now, ..delivery.clone() };
        self.put(sent.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// Notes that a try failed; what follows is what [`Delivery::if_failed`] says.
    pub async fn fail_delivery(&self, delivery: &Delivery, error: &str, for_good: bool, now: Timestamp) -> Result<(), Error> {
        let (_, stage, due_at) = delivery.after_failure(now, for_good);
        let failed = Delivery { stage, due_at, error: Some(error.to_owned()), ..delivery.clone() };
        self.put(failed.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// A delivery that is due; none: it is through, or somebody works on it.
    ///
    /// # Errors
    /// [`Error::Damaged`] if what stands there is no delivery.
    pub async fn due_delivery(&self, key: &Key, now: Timestamp) -> Result<Option<Delivery>, Error> {
        let Some(item) = self.get(key, Freshness::Strong).await? else { return Ok(None) };
        let Some(notice) = item.opt_json("no")? else { return Ok(None) };
        let delivery = Delivery::read(&item, notice)?;
        Ok(Some(delivery).filter(|found| matches!(found.stage, Stage::Sending | Stage::Failed) && found.due_at <= now))
    }

    /// Moves a delivery on in the index, once it is on the queue again: should that come to nothing, it is due again then, and later each
    /// time.
    pub async fn postpone_delivery(&self, delivery: &Delivery, now: Timestamp) -> Result<(), Error> {
        let next = Delivery { due_at: now.plus_millis(delivery.pause(now)), stage: Stage::Failed, ..delivery.clone() };
        self.put(next.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// Ends a delivery that was to be tried again and does not matter any more. One that somebody works on is theirs; one that is through
    /// stays so.
    pub async fn drop_delivery(&self, notice: &Notice, channel: &str, to: &str, now: Timestamp) -> Result<(), Error> {
        let Some(delivery) = self.delivery(notice, channel, to).await? else { return Ok(()) };
        let over = match delivery.stage {
            Stage::Sent | Stage::Dropped => false,
            Stage::Sending => delivery.due_at <= now,
            Stage::Failed | Stage::Parked => true,
        };
        if !over {
            return Ok(());
        }
        let dropped = Delivery { stage: Stage::Dropped, due_at: now, ..delivery.clone() };
        self.put(dropped.item(now), Some(tried(delivery.tries))).await.map(|_| ())
    }

    /// What became of a notice on its way to one recipient.
    pub async fn delivery(&self, notice: &Notice, channel: &str, to: &str) -> Result<Option<Delivery>, Error> {
        let key = keys::delivery(&notice.tenant, &notice.id, channel, to);
        self.get(&key, Freshness::Strong).await?.map(|item| Delivery::read(&item, notice.clone())).transpose()
    }
}

/// Nobody has begun another try since.
fn tried(tries: u64) -> Condition {
    Condition::equals("n", AttributeValue::N(tries.to_string()))
}

/// Names a notice's delivery to somebody, the same for ever: for ids of messages.
pub fn message_id(notice: &Hash, channel: &str, to: &str) -> Hash {
    Hash::of(&[b"approvals/message/1", &notice.0, channel.as_bytes(), b"#", to.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_the_last_try_is_after_three_days() {
        let notice = Notice::read(include_str!("../../golden/notices_v1.jsonl").lines().next().unwrap()).unwrap();
        let start = Timestamp::from_millis(1_767_603_600_000);
        let (channel, to) = ("mail".to_owned(), "bob".to_owned());
        let mut delivery = Delivery {
            notice,
            channel,
            to,
            stage: Stage::Sending,
            tries: 1,
            first_at: start,
            worker: String::new(),
            key_id: None,
            due_at: start,
            provider_id: None,
            error: None,
        };
        assert_eq!(delivery.after_failure(start.plus_millis(1_000), false).0, Next::Queue);
        assert_eq!(delivery.after_failure(start, true).0, Next::Nobody);
        let mut now = start.plus_millis(IN_QUEUE_MILLIS);
        let mut tries = 0;
        loop {
            let (next, _, due_at) = delivery.after_failure(now, false);
            if next == Next::Nobody {
                break;
            }
            assert_eq!(next, Next::Index);
            assert!(due_at > now && due_at.millis() - now.millis() <= PAUSE_MILLIS_MAX);
            delivery.tries += 1;
            (now, tries) = (due_at, tries + 1);
        }
        assert_eq!(now, start.plus_millis(TRIED_MILLIS), "the last try is at the end of the time");
        assert!((12..30).contains(&tries), "{tries} tries");
    }
}
