//! Chains: each object of the directory is an item with a version, beside its commits. One change writes both, on the version read.

use approvals_domain::actor::Actor;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::{Hash, Salt};
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;

use crate::store::keys::{self, Key};
use crate::store::{Condition, Item, Write};

/// Who writes to the directory, and when.
#[derive(Debug, Clone)]
pub struct Author<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Who.
    pub actor: &'a Actor,
    /// When.
    pub now: Timestamp,
    /// Fresh randomness for this write.
    pub salt: Salt,
    /// Nobody administers yet: the commit says so, and which mark of an end stood then; 0: none.
    pub bootstrap: Option<u64>,
}

impl<'a> Author<'a> {
    /// Somebody who writes by a right that their own item or role gives them.
    pub fn new(tenant: &'a TenantId, actor: &'a Actor, now: Timestamp, salt: Salt) -> Self {
        Self { tenant, actor, now, salt, bootstrap: None }
    }
}

/// An object with a chain of its own.
pub(crate) struct Chained<'a> {
    /// Its name in commits.
    pub(crate) object: String,
    /// Its item.
    pub(crate) key: Key,
    /// The item as it is.
    pub(crate) before: Option<&'a Item>,
}

impl Chained<'_> {
    /// The version now; 0: not there.
    pub(crate) fn version(&self) -> u64 {
        self.before.and_then(|item| item.opt_n("v")).unwrap_or(0)
    }

    /// The change that makes it so.
    pub(crate) fn change(&self, author: &Author<'_>, event: DirectoryEvent) -> Change {
        let version = self.version();
        let prev = self.before.and_then(|item| item.opt_b("h")).and_then(|bytes| bytes.try_into().ok()).map_or(Hash::ZERO, Hash);
        let commit = DirectoryCommit::next(author.tenant, &self.object, (version, prev), author.now, author.actor, event);
        let commit = DirectoryCommit { bootstrap: author.bootstrap.is_some(), ended_before: author.bootstrap.unwrap_or(0), ..commit };
        let (bytes, hash) = commit.seal();
        Change {
            fact: Item::new(&self.key).number("v", commit.version).bytes("h", hash.0),
            log: Item::new(&keys::directory_log(author.tenant, &self.object, commit.version)).bytes("c", bytes).bytes("h", hash.0),
            condition: if version == 0 { Condition::absent() } else { Condition::version(version) },
        }
    }
}

/// One change of an object: its item, and the commit that says so.
#[derive(Debug)]
pub(crate) struct Change {
    fact: Item,
    log: Item,
    condition: Condition,
}

impl Change {
    /// With something next to the fact.
    #[must_use]
    pub(crate) fn fact(self, with: impl FnOnce(Item) -> Item) -> Self {
        Self { fact: with(self.fact), ..self }
    }

    /// With something next to the commit: readable, erasable, and not hashed.
    #[must_use]
    pub(crate) fn log(self, with: impl FnOnce(Item) -> Item) -> Self {
        Self { log: with(self.log), ..self }
    }

    /// With something next to both.
    #[must_use]
    pub(crate) fn both(self, with: impl Fn(Item) -> Item) -> Self {
        Self { fact: with(self.fact), log: with(self.log), ..self }
    }

    /// On another condition, which must imply that the version is the one read.
    #[must_use]
    pub(crate) fn only_if(self, condition: Condition) -> Self {
        Self { condition, ..self }
    }

    /// The two writes, the fact's first.
    pub(crate) fn writes(self) -> Vec<Write> {
        vec![Write::Put(self.fact, Some(self.condition)), Write::Put(self.log, Some(Condition::absent()))]
    }
}

/// Reserves an id: two that differ in letter case alone, written at once, are one conflict, and the loser reads again.
pub(crate) fn reserve(letters: &Key, id: &str) -> Write {
    Write::Put(Item::new(letters).text("id", id), Some(Condition::absent()))
}
