//! The Merkle tree of RFC 6962 §2.1: hashes, roots, inclusion and consistency proofs, and how to check them.

use approvals_domain::hash::Hash;

/// Hash of a leaf's bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::of(&[&[0], leaf])
}

/// Hash of an interior node. The prefix keeps a node from passing for a leaf.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// Root of the tree without leaves.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// The right edge of a tree: the roots of its perfect subtrees, the largest first. All that is needed to append and to know the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Of a tree of that size; `None` if these are not as many nodes as it has perfect subtrees.
    pub fn new(size: u64, nodes: Vec<Hash>) -> Option<Self> {
        (nodes.len() == size.count_ones() as usize).then_some(Self { size, nodes })
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The perfect subtrees' roots, the largest first.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.nodes.push(node);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut from_right = self.nodes.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Root of a list of hashes, as a tree of its own.
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    hashes.iter().for_each(|hash| frontier.push(*hash));
    frontier.root()
}

/// The largest power of two below a size of at least two.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// Where proofs take nodes from: `node(level, index)` is the root of the perfect subtree over leaves `index << level ..` of `1 << level`.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;
    /// The root of a perfect subtree.
    ///
    /// # Errors
    /// Its own.
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Root over the leaves `from..to`, where `from` is a multiple of the largest perfect subtree that begins there.
fn range<N: Nodes>(nodes: &mut N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let size = to - from;
    if size.is_power_of_two() && from.is_multiple_of(size) {
        return nodes.node(size.trailing_zeros(), from / size);
    }
    let half = split(size);
    let left = range(nodes, from, from + half)?;
    Ok(node_hash(&left, &range(nodes, from + half, to)?))
}

/// The inclusion proof of a leaf in a tree of `size`: siblings from the leaf up. Empty if there is no such leaf.
///
/// # Errors
/// If a node cannot be had.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    if index >= size {
        return Ok(path);
    }
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is a prefix of the one of `size`. Empty for none, for all, and for what cannot be.
///
/// # Errors
/// If a node cannot be had.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= size {
        return Ok(path);
    }
    let (mut from, mut to) = (0, size);
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    if from != 0 {
        path.push(range(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no such leaf or tree.
    #[error("there is no such leaf, or no such tree")]
    Place,
    /// Too many or too few hashes.
    #[error("the proof has too many or too few hashes")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The root that an inclusion proof leads to (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`Wrong::Place`], [`Wrong::Length`].
pub fn root_from_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash]) -> Result<Hash, Wrong> {
    if index >= size {
        return Err(Wrong::Place);
    }
    let (mut place, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(Wrong::Length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(hash) } else { Err(Wrong::Length) }
}

/// Whether a leaf stands at a place of a tree.
///
/// # Errors
/// [`Wrong`].
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), Wrong> {
    if root_from_inclusion(leaf, index, size, proof)? == root { Ok(()) } else { Err(Wrong::Root) }
}

/// Whether a tree is a prefix of another (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`Wrong`].
pub fn check_consistency(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> Result<(), Wrong> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(Wrong::Place);
    }
    if old_size == 0 || old_size == new_size {
        let same = if old_size == 0 { old_root == empty_root() } else { old_root == new_root };
        return if !proof.is_empty() {
            Err(Wrong::Length)
        } else if same {
            Ok(())
        } else {
            Err(Wrong::Root)
        };
    }
    // A perfect old tree is its own first node.
    let mut rest = proof.iter();
    let seed = if old_size.is_power_of_two() { Some(&old_root) } else { rest.next() };
    let seed = *seed.ok_or(Wrong::Length)?;
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut from_old, mut from_new) = (seed, seed);
    for hash in rest {
        if last == 0 {
            return Err(Wrong::Length);
        }
        if place & 1 == 1 || place == last {
            from_old = node_hash(hash, &from_old);
            from_new = node_hash(hash, &from_new);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, hash);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        Err(Wrong::Length)
    } else if from_old == old_root && from_new == new_root {
        Ok(())
    } else {
        Err(Wrong::Root)
    }
}
