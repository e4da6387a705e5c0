//! Trying a delivery: taking it, and noting what became of it.

use std::collections::HashMap;

use approvals_domain::time::Timestamp;

use super::underway::Taken;
use super::{Begun, Delivery, LEASE_MILLIS, MAIL, Stage, Way, Worker, key, tried};
use crate::notice::Notice;
use crate::store::keys::Key;
use crate::store::{Condition, Deliveries, Error, Freshness, Item, Written};

/// What is noted of the deliveries of a batch.
#[derive(Debug, Default)]
pub struct Noted(HashMap<Key, Item>);

/// Where a delivery is looked up before it begins; none: it is written before it is sent.
pub fn looked_up(notice: &Notice, way: Way<'_>) -> Option<Key> {
    (way.channel == MAIL).then(|| key(notice, way.channel, way.to))
}

impl Deliveries {
    /// What is noted of these deliveries, read once for all of them: see [`looked_up`].
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn noted(&self, deliveries: &[Key]) -> Result<Noted, Error> {
        let found = self.table.batch_get(deliveries, Freshness::Strong).await?;
        Ok(Noted(found.into_iter().filter_map(|item| Some((item.key()?, item))).collect()))
    }

    /// Takes a delivery for oneself: a new one, or what nobody works on any more.
    ///
    /// What goes to a system is written before it is sent: what follows it at an endpoint waits for it, and whoever tries again knows that a task
    /// may have been woken already. A mail is looked up in what is `noted`, and written when it is through: see [`underway`].
    ///
    /// # Errors
    /// [`Error`] if the store does not answer: then it may be ours, and is tried again when the lease is over.
    pub async fn begin(
        &self,
        notice: &Notice,
        way: impl Into<Way<'_>>,
        Worker { id: worker, now, key_id }: Worker<'_>,
        noted: &Noted,
    ) -> Result<Begun, Error> {
        let way = way.into();
        let fresh = Delivery { key_id: key_id.map(str::to_owned), ..Delivery::fresh(notice, way, worker, now) };
        let there = if way.channel != MAIL {
            match self.table.put(fresh.item(now), Some(Condition::absent())).await? {
                Written::Done => return Ok(Begun::Mine(Box::new(fresh))),
                Written::Conflict(Some(item)) => Delivery::read(&item, fresh.notice.clone())?,
                Written::Conflict(None) => return Ok(Begun::LeasedByOther),
            }
        } else {
            match noted.0.get(&fresh.key()) {
                Some(item) => Delivery::read(item, fresh.notice.clone())?,
                None => {
                    return Ok(match self.underway.take(&fresh.key(), now) {
                        Ok(()) => Begun::Mine(Box::new(Delivery { tries: 0, ..fresh })),
                        Err(Taken::Sent) => Begun::Finished,
                        Err(Taken::Since(_)) => Begun::InHand,
                    });
                }
            }
        };
        match there.stage {
            Stage::Sent | Stage::Dropped => return Ok(Begun::Finished),
            // The stream read again, or a commit told again, does not try again what was given up: a human does, by name.
            Stage::Parked if notice.retry.is_none() => return Ok(Begun::Finished),
            // An answer lost on the way: what stands is our own.
            Stage::Sending if there == fresh => return Ok(Begun::Mine(Box::new(fresh))),
            Stage::Sending if there.due_at > now => return Ok(Begun::LeasedByOther),
            Stage::Failed if there.not_before.is_some_and(|then| then > now) => return Ok(Begun::NotYet),
            Stage::Sending | Stage::Failed | Stage::Parked => {}
        }
        let tries = there.tries + 1;
        let due_at = now.plus_millis(LEASE_MILLIS);
        let key_id = there.key_id.clone().or(fresh.key_id);
        let (worker, tried_at) = (worker.to_owned(), Some(now));
        let next = Delivery {
            stage: Stage::Sending,
            tries,
            attempts: there.attempts + 1,
            worker,
            due_at,
            key_id,
            tried_at,
            not_before: None,
            ..there
        };
        Ok(match self.table.put(next.item(now), Some(tried(next.tries - 1))).await? {
            Written::Done => Begun::Mine(Box::new(next)),
            Written::Conflict(Some(item)) if Delivery::read(&item, next.notice.clone())? == next => Begun::Mine(Box::new(next)),
            Written::Conflict(_) => Begun::LeasedByOther,
        })
    }

    /// Notes that it is through. A worker whose lease was over and who was overtaken changes nothing.
    pub async fn end(&self, delivery: &Delivery, provider_id: Option<String>, now: Timestamp) -> Result<(), Error> {
        let sent = Delivery { stage: Stage::Sent, provider_id, error: None, due_at: now, ..delivery.clone() };
        self.note(sent, now).await?;
        self.underway.sent(&delivery.key());
        Ok(())
    }

    /// Gives back what was taken and not tried.
    pub fn give_back(&self, delivery: &Delivery) {
        self.underway.leave(&delivery.key());
    }

    /// Notes that a try failed; what follows is what [`Delivery::if_failed`] says.
    pub async fn fail(&self, delivery: &Delivery, error: &str, for_good: bool, now: Timestamp) -> Result<(), Error> {
        let (_, stage, due_at) = delivery.after_failure(now, for_good);
        let failed = Delivery { stage, due_at, error: Some(error.to_owned()), ..delivery.clone() };
        self.note(failed, now).await?;
        self.underway.leave(&delivery.key());
        Ok(())
    }

    async fn note(&self, delivery: Delivery, now: Timestamp) -> Result<(), Error> {
        let since = if delivery.tries == 0 { Condition::absent() } else { tried(delivery.tries) };
        let delivery = Delivery { tries: delivery.tries.max(1), ..delivery };
        self.table.put(delivery.item(now), Some(since)).await.map(|_| ())
    }
}
