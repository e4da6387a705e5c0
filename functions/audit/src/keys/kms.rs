//! A key of KMS: it signs there, and nobody can take it out.
//!
//! Its key spec is `ECC_NIST_EDWARDS25519`, and what it gives by `ED25519_SHA_512` over the message itself (`RAW`) is a signature of RFC 8032: whoever
//! verifies need not know where the key lies.

use std::sync::Arc;

use archive::signer::{self, Signer};
use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use tokio::sync::OnceCell;

use super::Error;

/// What stands before the 32 bytes of a public key of Ed25519 (RFC 8410, DER).
const SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key, by its ARN. Its public key is asked for once: KMS never changes it.
#[derive(Debug)]
pub struct Key {
    client: Client,
    arn: String,
    known: OnceCell<Arc<dyn Signer>>,
}

impl Key {
    /// Of a key's ARN.
    pub fn new(client: Client, arn: &str) -> Self {
        Self { client, arn: arn.to_owned(), known: OnceCell::new() }
    }

    /// What signs with it.
    ///
    /// # Errors
    /// [`Error`] if KMS does not tell the public key, or it is none of Ed25519.
    pub async fn signer(&self) -> Result<Arc<dyn Signer>, Error> {
        // Boxed: laid out flat, all of the SDK's call would stand in every future above.
        self.known.get_or_try_init(|| Box::pin(self.look())).await.cloned()
    }

    async fn look(&self) -> Result<Arc<dyn Signer>, Error> {
        let told = self.client.get_public_key().key_id(&self.arn).send().await;
        let told = told.map_err(|error| Error::Unreadable(DisplayErrorContext(error).to_string()))?;
        let der = told.public_key.map(Blob::into_inner).unwrap_or_default();
        let public = der.strip_prefix(SPKI).and_then(|key| key.try_into().ok()).ok_or(Error::Kind)?;
        Ok(Arc::new(Held { client: self.client.clone(), arn: self.arn.clone(), public }))
    }
}

/// A key whose public part is known.
#[derive(Debug)]
struct Held {
    client: Client,
    arn: String,
    public: [u8; 32],
}

#[async_trait]
impl Signer for Held {
    fn public_key(&self) -> [u8; 32] {
        self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], signer::Error> {
        let ask = self.client.sign().key_id(&self.arn).message(Blob::new(message));
        let ask = ask.message_type(MessageType::Raw).signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512);
        let signed = ask.send().await.map_err(|error| signer::Error::Refused(DisplayErrorContext(error).to_string()))?;
        let signature = signed.signature.map(Blob::into_inner).unwrap_or_default();
        signature.try_into().map_err(|_| signer::Error::Refused("its answer is no signature of Ed25519".to_owned()))
    }
}
