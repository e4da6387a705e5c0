//! Delegations: one person's right in another's hands, for a time. A delegation lies with whoever received it, so that one query gives all
//! that a voter may do; a row beside the giver lists what was given. Both persons' items count the write: what is read of either holds.

use std::collections::{BTreeMap, VecDeque};

use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::facts::Delegation;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{DelegationId, PersonId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;

use super::directory::{Author, generation, unmoved};
use super::keys::{self, Key};
use super::requests::Digest;
use super::{Ask, Condition, Error, Freshness, Item, Range, Directory, Write, pause};
use crate::store::directory::User;

/// Rows of ended delegations go after so long; their commits stay.
const KEPT_HOURS: f64 = 24.0 * 30.0;

/// A delegation as stored, and as listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
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

/// What became of a new delegation.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// It holds.
    Done(Box<Given>),
    /// The same command made it before.
    Before(Box<Given>),
    /// The same command made it before, and it was taken back or has ended since.
    Gone,
    /// The same key came with another body.
    OtherBody,
    /// One of the two is no active person.
    Unknown(PersonId),
    /// With delegations that stand it makes a ring: these persons, the first one again at the end.
    Cycle(Vec<PersonId>),
    /// A limit is reached.
    Full(&'static str),
}

/// Who has to be as they were when this was decided.
type Seen = BTreeMap<PersonId, Item>;

impl Directory {
    /// Makes a delegation. The caller has checked its shape.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach, or others write to the same persons all the time.
    pub async fn delegate(&self, author: &Author<'_>, given: &Given, digest: Option<Digest>) -> Result<Made, Error> {
        let (from, to) = (&given.delegation.from, &given.to);
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            if let Some(first) = self.first_of(author.tenant, &given.delegation.id).await? {
                return self.made_before(author.tenant, given, &first, digest).await;
            }
            let mut seen = Seen::new();
            for id in [from, to] {
                match self.table.get(&keys::person(author.tenant, id), Freshness::Strong).await? {
                    Some(main) if main.of_json::<User>("d")?.active => seen.insert(id.clone(), main),
                    _ => return Ok(Made::Unknown(id.clone())),
                };
            }
            let standing = |all: Vec<Given>| all.iter().filter(|other| other.delegation.ends_at > author.now).count();
            if standing(self.received_all(author.tenant, to).await?) >= limits::DELEGATORS {
                return Ok(Made::Full("a person receives at most 50 delegations at a time"));
            }
            if standing(self.given_all(author.tenant, from).await?) >= limits::DELEGATIONS_GIVEN {
                return Ok(Made::Full("a person gives at most 50 delegations at a time"));
            }
            if let Some(cycle) = self.ring(author, given, &mut seen).await? {
                return Ok(Made::Cycle(cycle));
            }
            let commit = commit(author, given, (0, Hash::ZERO), false);
            let (bytes, hash) = commit.seal();
            let mut log = Item::new(&keys::directory_log(author.tenant, &commit.object, 1)).bytes("c", bytes).bytes("h", hash.0);
            log = told(log.bytes("sa", author.salt.0), given);
            if let Some(digest) = digest {
                log = log.bytes("ik", digest);
            }
            let row = |key: Key| told(Item::new(&key), given).bytes("h", hash.0).number("ttl", seconds_to_keep(given));
            let mut writes = vec![
                Write::Put(log, Some(Condition::absent())),
                Write::Put(row(keys::delegation(author.tenant, to, &given.delegation.id)), None),
                Write::Put(row(keys::delegation_given(author.tenant, from, &given.delegation.id)), None),
            ];
            writes.extend(held(seen, [from, to]));
            if self.table.transact(writes).await?.is_empty() {
                return Ok(Made::Done(Box::new(given.clone())));
            }
        }
        Err(Error::Unavailable("the persons of the delegation are being written by others".to_owned()))
    }

    /// Takes a delegation back. `false`: it was taken back before.
    ///
    /// # Errors
    /// As [`Directory::delegate`].
    pub async fn revoke(&self, author: &Author<'_>, given: &Given) -> Result<bool, Error> {
        let (from, to, id) = (&given.delegation.from, &given.to, &given.delegation.id);
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let object = object(id);
            let last = self.directory_log(author.tenant, &object, None, 1).await?;
            let Some(last) = last.first() else { return Ok(false) };
            let last: DirectoryCommit = serde_json::from_slice(last.b("c")?).map_err(|error| last.wrong(&error.to_string()))?;
            if matches!(last.event, DirectoryEvent::Delegation { revoked: true, .. }) {
                // Ours, if the answer to an earlier try was lost; the caller hears the same either way.
                return Ok(false);
            }
            let mut seen = Seen::new();
            for person in [from, to] {
                if let Some(main) = self.table.get(&keys::person(author.tenant, person), Freshness::Strong).await? {
                    seen.insert(person.clone(), main);
                }
            }
            let commit = commit(author, given, (last.version, last.seal().1), true);
            let (bytes, hash) = commit.seal();
            let log = Item::new(&keys::directory_log(author.tenant, &object, commit.version)).bytes("c", bytes).bytes("h", hash.0);
            let mut writes = vec![
                Write::Put(log.bytes("sa", author.salt.0), Some(Condition::absent())),
                Write::Delete(keys::delegation(author.tenant, to, id)),
                Write::Delete(keys::delegation_given(author.tenant, from, id)),
            ];
            writes.extend(held(seen, [from, to]));
            if self.table.transact(writes).await?.is_empty() {
                return Ok(true);
            }
        }
        Err(Error::Unavailable("the persons of the delegation are being written by others".to_owned()))
    }

    /// A delegation that stands, or has ended not long ago; none once it was taken back.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn delegation(&self, tenant: &TenantId, id: &DelegationId) -> Result<Option<Given>, Error> {
        let Some(first) = self.first_of(tenant, id).await? else { return Ok(None) };
        let commit: DirectoryCommit = serde_json::from_slice(first.b("c")?).map_err(|error| first.wrong(&error.to_string()))?;
        let DirectoryEvent::Delegation { to, .. } = commit.event else { return Err(first.wrong("not of a delegation")) };
        self.table.get(&keys::delegation(tenant, &to, id), Freshness::Strong).await?.as_ref().map(read).transpose()
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
    ) -> Result<(Vec<Given>, bool), Error> {
        let all = if received { self.received_all(tenant, person).await? } else { self.given_all(tenant, person).await? };
        let mut all: Vec<Given> =
            all.into_iter().filter(|given| after.is_none_or(|(at, id)| (given.made_at, &given.delegation.id) < (*at, id))).collect();
        all.sort_by(|a, b| (b.made_at, &b.delegation.id).cmp(&(a.made_at, &a.delegation.id)));
        let more = all.len() > limit;
        all.truncate(limit);
        Ok((all, more))
    }

    async fn received_all(&self, tenant: &TenantId, person: &PersonId) -> Result<Vec<Given>, Error> {
        let (pk, last) = (keys::person_pk(tenant, person), keys::DELEGATIONS.to_owned() + "~");
        let sk = Range::Between(keys::DELEGATIONS, &last);
        self.table.query_all(Ask { sk, ..Ask::partition(&pk) }).await?.iter().map(read).collect()
    }

    async fn given_all(&self, tenant: &TenantId, person: &PersonId) -> Result<Vec<Given>, Error> {
        self.table.query_all(Ask::partition(&keys::given_pk(tenant, person))).await?.iter().map(read).collect()
    }

    async fn first_of(&self, tenant: &TenantId, id: &DelegationId) -> Result<Option<Item>, Error> {
        self.table.get(&keys::directory_log(tenant, &object(id), 1), Freshness::Strong).await
    }

    async fn made_before(&self, tenant: &TenantId, given: &Given, first: &Item, digest: Option<Digest>) -> Result<Made, Error> {
        if first.opt_b("ik") != digest.as_ref().map(Digest::as_slice) {
            return Ok(Made::OtherBody);
        }
        let stands = self.table.get(&keys::delegation(tenant, &given.to, &given.delegation.id), Freshness::Strong).await?;
        Ok(match stands {
            Some(item) => Made::Before(Box::new(read(&item)?)),
            None => Made::Gone,
        })
    }

    /// The ring a new delegation would close: at some instant every hop of it holds. Everybody looked at is put to `seen`, so that two who
    /// close a ring from both ends at once hear of each other.
    ///
    /// Beyond [`limits::RING_PERSONS`] the search ends; a ring longer than that is cut where somebody votes, like any other.
    async fn ring(&self, author: &Author<'_>, new: &Given, seen: &mut Seen) -> Result<Option<Vec<PersonId>>, Error> {
        let window = (new.delegation.starts_at.max(author.now), new.delegation.ends_at);
        let mut paths = VecDeque::from([(vec![new.delegation.from.clone(), new.to.clone()], window)]);
        while let Some((path, (starts_at, ends_at))) = paths.pop_front() {
            let Some(last) = path.last() else { continue };
            for next in self.given_all(author.tenant, last).await? {
                let common = (starts_at.max(next.delegation.starts_at), ends_at.min(next.delegation.ends_at));
                if common.0 >= common.1 {
                    continue;
                }
                let longer: Vec<PersonId> = path.iter().cloned().chain([next.to.clone()]).collect();
                if next.to == new.delegation.from {
                    return Ok(Some(longer));
                }
                if path.contains(&next.to) || seen.len() >= limits::RING_PERSONS {
                    continue;
                }
                if !seen.contains_key(&next.to)
                    && let Some(main) = self.table.get(&keys::person(author.tenant, &next.to), Freshness::Strong).await?
                {
                    seen.insert(next.to.clone(), main);
                    paths.push_back((longer, common));
                } else if path.len() <= limits::RING_PERSONS && paths.len() < limits::RING_PERSONS {
                    paths.push_back((longer, common));
                }
            }
        }
        Ok(None)
    }
}

