//! The request's item: its commits in exact bytes, the state they fold onto, and short texts beside them.
//!
//! | attribute | holds |
//! |---|---|
//! | `v`, `h` | version and hash of the last commit |
//! | `c` | commits since the last page, oldest first, RFC 8785 bytes |
//! | `b` | state folded up to the last page, JSON; missing before the first page |
//! | `ti`, `sa`, `md`, `at` | title, salt, metadata (canonical), attachments of this revision; `md` and `at` are missing when they lie beside |
//! | `x` | texts by salted hash: 16 bytes of salt, then UTF-8 |
//! | `ik` | digests of keyed commands' bodies by version |
//! | `cb` | callback |
//! | `rq`, `tp`, `cr`, `ds`, `du` | index keys; see [`keys`] |

use std::collections::BTreeMap;

use approvals_domain::commit::{Broken, Sealed};
use approvals_domain::evolve::{apply, replay};
use approvals_domain::hash::{Hash, Salt};
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::{Attachment, Payload};
use approvals_domain::state::{Request, State};
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{self, Key, Month};
use super::table::item::list_of_bytes;
use super::{Ask, Condition, Error, Freshness, Item, Range, Reason, Store, Write, Written};

/// A request as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The fold of everything.
    pub state: Request,
    /// The fold up to the last page.
    pub base: Option<Request>,
    /// The commits since.
    pub commits: Vec<Sealed>,
    /// Content of this revision.
    pub content: Content,
    /// Short texts.
    pub texts: BTreeMap<Hash, Text>,
    /// First bytes of a keyed hash over the body of a command that came with an Idempotency-Key, by version.
    pub digests: BTreeMap<u64, Digest>,
    /// What to tell when it is over.
    pub callback: Option<serde_json::Value>,
    /// The `due` index's key: may be earlier than the next timer, never later.
    pub due: Option<String>,
}

/// Tells two bodies apart that came under one key.
pub type Digest = [u8; 8];

/// Content of a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// One line.
    pub title: String,
    /// Of the payload hash.
    pub salt: Salt,
    /// Metadata and attachments; `None`: they lie beside, under the payload hash.
    pub inline: Option<Data>,
}

/// Metadata and attachments.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// RFC 8785 text.
    pub metadata: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// A text of people with its salt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Of its hash.
    pub salt: Salt,
    /// The words.
    pub words: String,
}

impl Text {
    /// What stands for it in commits.
    pub fn hash(&self) -> Hash {
        Hash::text(&self.salt, &self.words)
    }

    fn bytes(&self) -> Vec<u8> {
        [self.salt.0.as_slice(), self.words.as_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (salt, words) = bytes.split_first_chunk()?;
        Some(Self { salt: Salt(*salt), words: std::str::from_utf8(words).ok()?.to_owned() })
    }
}

/// What a command adds to a request.
#[derive(Debug, Clone)]
pub struct Addition {
    /// Its commit.
    pub sealed: Sealed,
    /// Texts its events name.
    pub texts: Vec<Text>,
    /// A new revision's content.
    pub content: Option<Payload>,
    /// Of its body, if it came with a key.
    pub digest: Option<Digest>,
    /// Callback, at submission.
    pub callback: Option<serde_json::Value>,
}

impl Record {
    /// Reads the item, checking the chain from the base to the last commit.
    pub fn read(item: &Item) -> Result<Self, Error> {
        let base: Option<Request> = match item.opt_b("b") {
            Some(bytes) => Some(serde_json::from_slice(bytes).map_err(|error| item.wrong(&format!("base: {error}")))?),
            None => None,
        };
        let broken = |error: Broken| item.wrong(&error.to_string());
        let mut state: State = base.clone();
        let mut commits = Vec::new();
        for bytes in item.list_b("c")? {
            let (version, hash) = state.as_ref().map_or((0, Hash::ZERO), |request| (request.version, request.hash));
            let sealed = Sealed::read(bytes, version, hash).map_err(broken)?;
            state = apply(state, &sealed);
            commits.push(sealed);
        }
        let state = state.ok_or_else(|| item.wrong("no commit makes the request"))?;
        if item.n("v")? != state.version || item.b("h")? != state.hash.0 {
            return Err(item.wrong("version or hash is not that of the last commit"));
        }
        let inline = match item.opt_s("md") {
            Some(metadata) => Some(Data { metadata: metadata.to_owned(), attachments: item.opt_json("at")?.unwrap_or_default() }),
            None => None,
        };
        let salt = Salt(item.b("sa")?.try_into().map_err(|_| item.wrong("salt"))?);
        let content = Content { title: item.s("ti")?.to_owned(), salt, inline };
        Ok(Self {
            base,
            commits,
            content,
            texts: read_texts(item)?,
            digests: read_digests(item),
            callback: item.opt_json("cb")?,
            due: item.opt_s(keys::DUE_AT).map(str::to_owned),
            state,
        })
    }

