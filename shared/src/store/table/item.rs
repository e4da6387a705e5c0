//! An item with typed access. A missing or mistyped attribute is damage, never a default.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::keys::{Key, PK, SK};

/// Attributes by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item(HashMap<String, AttributeValue>);

impl From<HashMap<String, AttributeValue>> for Item {
    fn from(map: HashMap<String, AttributeValue>) -> Self {
        Self(map)
    }
}

impl From<Item> for HashMap<String, AttributeValue> {
    fn from(item: Item) -> Self {
        item.0
    }
}

impl Item {
    /// An item with nothing but its key.
    pub fn new(key: &Key) -> Self {
        Self::default().with(PK, AttributeValue::S(key.pk.clone())).with(SK, AttributeValue::S(key.sk.clone()))
    }

    /// With one attribute more.
    #[must_use]
    pub fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// With a text more.
    #[must_use]
    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, AttributeValue::S(value.into()))
    }

    /// With a number more.
    #[must_use]
    pub fn number(self, name: &str, value: impl ToString) -> Self {
        self.with(name, AttributeValue::N(value.to_string()))
    }

    /// With bytes more.
    #[must_use]
    pub fn bytes(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with(name, AttributeValue::B(Blob::new(value.into())))
    }

    /// With a value more, as JSON text.
    #[must_use]
    pub fn json(self, name: &str, value: &impl Serialize) -> Self {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.text(name, text)
    }

    /// Its primary key.
    pub fn key(&self) -> Option<Key> {
        Some(Key { pk: self.opt_s(PK)?.to_owned(), sk: self.opt_s(SK)?.to_owned() })
    }

    /// An attribute.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// A text, if there.
    pub fn opt_s(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    /// A text.
    pub fn s(&self, name: &str) -> Result<&str, Error> {
        self.opt_s(name).ok_or_else(|| self.damaged(name))
    }

    /// A whole number, if there.
    pub fn opt_n(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    /// A whole number.
    pub fn n(&self, name: &str) -> Result<u64, Error> {
        self.opt_n(name).ok_or_else(|| self.damaged(name))
    }

    /// Bytes, if there.
    pub fn opt_b(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)?.as_b().ok().map(AsRef::as_ref)
    }

    /// Bytes.
    pub fn b(&self, name: &str) -> Result<&[u8], Error> {
        self.opt_b(name).ok_or_else(|| self.damaged(name))
    }

    /// A list of bytes; empty if not there.
    pub fn list_b(&self, name: &str) -> Result<Vec<&[u8]>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(Vec::new()) };
        let list = value.as_l().map_err(|_| self.damaged(name))?;
        list.iter().map(|v| v.as_b().map(AsRef::as_ref).map_err(|_| self.damaged(name))).collect()
    }

    /// A value kept as JSON text, if there.
    pub fn opt_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.opt_s(name) else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| self.wrong(&format!("attribute `{name}`: {error}")))
    }

    /// A value kept as JSON text.
    pub fn of_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.opt_json(name)?.ok_or_else(|| self.damaged(name))
    }

    /// How many bytes DynamoDB counts: names and values.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + counted(value)).sum()
    }

    /// An error about this item.
    pub fn wrong(&self, what: &str) -> Error {
        let at = self.key().map_or_else(|| "an item without key".to_owned(), |key| format!("{} / {}", key.pk, key.sk));
        Error::Damaged { at, what: what.to_owned() }
    }

    fn damaged(&self, name: &str) -> Error {
        self.wrong(&format!("attribute `{name}` is missing or mistyped"))
    }
}

/// A number counts as its text here, which is a little more than DynamoDB says.
fn counted(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + counted(value)).sum::<usize>(),
        AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + counted(value)).sum::<usize>(),
        _ => 1,
    }
}

/// A list of bytes.
pub fn list_of_bytes<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> AttributeValue {
    AttributeValue::L(parts.into_iter().map(|bytes| AttributeValue::B(Blob::new(bytes))).collect())
}
