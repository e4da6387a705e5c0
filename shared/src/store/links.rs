//! Action links: a way to one decision, for one person, on one step of one revision.
//!
//! token = key id (4 bytes) ‖ HMAC-SHA256(key, "approvals/link/1", notice id, recipient), 48 characters of base64url. Made from what is
//! known anyway, so that a mail sent twice carries the same link. Only the SHA-256 of the token is stored, as the key of the link's item:
//! who reads the table cannot press a link. The keys lie in the table under a kind of their own, so that a policy can fence them.

use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId, StepId, TenantId};
use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Condition, Error, Freshness, Item, Links, Written, keys};
use crate::runtime::entropy::Entropy;

/// Domain of tokens.
const TOKEN: &[u8] = b"approvals/link/1";
/// Domain of what a page's form carries.
const FORM: &[u8] = b"approvals/form/1";
/// How long a link can be used.
pub const LINK_MILLIS: i64 = 30 * 24 * 3_600_000;
/// How long after that it still explains itself.
const EXPLAINS_MILLIS: i64 = 90 * 24 * 3_600_000;
/// How long a page that was shown may be sent back.
pub const FORM_MILLIS: i64 = 15 * 60_000;

/// What somebody presses. Never stored, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 36]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads one out of an address.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// For an address.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What stands for it everywhere but in its address.
    pub fn hash(&self) -> Hash {
        Hash::of(&[TOKEN, &self.0])
    }

    fn key_id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }
}

/// A link as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Of the notice that brought it.
    #[serde(rename = "n")]
    pub notice: Hash,
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// The request.
    #[serde(rename = "r")]
    pub request: RequestId,
    /// Of the request.
    #[serde(rename = "v")]
    pub revision: u32,
    /// Of the revision: what the recipient is shown.
    #[serde(rename = "h")]
    pub payload_hash: Hash,
    /// The step.
    #[serde(rename = "s")]
    pub step: StepId,
    /// Of the recipient's seat on the step, from 1: a link of an earlier round does nothing.
    #[serde(rename = "o", default = "first_round", skip_serializing_if = "is_first_round")]
    pub round: u32,
    /// Who may press it.
    #[serde(rename = "u")]
    pub recipient: PersonId,
    /// Until when.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
}

fn first_round() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first_round(round: &u32) -> bool {
    *round == 1
}

/// Keys that make links, the present one first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkKeys {
    keys: Vec<LinkKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LinkKey {
    id: String,
    key: String,
}

impl std::fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKeys")
    }
}

/// Keys that still make old links valid, the present one included.
const KEYS: usize = 2;