    /// The item to write.
    pub fn item(&self) -> Item {
        let state = &self.state;
        let (tenant, id) = (&state.tenant, &state.id);
        let month = Month::of(state.created_at);
        let mut item = Item::new(&keys::request(tenant, id))
            .number("v", state.version)
            .bytes("h", state.hash.0)
            .with("c", list_of_bytes(self.commits.iter().map(|sealed| sealed.bytes.as_slice())))
            .text("ti", &self.content.title)
            .bytes("sa", self.content.salt.0)
            .text(keys::BY_REQUESTER.1, keys::by_requester(tenant, &state.requester))
            .text(keys::BY_TEMPLATE.1, keys::by_template(tenant, &state.template.key, month))
            .text(keys::CREATED, keys::created(state.created_at, id));
        if let Some(base) = &self.base {
            item = item.bytes("b", serde_json::to_vec(base).unwrap_or_default());
        }
        if let Some(data) = &self.content.inline {
            item = item.text("md", &data.metadata);
            if !data.attachments.is_empty() {
                item = item.json("at", &data.attachments);
            }
        }
        if let Some(due) = &self.due {
            item = item.text(keys::DUE.1, keys::due_shard(id.as_str())).text(keys::DUE_AT, due);
        }
        if let Some(callback) = &self.callback {
            item = item.json("cb", callback);
        }
        with_beside(item, &self.texts, &self.digests)
    }

    /// Bytes of the commits inline.
    pub fn inline_bytes(&self) -> usize {
        self.commits.iter().map(|sealed| sealed.bytes.len()).sum()
    }

    /// Version up to which commits are in pages.
    pub fn paged_version(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.version)
    }

    /// The record after a command, and what must be written before it: pages, long texts, large or former content.
    pub fn after(before: Option<&Self>, addition: Addition) -> Result<(Self, Vec<Beside>), Error> {
        let Addition { sealed, texts, content, digest, callback } = addition;
        let state = apply(before.map(|record| record.state.clone()), &sealed);
        let state = state.ok_or_else(|| Error::Refused("a commit that makes no request".to_owned()))?;
        let mut beside = Vec::new();
        let mut next = match before {
            None => Self {
                base: None,
                commits: Vec::new(),
                content: Content { title: String::new(), salt: state_salt(content.as_ref())?, inline: None },
                texts: BTreeMap::new(),
                digests: BTreeMap::new(),
                callback,
                due: None,
                state,
            },
            Some(record) if record.inline_bytes() > limits::INLINE_COMMIT_BYTES => {
                beside.push(Beside::Page(Box::new(record.clone())));
                let (texts, digests) = (BTreeMap::new(), BTreeMap::new());
                Self { state, base: Some(record.state.clone()), commits: Vec::new(), texts, digests, ..record.clone() }
            }
            Some(record) => Self { state, ..record.clone() },
        };
        if let Some(payload) = content {
            if let Some(record) = before.filter(|record| record.content.inline.is_some()) {
                beside.push(Beside::Content(record.state.payload_hash, record.content.clone()));
            }
            next.content = place(payload, next.state.payload_hash, &mut beside);
        }
        for text in texts {
            if text.words.len() > limits::INLINE_TEXT_BYTES {
                beside.push(Beside::Text(text));
            } else {
                next.texts.insert(text.hash(), text);
            }
        }
        next.digests.extend(digest.map(|digest| (sealed.commit.version, digest)));
        next.commits.push(sealed);
        Ok((next, beside))
    }
}

