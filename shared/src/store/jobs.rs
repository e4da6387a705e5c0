//! What is due, and the jobs of the directory: who changed, so that somebody walks the open requests that may feel it.

use std::collections::BTreeSet;

use approvals_domain::ids::{EndpointId, PersonId, RequestId, RoleId, TenantId};
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::{Ask, Condition, Error, Freshness, Item, Jobs, Page, Range, Write, Written};

/// A replay that is through is known for a week.
const REPLAY_KEPT_SECONDS: i64 = 7 * 24 * 3_600;
/// Ids of jobs that walk an inbox begin so.
const INBOX: &str = "inbox|";

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum About {
    /// A person came, left, returned, or reports to somebody else.
    Person {
        /// Who.
        #[serde(rename = "u")]
        person: PersonId,
        /// Reports to somebody else: what they asked for may be routed anew.
        #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
        manager: bool,
    },
    /// A membership began or ended.
    Member {
        /// Of which role.
        #[serde(rename = "r")]
        role: RoleId,
        /// Whose.
        #[serde(rename = "u")]
        person: PersonId,
    },
    /// One request that opened a step on facts that have changed since, or that could not be looked at when its turn came.
    Request {
        /// Which.
        #[serde(rename = "q")]
        request: RequestId,
    },
    /// An inbox of many requests, which several changes concern: it is walked once for all of them.
    Inbox {
        /// Its partition.
        #[serde(rename = "i")]
        inbox: String,
    },
    /// People hear of a change of the directory.
    Told {
        /// The object, as its commits name it.
        #[serde(rename = "o")]
        object: String,
        /// Which of its commits.
        #[serde(rename = "v")]
        version: u64,
    },
    /// An endpoint gets again what it was to get in a time.
    Replay(Replay),
    /// Hints, notices and timers of the whole table are made good: the stream lost something. Whose tenant's it is says nothing.
    Reconcile {
        /// Commits from then on are told again.
        #[serde(rename = "s")]
        since: Timestamp,
    },
}

/// What is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// To which endpoint.
    #[serde(rename = "e")]
    pub endpoint: EndpointId,
    /// Events whose commits were made from then on.
    #[serde(rename = "b")]
    pub from: Timestamp,
    /// Until just before then.
    #[serde(rename = "z")]
    pub to: Timestamp,
    /// Of these types; none: of all.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub events: Option<BTreeSet<String>>,
}

/// How far a job has come: everything before this place is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Which of the job's walks, in their order.
    #[serde(rename = "w")]
    pub walk: String,
    /// The last sort key of it that was done.
    #[serde(rename = "a")]
    pub after: String,
}

/// A job as stored. It stands in the `due` index until it is through.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id, within the tenant.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// How far it has come; none: at its beginning.
    pub place: Option<Place>,
    /// How often it failed in a row.
    pub failures: u32,
    /// Counts its writes: who works on it writes on condition of the one read.
    pub turn: u64,
    /// Who wrote it last: tells one's own write, whose answer was lost, from the same write of another.
    pub worker: String,
    /// When it wants attention.
    pub due_at: Timestamp,
}

impl Job {
    /// A new one.
    pub fn new(tenant: &TenantId, id: String, about: About, due_at: Timestamp) -> Self {
        Self { tenant: tenant.clone(), id, about, place: None, failures: 0, turn: 0, worker: String::new(), due_at }
    }

    /// For one request. The same cause makes the same job, however often it is told.
    pub fn for_request(tenant: &TenantId, request: &RequestId, cause: &str, due_at: Timestamp) -> Self {
        Self::new(tenant, format!("request|{request}|{cause}"), About::Request { request: request.clone() }, due_at)
    }

    /// For an inbox. Those of one inbox differ by their cause alone.
    pub fn for_inbox(tenant: &TenantId, inbox: &str, cause: &str, due_at: Timestamp) -> Self {
        Self::new(tenant, format!("{INBOX}{inbox}|{cause}"), About::Inbox { inbox: inbox.to_owned() }, due_at)
    }

    /// What the keys of all jobs of an inbox begin with, read from one of them; none: it is another job's.
    pub fn inbox_of(key: &Key) -> Option<&str> {
        let (of, _) = key.pk.rsplit_once('|')?;
        keys::parse_job(key).filter(|(_, id)| id.starts_with(INBOX)).map(|_| of)
    }

    /// Somebody has worked on it.
    pub fn has_begun(&self) -> bool {
        self.turn > 0
    }

    /// To reconcile. The same cause makes the same job, however often it is told.
    pub fn to_reconcile(tenant: &TenantId, cause: &str, since: Timestamp, due_at: Timestamp) -> Self {
        Self::new(tenant, format!("reconcile|{cause}"), About::Reconcile { since }, due_at)
    }

    /// Where it stands.
    pub fn key(&self) -> Key {
        keys::job(&self.tenant, &self.id)
    }

    /// As stored.
    pub fn item(&self) -> Item {
        let item = Item::new(&self.key()).json("j", &self.about).number("n", self.turn).number("f", self.failures);
        let item = item.text("w", &self.worker).text(keys::DUE.1, keys::job_shard(&self.id)).text(keys::DUE_AT, keys::millis(self.due_at));
        match &self.place {
            Some(place) => item.json("at", place),
            None => item,
        }
    }

