//! One command, one id: what makes a retry the same command.

use approvals_domain::hash::Hash;
use approvals_domain::ids::RequestId;

use crate::identity::{self, Identity, Scope};
use crate::json::canonical;
use crate::runtime::entropy::{self, Entropy};
use crate::store::requests::Digest;

/// What names a command: its id, and what tells its body apart when the caller gave an Idempotency-Key.
#[derive(Debug, Clone)]
pub struct Tag {
    /// 22 characters of base64url.
    pub id: String,
    /// With a key only.
    pub digest: Option<Digest>,
    /// No person is to hear of the command.
    pub quiet: bool,
    bits: u128,
}

impl Tag {
    /// From an Idempotency-Key, scoped to tenant, caller and call; without one random.
    ///
    /// The digest is keyed with the key itself, which is not stored: it tells bodies apart and gives none away. Two bodies that say the
    /// same in another order are one.
    pub fn new(entropy: &Entropy, identity: &Identity, call: &str, key: Option<&str>, body: &[u8]) -> Self {
        let Some(key) = key else {
            let bits = entropy.bits();
            return Self { id: entropy::command_id(bits), digest: None, quiet: false, bits };
        };
        let hash = |domain: &[u8], more: &[u8]| {
            let caller = &identity.caller.id;
            Hash::of(&[
                domain,
                identity.tenant.as_str().as_bytes(),
                b"\0",
                caller.as_str().as_bytes(),
                b"\0",
                call.as_bytes(),
                b"\0",
                key.as_bytes(),
                b"\0",
                more,
            ])
            .0
        };
        let bits = hash(b"approvals/key/1\0", b"").first_chunk().copied().map_or(0, u128::from_be_bytes);
        let said = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|body| canonical(&body).ok());
        let digest = hash(b"approvals/body/1\0", said.as_deref().unwrap_or(body)).first_chunk().copied();
        Self { id: entropy::command_id(bits), digest, quiet: false, bits }
    }

    /// The same; with `quiet` no person hears of the command. For imports: only a client that may act for others says so.
    ///
    /// # Errors
    /// [`crate::identity::Error::ScopeNeeded`] without the scope `submit_for`.
    pub fn quietly(self, quiet: bool, identity: &Identity) -> Result<Self, identity::Error> {
        if quiet {
            identity.need(Scope::SubmitFor)?;
        }
        Ok(Self { quiet, ..self })
    }

    /// The id of the request a submission makes.
    pub fn request_id(&self) -> RequestId {
        entropy::request_id(self.bits)
    }
}
