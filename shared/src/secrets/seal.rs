//! Sealed bytes: version (4) ‖ nonce (12) ‖ AES-256-GCM of the content (with 16 bytes of tag).
//!
//! The nonce is made of the content: HMAC-SHA-256 over the associated data and the content, by a key of its own. So sealing needs no chance
//! and gives the same bytes for the same content. Two different contents meet in a nonce once in 2^48.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::Mac;
use sha2::Sha256;

use super::keys::{Key, Keys, mac};
use super::ring::Ring;
use super::{Error, Purpose};

const NONCE: usize = 12;

/// The version that sealed some bytes, as they say.
pub(super) fn version(sealed: &[u8]) -> Option<u32> {
    sealed.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Everything that is bound to the content without being part of it.
fn associated(version: u32, of: &[&[u8]]) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    for part in of {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

fn nonce(key: &Key, associated: &[u8], content: &[u8]) -> Option<[u8; NONCE]> {
    let mut nonces = Key::default();
    Hkdf::<Sha256>::from_prk(key).ok()?.expand(b"nonce", &mut nonces).ok()?;
    mac(&nonces, &[associated, content]).finalize().into_bytes().first_chunk().copied()
}

impl Keys {
    /// Seals by a version; none: there is no such version.
    pub(super) fn seal(&self, version: u32, purpose: Purpose, of: &[&[u8]], content: &[u8]) -> Option<Vec<u8>> {
        let (key, associated) = (self.key(version, purpose)?, associated(version, of));
        let nonce = nonce(&key, &associated, content)?;
        let sealed = Aes256Gcm::new(&key.into()).encrypt(&Nonce::from(nonce), Payload { msg: content, aad: &associated }).ok()?;
        Some([version.to_be_bytes().as_slice(), &nonce, &sealed].concat())
    }

    /// The content; none: not sealed by any version of ours, or bound to something else.
    pub(super) fn open(&self, purpose: Purpose, of: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let version = u32::from_be_bytes(*version);
        let (key, associated) = (self.key(version, purpose)?, associated(version, of));
        Aes256Gcm::new(&key.into()).decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: &associated }).ok()
    }
}

impl Ring {
    pub(super) async fn seal(&self, purpose: Purpose, of: &[&[u8]], content: &[u8]) -> Result<Vec<u8>, Error> {
        let keys = self.present().await?;
        keys.seal(keys.current(), purpose, of, content).ok_or(Error::Unknown(self.name(), keys.current()))
    }

    /// What strangers send may name any version: one that nobody knows is not ours.
    pub(super) async fn open(&self, purpose: Purpose, of: &[&[u8]], sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Some(version) = version(sealed) else { return Ok(None) };
        match self.with(version, None).await {
            Err(Error::Unknown(..)) => Ok(None),
            keys => Ok(keys?.open(purpose, of, sealed)),
        }
    }
}