    /// `None`: a replay that is through.
    fn read_due(item: &Item) -> Result<Option<Self>, Error> {
        if item.get(keys::DUE_AT).is_none() && item.get("ttl").is_some() { Ok(None) } else { Self::read(item).map(Some) }
    }

    fn read(item: &Item) -> Result<Self, Error> {
        let (tenant, id) = item.key().and_then(|key| keys::parse_job(&key)).ok_or_else(|| item.wrong("the key is no job's"))?;
        let due: i64 = item.s(keys::DUE_AT)?.parse().map_err(|_| item.wrong("the due time is no number"))?;
        Ok(Self {
            tenant,
            id,
            about: item.of_json("j")?,
            place: item.opt_json("at")?,
            failures: item.opt_n("f").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            turn: item.n("n")?,
            worker: item.s("w")?.to_owned(),
            due_at: Timestamp::from_millis(due),
        })
    }

    /// In the transaction of what it is about.
    pub(crate) fn write(&self) -> Write {
        Write::Put(self.item(), None)
    }
}

/// Something that stands in the `due` index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// A request with a timer.
    Request(TenantId, RequestId),
    /// A job.
    Job(Key),
    /// A delivery that is tried again.
    Delivery(Key),
    /// A kind this build does not know: left to one that does.
    Unknown(Key),
}

/// A page of what is due in one partition.
#[derive(Debug, Default)]
pub struct DuePage {
    /// What, soonest first, with the time it has stood there for.
    pub items: Vec<(Due, Timestamp)>,
    /// Where the next page starts, if there may be one.
    pub next: Option<std::collections::HashMap<String, AttributeValue>>,
}

impl Jobs {
    /// What is due in a partition of the index up to a time, soonest first. The index may be early and stale: the items decide.
    pub async fn due(
        &self,
        pk: &str,
        until: Timestamp,
        start: Option<std::collections::HashMap<String, AttributeValue>>,
        limit: i32,
    ) -> Result<DuePage, Error> {
        let until = keys::millis(until);
        let ask = Ask { index: Some(keys::DUE), sk: Range::Between("0", &until), limit: Some(limit), start, ..Ask::partition(pk) };
        let Page { items, next } = self.table.query(Ask { freshness: Freshness::Eventual, ..ask }).await?;
        let read = |item: &Item| {
            let key = item.key()?;
            let at = Timestamp::from_millis(item.opt_s(keys::DUE_AT)?.parse().ok()?);
            let request = keys::parse_request_pk(&key.pk).filter(|_| key.sk == keys::MAIN);
            let due = match request {
                Some((tenant, id)) => Due::Request(tenant, id),
                None if keys::parse_job(&key).is_some() => Due::Job(key),
                None if keys::is_delivery(&key) => Due::Delivery(key),
                None => Due::Unknown(key),
            };
            Some((due, at))
        };
        Ok(DuePage { items: items.iter().filter_map(read).collect(), next })
    }

    /// A job; none: somebody was through with it.
    pub async fn get(&self, key: &Key) -> Result<Option<Job>, Error> {
        Ok(self.table.get(key, Freshness::Strong).await?.as_ref().map(Job::read_due).transpose()?.flatten())
    }

    /// Files a replay. `Some`: one of that id was filed before, and this is what it is about.
    pub async fn file_replay(&self, job: &Job) -> Result<Option<About>, Error> {
        match self.table.put(job.item(), Some(Condition::absent())).await? {
            Written::Done => Ok(None),
            Written::Conflict(Some(item)) => item.of_json("j").map(Some),
            Written::Conflict(None) => Err(Error::Unavailable("a job came and went".to_owned())),
        }
    }

    /// Takes a replay that is through out of the index. It stays for a while, so that a repeated call finds it and sends nothing twice.
    pub async fn end_replay(&self, job: &Job, now: Timestamp) -> Result<(), Error> {
        let unmoved = Condition::equals("n", AttributeValue::N(job.turn.to_string()));
        let ends = (now.millis() / 1_000 + REPLAY_KEPT_SECONDS).to_string();
        let item = Item::new(&keys::job(&job.tenant, &job.id)).json("j", &job.about).number("n", job.turn).number("ttl", ends);
        self.table.put(item, Some(unmoved)).await.map(|_| ())
    }

    /// Files a job, unless it stands already.
    pub async fn file(&self, job: &Job) -> Result<(), Error> {
        self.table.put(job.item(), Some(Condition::absent())).await.map(|_| ())
    }

    /// Writes a job on; none: somebody else works on it.
    pub async fn save(&self, job: Job) -> Result<Option<Job>, Error> {
        let next = Job { turn: job.turn + 1, ..job };
        let unmoved = Condition::equals("n", AttributeValue::N((next.turn - 1).to_string()));
        Ok(match self.table.put(next.item(), Some(unmoved)).await? {
            Written::Done => Some(next),
            // An answer lost on the way: the write that stands is our own.
            Written::Conflict(Some(item)) if Job::read(&item)? == next => Some(next),
            Written::Conflict(_) => None,
        })
    }

    /// Takes a job that is through away, unless somebody else works on it.
    pub async fn end(&self, job: &Job) -> Result<(), Error> {
        let unmoved = Condition::equals("n", AttributeValue::N(job.turn.to_string()));
        self.table.delete(&keys::job(&job.tenant, &job.id), unmoved).await
    }
}
