//! Delegations: one person's right in another's hands, for a time. A delegation lies with whoever received it, so that one query gives all
//! that a voter may do; a row beside the giver lists what was given. Both persons' items count the write: what is read of either holds.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::facts::{Delegation, Facts};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{DelegationId, PersonId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use futures_util::future::try_join_all;

use super::chain::Author;
use super::{User, generation, ties, told_at, unmoved};
use crate::store::keys::{self, Key};
use crate::store::requests::Digest;
use crate::store::{Ask, Condition, Directory, Error, Freshness, Item, Range, Write};

/// Rows of ended delegations go after so long; their commits stay.
const KEPT_HOURS: f64 = 24.0 * 30.0;

/// A delegation as stored, and as listed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDelegation {
    /// What it says.
    pub delegation: Delegation,
    /// Who may use the right.
    pub to: PersonId,
    /// Why; none once erased.
    pub reason: Option<String>,
    /// Who made it.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
}

/// Items of the persons that a decision looked at. A write holds them all unchanged.
pub type Seen = BTreeMap<PersonId, Item>;

/// What an earlier call of the same command left.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierCall {
    /// Tells its body apart, if it came with a key.
    pub digest: Option<Vec<u8>>,
    /// Its delegation; none: revoked, or ended long ago.
    pub stored: Option<StoredDelegation>,
}

/// The last commit of a delegation, which the next one follows.
#[derive(Debug, Clone, PartialEq)]
pub struct LastCommit {
    /// Of the delegation.
    pub version: u64,
    hash: Hash,
    /// It says that the delegation was taken back.
    pub revoked: bool,
    /// The terms of giver and receiver when it was made.
    pub terms: (u32, u32),
}

impl Directory {
    /// What an earlier call of the command that makes this delegation left.
    pub async fn earlier_delegation(&self, tenant: &TenantId, new: &StoredDelegation) -> Result<Option<EarlierCall>, Error> {
        let Some(first) = self.first_of(tenant, &new.delegation.id).await? else { return Ok(None) };
        let row = self.table.get(&keys::delegation(tenant, &new.to, &new.delegation.id), Freshness::Strong).await?;
        let stored = row.as_ref().filter(|row| stands(row)).map(read).transpose()?;
        Ok(Some(EarlierCall { digest: first.opt_b("ik").map(<[u8]>::to_vec), stored }))
    }

    /// Whether somebody is an active person. Their item is put to `seen`.
    pub async fn see(&self, tenant: &TenantId, id: &PersonId, seen: &mut Seen) -> Result<bool, Error> {
        if !seen.contains_key(id)
            && let Some(main) = self.table.get(&keys::person(tenant, id), Freshness::Strong).await?
        {
            seen.insert(id.clone(), main);
        }
        Ok(match seen.get(id) {
            Some(main) => main.of_json::<User>("d")?.active,
            None => false,
        })
    }

    /// The term of somebody who was seen.
    pub fn term_seen(id: &PersonId, seen: &Seen) -> Result<u32, Error> {
        seen.get(id).map_or(Ok(0), |main| ties::of(main).map(|ties| ties.term))
    }

    /// Writes a new delegation: with whoever received it, and a row beside the giver. `false`: somebody of `seen` has changed.
    pub async fn write_delegation(
        &self,
        author: &Author<'_>,
        new: &StoredDelegation,
        digest: Option<Digest>,
        seen: &Seen,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (tenant, from, to, id) = (author.tenant, &new.delegation.from, &new.to, &new.delegation.id);
        let (giver_term, term) = terms(&event);
        let new = &StoredDelegation { delegation: Delegation { giver_term, ..new.delegation.clone() }, ..new.clone() };
        let commit = DirectoryCommit::next(tenant, &object(id), (0, Hash::ZERO), author.now, author.actor, event);
        let (bytes, hash) = commit.seal();
        let mut log = Item::new(&keys::directory_log(tenant, &commit.object, 1)).bytes("c", bytes).bytes("h", hash.0);
        log = told(log.bytes("sa", author.salt.0), new);
        if let Some(digest) = digest {
            log = log.bytes("ik", digest);
        }
        let row = |key: Key| told(Item::new(&key), new).number("v", commit.version).bytes("h", hash.0).number("ttl", seconds_to_keep(new));
        let mut writes = vec![
            Write::Put(log, Some(Condition::absent())),
            Write::Put(ties::put(row(keys::delegation(tenant, to, id)), ties::TERM, term), None),
            Write::Put(ties::put(row(keys::delegation_given(tenant, from, id)), ties::TERM, term), None),
        ];
        // Whose right another passes on hears of it now; whoever stands in, once it begins.
        let (begins, by_another) = (new.delegation.starts_at.max(author.now), author.actor.person() != Some(from));
        let due = [Some(begins), Some(author.now).filter(|now| by_another && *now < begins)];
        writes.extend(due.into_iter().flatten().map(|at| told_at(author, &object(id), 1, at)));
        writes.extend(held(seen, [from, to]));
        Ok(self.table.transact(writes).await?.is_empty())
    }

