//! Checkpoints (C2SP `tlog-checkpoint`): the log's name, its size and its root, signed. A log's key is named like the log, so that a
//! checkpoint of one tenant's log never passes for another's.

use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::note::{self, SignerKey, VerifierKey};

/// Which log, how long, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root of the tree of these leaves.
    pub root: Hash,
}

/// A checkpoint whose signatures are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// When, seconds since 1970, if the log's key says so.
    pub at_seconds: Option<u64>,
    /// Signature lines by keys that were not given.
    pub unknown: usize,
}

impl Checkpoint {
    /// The note's text.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// Reads a note's text. Extension lines are allowed and mean nothing.
    ///
    /// # Errors
    /// [`note::Error::Form`].
    pub fn parse(text: &str) -> Result<Self, note::Error> {
        let form = |what| note::Error::Form(what);
        let body = text.strip_suffix('\n').ok_or(form("no newline at the text's end"))?;
        let mut lines = body.split('\n');
        let (origin, size, root) = (lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(digits), Some(root)) = (origin, size, root) else { return Err(form("a checkpoint has three lines")) };
        let size: u64 = digits.parse().map_err(|_| form("the size is no number"))?;
        if origin.is_empty() || size.to_string() != digits || lines.any(str::is_empty) {
            return Err(form("the lines of a checkpoint are not as they must be"));
        }
        let root = STANDARD.decode(root).ok().and_then(|bytes| bytes.try_into().ok()).map(Hash);
        Ok(Self { origin: origin.to_owned(), size, root: root.ok_or(form("the root is no hash"))? })
    }

    /// The signed note.
    pub fn sign(&self, keys: &[SignerKey], at_seconds: u64) -> String {
        note::sign(&self.text(), keys, Some(at_seconds))
    }

    /// Checks a note: a given key with the log's own name must have signed it.
    ///
    /// # Errors
    /// [`note::Error`].
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Signed, note::Error> {
        let opened = note::open(note, keys)?;
        let checkpoint = Self::parse(opened.text)?;
        if opened.signed_by.contains(&checkpoint.origin) {
            Ok(Signed { checkpoint, at_seconds: opened.at_seconds, unknown: opened.unknown })
        } else {
            Err(note::Error::Unsigned)
        }
    }
}

/// A tenant as one element of a path and of a log's name: lower-case letters, digits, `_`, `-` and inner dots stand for themselves, other
/// bytes as `=XX`. So no two tenants share a folder, not even where letter case is lost, and none is `..`.
pub fn place(tenant: &TenantId) -> String {
    let text = tenant.as_str();
    let last = text.len().saturating_sub(1);
    let mut out = String::new();
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if plain || byte == b'.' && at != 0 && at != last {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("={byte:02X}"));
        }
    }
    out
}

/// The tenant whose place that is; `None`: nobody's, or not in the one form.
pub fn tenant_of(name: &str) -> Option<TenantId> {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    TenantId::new(String::from_utf8(bytes).ok()?).ok().filter(|tenant| place(tenant) == name)
}

/// The name of a tenant's log, under the name of the installation.
pub fn origin(installation: &str, tenant: &TenantId) -> String {
    format!("{installation}/{}", place(tenant))
}
