//! The one source of randomness. Handed in as a value, so that tests repeat.

use std::fmt;
use std::sync::Arc;

use approvals_domain::hash::Salt;
use approvals_domain::ids::RequestId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Gives 128 random bits at a time.
#[derive(Clone)]
pub struct Entropy(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Entropy {
    /// A source of one's own.
    pub fn new(next: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// The operating system's, through the thread's generator.
    pub fn system() -> Self {
        Self::new(rand::random::<u128>)
    }

    /// 128 random bits.
    pub fn bits(&self) -> u128 {
        (self.0)()
    }

    /// A salt.
    pub fn salt(&self) -> Salt {
        Salt(self.bits().to_be_bytes())
    }

    /// An id of a command: 22 characters of base64url.
    pub fn command_id(&self) -> String {
        command_id(self.bits())
    }

    /// An id of a request.
    pub fn request_id(&self) -> RequestId {
        request_id(self.bits())
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// 22 characters of base64url.
pub fn command_id(bits: u128) -> String {
    URL_SAFE_NO_PAD.encode(bits.to_be_bytes())
}

/// 26 characters of lower-case Crockford base32.
pub fn request_id(bits: u128) -> RequestId {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let text: String = (0..26).rev().map(|i| ALPHABET.get((bits >> (5 * i)) as usize & 31).copied().map_or('0', char::from)).collect();
    RequestId::new(text).unwrap_or_else(|_| unreachable!("26 letters and digits are an id"))
}
