//! Tags: who wrote this was one of ours. HMAC-SHA-256 cut to 16 bytes over a domain, and what stands in [`Subject`].

use approvals_domain::hash::Hash;
use hmac::Mac;

use super::keys::{Key, mac};

/// Domain of tags.
const DOMAIN: &[u8] = b"approvals/tag/1";
/// Bytes of the MAC kept: a forger has one chance in 2^128 for each write that is looked at.
const KEPT: usize = 16;

/// What a tag is about. Each part is bound: nothing tagged for one tenant, kind, key or version holds for another.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The tenant it belongs to.
    pub tenant: &'a str,
    /// What it is, such as `request`.
    pub kind: &'a str,
    /// Which one.
    pub key: &'a str,
    /// Which state of it; 0 for what has no versions.
    pub version: u64,
    /// SHA-256 of all it says.
    pub content: &'a Hash,
}

/// A tag, as it is stored: the secret's version (4 bytes) and the MAC (16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; 4 + KEPT]);

impl Tag {
    pub(super) fn make(version: u32, key: &Key, of: &Subject<'_>) -> Self {
        let mut bytes = [0; 4 + KEPT];
        let mac = of.mac(key).finalize().into_bytes();
        bytes.iter_mut().zip(version.to_be_bytes().iter().chain(mac.iter())).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// As stored.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads one; none: these bytes cannot be a tag.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The version of the secret that made it, as it says.
    pub fn version(&self) -> u32 {
        self.0.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// Compares in constant time.
    pub(super) fn holds(&self, key: &Key, of: &Subject<'_>) -> bool {
        self.0.last_chunk::<KEPT>().is_some_and(|mac| of.mac(key).verify_truncated_left(mac).is_ok())
    }
}

impl Subject<'_> {
    fn mac(&self, key: &Key) -> hmac::Hmac<sha2::Sha256> {
        let Self { tenant, kind, key: name, version, content } = self;
        mac(key, &[DOMAIN, tenant.as_bytes(), kind.as_bytes(), name.as_bytes(), &version.to_be_bytes(), &content.0])
    }
}
