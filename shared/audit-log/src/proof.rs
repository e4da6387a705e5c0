//! One leaf with all that proves it, in a text file (C2SP `tlog-proof`): the leaf as the extra data, its place, the inclusion proof, and
//! the checkpoint as the log signed it. Whoever has the file and the key needs nothing else.

use approvals_domain::hash::Hash;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::checkpoint::{Checkpoint, Signed};
use crate::note::{self, VerifierKey};
use crate::tree::{self, Wrong};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Bytes of such a file: a leaf in base64, 64 hashes, a checkpoint.
pub const PROOF_BYTES: usize = 256 * 1024;

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the form.
    #[error("not a proof file: {0}")]
    Form(&'static str),
    /// The checkpoint.
    #[error("the checkpoint: {0}")]
    Note(#[from] note::Error),
    /// The inclusion proof.
    #[error("{0}")]
    Proof(#[from] Wrong),
}

/// A proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// Its place, from 0.
    pub index: u64,
    /// Siblings from the leaf up.
    pub path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

impl Proof {
    /// The file.
    pub fn text(&self) -> String {
        let path: String = self.path.iter().map(|hash| STANDARD.encode(hash.0) + "\n").collect();
        format!("{FIRST_LINE}\nextra {}\nindex {}\n{path}\n{}", STANDARD.encode(&self.leaf), self.index, self.checkpoint)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > PROOF_BYTES {
            return Err(Error::Form("it is too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Form("it is not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(Error::Form("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(Error::Form("it does not begin with `c2sp.org/tlog-proof@v1`"));
        }
        let leaf = lines.next().and_then(|line| STANDARD.decode(line.strip_prefix("extra ")?).ok());
        let digits = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(Error::Form("no line `index`"))?;
        let index: u64 = digits.parse().map_err(|_| Error::Form("the index is no number"))?;
        if index.to_string() != digits {
            return Err(Error::Form("the index is not in its one form"));
        }
        let hash = |line: &str| STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok()).map(Hash);
        let path = lines.map(hash).collect::<Option<Vec<Hash>>>().ok_or(Error::Form("a line of the path is no hash"))?;
        let leaf = leaf.ok_or(Error::Form("no line `extra` with the leaf"))?;
        Ok(Self { leaf, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks signature and inclusion.
    ///
    /// # Errors
    /// [`Error`].
    pub fn check(&self, keys: &[VerifierKey]) -> Result<Signed, Error> {
        let signed = Checkpoint::open(self.checkpoint.as_bytes(), keys)?;
        let Checkpoint { size, root, .. } = signed.checkpoint;
        tree::check_inclusion(tree::leaf_hash(&self.leaf), self.index, size, &self.path, root)?;
        Ok(signed)
    }
}