    /// The last commit of a delegation.
    pub async fn last_commit(&self, tenant: &TenantId, id: &DelegationId) -> Result<Option<LastCommit>, Error> {
        let log = self.directory_log(tenant, &object(id), None, 1).await?;
        let Some(last) = log.first() else { return Ok(None) };
        let commit: DirectoryCommit = serde_json::from_slice(last.b("c")?).map_err(|error| last.wrong(&error.to_string()))?;
        let revoked = matches!(commit.event, DirectoryEvent::Delegation { revoked: true, .. });
        let terms = terms(&commit.event);
        Ok(Some(LastCommit { version: commit.version, hash: commit.seal().1, revoked, terms }))
    }

    /// Writes that a delegation was taken back. `false`: it, or one of its persons, has changed.
    pub async fn write_revocation(
        &self,
        author: &Author<'_>,
        stored: &StoredDelegation,
        last: &LastCommit,
        seen: &Seen,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (tenant, from, to, id) = (author.tenant, &stored.delegation.from, &stored.to, &stored.delegation.id);
        let commit = DirectoryCommit::next(tenant, &object(id), (last.version, last.hash), author.now, author.actor, event);
        let (bytes, hash) = commit.seal();
        let log = Item::new(&keys::directory_log(tenant, &commit.object, commit.version)).bytes("c", bytes).bytes("h", hash.0);
        // A row is never taken away by us before its time: whoever takes one away is told from the service.
        let gone = |key: Key| Item::new(&key).number("v", commit.version).bytes("h", hash.0).number("ttl", seconds_to_keep(stored));
        let mut writes = vec![
            Write::Put(log.bytes("sa", author.salt.0), Some(Condition::absent())),
            Write::Put(gone(keys::delegation(tenant, to, id)), None),
            Write::Put(gone(keys::delegation_given(tenant, from, id)), None),
            super::told(author, &object(id), commit.version),
        ];
        writes.extend(held(seen, [from, to]));
        Ok(self.table.transact(writes).await?.is_empty())
    }

