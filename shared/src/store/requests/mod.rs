//! Requests: each is one item, its older commits in pages beside it.
//!
//! [`record`] says how an item is read and written; [`lists`] finds requests by requester and by template; [`erasure`] takes away what people
//! wrote; [`revisions`] reads earlier contents.

mod content;
pub mod erasure;
pub mod lists;
pub mod record;
pub mod revisions;

use std::collections::BTreeMap;

use approvals_domain::commit::Sealed;
use approvals_domain::evolve::replay;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::state::Request;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{self, Key};
use crate::runtime::metrics::refused;

use super::{Ask, Condition, Error, Freshness, Item, Range, Reason, Requests, Write, Written};
pub use content::{Content, Data};
pub use record::{Addition, Beside, Digest, Record, Text, one_break};
use record::{read_digests, read_texts};
pub use revisions::Revision;

/// One page of commits with what lies beside them.
#[derive(Debug)]
pub struct PageOfCommits {
    /// Oldest first.
    pub commits: Vec<Vec<u8>>,
    /// Short texts.
    pub texts: BTreeMap<Hash, Text>,
    /// By version.
    pub digests: BTreeMap<u64, Digest>,
}

/// A request by its id, as its item says; or what is wrong with the item.
pub type Loaded = (RequestId, Result<Record, Error>);

/// What an entity's guard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The request that holds the entity, or held it last.
    pub request: RequestId,
    /// How many requests held it; 0: not said.
    pub generation: u64,
}

/// What became of a write.
#[derive(Debug)]
pub enum Commit {
    /// It holds.
    Done,
    /// Somebody was faster: the request as it is now. For a submission: the id exists.
    Conflict(Box<Record>),
    /// The entity's guard names another request.
    Guarded(Guard),
    /// Throttled or in conflict without a newer version: try again.
    Busy,
}

impl Requests {
    /// The request, as its item says.
    pub async fn load(&self, tenant: &TenantId, id: &RequestId, freshness: Freshness) -> Result<Option<Record>, Error> {
        self.table.get(&keys::request(tenant, id), freshness).await?.map(|item| Record::read(&item)).transpose()
    }

    /// Requests by id, in the order asked; missing ones are left out, and those that are damaged, which are counted.
    pub async fn load_many(
        &self,
        tenant: &TenantId,
        ids: &[RequestId],
        freshness: Freshness,
        now: Timestamp,
    ) -> Result<Vec<Record>, Error> {
        let mut sound = Vec::new();
        for (request, loaded) in self.load_each(tenant, ids, freshness).await? {
            match loaded {
                Ok(record) => sound.push(record),
                Err(error) => {
                    tracing::error!(%request, %error, "a request is left out of a list");
                    refused(now, "damaged");
                }
            }
        }
        Ok(sound)
    }

    /// The same, each for itself: one that is damaged harms no other.
    pub async fn load_each(&self, tenant: &TenantId, ids: &[RequestId], freshness: Freshness) -> Result<Vec<Loaded>, Error> {
        let wanted: Vec<Key> = ids.iter().map(|id| keys::request(tenant, id)).collect();
        let mut loaded = Vec::new();
        for item in self.table.batch_get_each(&wanted, freshness).await? {
            let Some((_, id)) = item.key().and_then(|key| keys::parse_request_pk(&key.pk)) else { continue };
            loaded.push((
                id,
                match self.table.authentic(&item).await {
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    checked => checked.and_then(|()| Record::read(&item)),
                },
            ));
        }
        Ok(loaded)
    }

    /// What must lie beside the item before the item names it.
    pub async fn write_beside(&self, tenant: &TenantId, id: &RequestId, beside: &[Beside]) -> Result<(), Error> {
        for one in beside {
            let (item, condition) = one.write(tenant, id);
            // A failed condition: a longer page stands there; then the item has moved on too, and the write after this finds out.
            self.table.put(item, condition).await?;
        }
        Ok(())
    }