impl Record {
    /// When the `due` index says that it wants attention.
    pub fn timer(&self) -> Option<Timestamp> {
        self.due.as_ref()?.parse().ok().map(Timestamp::from_millis)
    }

    /// Sets the `due` index to the next timer, and out of it if there is none.
    ///
    /// INVARIANT (due): the index may be early, never late. To move it costs two write units, so it moves to a later timer only when the
    /// earlier one has fired.
    pub fn wind(&mut self, timer: Option<Timestamp>, fired: bool) {
        self.due = timer.map(keys::millis).map(|new| match self.due.take() {
            Some(old) if !fired => old.min(new),
            _ => new,
        });
    }
}

fn state_salt(content: Option<&Payload>) -> Result<Salt, Error> {
    content.map(|payload| payload.salt).ok_or_else(|| Error::Refused("a request without content".to_owned()))
}

/// Content goes into the item if it is small, else beside it.
fn place(payload: Payload, hash: Hash, beside: &mut Vec<Beside>) -> Content {
    let metadata = String::from_utf8(approvals_domain::hash::canonical(&payload.metadata)).unwrap_or_default();
    let attached = if payload.attachments.is_empty() { 0 } else { serde_json::to_vec(&payload.attachments).map_or(0, |json| json.len()) };
    let small = metadata.len() + attached <= limits::INLINE_METADATA_BYTES;
    let data = Data { metadata, attachments: payload.attachments };
    let whole = Content { title: payload.title, salt: payload.salt, inline: Some(data) };
    if small {
        return whole;
    }
    beside.push(Beside::Content(hash, whole.clone()));
    Content { inline: None, ..whole }
}

/// What is written before a request's item. Content-addressed or growing, so that writing it for nothing is harmless.
#[derive(Debug, Clone)]
pub enum Beside {
    /// The commits, texts and digests of a record as it was.
    Page(Box<Record>),
    /// A long text.
    Text(Text),
    /// Content of a revision, by its payload hash.
    Content(Hash, Content),
}

impl Beside {
    fn write(&self, tenant: &TenantId, id: &RequestId) -> (Item, Option<Condition>) {
        match self {
            Self::Page(record) => {
                let first = record.paged_version() + 1;
                let item = Item::new(&keys::page(tenant, id, first))
                    .number("n", record.state.version)
                    .with("c", list_of_bytes(record.commits.iter().map(|sealed| sealed.bytes.as_slice())));
                // A slower writer that knew fewer commits must not cut the page short.
                let condition = Condition::absent_or_at_most("n", record.state.version);
                (with_beside(item, &record.texts, &record.digests), Some(condition))
            }
            Self::Text(text) => (Item::new(&keys::text(tenant, id, &text.hash())).bytes("x", text.bytes()), None),
            Self::Content(hash, content) => {
                let item = Item::new(&keys::payload(tenant, id, hash)).text("ti", &content.title).bytes("sa", content.salt.0);
                let Some(data) = &content.inline else { return (item, None) };
                (item.text("md", &data.metadata).json("at", &data.attachments), None)
            }
        }
    }
}

