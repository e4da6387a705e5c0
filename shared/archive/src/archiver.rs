//! Appending to a log whose past nobody can change, with several archivers at once and a crash between any two writes.
//!
//! 1. **Stage** the files that an append makes, outside the archive.
//! 2. **Compare and swap** the tenant's lock item: from the size and root read to the new ones, naming what was staged. Who loses, or does
//!    not hear the answer, reads the item again and begins anew. INVARIANT: a size has one root, the one that stood in the item.
//! 3. **Upload** the staged files, each only if it is not there; one that is there must be the same.
//! 4. **Sign and publish** the checkpoint of the item's size and root, never over a longer one.
//!
//! Whoever finds an item whose checkpoint is not published finishes it first, whoever began it. The item lies in a table of its own, so that
//! a restore of the main table cannot set it back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::secrets::Tags;
use approvals::store::keys::{self, Key};
use approvals::store::{self, Condition, Freshness, Item, Table, Written, pause};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use audit_log::checkpoint::{Checkpoint, origin, place, tenant_of};
use audit_log::edge::{Edge, Files};
use audit_log::note::VerifierKey;
use audit_log::tile::Tile;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::held::{Held, Recent};
use crate::signer::{self, Signer, Signers};

/// Where logs lie in the archive.
pub const LOGS: &str = "archive";
/// Where appends are prepared.
const STAGING: &str = "staging";
/// The checkpoint's name.
const CHECKPOINT: &str = "checkpoint";

/// Why a log could not be written, or must not be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lock item.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The archive.
    #[error("the archive: {0}")]
    Archive(#[from] object_store::Error),
    /// A key that cannot name a log, or does not sign.
    #[error(transparent)]
    Key(#[from] signer::Error),
    /// What lies there is not what was written: somebody else writes, or wrote, here. Page a human.
    #[error("log {log}: {what}")]
    Damaged {
        /// Which.
        log: String,
        /// What is wrong.
        what: String,
    },
    /// Others were faster, eight times.
    #[error("many are writing to one log")]
    Busy,
}

/// What the lock item says: how long the log is, its root, and what was staged to make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) staged: String,
}

/// Appends to the logs of all tenants.
#[derive(Debug)]
pub struct Archiver {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// Where appends are prepared: beside the logs, or in a place of its own.
    desk: Arc<dyn ObjectStore>,
    locks: Table,
    /// What tells the service's writes from others.
    pub(crate) tags: Tags,
    installation: String,
    signers: Signers,
    clock: Clock,
    entropy: Entropy,
    /// Edges of logs as they were when last written here: an item that says otherwise wins.
    edges: Mutex<HashMap<TenantId, Edge>>,
    sweeps: bool,
    recent: Mutex<Recent>,
}

