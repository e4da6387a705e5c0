//! The keys that sign, from Secrets Manager. Nobody but this function may read what they are made from.
//!
//! The secret is any text of enough randomness: Secrets Manager makes it, and no human ever has to see it. Its present version makes the
//! present key. While there is a version before it (`AWSPREVIOUS`), the log is signed with both, so that a verifier who knows either goes on;
//! taking that label away ends the rotation.

use approvals_domain::hash::Hash;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// Domain of keys made from a secret.
const DOMAIN: &[u8] = b"approvals/archive-key/1";
/// Characters of a secret that are enough: 43 of 64 kinds are 256 bits.
const ENOUGH: usize = 43;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Secrets Manager.
    #[error("the signing key cannot be read: {0}")]
    Unreadable(String),
    /// Too little of it.
    #[error("the signing secret has fewer than {ENOUGH} characters: let Secrets Manager generate it")]
    Short,
}

/// A secret, read when it is needed.
#[derive(Debug, Clone)]
pub struct Keys {
    client: Client,
    secret: String,
}

impl Keys {
    /// Of a secret's ARN or name.
    pub fn new(client: Client, secret: &str) -> Self {
        Self { client, secret: secret.to_owned() }
    }

    /// 32 secret bytes for each key, the present one first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read(&self) -> Result<Vec<[u8; 32]>, Error> {
        let present = self.version("AWSCURRENT").await?.ok_or_else(|| Error::Unreadable("it has no present version".to_owned()))?;
        let before = self.version("AWSPREVIOUS").await?.filter(|before| *before != present);
        std::iter::once(present).chain(before).map(|secret| seed(&secret)).collect()
    }

    /// The text of a version; none: the secret has no such version.
    async fn version(&self, stage: &str) -> Result<Option<String>, Error> {
        match self.client.get_secret_value().secret_id(&self.secret).version_stage(stage).send().await {
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
