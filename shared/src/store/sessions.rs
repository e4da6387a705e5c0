//! Sessions of people in a browser.
//!
//! A session's secret is 32 random bytes in a cookie. Only its SHA-256 is stored, as the item's key: who reads the table cannot use it.
//! Beside the item stands a row under its person, so that a person can list and end their sessions.
//!
//! A session that ended is not deleted: a mark beside it says so until its time is over. Who puts the item back revives nothing, and who takes
//! the mark away is told of by the archive. Both lie in one partition, so that one read finds both.

use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::{Ask, Condition, Error, Freshness, Item, Sessions, Write};
use crate::runtime::entropy::Entropy;

/// Domain of a secret's hash.
const SECRET: &[u8] = b"approvals/session/1";
/// A session ends after so long without a call.
pub const IDLE_MILLIS: i64 = 30 * 60_000;
/// And in any case after so long.
pub const LIFE_MILLIS: i64 = 12 * 3_600_000;
/// Its last use is written at most so often.
const TOUCH_MILLIS: i64 = 60_000;
/// Sessions of one person that are listed.
const LISTED: i32 = 100;

/// What the cookie holds. Never stored, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A fresh one.
    pub fn new(entropy: &Entropy) -> Self {
        let (high, low) = (entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(high.into_iter().chain(low)).for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    /// Reads one out of a cookie.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// For a cookie.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What stands for it in the table.
    pub fn hash(&self) -> Hash {
        Hash::of(&[SECRET, &self.0])
    }

    /// Its bytes, as a key of what belongs to the session.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// Whose it is.
    #[serde(rename = "u")]
    pub person: PersonId,
    /// Of the person, when it began: a later one ends it.
    #[serde(rename = "k", default)]
    pub epoch: u32,
    /// When it began.
    #[serde(rename = "s")]
    pub since: Timestamp,
    /// When the person proved who they are: seconds since 1970.
    #[serde(rename = "a")]
    pub auth_time: i64,
    /// How, as the issuer says.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which means, as the issuer says.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// A session, and when it was last used.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The session.
    pub session: Session,
    /// To the minute.
    pub at: Timestamp,
}

impl Used {
    fn read(item: &Item) -> Result<Self, Error> {
        let at = i64::try_from(item.n("at")?).map_err(|_| item.wrong("its last use"))?;
        Ok(Self { session: item.of_json("d")?, at: Timestamp::from_millis(at) })
    }

    /// Neither idle for too long nor too old.
    pub fn lives(&self, now: Timestamp) -> bool {
        now < self.at.plus_millis(IDLE_MILLIS) && now < self.session.since.plus_millis(LIFE_MILLIS)
    }
}

fn item(hash: &Hash, session: &Session, at: Timestamp) -> Item {
    let ttl = session.since.plus_millis(LIFE_MILLIS).millis() / 1_000;
    Item::new(&keys::session(hash)).json("d", session).number("at", at.millis()).number("ttl", ttl)
}

impl Sessions {
    /// A session's item; none: there is none, or it was ended.
    ///
    /// INVARIANT (an end stays): a session is believed only without a mark that ended it.
    async fn standing(&self, hash: &Hash) -> Result<Option<Item>, Error> {
        let key = keys::session(hash);
        let items = self.table.query(Ask::partition(&key.pk)).await?.items;
        let is = |key: Key| move |item: &&Item| item.key().as_ref() == Some(&key);
        if items.iter().any(|item| is(keys::session_end(hash))(&item)) {
            return Ok(None);
        }
        Ok(items.iter().find(is(key)).cloned())
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn begin(&self, secret: &Secret, session: &Session) -> Result<(), Error> {
        let hash = secret.hash();
        let ttl = session.since.plus_millis(LIFE_MILLIS).millis() / 1_000;
        let row = Item::new(&keys::session_row(&session.tenant, &session.person, &hash)).number("ttl", ttl);
        let puts = vec![Write::Put(item(&hash, session, session.since), Some(Condition::absent())), Write::Put(row, None)];
        if self.table.transact(puts).await?.is_empty() { Ok(()) } else { Err(Error::Unavailable("the session exists".to_owned())) }
    }

    /// The session of a secret, if it lives, without noting its use.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or the item is damaged.
    pub async fn look(&self, secret: &Secret, now: Timestamp) -> Result<Option<Session>, Error> {
        let Some(found) = self.standing(&secret.hash()).await? else { return Ok(None) };
        let used = Used::read(&found)?;
        Ok(used.lives(now).then_some(used.session))
    }

    /// The session of a secret as it was, whether it lives or not: it says whose it was, and entitles to nothing.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or the item is damaged.
    pub async fn last(&self, secret: &Secret) -> Result<Option<Session>, Error> {
        let found = self.standing(&secret.hash()).await?;
        found.map(|found| Used::read(&found).map(|used| used.session)).transpose()
    }

    /// The session of a secret, if it lives. Notes its use, at most once a minute.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or the item is damaged.
    pub async fn find(&self, secret: &Secret, now: Timestamp) -> Result<Option<Session>, Error> {
        let hash = secret.hash();
        let Some(found) = self.standing(&hash).await? else { return Ok(None) };
        let used = Used::read(&found)?;
        if !used.lives(now) {
            return Ok(None);
        }
        if now >= used.at.plus_millis(TOUCH_MILLIS) {
            // Only if it is still there: a session that was ended meanwhile stays ended.
            let there = Condition::equals("d", aws_sdk_dynamodb::types::AttributeValue::S(found.s("d")?.to_owned()));
            self.table.put(item(&hash, &used.session, now), Some(there)).await?;
        }
        Ok(Some(used.session))
    }

    /// A person's sessions that live, newest first, with what names each in its owner's hands.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn of(&self, tenant: &TenantId, person: &PersonId, now: Timestamp) -> Result<Vec<(Hash, Used)>, Error> {
        let pk = keys::sessions_pk(tenant, person);
        let rows = self.table.query(Ask { limit: Some(LISTED), ..Ask::partition(&pk) }).await?.items;
        let hashes: Vec<Hash> = rows.iter().filter_map(|row| row.opt_s(keys::SK)?.parse().ok()).collect();
        let wanted: Vec<Key> = hashes.iter().map(keys::session).collect();
        let mut found = Vec::new();
        for item in self.table.batch_get(&wanted, Freshness::Strong).await? {
            let hash = hashes.iter().find(|hash| item.key() == Some(keys::session(hash)));
            let used = Used::read(&item)?;
            if let Some(hash) = hash.filter(|_| used.session.person == *person && used.lives(now)) {
                found.push((*hash, used));
            }
        }
        found.sort_by_key(|(_, used)| std::cmp::Reverse(used.session.since));
        Ok(found)
    }

    /// Ends a session. One that has ended is no error.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn end(&self, hash: &Hash, tenant: &TenantId, person: &PersonId, now: Timestamp) -> Result<(), Error> {
        let ttl = now.plus_millis(LIFE_MILLIS).millis() / 1_000;
        let mark = Item::new(&keys::session_end(hash)).text("t", tenant.as_str()).number("ttl", ttl);
        let writes = vec![Write::Put(mark, None), Write::Delete(keys::session_row(tenant, person, hash))];
        self.table.transact(writes).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let at = |minutes: i64| Timestamp::from_millis(1_767_603_600_000 + minutes * 60_000);
        let session = Session {
            tenant: TenantId::new("t").unwrap(),
            person: PersonId::new("bob").unwrap(),
            epoch: 0,
            since: at(0),
            auth_time: 1_767_603_600,
            acr: None,
            amr: Vec::new(),
        };
        let used = |minutes| Used { session: session.clone(), at: at(minutes) };
        assert!(used(0).lives(at(29)));
        assert!(!used(0).lives(at(30)), "idle for half an hour");
        assert!(used(719).lives(at(719)));
        assert!(!used(719).lives(at(720)), "twelve hours old");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret([7; 32]);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(Secret::parse(&secret.reveal()), Some(secret));
        for bad in ["", "x", &"A".repeat(42), &"A".repeat(44), &"é".repeat(22)] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }
}
