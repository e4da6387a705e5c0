//! What binds: SHA-256 under a name of its own for each use. Texts of people are hashed with a salt and lie beside the commits.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Domain of a request's commits.
pub const COMMIT: &[u8] = b"approvals/commit/1";
/// Domain of the directory's commits.
pub const DIRECTORY: &[u8] = b"approvals/directory/1";
/// Domain of what an approver is shown.
pub const PAYLOAD: &[u8] = b"approvals/payload/1";
/// Domain of a comment, a reason, a person's name and address.
pub const TEXT: &[u8] = b"approvals/text/1";

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $chars:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$name> for String {
            fn from(bytes: $name) -> String {
                bytes.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or(concat!("expected ", $chars, " characters of base64url without padding"))
            }
        }
    };
}

bytes!(/** A SHA-256 value; as text 43 characters of base64url without padding. */ Hash, 32, "43");
bytes!(/** 128 random bits; as text 22 characters of base64url without padding. */ Salt, 16, "22");

impl Hash {
    /// What stands before the first commit.
    pub const ZERO: Self = Self([0; 32]);

    /// SHA-256 over the parts, one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update(part);
        }
        Self(sha.finalize().into())
    }

    /// The hash of a text of people, told apart by its salt.
    pub fn text(salt: &Salt, text: &str) -> Self {
        Self::of(&[TEXT, &salt.0, text.as_bytes()])
    }
}

/// RFC 8785 bytes of a value. Never fails for what this crate serialises: string keys and finite numbers only.
pub fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}