    /// A delegation that stands, or has ended not long ago; none once it was taken back, or one of its persons left for good.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn delegation(&self, tenant: &TenantId, id: &DelegationId) -> Result<Option<StoredDelegation>, Error> {
        let Some(first) = self.first_of(tenant, id).await? else { return Ok(None) };
        let commit: DirectoryCommit = serde_json::from_slice(first.b("c")?).map_err(|error| first.wrong(&error.to_string()))?;
        let DirectoryEvent::Delegation { to, .. } = commit.event else { return Err(first.wrong("not of a delegation")) };
        let row = self.table.get(&keys::delegation(tenant, &to, id), Freshness::Strong).await?;
        Ok(self.of_this_term(tenant, row.as_slice()).await?.pop())
    }

    /// A page of the delegations a person gave, or received, newest first. `true`: there is more.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn delegations(
        &self,
        tenant: &TenantId,
        person: &PersonId,
        received: bool,
        after: Option<&(Timestamp, DelegationId)>,
        limit: usize,
    ) -> Result<(Vec<StoredDelegation>, bool), Error> {
        let all = if received { self.received_all(tenant, person).await? } else { self.given_all(tenant, person).await? };
        let mut all: Vec<StoredDelegation> =
            all.into_iter().filter(|given| after.is_none_or(|(at, id)| (given.made_at, &given.delegation.id) < (*at, id))).collect();
        all.sort_by(|a, b| (b.made_at, &b.delegation.id).cmp(&(a.made_at, &a.delegation.id)));
        let more = all.len() > limit;
        all.truncate(limit);
        Ok((all, more))
    }

    /// All that a person received, ended ones of the last 30 days included.
    pub async fn received_all(&self, tenant: &TenantId, person: &PersonId) -> Result<Vec<StoredDelegation>, Error> {
        let (pk, last) = (keys::person_pk(tenant, person), keys::DELEGATIONS.to_owned() + "~");
        let sk = Range::Between(keys::DELEGATIONS, &last);
        let rows = self.table.query_all(Ask { sk, ..Ask::partition(&pk) }).await?;
        self.of_this_term(tenant, &rows).await
    }

    /// All that a person gave, ended ones of the last 30 days included.
    pub async fn given_all(&self, tenant: &TenantId, person: &PersonId) -> Result<Vec<StoredDelegation>, Error> {
        let rows = self.table.query_all(Ask::partition(&keys::given_pk(tenant, person))).await?;
        self.of_this_term(tenant, &rows).await
    }

    /// All that anybody of that id gave, in whatever term.
    pub async fn given_ever(&self, tenant: &TenantId, person: &PersonId) -> Result<Vec<StoredDelegation>, Error> {
        let rows = self.table.query_all(Ask::partition(&keys::given_pk(tenant, person))).await?;
        rows.iter().filter(|row| stands(row)).map(read).collect()
    }

    /// Those of both persons' present terms that were not taken back.
    ///
    /// INVARIANT (as they are now): what somebody of that id gave or received before they left for good is another human's.
    async fn of_this_term(&self, tenant: &TenantId, rows: &[Item]) -> Result<Vec<StoredDelegation>, Error> {
        let mut found: Vec<(u32, StoredDelegation)> = Vec::new();
        for row in rows.iter().filter(|row| stands(row)) {
            found.push((ties::term_of(row, ties::TERM)?, read(row)?));
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let people: BTreeSet<&PersonId> = found.iter().flat_map(|(_, stored)| [&stored.delegation.from, &stored.to]).collect();
        let wanted: Vec<Key> = people.into_iter().map(|id| keys::person(tenant, id)).collect();
        let mut terms: BTreeMap<Key, u32> = BTreeMap::new();
        for main in self.table.batch_get(&wanted, Freshness::Strong).await? {
            let term = ties::of(&main)?.term;
            terms.extend(main.key().map(|key| (key, term)));
        }
        let is_of = |id: &PersonId, term: u32| terms.get(&keys::person(tenant, id)) == Some(&term);
        let counts = |(term, stored): &(u32, StoredDelegation)| {
            is_of(&stored.to, *term) && is_of(&stored.delegation.from, stored.delegation.giver_term)
        };
        Ok(found.into_iter().filter(counts).map(|(_, stored)| stored).collect())
    }

    /// To whom a person gave delegations, to whom those did, and so on, with each of all these persons. Stops once there are many: whoever was
    /// not followed is missing among the givers, and is asked for again if they count.
    pub(super) async fn delegates(&self, tenant: &TenantId, giver: &PersonId) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        let mut frontier = vec![giver.clone()];
        while !frontier.is_empty() && facts.delegates.len() <= limits::DELEGATORS {
            let given = try_join_all(frontier.iter().map(|giver| self.given_all(tenant, giver))).await?;
            let delegates: Vec<BTreeSet<PersonId>> = given.into_iter().map(|given| given.into_iter().map(|d| d.to).collect()).collect();
            let known = |id: &PersonId| facts.persons.contains_key(id);
            let all = delegates.iter().flatten().chain([giver]);
            let new: BTreeSet<PersonId> = all.filter(|id| !known(id)).cloned().collect();
            let persons = try_join_all(new.iter().map(|id| self.person(tenant, id, Freshness::Strong))).await?;
            facts.delegates.extend(frontier.drain(..).zip(delegates));
            facts.persons.extend(new.iter().cloned().zip(persons.into_iter().map(|record| record.map(|record| record.fact()))));
            frontier = new.into_iter().filter(|id| !facts.delegates.contains_key(id)).collect();
        }
        Ok(facts)
    }

    async fn first_of(&self, tenant: &TenantId, id: &DelegationId) -> Result<Option<Item>, Error> {
        self.table.get(&keys::directory_log(tenant, &object(id), 1), Freshness::Strong).await
    }
}

/// Writes and checks that hold everybody looked at where they were: the two ends count the write, the others only stand still.
fn held<'a>(seen: &'a Seen, ends: [&'a PersonId; 2]) -> impl Iterator<Item = Write> + 'a {
    seen.iter().filter_map(move |(id, main)| {
        let unmoved = unmoved(main);
        if ends.contains(&id) {
            return Some(Write::Put(main.clone().number("g", generation(main) + 1), Some(unmoved)));
        }
        Some(Write::Check(main.key()?, unmoved))
    })
}

fn object(id: &DelegationId) -> String {
    format!("delegation/{id}")
}

/// The terms of giver and receiver when it was made.
fn terms(event: &DirectoryEvent) -> (u32, u32) {
    match event {
        DirectoryEvent::Delegation { from_term, to_term, .. } => (*from_term, *to_term),
        _ => (0, 0),
    }
}

/// With what people read of it.
fn told(item: Item, given: &StoredDelegation) -> Item {
    let item = item.json("d", &given.delegation).text("to", given.to.as_str()).text("by", &given.made_by);
    let item = item.number("at", given.made_at.millis());
    match &given.reason {
        Some(words) => item.text("rs", words),
        None => item,
    }
}

/// Whether a row is of a delegation that was not taken back.
fn stands(row: &Item) -> bool {
    row.get("d").is_some()
}

fn read(item: &Item) -> Result<StoredDelegation, Error> {
    Ok(StoredDelegation {
        delegation: item.of_json("d")?,
        to: PersonId::new(item.s("to")?).map_err(|error| item.wrong(&error.to_string()))?,
        reason: item.opt_s("rs").map(str::to_owned),
        made_by: item.s("by")?.to_owned(),
        made_at: Timestamp::from_millis(i64::try_from(item.n("at")?).unwrap_or(i64::MAX)),
    })
}

fn seconds_to_keep(given: &StoredDelegation) -> i64 {
    given.delegation.ends_at.plus_hours(KEPT_HOURS).millis() / 1_000
}