impl Archiver {
    /// Over an object store, a table of locks, and the secret of tags. The installation names the logs, and so the keys.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        (locks, tags): (Table, Tags),
        installation: &str,
        signers: Vec<Arc<dyn Signer>>,
        clock: Clock,
        entropy: Entropy,
    ) -> Self {
        Self {
            desk: Arc::clone(&objects),
            objects,
            locks,
            tags,
            installation: installation.to_owned(),
            signers: Signers::new(signers),
            clock,
            entropy,
            edges: Mutex::default(),
            sweeps: false,
            recent: Mutex::default(),
        }
    }

    /// Takes files away once wider ones hold all of them: for a folder with room for one copy. Nobody else may write beside.
    #[must_use]
    pub fn sweeping(self) -> Self {
        Self { sweeps: true, ..self }
    }

    /// Prepares appends in a place of its own: nothing can be taken away from a bucket that keeps everything.
    #[must_use]
    pub fn preparing_in(self, desk: Arc<dyn ObjectStore>) -> Self {
        Self { desk, ..self }
    }

    /// Signs with these from now on: the present key first, others of a rotation under way after it.
    pub fn sign_with(&self, signers: Vec<Arc<dyn Signer>>) {
        self.signers.replace(signers);
    }

    /// The table of locks.
    pub fn locks(&self) -> &Table {
        &self.locks
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What a tenant's log is verified with.
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn verifiers(&self, tenant: &TenantId) -> Result<Vec<VerifierKey>, Error> {
        Ok(self.signers.verifiers(&origin(&self.installation, tenant))?)
    }

    /// Appends leaves; once it returns they are in the archive, under a checkpoint.
    ///
    /// # Errors
    /// [`Error`]; the leaves may then stand in the log or not, and are appended again.
    pub async fn append(&self, tenant: &TenantId, leaves: &[Vec<u8>]) -> Result<(), Error> {
        let leaves = {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            leaves.iter().filter(|leaf| !recent.knows(tenant, leaf)).collect()
        };
        self.extend(tenant, leaves, None).await.map(|_| ())
    }

    /// Appends leaves, but none that the log holds if `held` says what that is; gives their number.
    pub(crate) async fn extend(&self, tenant: &TenantId, mut leaves: Vec<&Vec<u8>>, mut held: Option<&mut Held>) -> Result<usize, Error> {
        for round in 0..limits::TRIES {
            if leaves.is_empty() {
                return Ok(0);
            }
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before = self.finished_head(tenant).await?;
            if let (Some(held), Some(head)) = (held.as_deref_mut(), &before) {
                // INVARIANT: what is appended after the swap below is what the log of that very size does not hold.
                match self.catch_up(held, tenant, head).await {
                    // A narrow file was taken away because a wider one has come.
                    Err(Error::Archive(object_store::Error::NotFound { .. })) if round + 1 < limits::TRIES => {
                        *held = Held::default();
                        continue;
                    }
                    done => done?,
                }
                leaves.retain(|leaf| !held.has(leaf));
                if leaves.is_empty() {
                    return Ok(0);
                }
            }
            let mut edge = self.edge(tenant, before.as_ref()).await?;
            let files = edge.append(&leaves).map_err(|error| self.damaged(tenant, error))?;
            let after = self.stage(tenant, &edge, &files).await?;
            if !self.swap(tenant, before.as_ref(), &after).await? {
                let _ = self.desk.delete(&staging(tenant, &after.staged)).await;
                continue;
            }
            self.edges.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), edge);
            self.finish(tenant, &after, false).await?;
            {
                let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                leaves.iter().for_each(|leaf| recent.keep(tenant, leaf));
            }
            if let Some(before) = before.filter(|_| self.sweeps) {
                self.sweep(tenant, before.size, after.size).await;
            }
            return Ok(leaves.len());
        }
        Err(Error::Busy)
    }

    /// The narrow files of the size before; what cannot be taken away stays, and harms nobody.
    async fn sweep(&self, tenant: &TenantId, before: u64, after: u64) {
        let kept: Vec<Tile> = Edge::files(after).collect();
        for tile in Edge::files(before).filter(|tile| !kept.contains(tile)) {
            let _ = self.objects.delete(&file(tenant, &tile.to_string())).await;
        }
    }

    /// Signs what stands there anew, so that a reader knows it is not kept from a longer log. Nothing for a tenant without a log.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn refresh(&self, tenant: &TenantId) -> Result<(), Error> {
        match self.head(tenant).await? {
            Some(head) => self.finish(tenant, &head, true).await,
            None => Ok(()),
        }
    }

    /// Signs every log of the archive anew.
    ///
    /// # Errors
    /// The first [`Error`]; the others are signed all the same.
    pub async fn refresh_all(&self) -> Result<(), Error> {
        let logs = self.objects.list_with_delimiter(Some(&Path::from(LOGS))).await?;
        let mut outcome = Ok(());
        for tenant in logs.common_prefixes.iter().filter_map(|log| tenant_of(log.filename()?)) {
            outcome = outcome.and(self.refresh(&tenant).await);
        }
        outcome
    }

    pub(crate) fn damaged(&self, tenant: &TenantId, what: impl ToString) -> Error {
        Error::Damaged { log: origin(&self.installation, tenant), what: what.to_string() }
    }

    pub(crate) async fn head(&self, tenant: &TenantId) -> Result<Option<Head>, Error> {
        let item = self.locks.get(&keys::log(tenant), Freshness::Strong).await?;
        item.as_ref().map(|item| read_head(item).map_err(Error::from)).transpose()
    }

    /// The head of a log whose files are where they belong.
    pub(crate) async fn finished_head(&self, tenant: &TenantId) -> Result<Option<Head>, Error> {
        let head = self.head(tenant).await?;
        if let Some(head) = &head {
            self.finish(tenant, head, false).await?;
        }
        Ok(head)
    }

    /// `false`: somebody was faster.
    async fn swap(&self, tenant: &TenantId, before: Option<&Head>, after: &Head) -> Result<bool, Error> {
        let condition = before.map_or_else(Condition::absent, |head| Condition::equals("s", AttributeValue::S(head.staged.clone())));
        Ok(match self.locks.put(head_item(&keys::log(tenant), after), Some(condition)).await? {
            Written::Done => true,
            // An answer lost on the way: what was staged has a name of its own, so the item that names it is our write.
            Written::Conflict(Some(item)) => read_head(&item)? == *after,
            Written::Conflict(None) => false,
        })
    }

    /// The edge that a head speaks of: as it was left here, or from the archive.
    async fn edge(&self, tenant: &TenantId, head: Option<&Head>) -> Result<Edge, Error> {
        let Some(head) = head else { return Ok(Edge::default()) };
        let known = self.edges.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some(edge) = known.filter(|edge| edge.size() == head.size && edge.root() == head.root) {
            return Ok(edge);
        }
        let mut files = Files::new();
        for tile in Edge::files(head.size) {
            let bytes = self.objects.get(&file(tenant, &tile.to_string())).await?.bytes().await?;
            files.insert(tile, bytes.to_vec());
        }
        let edge = Edge::read(head.size, &files).map_err(|error| self.damaged(tenant, error))?;
        if edge.root() == head.root { Ok(edge) } else { Err(self.damaged(tenant, "its files do not have the root that was signed")) }
    }

    async fn stage(&self, tenant: &TenantId, edge: &Edge, files: &Files) -> Result<Head, Error> {
        let staged = format!("{:020}-{}", edge.size(), self.entropy.salt());
        let encoded: BTreeMap<String, String> = files.iter().map(|(tile, bytes)| (tile.to_string(), STANDARD.encode(bytes))).collect();
        let bytes = serde_json::to_vec(&encoded).map_err(|error| self.damaged(tenant, error))?;
        self.desk.put(&staging(tenant, &staged), PutPayload::from(bytes)).await?;
        Ok(Head { size: edge.size(), root: edge.root(), staged })
    }

    /// Uploads what a head staged and publishes its checkpoint, unless that is done. `anew`: signs even if it is.
    async fn finish(&self, tenant: &TenantId, head: &Head, anew: bool) -> Result<(), Error> {
        let mut head = head.clone();
        for _ in 0..limits::TRIES {
            let published = self.published(tenant).await?;
            if published.as_ref().is_some_and(|published| published.size > head.size) {
                return Ok(());
            }
            let done = published.as_ref().is_some_and(|published| published.size == head.size);
            if published.is_some_and(|published| published.size == head.size && published.root != head.root) {
                return Err(
                    self.damaged(tenant, format!("two roots of {} leaves: the published one is not that of the lock item", head.size))
                );
            }
            if done && !anew {
                return Ok(());
            }
            if !done {
                self.upload(tenant, &head).await?;
            }
            let checkpoint = Checkpoint { origin: origin(&self.installation, tenant), size: head.size, root: head.root };
            let seconds = u64::try_from(self.clock.now().millis() / 1_000).unwrap_or(0);
            let note = self.signers.sign(&checkpoint, seconds).await?;
            self.objects.put(&file(tenant, CHECKPOINT), PutPayload::from(note.into_bytes())).await?;
            // Staged files are only needed until they are where they belong. What is left of them harms nobody.
            let _ = self.desk.delete(&staging(tenant, &head.staged)).await;
            // Somebody may have published a longer log while this one was on its way: who was late makes it good.
            match self.head(tenant).await? {
                Some(now) if now.size > head.size => head = now,
                _ => return Ok(()),
            }
        }
        Err(Error::Busy)
    }

    async fn upload(&self, tenant: &TenantId, head: &Head) -> Result<(), Error> {
        let bytes = match self.desk.get(&staging(tenant, &head.staged)).await {
            Ok(staged) => staged.bytes().await?,
            // Somebody finished it in between: then every file of its edge is there, and is compared when it is read.
            Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let files: BTreeMap<String, String> = serde_json::from_slice(&bytes).map_err(|error| self.damaged(tenant, error))?;
        for (name, encoded) in files {
            let tile = Tile::parse(&name).ok_or_else(|| self.damaged(tenant, "what was staged names no tile"))?;
            let bytes = STANDARD.decode(encoded).map_err(|error| self.damaged(tenant, error))?;
            self.create(tenant, &tile.to_string(), bytes).await?;
        }
        Ok(())
    }

    /// Writes a file that is not there; one that is must be the same.
    async fn create(&self, tenant: &TenantId, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let path = file(tenant, name);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&path, PutPayload::from(bytes.clone()), options).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                if self.objects.get(&path).await?.bytes().await? == bytes {
                    Ok(())
                } else {
                    Err(self.damaged(tenant, format!("`{name}` is there with another content")))
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The published checkpoint, if there is one; it must be signed by a key of ours.
    pub(crate) async fn published(&self, tenant: &TenantId) -> Result<Option<Checkpoint>, Error> {
        let note = match self.objects.get(&file(tenant, CHECKPOINT)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let signed = Checkpoint::open(&note, &self.verifiers(tenant)?);
        Ok(Some(signed.map_err(|error| self.damaged(tenant, format!("the published checkpoint: {error}")))?.checkpoint))
    }
}

/// A file of a tenant's log.
pub(crate) fn file(tenant: &TenantId, name: &str) -> Path {
    Path::from_iter([LOGS, place(tenant).as_str()].into_iter().chain(name.split('/')))
}

pub(crate) fn staging(tenant: &TenantId, name: &str) -> Path {
    Path::from_iter([STAGING, place(tenant).as_str(), name])
}

fn head_item(key: &Key, head: &Head) -> Item {
    Item::new(key).number("n", head.size).with("r", AttributeValue::B(Blob::new(head.root.0))).text("s", &head.staged)
}

fn read_head(item: &Item) -> Result<Head, store::Error> {
    let root = item.b("r")?.try_into().map(Hash).map_err(|_| item.wrong("the root is no hash"))?;
    Ok(Head { size: item.n("n")?, root, staged: item.s("s")?.to_owned() })
}
