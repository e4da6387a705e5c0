//! What an approver is shown, and so what an approval binds.

use serde::{Deserialize, Serialize};

use crate::hash::{self, Hash, Salt};
use crate::ids::{Entity, PersonId, RequestId, TemplateKey};

/// A template's version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRef {
    /// Its key.
    pub key: TemplateKey,
    /// From 1.
    pub version: u32,
}

/// A reference to a file kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// For example `application/pdf`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Where it lies.
    pub url: String,
}

/// The content of one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Makes guessing an erased payload from its hash hopeless.
    pub salt: Salt,
    /// The request.
    pub request: RequestId,
    /// From 1.
    pub revision: u32,
    /// The pinned template.
    pub template: TemplateRef,
    /// What it is about.
    pub entity: Entity,
    /// Who asks.
    pub requester: PersonId,
    /// One line.
    pub title: String,
    /// The caller's data.
    pub metadata: serde_json::Value,
    /// Files.
    pub attachments: Vec<Attachment>,
}

impl Payload {
    /// SHA-256 over `approvals/payload/1` and the RFC 8785 bytes of this.
    pub fn hash(&self) -> Hash {
        Hash::of(&[hash::PAYLOAD, &hash::canonical(self)])
    }
}