    /// One conditional write: version read + 1.
    ///
    /// INVARIANT (I3): versions are contiguous, each with one writer.
    pub async fn commit(&self, next: &Record) -> Result<Commit, Error> {
        match self.table.put(next.item(), Some(Condition::version(next.state.version - 1))).await? {
            Written::Done => Ok(Commit::Done),
            Written::Conflict(Some(item)) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
            Written::Conflict(None) => Err(Error::Damaged { at: next.state.id.to_string(), what: "the request vanished".to_owned() }),
        }
    }

    /// Moves a request in the `due` index, or out of it, if it is still in the version read; without a commit.
    pub async fn rewind(&self, record: &Record, timer: Option<Timestamp>) -> Result<(), Error> {
        let next = Record { due: timer.map(keys::millis), ..record.clone() };
        self.table.put(next.item(), Some(Condition::version(record.state.version))).await.map(|_| ())
    }

    /// A new request; with its guard in one transaction if entities are unique. `closed` is the request the guard named, known to be over.
    pub async fn create(&self, record: &Record, guard: bool, closed: Option<&Guard>) -> Result<Commit, Error> {
        let state = &record.state;
        if !guard {
            return match self.table.put(record.item(), Some(Condition::absent())).await? {
                Written::Done => Ok(Commit::Done),
                Written::Conflict(Some(item)) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
                Written::Conflict(None) => Ok(Commit::Busy),
            };
        }
        let key = keys::entity(&state.tenant, &state.entity, &state.template.key);
        let free = closed.map_or_else(Condition::absent, |guard| Condition::equals("r", AttributeValue::S(guard.request.to_string())));
        // The archive sees an older guard that is put back by its generation.
        let generation = closed.map_or(1, |guard| guard.generation + 1);
        let guard = Item::new(&key).text("r", state.id.as_str()).number("g", generation);
        let writes = vec![Write::Put(record.item(), Some(Condition::absent())), Write::Put(guard, Some(free))];
        let mut reasons = self.table.transact(writes).await?.into_iter();
        // The request's own reason is judged before the guard's: a retry finds itself.
        match (reasons.next(), reasons.next()) {
            (None, _) => Ok(Commit::Done),
            (Some(Reason::Condition(Some(item))), _) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
            (_, Some(Reason::Condition(Some(item)))) => {
                let request = RequestId::new(item.s("r")?).map_err(|error| item.wrong(&error.to_string()))?;
                Ok(Commit::Guarded(Guard { request, generation: item.opt_n("g").unwrap_or(0) }))
            }
            _ => Ok(Commit::Busy),
        }
    }

    /// Keeps what a call for many requests said under its key; answers with what was said under that key first.
    pub async fn keep_bulk(&self, tenant: &TenantId, id: &RequestId, digest: Digest) -> Result<Digest, Error> {
        let item = Item::new(&keys::bulk(tenant, id)).bytes("d", digest);
        match self.table.put(item, Some(Condition::absent())).await? {
            Written::Done => Ok(digest),
            Written::Conflict(Some(kept)) => {
                kept.opt_b("d").and_then(|kept| kept.try_into().ok()).ok_or_else(|| kept.wrong("a bulk call's digest"))
            }
            Written::Conflict(None) => Err(Error::Unavailable("a bulk call's key is being written".to_owned())),
        }
    }

    /// Pages of a request that begin after a version, oldest first. After 0: all.
    pub async fn pages(&self, tenant: &TenantId, id: &RequestId, after: u64) -> Result<Vec<PageOfCommits>, Error> {
        let (first, last) = (keys::page(tenant, id, after + 1), keys::page(tenant, id, limits::COMMITS));
        let items = self.table.query_all(Ask { sk: Range::Between(&first.sk, &last.sk), ..Ask::partition(&first.pk) }).await?;
        items
            .iter()
            .map(|item| {
                Ok(PageOfCommits {
                    commits: item.list_b("c")?.into_iter().map(<[u8]>::to_vec).collect(),
                    texts: read_texts(item)?,
                    digests: read_digests(item),
                })
            })
            .collect()
    }

