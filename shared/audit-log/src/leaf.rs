//! What a leaf holds. These bytes are for ever: a header line, and after it exactly the bytes that are hashed elsewhere too.
//!
//! ```text
//! approvals/commit/1 HASH\n        a request's commit, RFC 8785; HASH is its chain hash
//! approvals/directory/1 HASH\n     a commit of the directory, RFC 8785; HASH is its chain hash
//! approvals/template/1 HASH N/M\n  part N of M of a template's canonical content; HASH is SHA-256 of all of it
//! approvals/violation/1 HASH\n     what the archiver saw that must not be, RFC 8785; HASH = SHA-256("approvals/violation/1" ‖ bytes)
//! ```
//! A header that ends with ` late` is of a leaf that the stream did not bring: a reconciliation found it in the table, and nobody saw when it was
//! written. HASH is 43 characters of base64url. A new kind of leaf is a new first word; a verifier that does not know it says so and fails.

use approvals_domain::hash::{self, Hash};
use serde::{Deserialize, Serialize};

/// First word of a template's part.
const TEMPLATE: &str = "approvals/template/1";
/// First word of a violation, and the domain of its hash.
const VIOLATION: &str = "approvals/violation/1";
/// Bytes of content in one part of a template: leaves stay below 60,000 bytes.
const PART_BYTES: usize = 59_000;

/// A leaf, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// A request's commit.
    Commit {
        /// Its chain hash.
        hash: Hash,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A commit of the directory.
    Directory {
        /// Its chain hash.
        hash: Hash,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// Part of a template's content.
    Template {
        /// Of the whole content.
        hash: Hash,
        /// From 1.
        part: u32,
        /// How many there are.
        parts: u32,
        /// This part.
        bytes: &'a [u8],
    },
    /// An illegal edit that the archiver saw.
    Violation {
        /// Of its bytes.
        hash: Hash,
        /// [`Violation`].
        bytes: &'a [u8],
    },
}

/// How a violation's words begin whose commit says another time than the table's own clock.
pub const TIME: &str = "time: ";

/// What the archiver saw that no command does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// When it was seen, milliseconds since 1970.
    pub at: i64,
    /// The thing: a request's id, or the directory's object.
    pub of: String,
    /// What is wrong.
    pub what: String,
    /// Hash of the last commit before, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Hash>,
    /// And after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Hash>,
}

/// Why bytes are no leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No header line.
    #[error("no header line of the form `KIND HASH`")]
    Header,
    /// A kind this build does not know.
    #[error("a kind that this build does not know: a newer one wrote it")]
    Kind,
    /// The hash in the header is not that of the bytes.
    #[error("the bytes do not have the hash in the header")]
    Hash,
}

fn leaf(kind: &[u8], hash: &Hash, more: &str, bytes: &[u8]) -> Vec<u8> {
    [kind, b" ", hash.to_string().as_bytes(), more.as_bytes(), b"\n", bytes].concat()
}

/// The leaf of a request's commit.
pub fn commit(hash: &Hash, bytes: &[u8]) -> Vec<u8> {
    leaf(hash::COMMIT, hash, "", bytes)
}

/// The leaf of a directory's commit.
pub fn directory(hash: &Hash, bytes: &[u8]) -> Vec<u8> {
    leaf(hash::DIRECTORY, hash, "", bytes)
}

/// The leaves of a template's content.
pub fn template(content: &[u8]) -> Vec<Vec<u8>> {
    let hash = Hash::of(&[content]);
    let parts = content.len().div_ceil(PART_BYTES).max(1);
    let pieces = content.chunks(PART_BYTES).enumerate();
    pieces.map(|(at, piece)| leaf(TEMPLATE.as_bytes(), &hash, &format!(" {}/{parts}", at + 1), piece)).collect()
}

/// The leaf of a violation.
pub fn violation(seen: &Violation) -> Vec<u8> {
    let bytes = hash::canonical(seen);
    leaf(VIOLATION.as_bytes(), &Hash::of(&[VIOLATION.as_bytes(), &bytes]), "", &bytes)
}

/// Last word of a late leaf's header.
const LATE: &[u8] = b" late";

/// The same leaf, marked: a reconciliation brought it.
pub fn late(leaf: &[u8]) -> Vec<u8> {
    match parted(leaf) {
        Some((header, body)) if !header.ends_with(LATE) => [header, LATE, body].concat(),
        _ => leaf.to_vec(),
    }
}

/// The same leaf without that mark; `None`: it has none.
pub fn in_time(leaf: &[u8]) -> Option<Vec<u8>> {
    let (header, body) = parted(leaf)?;
    Some([header.strip_suffix(LATE)?, body].concat())
}

/// The header, and the rest with its newline.
fn parted(leaf: &[u8]) -> Option<(&[u8], &[u8])> {
    leaf.split_at_checked(leaf.iter().position(|byte| *byte == b'\n')?)
}

impl<'a> Leaf<'a> {
    /// Reads a leaf. Chain hashes are checked by whoever knows the hash before; a violation's is checked here.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(leaf: &'a [u8]) -> Result<Self, Malformed> {
        let end = leaf.iter().position(|byte| *byte == b'\n').ok_or(Malformed::Header)?;
        let (header, bytes) = leaf.split_at_checked(end).ok_or(Malformed::Header)?;
        let bytes = bytes.get(1..).unwrap_or_default();
        let marked = header.strip_suffix(LATE);
        let header = std::str::from_utf8(marked.unwrap_or(header)).map_err(|_| Malformed::Header)?;
        let mut words = header.split(' ');
        let (Some(kind), Some(hash)) = (words.next(), words.next()) else { return Err(Malformed::Header) };
        let part = words.next();
        if !matches!(kind.as_bytes(), hash::COMMIT | hash::DIRECTORY) && kind != TEMPLATE && kind != VIOLATION {
            return Err(Malformed::Kind);
        }
        let hash = Hash::try_from(hash.to_owned()).map_err(|_| Malformed::Header)?;
        if words.next().is_some() || part.is_some() != (kind == TEMPLATE) || (marked.is_some() && kind == VIOLATION) {
            return Err(Malformed::Header);
        }
        match (kind, part) {
            (TEMPLATE, Some(part)) => {
                let (part, parts) = part.split_once('/').and_then(|(n, m)| Some((number(n)?, number(m)?))).ok_or(Malformed::Header)?;
                if part > parts { Err(Malformed::Header) } else { Ok(Self::Template { hash, part, parts, bytes }) }
            }
            (VIOLATION, _) if Hash::of(&[VIOLATION.as_bytes(), bytes]) != hash => Err(Malformed::Hash),
            (VIOLATION, _) => Ok(Self::Violation { hash, bytes }),
            _ if kind.as_bytes() == hash::COMMIT => Ok(Self::Commit { hash, bytes }),
            _ => Ok(Self::Directory { hash, bytes }),
        }
    }
}

/// A number from 1, in its one form.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n: &u32| *n > 0 && n.to_string() == text)
}
