//! The request's item: its commits in exact bytes, the state they fold onto, and short texts beside them.
//!
//! | attribute | holds |
//! |---|---|
//! | `v`, `h` | version and hash of the last commit |
//! | `c` | commits since the last page, oldest first, RFC 8785 bytes |
//! | `b` | state folded up to the last page, JSON; missing before the first page |
//! | `ti`, `sa`, `md`, `at` | title, salt, metadata (canonical), attachments of this revision; `md` and `at` are missing when they lie beside; all four once erased |
//! | `x` | texts by salted hash: 16 bytes of salt, then UTF-8 |
//! | `ik` | digests of keyed commands' bodies by version |
//! | `cb` | callback |
//! | `er` | of a page, a text or a content beside: the version that erased what stood there |
//! | `rq`, `tp`, `cr`, `ds`, `du` | index keys; see [`keys`] |

use std::collections::BTreeMap;

use approvals_domain::commit::{Broken, Sealed};
use approvals_domain::evolve::apply;
use approvals_domain::hash::{self, Hash, Salt};
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::Payload;
use approvals_domain::state::{Request, State};
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::content::{Content, Data, place};
use crate::store::keys::{self, Month};
use crate::store::table::item::list_of_bytes;
use crate::store::{Condition, Error, Item};

/// A request as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The fold of everything.
    pub state: Request,
    /// The fold up to the last page.
    pub base: Option<Request>,
    /// The commits since.
    pub commits: Vec<Sealed>,
    /// Content of this revision; none: it was erased.
    pub content: Option<Content>,
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

/// Whether an item's commits are a chain that ends as the item says, whatever they mean.
fn holds_together(item: &Item) -> bool {
    #[derive(serde::Deserialize)]
    struct Link {
        #[serde(rename = "v")]
        version: u64,
        #[serde(rename = "p")]
        prev: Hash,
    }
    let mut last: Option<(u64, Hash)> = None;
    for bytes in item.list_b("c").unwrap_or_default() {
        let Ok(link) = serde_json::from_slice::<Link>(bytes) else { return false };
        if last.is_some_and(|(version, hash)| (link.version, link.prev) != (version + 1, hash)) {
            return false;
        }
        last = Some((link.version, Hash::of(&[hash::COMMIT, &link.prev.0, bytes])));
    }
    last.is_some_and(|(version, hash)| item.opt_n("v") == Some(version) && item.opt_b("h") == Some(&hash.0))
}

/// A text of people with its salt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Text {
    /// Of its hash.
    pub salt: Salt,
    /// The words.
    pub words: String,
}

impl Text {
    /// People's words. A line break is one character, however it was sent.
    pub fn new(salt: Salt, words: &str) -> Self {
        Self { salt, words: one_break(words) }
    }

    /// What stands for it in commits.
    pub fn hash(&self) -> Hash {
        Hash::text(&self.salt, &self.words)
    }

    fn bytes(&self) -> Vec<u8> {
        [self.salt.0.as_slice(), self.words.as_bytes()].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (salt, words) = bytes.split_first_chunk()?;
        Some(Self { salt: Salt(*salt), words: std::str::from_utf8(words).ok()?.to_owned() })
    }
}

/// The same text with `\n` for each line break: browsers and programs send `\r\n` as well.
pub fn one_break(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
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
        let broken = |error: Broken| match error {
            Broken::Shape(what) if holds_together(item) => item.newer(&what),
            error => item.wrong(&error.to_string()),
        };
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
        let content = Content::read(item, &state)?;
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
            .text(keys::BY_REQUESTER.1, keys::by_requester(tenant, state.asks()))
            .text(keys::BY_TEMPLATE.1, keys::by_template(tenant, &state.template.key, month))
            .text(keys::CREATED, keys::created(state.created_at, id));
        if let Some(base) = &self.base {
            item = item.bytes("b", serde_json::to_vec(base).unwrap_or_default());
        }
        if let Some(content) = &self.content {
            item = item.text("ti", &content.title).bytes("sa", content.salt.0);
        }
        if let Some(data) = self.inline() {
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

    /// Its title; none: it was erased.
    pub fn title(&self) -> Option<&str> {
        self.content.as_ref().map(|content| content.title.as_str())
    }

    /// Metadata and attachments, if they lie in the item itself.
    pub fn inline(&self) -> Option<&Data> {
        self.content.as_ref()?.inline.as_ref()
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
                content: None,
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
            if let Some((record, content)) =
                before.and_then(|record| Some((record, record.content.clone().filter(|c| c.inline.is_some())?)))
            {
                beside.push(Beside::Content(record.state.payload_hash, content));
            }
            let (content, large) = place(payload);
            beside.extend(large.map(|large| Beside::Content(next.state.payload_hash, large)));
            next.content = Some(content);
        } else if before.is_none() {
            return Err(Error::Refused("a request without content".to_owned()));
        }
        // INVARIANT (erased): title, metadata, attachments and texts go with the very write that says so.
        if next.state.erased == Some(next.state.version) {
            next.content = None;
            next.texts.clear();
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
    pub(super) fn write(&self, tenant: &TenantId, id: &RequestId) -> (Item, Option<Condition>) {
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

pub(super) fn read_texts(item: &Item) -> Result<BTreeMap<Hash, Text>, Error> {
    let mut texts = BTreeMap::new();
    for (hash, value) in item.get("x").and_then(|x| x.as_m().ok()).into_iter().flatten() {
        let text = value.as_b().ok().and_then(|bytes| Text::read(bytes.as_ref()));
        let (Ok(hash), Some(text)) = (Hash::try_from(hash.clone()), text) else { return Err(item.wrong("texts")) };
        if text.hash() != hash {
            return Err(item.wrong("a text is not what its hash says"));
        }
        texts.insert(hash, text);
    }
    Ok(texts)
}

pub(super) fn read_digests(item: &Item) -> BTreeMap<u64, Digest> {
    let map = item.get("ik").and_then(|ik| ik.as_m().ok()).into_iter().flatten();
    map.filter_map(|(version, value)| Some((version.parse().ok()?, value.as_b().ok()?.as_ref().try_into().ok()?))).collect()
}
