//! What a form carries so that only a page of the same session can send it: `NONCE.MAC(session, NONCE)`.
//!
//! It holds as long as its session, in any number of tabs. The nonce names the command as well: the same form sent twice acts once.

use approvals::runtime::entropy::Entropy;
use approvals::store::sessions::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Domain of these values.
const DOMAIN: &[u8] = b"approvals/csrf/1";

/// A fresh value.
pub(crate) fn make(secret: &Secret, entropy: &Entropy) -> String {
    let nonce = entropy.command_id();
    let mac = URL_SAFE_NO_PAD.encode(mac(secret, &nonce).finalize().into_bytes());
    format!("{nonce}.{mac}")
}

/// The nonce of a value of this session; none: it is not one.
pub(crate) fn nonce<'v>(secret: &Secret, value: &'v str) -> Option<&'v str> {
    let (nonce, given) = value.split_once('.')?;
    let given = URL_SAFE_NO_PAD.decode(given).ok()?;
    mac(secret, nonce).verify_slice(&given).ok()?;
    Some(nonce)
}

fn mac(secret: &Secret, nonce: &str) -> Hmac<Sha256> {
    // HMAC pads a key shorter than its block with zeros: this is `new_from_slice`, which cannot fail for a key of 32 bytes.
    let mut block = [0; 64];
    block.iter_mut().zip(secret.bytes()).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(DOMAIN);
    mac.update(nonce.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_in_its_session_only() {
        let entropy = Entropy::system();
        let (mine, other) = (Secret::new(&entropy), Secret::new(&entropy));
        let value = make(&mine, &entropy);
        assert_eq!(nonce(&mine, &value).map(str::len), Some(22));
        assert_eq!(nonce(&other, &value), None);
        for bad in ["", ".", "x.y", &value[1..], &format!("{value}A"), &value.replace('.', "..")] {
            assert_eq!(nonce(&mine, bad), None, "{bad}");
        }
    }
}