impl LinkKeys {
    /// The id of the key that new links are made with.
    pub fn current(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The token of a notice for a recipient, by the key of that id; none if the key is gone.
    pub fn token(&self, key_id: &str, notice: &Hash, recipient: &PersonId) -> Option<Token> {
        let (id, key) = self.key(key_id)?;
        let mac = mac(&key, &[TOKEN, &notice.0, recipient.as_str().as_bytes()]).finalize().into_bytes();
        [id.as_slice(), &mac].concat().try_into().ok().map(Token)
    }

    /// Whether a token is the one of this link.
    fn made(&self, token: &Token, link: &Link) -> bool {
        let made = self.token(&URL_SAFE_NO_PAD.encode(token.key_id()), &link.notice, &link.recipient);
        // Found by its hash already, so comparing takes no secret's time.
        made.as_ref() == Some(token)
    }

    /// What a page's form carries: that it was shown for this link, for which seat, and until when it may come back.
    pub fn form(&self, token: &Token, seat: &str, until: Timestamp) -> Option<String> {
        let (_, key) = self.key(&URL_SAFE_NO_PAD.encode(token.key_id()))?;
        let mac = mac(&key, &[FORM, &token.0, seat.as_bytes(), &until.millis().to_be_bytes()]).finalize().into_bytes();
        Some(format!("{}.{}", until.millis(), URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Whether a form is ours, for this link and seat, and not too old.
    pub fn form_holds(&self, token: &Token, seat: &str, form: &str, now: Timestamp) -> bool {
        let read = || {
            let (until, given) = form.split_once('.')?;
            let until = Timestamp::from_millis(until.parse().ok()?);
            let given = URL_SAFE_NO_PAD.decode(given).ok()?;
            let (_, key) = self.key(&URL_SAFE_NO_PAD.encode(token.key_id()))?;
            mac(&key, &[FORM, &token.0, seat.as_bytes(), &until.millis().to_be_bytes()]).verify_slice(&given).ok()?;
            Some(until)
        };
        read().is_some_and(|until| now < until && until <= now.plus_millis(FORM_MILLIS))
    }

    fn key(&self, id: &str) -> Option<([u8; 4], [u8; 32])> {
        let found = self.keys.iter().find(|key| key.id == id)?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        Some((decode(&found.id)?.try_into().ok()?, decode(&found.key)?.try_into().ok()?))
    }

    fn rotated(old: Option<&Self>, entropy: &Entropy) -> Self {
        let [a, b, c, d, ..] = entropy.bits().to_be_bytes();
        let key = [entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat();
        let fresh = LinkKey { id: URL_SAFE_NO_PAD.encode([a, b, c, d]), key: URL_SAFE_NO_PAD.encode(key) };
        let before = old.into_iter().flat_map(|old| old.keys.iter().cloned());
        Self { keys: std::iter::once(fresh).chain(before).take(KEYS).collect() }
    }
}

/// HMAC-SHA256 over parts, each with its length before it.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC pads a key shorter than its block with zeros: this is `new_from_slice`, which cannot fail for a key of 32 bytes.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

impl Links {
    /// The keys, as they are; none: no link was ever made. Writes nothing.
    pub async fn keys(&self) -> Result<Option<LinkKeys>, Error> {
        self.table.get(&keys::link_keys(), Freshness::Strong).await?.map(|item| item.of_json("d")).transpose()
    }

    /// The keys, made if there are none.
    pub async fn obtain_keys(&self, entropy: &Entropy) -> Result<LinkKeys, Error> {
        if let Some(keys) = self.keys().await? {
            return Ok(keys);
        }
        let fresh = LinkKeys::rotated(None, entropy);
        let item = Item::new(&keys::link_keys()).json("d", &fresh).number("v", 1);
        match self.table.put(item, Some(Condition::absent())).await? {
            Written::Done | Written::Conflict(None) => Ok(fresh),
            Written::Conflict(Some(there)) => there.of_json("d"),
        }
    }

    /// A new key for new links. Links of the key before it stay good; those of the one before that are gone.
    pub async fn rotate_keys(&self, entropy: &Entropy) -> Result<(), Error> {
        let before = self.table.get(&keys::link_keys(), Freshness::Strong).await?;
        let version = before.as_ref().map_or(Ok(0), |item| item.n("v"))?;
        let old: Option<LinkKeys> = before.map(|item| item.of_json("d")).transpose()?;
        let next = LinkKeys::rotated(old.as_ref(), entropy);
        let item = Item::new(&keys::link_keys()).json("d", &next).number("v", version + 1);
        let condition = if version == 0 { Condition::absent() } else { Condition::version(version) };
        match self.table.put(item, Some(condition)).await? {
            Written::Done => Ok(()),
            Written::Conflict(_) => Err(Error::Unavailable("somebody else rotates the keys of links".to_owned())),
        }
    }

    /// Stores a link before it goes out. The same link again changes nothing.
    pub async fn put(&self, token: &Token, link: &Link) -> Result<(), Error> {
        let ttl = link.expires_at.plus_millis(EXPLAINS_MILLIS).millis() / 1_000;
        let item = Item::new(&keys::link(&token.hash())).json("d", link).number("ttl", ttl);
        self.table.put(item, Some(Condition::absent())).await.map(|_| ())
    }

    /// The link of a token; none: there never was one, it is long gone, or its key is. Writes nothing.
    pub async fn get(&self, token: &Token, keys: &LinkKeys) -> Result<Option<Link>, Error> {
        let Some(item) = self.table.get(&keys::link(&token.hash()), Freshness::Strong).await? else { return Ok(None) };
        let link: Link = item.of_json("d")?;
        Ok(Some(link).filter(|link| keys.made(token, link)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Entropy {
        let next = std::sync::atomic::AtomicU64::new(1);
        Entropy::new(move || u128::from(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) * 0x0123_4567_89ab_cdef_0123_4567_89ab)
    }

    #[test]
    fn a_link_outlives_one_rotation_of_its_key_and_not_two() {
        let entropy = counted();
        let (notice, bob) = (Hash([7; 32]), PersonId::new("bob").unwrap());
        let first = LinkKeys::rotated(None, &entropy);
        let id = first.current().to_owned();
        let token = first.token(&id, &notice, &bob).unwrap();
        assert_eq!(token.reveal().len(), 48);
        assert_eq!(Token::parse(&token.reveal()), Some(token.clone()));
        let second = LinkKeys::rotated(Some(&first), &entropy);
        assert_ne!(second.current(), id);
        assert_eq!(second.token(&id, &notice, &bob), Some(token.clone()), "a resend is the same link");
        assert_eq!(LinkKeys::rotated(Some(&second), &entropy).token(&id, &notice, &bob), None);
        assert_ne!(first.token(&id, &notice, &PersonId::new("bobby").unwrap()), Some(token));
    }

    #[test]
    fn a_form_is_good_for_its_link_and_a_quarter_of_an_hour() {
        let entropy = counted();
        let keys = LinkKeys::rotated(None, &entropy);
        let token = |n| keys.token(keys.current(), &Hash([n; 32]), &PersonId::new("bob").unwrap()).unwrap();
        let now = Timestamp::from_millis(1_767_603_600_000);
        let until = now.plus_millis(FORM_MILLIS);
        let form = keys.form(&token(1), "bob", until).unwrap();
        assert!(keys.form_holds(&token(1), "bob", &form, now));
        assert!(!keys.form_holds(&token(1), "bob", &form, until), "too old");
        assert!(!keys.form_holds(&token(2), "bob", &form, now), "another link's");
        assert!(!keys.form_holds(&token(1), "ann", &form, now), "another seat's");
        let later = form.replace(&until.millis().to_string(), &until.plus_millis(1).millis().to_string());
        for bad in [later.as_str(), "", ".", "1767604500000.", "x.y", &form[1..], &format!("{form}A")] {
            assert!(!keys.form_holds(&token(1), "bob", bad, now), "{bad}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token([9; 36])), "Token");
        for bad in ["", "x", &"A".repeat(47), &"A".repeat(49), &"=".repeat(48), &"é".repeat(24)] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
