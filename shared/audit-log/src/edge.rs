//! The right edge of a log: what an archiver keeps in hand to append. Appending gives the files that are new.

use std::collections::BTreeMap;

use approvals_domain::hash::Hash;

use crate::tile::{self, Kind, Malformed, Tile, WIDTH};
use crate::tree::{Frontier, leaf_hash, root_of};

/// The bundle and the tiles of a log that are not full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// The bundle that is not full, in bytes.
    entries: Vec<u8>,
    /// The hashes of each level's tile that is not full.
    levels: Vec<Vec<Hash>>,
}

/// Files by place.
pub type Files = BTreeMap<Tile, Vec<u8>>;

/// A leaf is longer than [`tile::LEAF_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a leaf of {0} bytes fits no entry")]
pub struct TooLong(pub usize);

impl Edge {
    /// The files that make the edge of a log of this size: those that are not full.
    pub fn files(size: u64) -> impl Iterator<Item = Tile> {
        tile::kinds(size).filter_map(move |kind| {
            let index = tile::count(kind, size).checked_sub(1)?;
            let width = tile::width(kind, index, size);
            (width < WIDTH).then_some(Tile { kind, index, width })
        })
    }

    /// Of a log of this size, from the files of [`Edge::files`].
    ///
    /// # Errors
    /// [`Malformed`] if they are not of their form; whether they are the right ones, [`Edge::root`] says.
    pub fn read(size: u64, files: &Files) -> Result<Self, Malformed> {
        let mut edge = Self { size, entries: Vec::new(), levels: Vec::new() };
        for (tile, bytes) in files {
            match tile.kind {
                Kind::Entries => {
                    tile::entries(bytes, tile.width)?;
                    edge.entries.clone_from(bytes);
                }
                Kind::Hashes(level) => *edge.level(usize::from(level)) = tile::hashes(bytes, tile.width)?,
            }
        }
        Ok(edge)
    }

    fn level(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        // The line above made room for it.
        #[allow(clippy::indexing_slicing, reason = "the vector was just made that long")]
        &mut self.levels[level]
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut nodes = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut perfect = Frontier::default();
            hashes.iter().for_each(|hash| perfect.push(*hash));
            nodes.extend_from_slice(perfect.nodes());
        }
        Frontier::new(self.size, nodes).map_or_else(crate::tree::empty_root, |frontier| frontier.root())
    }

    /// Appends leaves; gives the files that are new or wider.
    ///
    /// # Errors
    /// [`TooLong`]; nothing is appended then.
    pub fn append<L: AsRef<[u8]>>(&mut self, leaves: &[L]) -> Result<Files, TooLong> {
        if let Some(long) = leaves.iter().map(|leaf| leaf.as_ref().len()).find(|length| *length > tile::LEAF_BYTES) {
            return Err(TooLong(long));
        }
        let (before, mut files) = (self.size, Files::new());
        for leaf in leaves {
            // Its length was looked at above.
            let _ = tile::push_entry(&mut self.entries, leaf.as_ref());
            let index = self.size / u64::from(WIDTH);
            self.size += 1;
            if self.size.is_multiple_of(u64::from(WIDTH)) {
                files.insert(Tile { kind: Kind::Entries, index, width: WIDTH }, std::mem::take(&mut self.entries));
            }
            self.push(0, leaf_hash(leaf.as_ref()), &mut files);
        }
        for tile in tile::grown(before, self.size).filter(|tile| tile.width < WIDTH) {
            let bytes = match tile.kind {
                Kind::Entries => self.entries.clone(),
                Kind::Hashes(level) => tile::hash_bytes(self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)),
            };
            files.insert(tile, bytes);
        }
        Ok(files)
    }

    fn push(&mut self, level: u8, hash: Hash, files: &mut Files) {
        let hashes = self.level(usize::from(level));
        hashes.push(hash);
        if hashes.len() == usize::from(WIDTH) {
            let full = std::mem::take(hashes);
            let index = (self.size >> (8 * u32::from(level) + 8)).saturating_sub(1);
            files.insert(Tile { kind: Kind::Hashes(level), index, width: WIDTH }, tile::hash_bytes(&full));
            self.push(level + 1, root_of(&full), files);
        }
    }
}
