//! Who signs checkpoints. A private key lies in this process's memory, or in a place that lets nobody copy it: then each signature is a call.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use audit_log::checkpoint::Checkpoint;
use audit_log::note::{self, Draft, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::future::try_join_all;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Whoever holds the key does not sign.
    #[error("the signing key does not sign: {0}")]
    Refused(String),
    /// A key that cannot name a log, or a signature that is not the key's.
    #[error(transparent)]
    Note(#[from] note::Error),
}

/// A private key of Ed25519 (RFC 8032), wherever it lies.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public key that belongs to it.
    fn public_key(&self) -> [u8; 32];

    /// Signs a message.
    ///
    /// # Errors
    /// [`Error::Refused`].
    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error>;
}

/// A key in memory. It shows itself to nobody.
#[derive(Debug)]
struct InMemory(SigningKey);

#[async_trait]
impl Signer for InMemory {
    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.0.sign(message).to_bytes())
    }
}

/// The key made from 32 secret bytes, in memory.
pub fn in_memory(seed: &[u8; 32]) -> Arc<dyn Signer> {
    Arc::new(InMemory(SigningKey::from_bytes(seed)))
}

/// The keys that sign: the present one first, those of a rotation under way after it.
#[derive(Debug)]
pub(crate) struct Signers(RwLock<Vec<Arc<dyn Signer>>>);

impl Signers {
    pub(crate) const fn new(signers: Vec<Arc<dyn Signer>>) -> Self {
        Self(RwLock::new(signers))
    }

    pub(crate) fn replace(&self, signers: Vec<Arc<dyn Signer>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = signers;
    }

    fn present(&self) -> Vec<Arc<dyn Signer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Their public keys, under a log's name.
    pub(crate) fn verifiers(&self, name: &str) -> Result<Vec<VerifierKey>, Error> {
        self.present().iter().map(|signer| Ok(VerifierKey::new(name, &signer.public_key())?)).collect()
    }

    /// The checkpoint as a note that each key signed.
    pub(crate) async fn sign(&self, checkpoint: &Checkpoint, at_seconds: u64) -> Result<String, Error> {
        let mut draft = Draft::new(&checkpoint.text(), Some(at_seconds));
        let messages = draft.messages();
        for signer in self.present() {
            let key = VerifierKey::new(&checkpoint.origin, &signer.public_key())?;
            // Side by side: where the key lies elsewhere, each is a round trip.
            let signatures = try_join_all(messages.iter().map(|message| signer.sign(message.as_bytes()))).await?;
            draft.add(&key, &signatures)?;
        }
        Ok(draft.finish())
    }
}
