//! Standard Webhooks' symmetric signature: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret that signs now.

use approvals::store::directory::endpoints::Secrets;
use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What stands in `webhook-signature`: by the present secret, and by the one before while receivers change over. `None`: a secret is none.
pub(super) fn sign(secrets: &Secrets, id: &str, seconds: i64, body: &str, now: Timestamp) -> Option<String> {
    let present = one(&secrets.present, id, seconds, body)?;
    match &secrets.previous {
        Some((previous, until)) if now < *until => Some(format!("{present} {}", one(previous, id, seconds, body)?)),
        _ => Some(present),
    }
}

fn one(secret: &str, id: &str, seconds: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks project.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let at = Timestamp::from_millis;
        let secrets = Secrets { present: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), previous: None };
        let signed = sign(&secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#, at(0));
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let rotated = Secrets { present: "whsec_AAAA".to_owned(), previous: Some((secrets.present, at(1_000))) };
        let both = |now| sign(&rotated, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#, at(now)).unwrap();
        assert!(both(999).ends_with(" v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(both(1_000).matches("v1,").count(), 1);
        assert_eq!(sign(&Secrets { present: "hush".to_owned(), previous: None }, "a", 1, "", at(0)), None);
    }
}