    /// Every commit of a request from the first, checked as a chain that folds to the record's state.
    pub async fn history(&self, record: &Record) -> Result<(Vec<Sealed>, BTreeMap<Hash, Text>), Error> {
        let state = &record.state;
        let damaged = |what: String| Error::Damaged { at: state.id.to_string(), what };
        let mut texts = record.texts.clone();
        let mut all: Vec<Sealed> = Vec::new();
        let pages = if record.base.is_some() { self.pages(&state.tenant, &state.id, 0).await? } else { Vec::new() };
        for page in pages {
            texts.extend(page.texts);
            for bytes in page.commits {
                let (version, hash) = all.last().map_or((0, Hash::ZERO), |last| (last.commit.version, last.hash));
                // A page of a lost race may hold what is still inline.
                if version < record.paged_version() {
                    all.push(Sealed::read(&bytes, version, hash).map_err(|error| damaged(error.to_string()))?);
                }
            }
        }
        all.extend(record.commits.iter().cloned());
        // INVARIANT (I4): the fold of all commits is the fold of base and inline commits.
        let folded = replay(None, all.iter().map(|sealed| sealed.bytes.as_slice())).map_err(|error| damaged(error.to_string()))?;
        if folded.as_ref() != Some(state) {
            return Err(damaged("its pages do not fold to its state".to_owned()));
        }
        Ok((all, texts))
    }

    /// Texts that are not in the item: long ones under their hash, paged ones in pages.
    pub async fn texts(&self, record: &Record, wanted: impl IntoIterator<Item = Hash>) -> Result<BTreeMap<Hash, Text>, Error> {
        let mut found = record.texts.clone();
        let missing: Vec<Hash> = wanted.into_iter().filter(|hash| !found.contains_key(hash)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let (tenant, id) = (&record.state.tenant, &record.state.id);
        let wanted: Vec<Key> = missing.iter().map(|hash| keys::text(tenant, id, hash)).collect();
        for item in self.table.batch_get(&wanted, Freshness::Eventual).await? {
            if record.content.is_none() && erasure::is_mark(&item) {
                continue;
            }
            let text =
                Text::read(item.b("x")?).filter(|text| item.opt_s(keys::SK) == Some(keys::text(tenant, id, &text.hash()).sk.as_str()));
            let text = text.ok_or_else(|| item.wrong("a text is not what its hash says"))?;
            found.insert(text.hash(), text);
        }
        if record.base.is_some() && missing.iter().any(|hash| !found.contains_key(hash)) {
            self.pages(tenant, id, 0).await?.into_iter().for_each(|page| found.extend(page.texts));
        }
        Ok(found)
    }

    /// Metadata and attachments of this revision; `None` if they were erased.
    pub async fn data(&self, record: &Record) -> Result<Option<Data>, Error> {
        let Some(content) = &record.content else { return Ok(None) };
        if content.inline.is_some() {
            return Ok(content.inline.clone());
        }
        let item = self.beside(&record.state).await?;
        let data = Data { metadata: item.s("md")?.to_owned(), attachments: item.opt_json("at")?.unwrap_or_default() };
        content.check(&record.state, &data).map_err(|what| item.wrong(what))?;
        Ok(Some(data))
    }

    /// The item of a revision's content. It lies there before the request names it, so one that is missing was taken away.
    async fn beside(&self, state: &Request) -> Result<Item, Error> {
        let key = keys::payload(&state.tenant, &state.id, &state.payload_hash);
        for freshness in [Freshness::Eventual, Freshness::Strong] {
            if let Some(item) = self.table.get(&key, freshness).await? {
                return Ok(item);
            }
        }
        Err(Error::Damaged { at: state.id.to_string(), what: "its content is gone, and nobody erased it".to_owned() })
    }
}
