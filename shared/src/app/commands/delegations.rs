//! Delegations: made, and taken back.

use approvals_domain::directory::authority::Asker;
use approvals_domain::directory::delegation::{self, Earlier, Hop, Make, Needs, Revoke, Scope, Undecided, View};
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent};
use approvals_domain::facts::Facts;
use approvals_domain::refusal::Refusal;

use super::{Amend, Amended};
use crate::app::Error;
use crate::store::directory::chain::Author;
use crate::store::directory::delegations::{LastCommit, Seen, StoredDelegation};
use crate::store::requests::Digest;
use crate::store::{self, Directory, Freshness};

/// Makes a delegation.
#[derive(Debug)]
pub struct MakeDelegation<'a> {
    /// Who asks.
    pub asker: &'a Asker,
    /// The delegation; its id is the command's.
    pub new: &'a StoredDelegation,
    /// Tells the body apart, if it came with a key.
    pub digest: Option<Digest>,
}

/// What was read for a new delegation.
#[derive(Debug, Default)]
pub struct ReadDelegation {
    view: View,
    /// The delegation that an earlier call of the same command made.
    earlier: Option<StoredDelegation>,
    /// Everybody looked at. Two who close a ring from both ends at once hear of each other, because the write holds them all.
    seen: Seen,
}

impl Amended<ReadDelegation> {
    /// The delegation that an earlier call of the same command made.
    pub fn earlier(&self) -> Option<&StoredDelegation> {
        self.before.earlier.as_ref()
    }
}

impl MakeDelegation<'_> {
    /// Whether an earlier call is there.
    ///
    /// INVARIANT (I14): one command id, one commit; the same key with another body is refused.
    async fn earlier(&self, directory: &Directory, author: &Author<'_>, read: &mut ReadDelegation) -> Result<Earlier, Error> {
        let Some(call) = directory.earlier_delegation(author.tenant, self.new).await? else { return Ok(Earlier::Nothing) };
        if call.digest.as_deref() != self.digest.as_ref().map(Digest::as_slice) {
            return Err(Error::KeyReused);
        }
        read.earlier = call.stored;
        Ok(if read.earlier.is_some() { Earlier::Stands } else { Earlier::Gone })
    }
}

impl Amend for MakeDelegation<'_> {
    type View = ReadDelegation;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "a person of the delegation";

    /// Everything is read when a rule asks for it.
    async fn load(&self, _: &Directory, _: &Author<'_>, _: Option<u64>) -> Result<ReadDelegation, Error> {
        Ok(ReadDelegation::default())
    }

    fn version(read: &ReadDelegation) -> u64 {
        u64::from(read.earlier.is_some())
    }

    fn decide(&self, read: &ReadDelegation, attempt: &Attempt) -> Result<Amendment, Undecided> {
        let StoredDelegation { delegation, to, reason, .. } = self.new;
        delegation::make(&read.view, &Make { asker: self.asker, delegation, to, reason: reason.as_deref() }, attempt)
    }

    /// A person's item is read before what they gave and received. So a write that finds the item unchanged finds the rest unchanged.
    async fn learn(&self, directory: &Directory, author: &Author<'_>, read: &mut ReadDelegation, needs: Needs) -> Result<(), Error> {
        match needs {
            Needs::Facts(query) => read.view.facts.extend(directory.facts(author.tenant, &query, Freshness::Strong).await?),
            Needs::Earlier => read.view.earlier = Some(self.earlier(directory, author, read).await?),
            Needs::Active(id) => {
                let active = directory.see(author.tenant, &id, &mut read.seen).await?;
                read.view.terms.insert(id.clone(), Directory::term_seen(&id, &read.seen)?);
                read.view.active.insert(id, active);
            }
            Needs::Received(id) => {
                let received = directory.received_all(author.tenant, &id).await?;
                read.view.received.insert(id, hops(received));
            }
            Needs::Given(id) => {
                directory.see(author.tenant, &id, &mut read.seen).await?;
                let given = directory.given_all(author.tenant, &id).await?;
                read.view.given.insert(id, hops(given));
            }
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadDelegation,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_delegation(author, self.new, self.digest, &read.seen, event).await
    }
}

fn hops(all: Vec<StoredDelegation>) -> Vec<Hop> {
    let hop = |stored: StoredDelegation| {
        let (starts_at, ends_at) = (stored.delegation.starts_at, stored.delegation.ends_at);
        Hop { to: stored.to, starts_at, ends_at, scope: Scope::of(&stored.delegation) }
    };
    all.into_iter().map(hop).collect()
}

/// Takes a delegation back.
#[derive(Debug)]
pub struct RevokeDelegation<'a> {
    /// Who asks.
    pub asker: &'a Asker,
    /// As the asker sees it.
    pub stored: &'a StoredDelegation,
}

/// What was read for a revocation.
#[derive(Debug)]
pub struct ReadRevocation {
    facts: Facts,
    last: LastCommit,
    seen: Seen,
}

impl Amend for RevokeDelegation<'_> {
    type View = ReadRevocation;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "a person of the delegation";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<ReadRevocation, Error> {
        let StoredDelegation { delegation, to, .. } = self.stored;
        let last = directory.last_commit(author.tenant, &delegation.id).await?.ok_or(Refusal::NoObject("delegation"))?;
        let mut seen = Seen::new();
        if !last.revoked {
            for person in [&delegation.from, to] {
                directory.see(author.tenant, person, &mut seen).await?;
            }
        }
        Ok(ReadRevocation { facts: Facts::default(), last, seen })
    }

    fn version(read: &ReadRevocation) -> u64 {
        read.last.version
    }

    fn decide(&self, read: &ReadRevocation, _: &Attempt) -> Result<Amendment, Undecided> {
        let StoredDelegation { delegation, to, .. } = self.stored;
        let revoke = Revoke { asker: self.asker, delegation, to, terms: read.last.terms, revoked: read.last.revoked };
        Ok(delegation::revoke(&read.facts, &revoke)?)
    }

    async fn learn(&self, directory: &Directory, author: &Author<'_>, read: &mut ReadRevocation, needs: Needs) -> Result<(), Error> {
        if let Needs::Facts(query) = needs {
            read.facts.extend(directory.facts(author.tenant, &query, Freshness::Strong).await?);
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadRevocation,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_revocation(author, self.stored, &read.last, &read.seen, event).await
    }
}
