//! The tree as files: C2SP `tlog-tiles`. Hash tiles of 256 hashes under `tile/L/N`, entry bundles under `tile/entries/N`, and the partial
//! ones on the right edge under `….p/W`.

use std::fmt;

use approvals_domain::hash::Hash;

use crate::tree::{Nodes, root_of};

/// Hashes of a full tile, entries of a full bundle.
pub const WIDTH: u16 = 256;
/// Bytes of a leaf at most: its length stands in two bytes.
pub const LEAF_BYTES: usize = u16::MAX as usize;
/// Levels a tree of 2^64 leaves has.
const LEVELS: u8 = 8;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of a level: 0 are the leaves', each above is the root of a full tile below.
    Hashes(u8),
    /// Leaves' bytes.
    Entries,
}

/// One file of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its place within the level.
    pub index: u64,
    /// 1 to [`WIDTH`].
    pub width: u16,
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/{}", Index(self.index))?,
            Kind::Entries => write!(f, "tile/entries/{}", Index(self.index))?,
        }
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// A number in path elements of three digits: `x001/x234/067`.
struct Index(u64);

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >= 1_000 {
            write_upper(self.0 / 1_000, f)?;
        }
        write!(f, "{:03}", self.0 % 1_000)
    }
}

fn write_upper(number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if number >= 1_000 {
        write_upper(number / 1_000, f)?;
    }
    write!(f, "x{:03}/", number % 1_000)
}

impl Tile {
    /// Reads a path back; only the one form that [`Tile`] is written in.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = if kind == "entries" { Kind::Entries } else { Kind::Hashes(kind.parse().ok().filter(|level| *level < LEVELS)?) };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let mut index: u64 = 0;
        for element in number.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1_000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index, width };
        // Leading zeroes, missing and further `x`, signs before numbers: whatever else reads alike is not it.
        (tile.to_string() == path).then_some(tile)
    }

    /// Bytes a file of this kind and width has at most.
    pub fn bytes_max(&self) -> u64 {
        match self.kind {
            Kind::Hashes(_) => u64::from(self.width) * 32,
            Kind::Entries => u64::from(self.width) * (2 + LEAF_BYTES as u64),
        }
    }

    /// The same place at another width.
    #[must_use]
    pub fn of_width(self, width: u16) -> Self {
        Self { width, ..self }
    }
}

/// How many hashes a level of a tree has.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * 8).unwrap_or(0)
}

/// How wide the tile at a place is in a tree of this size; 0: there is none.
pub fn width(kind: Kind, index: u64, size: u64) -> u16 {
    let level = match kind {
        Kind::Entries => 0,
        Kind::Hashes(level) => level,
    };
    let before = index.saturating_mul(u64::from(WIDTH));
    let left = hashes_at(level, size).saturating_sub(before).min(u64::from(WIDTH));
    u16::try_from(left).unwrap_or(WIDTH)
}

/// How many tiles, the partial one included, a kind has in a tree of this size.
pub fn count(kind: Kind, size: u64) -> u64 {
    let level = match kind {
        Kind::Entries => 0,
        Kind::Hashes(level) => level,
    };
    hashes_at(level, size).div_ceil(u64::from(WIDTH))
}

/// Every kind of tile that a tree of this size has.
pub fn kinds(size: u64) -> impl Iterator<Item = Kind> {
    let levels = (0..LEVELS).filter(move |level| hashes_at(*level, size) > 0).map(Kind::Hashes);
    std::iter::once(Kind::Entries).filter(move |_| size > 0).chain(levels)
}

/// The tiles of a tree of `size` that a tree of `from` does not have, or has narrower.
pub fn grown(from: u64, size: u64) -> impl Iterator<Item = Tile> {
    kinds(size).flat_map(move |kind| {
        let first = count(kind, from).saturating_sub(1);
        (first..count(kind, size))
            .map(move |index| Tile { kind, index, width: width(kind, index, size) })
            .filter(move |tile| width(kind, tile.index, from) < tile.width)
    })
}

/// Why bytes are no tile or bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not `width` × 32 bytes.
    #[error("not {0} hashes of 32 bytes")]
    Hashes(u16),
    /// Ends within an entry, or goes on after the last.
    #[error("not {0} entries")]
    Entries(u16),
}

/// The hashes of a tile's file.
///
/// # Errors
/// [`Malformed::Hashes`].
pub fn hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, Malformed> {
    let (all, rest) = bytes.as_chunks::<32>();
    if all.len() != usize::from(width) || !rest.is_empty() {
        return Err(Malformed::Hashes(width));
    }
    Ok(all.iter().map(|hash| Hash(*hash)).collect())
}

/// The bytes of a tile.
pub fn hash_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The entries of a bundle's file.
///
/// # Errors
/// [`Malformed::Entries`].
pub fn entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, Malformed> {
    let malformed = Malformed::Entries(width);
    let mut found = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    for _ in 0..width {
        let (length, after) = rest.split_first_chunk::<2>().ok_or(malformed)?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(malformed)?;
        found.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(found) } else { Err(malformed) }
}

/// Adds an entry to a bundle. `false`: it is longer than [`LEAF_BYTES`], and nothing was added.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    true
}

/// Where tiles of hashes are read from, to take nodes for proofs.
pub struct Tiles<F> {
    size: u64,
    read: F,
}

impl<F> Tiles<F> {
    /// Of a tree of that size.
    pub fn new(size: u64, read: F) -> Self {
        Self { size, read }
    }
}

impl<E, F: FnMut(Tile) -> Result<Vec<Hash>, E>> Nodes for Tiles<F> {
    type Error = E;

    fn node(&mut self, level: u32, index: u64) -> Result<Hash, E> {
        let kind = Kind::Hashes(u8::try_from(level / 8).unwrap_or(LEVELS));
        let span = 1_u64 << (level % 8);
        let first = index * span;
        let tile = first / u64::from(WIDTH);
        let hashes = (self.read)(Tile { kind, index: tile, width: width(kind, tile, self.size) })?;
        let from = usize::try_from(first % u64::from(WIDTH)).unwrap_or(usize::MAX);
        let to = from.saturating_add(usize::try_from(span).unwrap_or(usize::MAX));
        Ok(root_of(hashes.get(from..to).unwrap_or_default()))
    }
}
