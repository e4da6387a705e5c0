//! Receipts: what a system that carries out an effect shows for its right to do so. A compact JWS (RFC 7515) with EdDSA; whoever has the
//! public key of `/.well-known/jwks.json` checks it without us.
//!
//! A receipt names its attempt in `jti`. A consumer that has seen the number refuses a second execution, even after a restore here.

use std::pin::Pin;
use std::sync::Arc;

use approvals_domain::commit::Sealed;
use approvals_domain::effect::EffectState;
use approvals_domain::event::{Decision, Event};
use approvals_domain::hash::Hash;
use approvals_domain::limits;
use approvals_domain::state::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// Domain of keys made from a secret.
const DOMAIN: &[u8] = b"approvals/receipt-key/1";
/// Characters of a secret that are enough: 43 of 64 kinds are 256 bits.
const ENOUGH: usize = 43;

/// The texts that keys are made from, the present one first; or why they cannot be had.
pub type Secrets = Pin<Box<dyn Future<Output = Result<Vec<String>, String>> + Send>>;

/// Signs receipts. The keys are read when the first receipt is signed.
#[derive(Clone)]
pub struct Receipts(Arc<Inner>);

struct Inner {
    issuer: String,
    read: Box<dyn Fn() -> Secrets + Send + Sync>,
    keys: OnceCell<Vec<SigningKey>>,
}

impl std::fmt::Debug for Receipts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipts({})", self.0.issuer)
    }
}

impl Receipts {
    /// Of an issuer: the address under which its public keys stand. `read` gives the secrets that keys are made from.
    pub fn new(issuer: impl Into<String>, read: impl Fn() -> Secrets + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { issuer: issuer.into(), read: Box::new(read), keys: OnceCell::new() }))
    }

    /// With one secret that is known already.
    pub fn fixed(issuer: impl Into<String>, secret: String) -> Self {
        Self::new(issuer, move || {
            let secret = secret.clone();
            Box::pin(async move { Ok(vec![secret]) })
        })
    }

    /// Reads the keys, so that nothing is started whose receipt could not be signed.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn ready(&self) -> Result<(), String> {
        self.keys().await.map(|_| ())
    }

    /// The receipt of a start. `request` is as that commit left it, so that the same start has the same receipt for ever.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn sign(&self, request: &Request, start: &Sealed) -> Result<String, String> {
        let key = self.keys().await?.first().ok_or("there is no signing key")?;
        let claims = claims(&self.0.issuer, request, start).ok_or("the commit starts nothing")?;
        let header = json!({ "alg": "EdDSA", "kid": key_id(key), "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = key.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
    }

    /// The public keys as a JSON Web Key Set (RFC 7517), the present one first.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn key_set(&self) -> Result<Value, String> {
        let public = |key: &SigningKey| {
            let mut jwk = jwk(key);
            jwk["kid"] = json!(key_id(key));
            jwk["use"] = json!("sig");
            jwk["alg"] = json!("EdDSA");
            jwk
        };
        Ok(json!({ "keys": self.keys().await?.iter().map(public).collect::<Vec<_>>() }))
    }

    async fn keys(&self) -> Result<&Vec<SigningKey>, String> {
        self.0.keys.get_or_try_init(|| async { (self.0.read)().await?.iter().map(|secret| key_of(secret)).collect() }).await
    }
}

/// A key made from a secret. For ever: another way of making it would be another key.
fn key_of(secret: &str) -> Result<SigningKey, String> {
    if secret.chars().count() < ENOUGH {
        return Err(format!("the secret of receipts has fewer than {ENOUGH} characters"));
    }
    Ok(SigningKey::from_bytes(&Hash::of(&[DOMAIN, secret.as_bytes()]).0))
}

/// RFC 8037.
fn jwk(key: &SigningKey) -> Value {
    json!({ "crv": "Ed25519", "kty": "OKP", "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()) })
}

/// The key's thumbprint (RFC 7638).
fn key_id(key: &SigningKey) -> String {
    Hash::of(&[&approvals_domain::hash::canonical(&jwk(key))]).to_string()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(approvals_domain::hash::canonical(value))
}

fn claims(issuer: &str, request: &Request, start: &Sealed) -> Option<Value> {
    let commit = &start.commit;
    let (payload_hash, attempt) = commit.events.iter().find_map(|event| match event {
        Event::EffectStarted { payload_hash, attempt } => Some((payload_hash, attempt)),
        _ => None,
    })?;
    debug_assert_eq!(request.effect_state(), EffectState::Started);
    let approvals_domain::actor::Actor::Person(caller) = &commit.actor else { return None };
    let issued_at = commit.at.millis().div_euclid(1_000);
    let approvals = request.votes().filter(|vote| vote.voted.decision == Decision::Approve);
    let approvers: Vec<Value> = approvals
        .map(|vote| {
            let mut approver = json!({ "step": vote.voted.step, "by": vote.by.id });
            if let Some(person) = &vote.voted.on_behalf_of {
                approver["on_behalf_of"] = json!(person);
            }
            approver
        })
        .collect();
    Some(json!({
        "iss": issuer,
        "aud": caller.client_id.as_deref().unwrap_or(caller.id.as_str()),
        "sub": caller.id,
        "jti": format!("{}#{attempt}", request.id),
        "iat": issued_at,
        "exp": issued_at + i64::from(limits::EFFECT_HOURS) * 3_600,
        "request": request.id,
        "payload_hash": payload_hash,
        "template": { "key": request.template.key, "version": request.template.version },
        "approvers": approvers,
    }))
}