fn with_beside(item: Item, texts: &BTreeMap<Hash, Text>, digests: &BTreeMap<u64, Digest>) -> Item {
    let blob = |bytes: Vec<u8>| AttributeValue::B(Blob::new(bytes));
    let mut item = item;
    if !texts.is_empty() {
        item = item.with("x", AttributeValue::M(texts.iter().map(|(hash, text)| (hash.to_string(), blob(text.bytes()))).collect()));
    }
    if !digests.is_empty() {
        item = item.with("ik", AttributeValue::M(digests.iter().map(|(v, digest)| (v.to_string(), blob(digest.to_vec()))).collect()));
    }
    item
}

fn read_texts(item: &Item) -> Result<BTreeMap<Hash, Text>, Error> {
    let mut texts = BTreeMap::new();
    for (hash, value) in item.get("x").and_then(|x| x.as_m().ok()).into_iter().flatten() {
        let text = value.as_b().ok().and_then(|bytes| Text::read(bytes.as_ref()));
        let (Ok(hash), Some(text)) = (Hash::try_from(hash.clone()), text) else { return Err(item.wrong("texts")) };
        texts.insert(hash, text);
    }
    Ok(texts)
}

fn read_digests(item: &Item) -> BTreeMap<u64, Digest> {
    let map = item.get("ik").and_then(|ik| ik.as_m().ok()).into_iter().flatten();
    map.filter_map(|(version, value)| Some((version.parse().ok()?, value.as_b().ok()?.as_ref().try_into().ok()?))).collect()
}

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

/// What became of a write.
#[derive(Debug)]
pub enum Commit {
    /// It holds.
    Done,
    /// Somebody was faster: the request as it is now. For a submission: the id exists.
    Conflict(Box<Record>),
    /// The entity's guard names another request.
    Guarded(RequestId),
    /// Throttled or in conflict without a newer version: try again.
    Busy,
}

impl Store {
    /// The request, as its item says.
    pub async fn load(&self, tenant: &TenantId, id: &RequestId, freshness: Freshness) -> Result<Option<Record>, Error> {
        self.get(&keys::request(tenant, id), freshness).await?.map(|item| Record::read(&item)).transpose()
    }

    /// Requests by id, in the order asked; missing ones are left out.
    pub async fn load_many(&self, tenant: &TenantId, ids: &[RequestId], freshness: Freshness) -> Result<Vec<Record>, Error> {
        let wanted: Vec<Key> = ids.iter().map(|id| keys::request(tenant, id)).collect();
        self.batch_get(&wanted, freshness).await?.iter().map(Record::read).collect()
    }

    /// The same, each for itself: one that is damaged harms no other.
    pub async fn load_each(&self, tenant: &TenantId, ids: &[RequestId], freshness: Freshness) -> Result<Vec<Loaded>, Error> {
        let wanted: Vec<Key> = ids.iter().map(|id| keys::request(tenant, id)).collect();
        let items = self.batch_get(&wanted, freshness).await?;
        let of = |item: &Item| item.key().and_then(|key| keys::parse_request_pk(&key.pk)).map(|(_, id)| id);
        Ok(items.iter().filter_map(|item| Some((of(item)?, Record::read(item)))).collect())
    }

    /// What must lie beside the item before the item names it.
    pub async fn write_beside(&self, tenant: &TenantId, id: &RequestId, beside: &[Beside]) -> Result<(), Error> {
        for one in beside {
            let (item, condition) = one.write(tenant, id);
            // A failed condition: a longer page stands there; then the item has moved on too, and the write after this finds out.
            self.put(item, condition).await?;
        }
        Ok(())
    }

    /// One conditional write: version read + 1.
    ///
    /// INVARIANT (I3): versions are contiguous, each with one writer.
    pub async fn commit(&self, next: &Record) -> Result<Commit, Error> {
        match self.put(next.item(), Some(Condition::version(next.state.version - 1))).await? {
            Written::Done => Ok(Commit::Done),
            Written::Conflict(Some(item)) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
            Written::Conflict(None) => Err(Error::Damaged { at: next.state.id.to_string(), what: "the request vanished".to_owned() }),
        }
    }

