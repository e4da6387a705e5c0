//! The keys that sign: of KMS, or made from a secret that nobody but this function may read.
//!
//! The secret is any text of enough randomness: Secrets Manager makes it, and no human ever has to see it. Its present version makes the
//! present key. While there is a version before it (`AWSPREVIOUS`), the log is signed with both, so that a verifier who knows either goes on;
//! taking that label away ends the rotation. In the same way a key of KMS and one of the secret sign side by side while one follows the other.

pub mod kms;

use std::sync::Arc;

use approvals_domain::hash::Hash;
use archive::signer::{Signer, in_memory};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// Domain of keys made from a secret.
const DOMAIN: &[u8] = b"approvals/archive-key/1";
/// Characters of a secret that are enough: 43 of 64 kinds are 256 bits.
const ENOUGH: usize = 43;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Secrets Manager, or KMS.
    #[error("the signing key cannot be read: {0}")]
    Unreadable(String),
    /// Too little of it.
    #[error("the signing secret has fewer than {ENOUGH} characters: let Secrets Manager generate it")]
    Short,
    /// A key of KMS that makes other signatures.
    #[error("the signing key of KMS is none of Ed25519: its key spec must be ECC_NIST_EDWARDS25519")]
    Kind,
}

/// Where a key lies.
#[derive(Debug)]
pub enum Source {
    /// In KMS.
    Kms(kms::Key),
    /// In a secret.
    Secret(Secret),
}

/// The keys, read when they are needed: the present one's source first.
#[derive(Debug)]
pub struct Keys(Vec<Source>);

impl Keys {
    /// Of their sources, the present key's first.
    pub const fn new(sources: Vec<Source>) -> Self {
        Self(sources)
    }

    /// What signs, the present key first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read(&self) -> Result<Vec<Arc<dyn Signer>>, Error> {
        let mut signers = Vec::new();
        for source in &self.0 {
            match source {
                Source::Kms(key) => signers.push(key.signer().await?),
                Source::Secret(secret) => signers.extend(secret.read().await?.iter().map(in_memory)),
            }
        }
        Ok(signers)
    }
}

/// A secret that keys are made from.
#[derive(Debug, Clone)]
pub struct Secret {
    client: Client,
    id: String,
}

impl Secret {
    /// Of a secret's ARN or name.
    pub fn new(client: Client, id: &str) -> Self {
        Self { client, id: id.to_owned() }
    }

    /// 32 secret bytes for each key, the present one first.
    async fn read(&self) -> Result<Vec<[u8; 32]>, Error> {
        let present = self.version("AWSCURRENT").await?.ok_or_else(|| Error::Unreadable("it has no present version".to_owned()))?;
        let before = self.version("AWSPREVIOUS").await?.filter(|before| *before != present);
        std::iter::once(present).chain(before).map(|secret| seed(&secret)).collect()
    }

    /// The text of a version; none: the secret has no such version.
    async fn version(&self, stage: &str) -> Result<Option<String>, Error> {
        match self.client.get_secret_value().secret_id(&self.id).version_stage(stage).send().await {
            Ok(found) => Ok(found.secret_string),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
            Err(error) => Err(Error::Unreadable(DisplayErrorContext(error).to_string())),
        }
    }
}

/// A key's 32 bytes. For ever: another way of making them would be another key.
fn seed(secret: &str) -> Result<[u8; 32], Error> {
    if secret.chars().count() < ENOUGH { Err(Error::Short) } else { Ok(Hash::of(&[DOMAIN, secret.as_bytes()]).0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_makes_the_same_key_for_ever_and_a_short_one_none() {
        let seed = seed(&"k7".repeat(32)).unwrap();
        assert_eq!(Hash(seed).to_string(), "UzgYD6nclbU7acGDNh9wlIO8mcYwT9rYnRoCIbJvhz0");
        assert!(matches!(super::seed("correct horse battery staple"), Err(Error::Short)));
    }
}
