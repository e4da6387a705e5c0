//! The directory: persons, roles, and whatever else administrators write. Each write is one transaction of the fact, its commit, the
//! rows derived from it, and a job for the tick.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::commit::Actor;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::facts::{Delegation, Facts, FactsQuery, Members, Person, Wanted};
use approvals_domain::hash::{Hash, Salt};
use approvals_domain::ids::{PersonId, RoleId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key};
use super::{Ask, Condition, Error, Freshness, Item, Range, Reason, Store, Write, pause};
use crate::template::Known;

/// Roles, and people, looked up for the warnings about one template.
const LOOKED_UP: usize = 100;

/// A person as administrators write them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// For people.
    pub name: String,
    /// Where notices go.
    pub email: String,
    /// Whom they report to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub manager: Option<PersonId>,
    /// Inactive persons neither ask nor vote.
    pub active: bool,
    /// IANA name, for example `Europe/Amsterdam`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What expressions may read as `requester.attributes`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: BTreeMap<String, serde_json::Value>,
}

/// A person as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRecord {
    /// As written.
    pub user: User,
    /// From 1.
    pub version: u64,
    /// Of its last commit.
    pub hash: Hash,
    /// Roles held, with the membership's version and whether it holds.
    pub memberships: BTreeMap<RoleId, (u64, bool)>,
    /// Delegations received and not revoked.
    pub received: Vec<Delegation>,
}

impl PersonRecord {
    fn read(items: &[Item]) -> Result<Option<Self>, Error> {
        let Some(main) = items.iter().find(|item| item.opt_s(keys::SK) == Some(keys::MAIN)) else { return Ok(None) };
        let mut memberships = BTreeMap::new();
        let mut received = Vec::new();
        for item in items {
            let sk = item.s(keys::SK)?;
            if let Some(role) = sk.strip_prefix(keys::MEMBERSHIPS) {
                let role = RoleId::new(role).map_err(|error| item.wrong(&error.to_string()))?;
                memberships.insert(role, (item.n("v")?, item.n("m")? == 1));
            } else if sk.starts_with(keys::DELEGATIONS)
                && let Some(delegation) = item.opt_json("d")?
            {
                received.push(delegation);
            }
        }
        let hash = main.b("h")?.try_into().map(Hash).map_err(|_| main.wrong("hash"))?;
        Ok(Some(Self { user: main.of_json("d")?, version: main.n("v")?, hash, memberships, received }))
    }

    /// What a decision may know of them.
    pub fn fact(&self) -> Person {
        Person {
            version: self.version,
            active: self.user.active,
            manager: self.user.manager.clone(),
            roles: Some(self.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, (v, _))| (role.clone(), *v)).collect()),
            received: Some(self.received.clone()),
        }
    }
}

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
    /// The version the caller saw, if they said (`If-Match`).
    pub if_match: Option<u64>,
}

/// What became of a directory write.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It holds, in this version; `false`: it held already.
    Done(u64, bool),
    /// The caller saw an older version than this one.
    Precondition(u64),
    /// It needs something that is not there.
    Missing(String),
    /// An id that differs only in letter case exists.
    CaseClash(String),
    /// A limit is reached.
    Full(&'static str),
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

    /// The two writes of a change: the fact, on condition that nobody was faster, and its commit. `beside` lies next to both.
    pub(crate) fn writes(&self, author: &Author<'_>, event: DirectoryEvent, beside: impl Fn(Item) -> Item) -> Vec<Write> {
        let version = self.version();
        let prev = self.before.and_then(|item| item.opt_b("h")).and_then(|bytes| bytes.try_into().ok()).map_or(Hash::ZERO, Hash);
        let commit = DirectoryCommit::next(author.tenant, &self.object, (version, prev), author.now, author.actor, event);
        let (bytes, hash) = commit.seal();
        let fact = beside(Item::new(&self.key).number("v", commit.version).bytes("h", hash.0));
        let log = Item::new(&keys::directory_log(author.tenant, &self.object, commit.version)).bytes("c", bytes).bytes("h", hash.0);
        let condition = if version == 0 { Condition::absent() } else { Condition::version(version) };
        vec![Write::Put(fact, Some(condition)), Write::Put(beside(log), Some(Condition::absent()))]
    }
}

