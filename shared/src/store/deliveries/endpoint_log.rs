//! The log of an endpoint: every event that was to be sent to it, with what became of it. The deliveries themselves are the log; nothing
//! is written twice. From here they are listed, held back while the endpoint is switched off, and sent again.

use approvals_domain::ids::{EndpointId, TenantId};
use approvals_domain::time::Timestamp;

use super::{Delivery, Stage, Way, tried};
use crate::notice::Notice;
use crate::store::keys::{self, Key};
use crate::store::{Ask, Condition, Deliveries, Error, Item, Range, Written};

/// A page of an endpoint's log.
#[derive(Debug, Default)]
pub struct LogPage {
    /// As asked for: newest or oldest first.
    pub deliveries: Vec<Delivery>,
    /// Where the next page goes on, if there may be more.
    pub next: Option<String>,
}

/// Before and behind every time.
const FIRST: &str = "0";
const LAST: &str = "~";

impl Deliveries {
    /// What was to be sent to an endpoint, newest first, from below a place on.
    pub async fn log(&self, tenant: &TenantId, endpoint: &EndpointId, below: Option<&str>, limit: usize) -> Result<LogPage, Error> {
        self.log_page(&keys::endpoint_log_pk(tenant, endpoint), (FIRST, LAST), true, below, limit).await
    }

    /// What was to be sent to an endpoint from one time until just before another, oldest first, after a place.
    pub async fn log_between(
        &self,
        tenant: &TenantId,
        endpoint: &EndpointId,
        (from, to): (Timestamp, Timestamp),
        after: Option<&str>,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let (first, last) = (keys::millis(from), keys::millis(to));
        self.log_page(&keys::endpoint_log_pk(tenant, endpoint), (&first, &last), false, after, limit).await
    }

    async fn log_page(
        &self,
        pk: &str,
        (first, last): (&str, &str),
        descending: bool,
        place: Option<&str>,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let start = place.map(|sk| crate::store::table::key_map(&Key { pk: pk.to_owned(), sk: sk.to_owned() }));
        let limit = Some(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = self.table.query(Ask { sk: Range::Between(first, last), descending, limit, start, ..Ask::partition(pk) }).await?;
        let deliveries = page.items.iter().map(of_log).collect::<Result<Vec<_>, _>>()?;
        let next = page.next.and_then(|key| Item::from(key).key()).map(|key| key.sk);
        Ok(LogPage { deliveries, next })
    }

    /// Notes an event that is not sent because its endpoint is switched off, or gone: a replay may send it. What is through stays so.
    pub async fn hold(&self, notice: &Notice, way: Way<'_>, why: &str, now: Timestamp) -> Result<(), Error> {
        let error = Some(why.to_owned());
        let held = Delivery {
            stage: Stage::Parked,
            tries: 0,
            attempts: 0,
            tried_at: None,
            error: error.clone(),
            ..Delivery::fresh(notice, way, "", now)
        };
        let Written::Conflict(Some(item)) = self.table.put(held.item(now), Some(Condition::absent())).await? else { return Ok(()) };
        let there = of_log(&item)?;
        // Somebody sends it at this moment, on what was known a moment ago: they note what comes of it, and come here when it fails.
        let waits = there.stage == Stage::Failed || (there.stage == Stage::Sending && there.due_at <= now);
        if waits {
            let tries = there.tries;
            let held = Delivery { stage: Stage::Parked, error, not_before: None, due_at: now, ..there };
            self.table.put(held.item(now), Some(tried(tries))).await?;
        }
        Ok(())
    }

    /// Lets a delivery that is over begin anew, for a replay; its three days begin anew as well. `None`: it is on its way as it is, this
    /// replay has had it before, or somebody was faster.
    pub async fn reopen(&self, delivery: &Delivery, replay: &str, now: Timestamp, until: Timestamp) -> Result<Option<Delivery>, Error> {
        let over = matches!(delivery.stage, Stage::Sent | Stage::Parked);
        if !over || delivery.replay.as_deref() == Some(replay) {
            return Ok(None);
        }
        let again = Delivery {
            stage: Stage::Failed,
            tries: delivery.tries + 1,
            first_at: now,
            due_at: until,
            error: None,
            not_before: None,
            replay: Some(replay.to_owned()),
            ..delivery.clone()
        };
        Ok(match self.table.put(again.item(now), Some(tried(delivery.tries))).await? {
            Written::Done => Some(again),
            // An answer lost on the way: the write that stands is our own.
            Written::Conflict(Some(item)) if of_log(&item)? == again => Some(again),
            Written::Conflict(_) => None,
        })
    }
}

fn of_log(item: &Item) -> Result<Delivery, Error> {
    Delivery::read(item, item.of_json("no")?)
}
