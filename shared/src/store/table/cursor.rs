//! Cursors: opaque, signed, bound to the query they came from. A forged one is refused before it reads anything.

use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use tokio::sync::OnceCell;

use super::{Condition, Error, Freshness, Item, Table, Written, keys};
use crate::runtime::entropy::Entropy;

/// Bytes of the signature kept.
const TAG: usize = 16;

/// Signs cursors. The key lies in the table: the first function that needs it makes it, and each process keeps what it has read.
#[derive(Debug, Clone)]
pub struct Cursors {
    table: Table,
    entropy: Entropy,
    key: Arc<OnceCell<[u8; 32]>>,
}

impl Cursors {
    /// Over a table, with randomness for a key that does not exist yet.
    pub fn new(table: Table, entropy: Entropy) -> Self {
        Self { table, entropy, key: Arc::default() }
    }

    async fn key(&self) -> Result<&[u8; 32], Error> {
        self.key.get_or_try_init(|| obtain(&self.table, &self.entropy)).await
    }

    /// A cursor to a place in the query named `of` (route, tenant, caller, filters).
    pub async fn sign(&self, of: &str, place: &impl Serialize) -> Result<String, Error> {
        let body = serde_json::to_vec(place).map_err(|error| Error::Refused(error.to_string()))?;
        let tag = tag(self.key().await?, of, &body);
        Ok(URL_SAFE_NO_PAD.encode([tag.as_slice(), &body].concat()))
    }

    /// The place a cursor names; `None`: not one of ours for this query.
    pub async fn read<T: DeserializeOwned>(&self, of: &str, cursor: &str) -> Result<Option<T>, Error> {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(cursor) else { return Ok(None) };
        let Some((given, body)) = bytes.split_at_checked(TAG) else { return Ok(None) };
        let mut mac = mac(self.key().await?, of);
        mac.update(body);
        Ok(mac.verify_truncated_left(given).ok().and_then(|()| serde_json::from_slice(body).ok()))
    }
}

fn mac(key: &[u8; 32], of: &str) -> Hmac<Sha256> {
    // HMAC pads a key shorter than its block with zeros: this is `new_from_slice`, which cannot fail for a key of 32 bytes.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(&(of.len() as u64).to_be_bytes());
    mac.update(of.as_bytes());
    mac
}

fn tag(key: &[u8; 32], of: &str, body: &[u8]) -> Vec<u8> {
    let mut mac = mac(key, of);
    mac.update(body);
    mac.finalize().into_bytes().iter().copied().take(TAG).collect()
}

async fn obtain(table: &Table, entropy: &Entropy) -> Result<[u8; 32], Error> {
    let at = keys::cursor_key();
    let read = |item: &Item| item.b("key")?.try_into().map_err(|_| item.wrong("the key has not 32 bytes"));
    if let Some(item) = table.get(&at, Freshness::Strong).await? {
        return read(&item);
    }
    let fresh = [entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat();
    let item = Item::new(&at).with("key", AttributeValue::B(Blob::new(fresh)));
    match table.put(item.clone(), Some(Condition::absent())).await? {
        Written::Done => read(&item),
        Written::Conflict(there) => read(&there.unwrap_or(item)),
    }
}