/// Tells the tick that a person or role changed.
fn job(author: &Author<'_>, kind: &str, who: &str) -> Write {
    let id = format!("{kind}|{who}|{}", author.salt);
    let item = Item::new(&keys::job(author.tenant, &id)).text("kind", kind).text("who", who).text(keys::DUE.1, keys::due_shard(&id));
    Write::Put(item.text(keys::DUE_AT, keys::millis(author.now)), None)
}

impl Store {
    /// A person with roles and delegations received: one query.
    pub async fn person(&self, tenant: &TenantId, id: &PersonId, freshness: Freshness) -> Result<Option<PersonRecord>, Error> {
        let pk = keys::person_pk(tenant, id);
        PersonRecord::read(&self.query_all(Ask { freshness, ..Ask::partition(&pk) }).await?)
    }

    /// Active members of a role in the order of ids: at least so many, or all.
    pub async fn members(&self, tenant: &TenantId, role: &RoleId, at_least: usize, freshness: Freshness) -> Result<Members, Error> {
        let pk = keys::role_pk(tenant, role);
        let mut ask = Ask { freshness, ..Ask::partition(&pk) };
        let mut members = Members::default();
        loop {
            let page = self.query(ask.clone()).await?;
            for item in &page.items {
                let id = PersonId::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?;
                members.versions.insert(id, item.n("v")?);
            }
            members.complete = page.next.is_none();
            if members.complete || members.versions.len() >= at_least {
                return Ok(members);
            }
            ask.start = page.next;
        }
    }

    /// A page of a role's active members in the order of ids, with their memberships' versions. `true`: there may be more.
    pub async fn role_page(
        &self,
        tenant: &TenantId,
        role: &RoleId,
        after: Option<&PersonId>,
        limit: usize,
    ) -> Result<(Vec<(PersonId, u64)>, bool), Error> {
        let pk = keys::role_pk(tenant, role);
        let sk = after.map_or(Range::All, |id| Range::After(id.as_str()));
        let page = self.query(Ask { sk, limit: i32::try_from(limit).ok(), ..Ask::partition(&pk) }).await?;
        let read = |item: &Item| {
            let id = PersonId::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?;
            Ok((id, item.n("v")?))
        };
        Ok((page.items.iter().map(read).collect::<Result<_, Error>>()?, page.next.is_some()))
    }

    /// Of these roles and people those the directory has; a role is there while an active person holds it. Of each kind at most
    /// [`LOOKED_UP`] are looked up, and the rest counts as known: this is for warnings only.
    pub async fn known(&self, tenant: &TenantId, named: Known) -> Result<Known, Error> {
        let people: Vec<PersonId> = named.people.iter().take(LOOKED_UP).filter_map(|id| PersonId::new(id.as_str()).ok()).collect();
        let keys: Vec<Key> = people.iter().map(|id| keys::person(tenant, id)).collect();
        let found = self.batch_get(&keys, Freshness::Eventual).await?;
        let found: BTreeSet<Key> = found.iter().filter_map(Item::key).collect();
        let mut known = Known {
            people: people.iter().zip(&keys).filter(|(_, key)| found.contains(key)).map(|(id, _)| id.to_string()).collect(),
            roles: named.roles.iter().skip(LOOKED_UP).cloned().collect(),
        };
        known.people.extend(named.people.into_iter().skip(LOOKED_UP));
        let mut loads = tokio::task::JoinSet::new();
        for role in named.roles.iter().take(LOOKED_UP).filter_map(|role| RoleId::new(role.as_str()).ok()) {
            let (store, pk) = (self.clone(), keys::role_pk(tenant, &role));
            loads.spawn(async move {
                let first = store.query(Ask { limit: Some(1), freshness: Freshness::Eventual, ..Ask::partition(&pk) }).await?;
                Ok::<_, Error>((!first.items.is_empty()).then(|| role.to_string()))
            });
        }
        while let Some(loaded) = loads.join_next().await {
            known.roles.extend(loaded.map_err(|error| Error::Unavailable(error.to_string()))??);
        }
        Ok(known)
    }

