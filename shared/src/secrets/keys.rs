//! A secret as it is kept: its versions, and the keys derived from them.

use std::collections::BTreeMap;

use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Purpose;

/// Domain of keys derived from a secret.
const DOMAIN: &[u8] = b"approvals/secrets/1";
/// Characters of a version that are enough: 43 of 64 kinds are 256 bits.
const ENOUGH: usize = 43;
/// For so long after a version was retired, processes that have not heard of it may still write with it: an hour.
const GRACE_MILLIS: i64 = 3_600_000;

/// A derived key.
pub(super) type Key = [u8; 32];

/// A secret: numbered versions, one of them the present one. As text:
/// `{"current": 2, "keys": {"1": {"secret": "…", "retired_at": "2026-01-05T09:00:00Z"}, "2": {"secret": "…"}}}`.
///
/// What is made with a stack's first start has `first` instead: a generator can write one text and no more.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    current: u32,
    #[serde(default)]
    keys: BTreeMap<u32, Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("current", &self.current).field("versions", &self.keys.len()).finish()
    }
}

impl Keys {
    /// A secret of one version: at least 43 characters of chance.
    pub fn first(secret: String) -> Self {
        Self { current: 1, keys: [(1, Version { secret, retired_at: None })].into(), first: None }
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// What is wrong with it; never what it says.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The parser's own words could repeat a piece of the secret.
        let mut keys: Self = serde_json::from_str(text).map_err(|error| format!("line {}, column {}", error.line(), error.column()))?;
        if let Some(secret) = keys.first.take() {
            keys.keys.entry(1).or_insert(Version { secret, retired_at: None });
        }
        if keys.keys.values().any(|version| version.secret.chars().count() < ENOUGH) {
            return Err(format!("a version has fewer than {ENOUGH} characters"));
        }
        if keys.keys.contains_key(&keys.current) { Ok(keys) } else { Err(format!("there is no version {}", keys.current)) }
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// With a new present version. The others stay: what they made stays valid.
    #[must_use]
    pub fn rotated(mut self, secret: String, now: Timestamp) -> Self {
        if let Some(version) = self.keys.get_mut(&self.current) {
            version.retired_at.get_or_insert(now);
        }
        self.current = self.keys.last_key_value().map_or(1, |(number, _)| number + 1);
        self.keys.insert(self.current, Version { secret, retired_at: None });
        self
    }

    /// Number of the present version.
    pub const fn current(&self) -> u32 {
        self.current
    }

    /// Number of the newest version.
    pub(super) fn newest(&self) -> u32 {
        self.keys.last_key_value().map_or(self.current, |(number, _)| *number)
    }

    /// The version that was present at a time: the first that was not retired yet.
    pub(super) fn present_at(&self, at: Timestamp) -> u32 {
        let unretired = |version: &Version| version.retired_at.is_none_or(|retired_at| at < retired_at);
        self.keys.iter().find(|(_, version)| unretired(version)).map_or(self.current, |(number, _)| *number)
    }

    /// Numbers of all versions.
    pub(super) fn versions(&self) -> Vec<u32> {
        self.keys.keys().copied().collect()
    }

    /// Whether there is a version.
    pub(super) fn has(&self, version: u32) -> bool {
        self.keys.contains_key(&version)
    }

    /// Whether nobody could rightly write with a version any more at a time.
    pub(super) fn retired_before(&self, version: u32, at: Timestamp) -> bool {
        let retired_at = self.keys.get(&version).and_then(|version| version.retired_at);
        retired_at.is_some_and(|retired_at| retired_at.plus_millis(GRACE_MILLIS) < at)
    }

    /// Whether a version is one of the newest so many.
    pub(super) fn is_among_newest(&self, version: u32, count: usize) -> bool {
        self.keys.keys().rev().take(count).any(|number| *number == version)
    }

    /// The key of a version for a purpose; none: there is no such version.
    pub(super) fn key(&self, version: u32, purpose: Purpose) -> Option<Key> {
        let secret = &self.keys.get(&version)?.secret;
        let mut key = Key::default();
        Hkdf::<Sha256>::new(Some(DOMAIN), secret.as_bytes()).expand(purpose.name().as_bytes(), &mut key).ok()?;
        Some(key)
    }
}

/// HMAC-SHA-256 over parts, each with its length before it, so that no two lists of parts are the same bytes.
pub(super) fn mac(key: &Key, parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC pads a key shorter than its block with zeros: this is `new_from_slice`, which cannot fail for a key of 32 bytes.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

/// Makes a version's text of 256 random bits.
pub fn secret_of(bits: [u128; 2]) -> String {
    let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_be_bytes()).collect();
    bytes.try_into().map_or_else(|_| String::new(), |bytes| Hash(bytes).to_string())
}
