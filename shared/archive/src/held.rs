//! What a log holds already: of this process's own appends a little, for whoever must know it all of it, 32 bytes a leaf.

use std::collections::{HashSet, VecDeque};

use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use audit_log::leaf;
use audit_log::tree::{Frontier, leaf_hash};

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

/// Every leaf of a log by its hash, as the log's tiles say, which must have the root of the lock item.
#[derive(Debug, Default)]
pub(crate) struct Held {
    frontier: Frontier,
    /// Sorted: a hash table would need up to four times as much while it grows.
    hashes: Vec<Hash>,
}

impl Held {
    /// Whether a leaf stands in the log.
    fn holds(&self, leaf: &Hash) -> bool {
        self.hashes.binary_search(leaf).is_ok()
    }

    /// Whether a leaf stands in the log, in time or late.
    pub(crate) fn has(&self, leaf: &[u8]) -> bool {
        let in_time = leaf::in_time(leaf).unwrap_or_else(|| leaf.to_vec());
        self.holds(&leaf_hash(&in_time)) || self.holds(&leaf_hash(&leaf::late(&in_time)))
    }

    /// How long the log was.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// One leaf more, by its hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        self.hashes.push(leaf);
    }

    /// Makes what was pushed known to [`Self::holds`]; gives the root of all leaves.
    pub(crate) fn settle(&mut self) -> Hash {
        self.hashes.sort_unstable();
        self.frontier.root()
    }
}
