//! Receipts: what a system that carries out an effect shows for its right to do so. A compact JWS (RFC 7515) with EdDSA; whoever has the
//! public key of `/.well-known/jwks.json` checks it without us.
//!
//! A receipt names its attempt in `jti`. A consumer that has seen the number refuses a second execution, even after a restore here.

use approvals_domain::commit::Sealed;
use approvals_domain::effect::EffectState;
use approvals_domain::event::{Decision, Event};
use approvals_domain::hash::Hash;
use approvals_domain::limits;
use approvals_domain::state::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Map, Value, json};

use crate::secrets::{Error, ReceiptKeys};

/// Signs receipts.
#[derive(Debug, Clone)]
pub struct Receipts {
    keys: ReceiptKeys,
}

impl Receipts {
    /// With these keys.
    pub const fn new(keys: ReceiptKeys) -> Self {
        Self { keys }
    }

    /// Reads the keys, so that nothing is started whose receipt could not be signed.
    ///
    /// # Errors
    /// [`Error`] if there are none.
    pub async fn ready(&self) -> Result<(), Error> {
        self.keys.all().await.map(|_| ())
    }

    /// The receipt of a start, by an issuer: the address under which its public keys stand. `request` is as that commit left it, so that the same start has the same receipt for ever. None: the commit
    /// starts nothing.
    ///
    /// # Errors
    /// [`Error`] if there is no key.
    pub async fn sign(&self, issuer: &str, request: &Request, start: &Sealed) -> Result<Option<String>, Error> {
        let Some(claims) = claims(issuer, request, start) else { return Ok(None) };
        let key = SigningKey::from_bytes(&self.keys.of(start.commit.at).await?);
        let header = json!({ "alg": "EdDSA", "kid": key_id(&key), "typ": "JWT" });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = key.sign(signed.as_bytes());
        Ok(Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))))
    }

    /// The public keys as a JSON Web Key Set (RFC 7517), the present one first. What an old key signed stays good.
    ///
    /// # Errors
    /// [`Error`] if there are none.
    pub async fn key_set(&self) -> Result<Value, Error> {
        let public = |seed: &[u8; 32]| {
            let key = SigningKey::from_bytes(seed);
            let named = [("kid", json!(key_id(&key))), ("use", json!("sig")), ("alg", json!("EdDSA"))];
            jwk(&key).into_iter().chain(named.map(|(name, value)| (name.to_owned(), value))).collect::<Map<_, _>>()
        };
        Ok(json!({ "keys": self.keys.all().await?.iter().map(public).collect::<Vec<_>>() }))
    }
}

/// RFC 8037.
fn jwk(key: &SigningKey) -> Map<String, Value> {
    let x = json!(URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()));
    [("crv", json!("Ed25519")), ("kty", json!("OKP")), ("x", x)].map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
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
            let Some(person) = &vote.voted.on_behalf_of else { return json!({ "step": vote.voted.step, "by": vote.by.id }) };
            json!({ "step": vote.voted.step, "by": vote.by.id, "on_behalf_of": person })
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