/// Writes and checks that hold everybody looked at where they were: the two ends count the write, the others only stand still.
fn held(seen: Seen, ends: [&PersonId; 2]) -> impl Iterator<Item = Write> {
    let ends = ends.map(Clone::clone);
    seen.into_iter().filter_map(move |(id, main)| {
        let unmoved = unmoved(&main);
        if ends.contains(&id) {
            let next = generation(&main) + 1;
            return Some(Write::Put(main.number("g", next), Some(unmoved)));
        }
        Some(Write::Check(main.key()?, unmoved))
    })
}

fn object(id: &DelegationId) -> String {
    format!("delegation/{id}")
}

fn commit(author: &Author<'_>, given: &Given, after: (u64, Hash), revoked: bool) -> DirectoryCommit {
    let Delegation { id, from, starts_at, ends_at, templates, steps, max, .. } = &given.delegation;
    let event = DirectoryEvent::Delegation {
        from: from.clone(),
        to: given.to.clone(),
        starts_at: *starts_at,
        ends_at: *ends_at,
        templates: templates.as_ref().map(|all| all.iter().cloned().collect()),
        steps: steps.as_ref().map(|all| all.iter().cloned().collect()),
        max: max.clone(),
        reason: given.reason.as_ref().filter(|_| !revoked).map(|words| Hash::text(&author.salt, words)),
        revoked,
    };
    DirectoryCommit::next(author.tenant, &object(id), after, author.now, author.actor, event)
}

/// With what people read of it.
fn told(item: Item, given: &Given) -> Item {
    let item = item.json("d", &given.delegation).text("to", given.to.as_str()).text("by", &given.made_by);
    let item = item.number("at", given.made_at.millis());
    match &given.reason {
        Some(words) => item.text("rs", words),
        None => item,
    }
}

fn read(item: &Item) -> Result<Given, Error> {
    Ok(Given {
        delegation: item.of_json("d")?,
        to: PersonId::new(item.s("to")?).map_err(|error| item.wrong(&error.to_string()))?,
        reason: item.opt_s("rs").map(str::to_owned),
        made_by: item.s("by")?.to_owned(),
        made_at: Timestamp::from_millis(i64::try_from(item.n("at")?).unwrap_or(i64::MAX)),
    })
}

fn seconds_to_keep(given: &Given) -> i64 {
    given.delegation.ends_at.plus_hours(KEPT_HOURS).millis() / 1_000
}