    /// Everything a decision asked for, in one parallel round.
    pub async fn facts(&self, tenant: &TenantId, query: &FactsQuery, freshness: Freshness) -> Result<Facts, Error> {
        let mut loads = tokio::task::JoinSet::new();
        for wanted in query.iter().cloned() {
            let (store, tenant) = (self.clone(), tenant.clone());
            loads.spawn(async move {
                let mut facts = Facts::default();
                match wanted {
                    Wanted::Person(id) => {
                        let person = store.person(&tenant, &id, freshness).await?.map(|record| record.fact());
                        facts.persons.insert(id, person);
                    }
                    Wanted::Role(role, at_least) => {
                        let members = store.members(&tenant, &role, at_least, freshness).await?;
                        facts.roles.insert(role, members);
                    }
                }
                Ok::<_, Error>(facts)
            });
        }
        let mut all = Facts::default();
        while let Some(loaded) = loads.join_next().await {
            all.extend(loaded.map_err(|error| Error::Unavailable(error.to_string()))??);
        }
        Ok(all)
    }

    /// Writes a person whole.
    pub async fn put_user(&self, author: &Author<'_>, id: &PersonId, user: &User) -> Result<Put, Error> {
        let pk = keys::person_pk(author.tenant, id);
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let items = self.query_all(Ask::partition(&pk)).await?;
            let before = PersonRecord::read(&items)?;
            let version = before.as_ref().map_or(0, |record| record.version);
            if author.if_match.is_some_and(|seen| seen != version) {
                return Ok(Put::Precondition(version));
            }
            if before.as_ref().is_some_and(|record| record.user == *user) {
                return Ok(Put::Done(version, false));
            }
            let main = items.iter().find(|item| item.opt_s(keys::SK) == Some(keys::MAIN));
            let chained = Chained { object: format!("user/{id}"), key: keys::person(author.tenant, id), before: main };
            let details =
                serde_json::json!({ "name": user.name, "email": user.email, "time_zone": user.time_zone, "attributes": user.attributes });
            let text = String::from_utf8(approvals_domain::hash::canonical(&details)).unwrap_or_default();
            let (active, manager) = (user.active, user.manager.clone());
            let event = DirectoryEvent::User { active, manager, details: Hash::text(&author.salt, &text) };
            let mut writes = chained.writes(author, event, |item| item.json("d", user).bytes("sa", author.salt.0));
            if before.is_none() {
                let folded = Item::new(&keys::folded_id(author.tenant, id)).text("id", id.as_str());
                writes.push(Write::Put(folded, Some(Condition::absent())));
            }
            let was_active = before.as_ref().is_none_or(|record| record.user.active);
            if was_active != user.active {
                writes.extend(before.iter().flat_map(|record| mirror(author.tenant, id, record, user.active)));
            }
            writes.push(job(author, "user", id.as_str()));
            let reasons = self.transact(writes).await?;
            match reasons.get(2) {
                _ if reasons.is_empty() => return Ok(Put::Done(version + 1, true)),
                Some(Reason::Condition(Some(item))) if before.is_none() => match item.opt_s("id") {
                    Some(other) if other != id.as_str() => return Ok(Put::CaseClash(other.to_owned())),
                    _ => {}
                },
                _ => {}
            }
        }
        Err(Error::Unavailable("the person is being written by others".to_owned()))
    }

    /// Adds a member, or removes one. The person must exist.
    pub async fn put_member(&self, author: &Author<'_>, role: &RoleId, id: &PersonId, member: bool) -> Result<Put, Error> {
        let pk = keys::person_pk(author.tenant, id);
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let items = self.query_all(Ask::partition(&pk)).await?;
            let Some(person) = PersonRecord::read(&items)? else { return Ok(Put::Missing(format!("there is no user `{id}`"))) };
            let (version, holds) = person.memberships.get(role).copied().unwrap_or((0, false));
            if author.if_match.is_some_and(|seen| seen != version) {
                return Ok(Put::Precondition(version));
            }
            if holds == member {
                return Ok(Put::Done(version, false));
            }
            if member && person.memberships.values().filter(|(_, holds)| *holds).count() >= limits::ROLES_PER_PERSON {
                return Ok(Put::Full("a person holds at most 40 roles"));
            }
            let key = keys::membership(author.tenant, id, role);
            let before = items.iter().find(|item| item.opt_s(keys::SK) == Some(key.sk.as_str()));
            let chained = Chained { object: format!("member/{role}/{id}"), key, before };
            let event = DirectoryEvent::Member { role: role.clone(), user: id.clone(), member };
            let mut writes = chained.writes(author, event, |item| item.number("m", u8::from(member)));
            let row = keys::role_row(author.tenant, role, id);
            // INVARIANT (role rows): a row stands exactly while membership and person are both active; all of it changes in one transaction.
            writes.push(if member && person.user.active {
                Write::Put(Item::new(&row).number("v", version + 1), None)
            } else {
                Write::Delete(row)
            });
            writes.push(Write::Check(keys::person(author.tenant, id), Condition::version(person.version)));
            writes.push(job(author, "role", role.as_str()));
            if self.transact(writes).await?.is_empty() {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the membership is being written by others".to_owned()))
    }

    /// A document (calendar, settings) as its item.
    pub async fn document(&self, key: &Key) -> Result<Option<(serde_json::Value, u64)>, Error> {
        let Some(item) = self.get(key, Freshness::Strong).await? else { return Ok(None) };
        let Some(content) = item.opt_json("d")? else { return Ok(None) };
        Ok(Some((content, item.n("v")?)))
    }

    /// Writes a document whole. `seal` says what its commit holds.
    pub async fn put_document(
        &self,
        author: &Author<'_>,
        (object, key): (&str, Key),
        content: Option<&serde_json::Value>,
        event: DirectoryEvent,
    ) -> Result<Put, Error> {
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before = self.get(&key, Freshness::Strong).await?;
            let chained = Chained { object: object.to_owned(), key: key.clone(), before: before.as_ref() };
            let version = chained.version();
            let present: Option<serde_json::Value> = before.as_ref().map(|item| item.opt_json("d")).transpose()?.flatten();
            if author.if_match.is_some_and(|seen| seen != version) {
                return Ok(Put::Precondition(version));
            }
            if present.as_ref() == content {
                return Ok(Put::Done(version, false));
            }
            let writes = chained.writes(author, event.clone(), |item| match content {
                Some(content) => item.json("d", content).bytes("sa", author.salt.0),
                None => item,
            });
            if self.transact(writes).await?.is_empty() {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the document is being written by others".to_owned()))
    }

    /// Commits of a directory object, newest first, from below a version on.
    pub async fn directory_log(&self, tenant: &TenantId, object: &str, below: Option<u64>, limit: i32) -> Result<Vec<Item>, Error> {
        let pk = keys::directory_log_pk(tenant, object);
        let last = match below {
            None => 999_999_999,
            Some(0 | 1) => return Ok(Vec::new()),
            Some(version) => version - 1,
        };
        let last = keys::directory_log(tenant, object, last).sk;
        let sk = Range::Between("000000001", &last);
        Ok(self.query(Ask { sk, descending: true, limit: Some(limit), ..Ask::partition(&pk) }).await?.items)
    }
}

/// The rows of all the person's roles, as they must be.
fn mirror<'a>(tenant: &'a TenantId, id: &'a PersonId, record: &'a PersonRecord, active: bool) -> impl Iterator<Item = Write> + 'a {
    record.memberships.iter().filter(|(_, (_, holds))| *holds).map(move |(role, (version, _))| {
        let row = keys::role_row(tenant, role, id);
        if active { Write::Put(Item::new(&row).number("v", *version), None) } else { Write::Delete(row) }
    })
}
