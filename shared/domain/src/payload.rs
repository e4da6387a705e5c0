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

/// Whether a text shows nothing: it is empty, or all of it is blanks, control characters and characters without a shape. Where a text must not
/// be empty, such a text is.
///
/// Without a shape are Unicode's `Default_Ignorable_Code_Point`, the marks of interlinear annotations, and the empty pattern of Braille.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_shapeless(c))
}

const fn is_shapeless(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
