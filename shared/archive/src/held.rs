//! What a log holds already: of this process's own appends a little, for whoever must know it all of it, 32 bytes a leaf.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use audit_log::tile::{self, Kind, Tile};
use audit_log::tree::{Frontier, leaf_hash};
use object_store::ObjectStoreExt;
use tokio::task::JoinSet;

use crate::archiver::{Archiver, Error, Head, file};

/// Leaves that this process appended not long ago: a batch that comes again because of a neighbour makes no log longer.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    known: HashSet<(TenantId, Hash)>,
    order: VecDeque<(TenantId, Hash)>,
}

/// So many are remembered: some batches of every tenant, at a hundred bytes each.
const RECENT: usize = 10_000;

impl Recent {
    pub(crate) fn knows(&self, tenant: &TenantId, leaf: &[u8]) -> bool {
        self.known.contains(&(tenant.clone(), leaf_hash(leaf)))
    }

    pub(crate) fn keep(&mut self, tenant: &TenantId, leaf: &[u8]) {
        let leaf = (tenant.clone(), leaf_hash(leaf));
        if self.known.insert(leaf.clone()) {
            self.order.push_back(leaf);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// Files fetched side by side.
const SIDE_BY_SIDE: usize = 16;

/// Every leaf of a log by its hash, as the log's tiles say, which must have the root of the lock item.
#[derive(Debug, Default)]
pub(crate) struct Held {
    frontier: Frontier,
    /// Sorted: a hash table would need up to four times as much while it grows.
    hashes: Vec<Hash>,
}

impl Held {
    /// Whether a leaf stands in the log.
    pub(crate) fn holds(&self, leaf: &Hash) -> bool {
        self.hashes.binary_search(leaf).is_ok()
    }

    /// How long the log was.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Reads on to a head whose files are uploaded.
    pub(crate) async fn catch_up(&mut self, archiver: &Archiver, tenant: &TenantId, head: &Head) -> Result<(), Error> {
        let from = self.size();
        if from >= head.size {
            return Ok(());
        }
        // The size read, cut to a whole tile.
        let first = from / u64::from(tile::WIDTH);
        let mut indexes = first..tile::count(Kind::Hashes(0), head.size);
        while !indexes.is_empty() {
            let some: Vec<u64> = indexes.by_ref().take(SIDE_BY_SIDE).collect();
            for (tile, bytes) in fetch(archiver, tenant, Kind::Hashes(0), &some, head.size).await? {
                let hashes = tile::hashes(&bytes, tile.width).map_err(|error| archiver.damaged(tenant, format!("`{tile}`: {error}")))?;
                let known = self.size().saturating_sub(tile.index * u64::from(tile::WIDTH));
                for hash in hashes.into_iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
                    self.frontier.push(hash);
                    self.hashes.push(hash);
                }
            }
        }
        self.hashes.sort_unstable();
        // A tile that was tampered with must not pass for leaves that are there.
        if self.frontier.root() == head.root {
            Ok(())
        } else {
            Err(archiver.damaged(tenant, "its tiles do not have the root that was signed"))
        }
    }
}

/// Files of one kind in the order of their places.
pub(crate) async fn fetch(
    archiver: &Archiver,
    tenant: &TenantId,
    kind: Kind,
    indexes: &[u64],
    size: u64,
) -> Result<Vec<(Tile, Vec<u8>)>, Error> {
    let mut running = JoinSet::new();
    for index in indexes {
        let tile = Tile { kind, index: *index, width: tile::width(kind, *index, size) };
        let (objects, path) = (Arc::clone(&archiver.objects), file(tenant, &tile.to_string()));
        running.spawn(async move { Ok::<_, object_store::Error>((tile, objects.get(&path).await?.bytes().await?.to_vec())) });
    }
    let mut found = Vec::new();
    while let Some(done) = running.join_next().await {
        found.push(done.map_err(|error| archiver.damaged(tenant, error))??);
    }
    found.sort_unstable_by_key(|(tile, _)| tile.index);
    Ok(found)
}