    /// Moves a request in the `due` index, or out of it, if it is still in the version read; without a commit.
    pub async fn rewind(&self, record: &Record, timer: Option<Timestamp>) -> Result<(), Error> {
        let Request { tenant, id, version, .. } = &record.state;
        let attributes = [(keys::DUE.1, timer.map(|_| keys::due_shard(id.as_str()))), (keys::DUE_AT, timer.map(keys::millis))];
        self.update(&keys::request(tenant, id), &attributes, Condition::version(*version)).await
    }

    /// A new request; with its guard in one transaction if entities are unique. `closed` is the request the guard named, known to be over.
    pub async fn create(&self, record: &Record, guard: bool, closed: Option<&RequestId>) -> Result<Commit, Error> {
        let state = &record.state;
        if !guard {
            return match self.put(record.item(), Some(Condition::absent())).await? {
                Written::Done => Ok(Commit::Done),
                Written::Conflict(Some(item)) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
                Written::Conflict(None) => Ok(Commit::Busy),
            };
        }
        let key = keys::entity(&state.tenant, &state.entity, &state.template.key);
        let free = closed.map_or_else(Condition::absent, |id| Condition::equals("r", AttributeValue::S(id.to_string())));
        let guard = Item::new(&key).text("r", state.id.as_str());
        let writes = vec![Write::Put(record.item(), Some(Condition::absent())), Write::Put(guard, Some(free))];
        let mut reasons = self.transact(writes).await?.into_iter();
        // The request's own reason is judged before the guard's: a retry finds itself.
        match (reasons.next(), reasons.next()) {
            (None, _) => Ok(Commit::Done),
            (Some(Reason::Condition(Some(item))), _) => Ok(Commit::Conflict(Box::new(Record::read(&item)?))),
            (_, Some(Reason::Condition(Some(item)))) => {
                RequestId::new(item.s("r")?).map(Commit::Guarded).map_err(|error| item.wrong(&error.to_string()))
            }
            _ => Ok(Commit::Busy),
        }
    }

    /// Which request the guard names.
    pub async fn guard(&self, key: &Key) -> Result<Option<RequestId>, Error> {
        let Some(item) = self.get(key, Freshness::Strong).await? else { return Ok(None) };
        RequestId::new(item.s("r")?).map(Some).map_err(|error| item.wrong(&error.to_string()))
    }

    /// Pages of a request that begin after a version, oldest first. After 0: all.
    pub async fn pages(&self, tenant: &TenantId, id: &RequestId, after: u64) -> Result<Vec<PageOfCommits>, Error> {
        let (first, last) = (keys::page(tenant, id, after + 1), keys::page(tenant, id, limits::COMMITS));
        let items = self.query_all(Ask { sk: Range::Between(&first.sk, &last.sk), ..Ask::partition(&first.pk) }).await?;
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
        for item in self.batch_get(&wanted, Freshness::Eventual).await? {
            if let Some(text) = Text::read(item.b("x")?) {
                found.insert(text.hash(), text);
            }
        }
        if record.base.is_some() && missing.iter().any(|hash| !found.contains_key(hash)) {
            self.pages(tenant, id, 0).await?.into_iter().for_each(|page| found.extend(page.texts));
        }
        Ok(found)
    }

    /// Metadata and attachments of this revision; `None` if they were erased.
    pub async fn data(&self, record: &Record) -> Result<Option<Data>, Error> {
        if record.content.inline.is_some() {
            return Ok(record.content.inline.clone());
        }
        let state = &record.state;
        let Some(item) = self.get(&keys::payload(&state.tenant, &state.id, &state.payload_hash), Freshness::Eventual).await? else {
            return Ok(None);
        };
        Ok(Some(Data { metadata: item.s("md")?.to_owned(), attachments: item.opt_json("at")?.unwrap_or_default() }))
    }
}
