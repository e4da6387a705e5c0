//! The directory: persons, roles, and whatever else administrators write. Each write is one transaction of the fact, its commit, the
//! rows derived from it, and a job for the tick.

pub mod bootstrap;
pub mod chain;
pub mod delegations;
pub mod documents;
pub mod endpoints;
pub mod found;
pub mod roles;
pub mod templates;
pub mod ties;

use std::collections::BTreeMap;

use approvals_domain::directory::user::Profile;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::facts::{Delegation, Facts, FactsQuery, Person, Wanted};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RoleId, TenantId};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use self::found::rows;
use self::roles::row_write;
use super::jobs::{About, Job};
use super::keys::{self, Key};
use super::{Ask, Condition, Directory, Error, Freshness, Item, Range, Reason, Write};
use approvals_domain::directory::user::Ties;
use approvals_domain::time::Timestamp;
use chain::{Author, Chained, reserve};
use documents::StoredDocument;
use ties::{LEFT, TERM};

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

impl User {
    /// What stands in commits as one salted hash, over its RFC 8785 form: `{attributes, email, name, time_zone}`, all four always there.
    pub fn details(&self) -> serde_json::Value {
        serde_json::json!({ "name": self.name, "email": self.email, "time_zone": self.time_zone, "attributes": self.attributes })
    }

    /// The person as the domain decides on them.
    pub fn profile(&self) -> Profile {
        Profile { active: self.active, manager: self.manager.clone(), details: self.details() }
    }
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
    /// What of theirs counts: links and sessions of that epoch, memberships and delegations of that term.
    pub ties: Ties,
    /// When they left, if they have.
    pub left_at: Option<Timestamp>,
    /// Roles held, with the membership's version and whether it holds, in the person's present term.
    pub memberships: BTreeMap<RoleId, (u64, bool)>,
    /// Delegations received and not revoked.
    pub received: Vec<Delegation>,
}

impl PersonRecord {
    pub(crate) fn read(items: &[Item]) -> Result<Option<Self>, Error> {
        let Some(main) = items.iter().find(|item| item.opt_s(keys::SK) == Some(keys::MAIN)) else { return Ok(None) };
        let ties = ties::of(main)?;
        let mut memberships = BTreeMap::new();
        let mut received = Vec::new();
        for item in items {
            let sk = item.s(keys::SK)?;
            if let Some(role) = sk.strip_prefix(keys::MEMBERSHIPS) {
                let role = RoleId::new(role).map_err(|error| item.wrong(&error.to_string()))?;
                memberships.insert(role, (item.n("v")?, item.n("m")? == 1 && ties::term_of(item, TERM)? == ties.term));
            } else if sk.starts_with(keys::DELEGATIONS)
                && ties::term_of(item, TERM)? == ties.term
                && let Some(delegation) = item.opt_json("d")?
            {
                received.push(delegation);
            }
        }
        let hash = main.b("h")?.try_into().map(Hash).map_err(|_| main.wrong("hash"))?;
        let left_at = ties::moment(main, LEFT)?;
        Ok(Some(Self { user: main.of_json("d")?, version: main.n("v")?, hash, ties, left_at, memberships, received }))
    }

    /// Roles held of which administrators hear.
    pub fn offices(&self) -> impl Iterator<Item = &RoleId> {
        self.memberships.iter().filter(|(role, (_, holds))| *holds && tells_of_members(role)).map(|(role, _)| role)
    }

    /// What a decision may know of them.
    pub fn fact(&self) -> Person {
        Person {
            version: self.version,
            active: self.user.active,
            term: self.ties.term,
            manager: self.user.manager.clone().into(),
            roles: Some(self.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, (v, _))| (role.clone(), *v)).collect()),
            received: Some(self.received.clone()),
        }
    }
}

/// Counts every write to a person's item, memberships changed beside it included: who read the one and writes the other must notice.
pub(crate) fn generation(main: &Item) -> u64 {
    main.opt_n("g").unwrap_or(0)
}

/// The person's item has not been written since.
pub(crate) fn unmoved(main: &Item) -> Condition {
    Condition::equals("g", AttributeValue::N(generation(main).to_string()))
}

/// Tells the tick what changed.
pub(crate) fn job(author: &Author<'_>, about: About) -> Write {
    Job::new(author.tenant, author.salt.to_string(), about, author.now).write()
}

/// Tells the tick that people are to hear of a commit of the directory.
pub(crate) fn told(author: &Author<'_>, object: &str, version: u64) -> Write {
    told_at(author, object, version, author.now)
}

/// The same at a time to come.
pub(crate) fn told_at(author: &Author<'_>, object: &str, version: u64, at: Timestamp) -> Write {
    let about = About::Told { object: object.to_owned(), version };
    // What is told later may be told now as well, to others.
    let id = if at > author.now { format!("told|{object}|{version}|{at}") } else { format!("told|{object}|{version}") };
    Job::new(author.tenant, id, about, at.max(author.now)).write()
}

/// Whether administrators hear who holds a role.
pub fn tells_of_members(role: &RoleId) -> bool {
    *role == RoleId::approval_admin() || *role == RoleId::directory_admin()
}

/// A person as read for a write.
#[derive(Debug)]
pub struct StoredPerson {
    pub(crate) items: Vec<Item>,
    /// The person, if there.
    pub record: Option<PersonRecord>,
    /// The end of the bootstrap, if the person holds `approval_admin` or is about to.
    pub(crate) bootstrap: Option<StoredDocument>,
}

impl StoredPerson {
    /// The item of the person themselves.
    pub(crate) fn main(&self) -> Option<&Item> {
        self.items.iter().find(|item| item.opt_s(keys::SK) == Some(keys::MAIN))
    }
}

/// A commit of the directory, and what people read beside it.
#[derive(Debug)]
pub struct DirectoryChange {
    /// The commit.
    pub commit: DirectoryCommit,
    /// Its hash.
    pub hash: Hash,
    /// The person as it wrote them; none: not of a person, or erased.
    pub user: Option<User>,
    /// The person as the commit before wrote them.
    pub before: Option<User>,
    /// What the commit before says, if there is one.
    pub previous: Option<DirectoryEvent>,
}

/// What became of a person's write.
#[derive(Debug)]
pub enum PersonWritten {
    /// It holds.
    Done,
    /// Something of what was read has changed.
    Conflict,
    /// Another id of the same letters but for case exists.
    SameLetters(PersonId),
}

impl Directory {
    /// A person with roles and delegations received: one query.
    pub async fn person(&self, tenant: &TenantId, id: &PersonId, freshness: Freshness) -> Result<Option<PersonRecord>, Error> {
        let pk = keys::person_pk(tenant, id);
        PersonRecord::read(&self.table.query_all(Ask { freshness, ..Ask::partition(&pk) }).await?)
    }

    /// Persons as written, by id; those that are not there are missing. For showing only: may miss the last second.
    pub async fn users(&self, tenant: &TenantId, ids: &[PersonId]) -> Result<BTreeMap<PersonId, User>, Error> {
        let wanted: Vec<Key> = ids.iter().map(|id| keys::person(tenant, id)).collect();
        let mut users = BTreeMap::new();
        let items = self.table.batch_get_each(&wanted, Freshness::Eventual).await?;
        for item in self.table.sound(items).await? {
            let id = ids.iter().find(|id| item.key().is_some_and(|key| key == keys::person(tenant, id)));
            if let Some(id) = id {
                users.insert(id.clone(), item.of_json("d")?);
            }
        }
        Ok(users)
    }

    /// Everything a decision asked for, in one parallel round.
    pub async fn facts(&self, tenant: &TenantId, query: &FactsQuery, freshness: Freshness) -> Result<Facts, Error> {
        let all = try_join_all(query.iter().map(|wanted| self.fact(tenant, wanted, freshness))).await?;
        Ok(all.into_iter().fold(Facts::default(), |mut facts, more| {
            facts.extend(more);
            facts
        }))
    }

    async fn fact(&self, tenant: &TenantId, wanted: &Wanted, freshness: Freshness) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        match wanted {
            Wanted::Person(id) => {
                let person = self.person(tenant, id, freshness).await?.map(|record| record.fact());
                facts.persons.insert(id.clone(), person);
            }
            Wanted::Role(role, at_least) => {
                facts.roles.insert(role.clone(), self.members(tenant, role, *at_least, freshness).await?);
            }
            Wanted::Delegates(giver) => facts = self.delegates(tenant, giver).await?,
            Wanted::WorkingTime(calendar, from, millis) => {
                let time = self.working_time(tenant, calendar, *from, *millis, freshness).await?;
                facts.calendars.insert(calendar.clone(), time);
            }
        }
        Ok(facts)
    }

    /// A person with the items that a write of theirs must find unchanged.
    pub async fn stored_person(&self, tenant: &TenantId, id: &PersonId) -> Result<StoredPerson, Error> {
        let items = self.table.query_all(Ask::partition(&keys::person_pk(tenant, id))).await?;
        let record = PersonRecord::read(&items)?;
        let administers = |record: &PersonRecord| record.memberships.get(&RoleId::approval_admin()).is_some_and(|(_, holds)| *holds);
        let person = StoredPerson { bootstrap: None, items, record };
        if person.record.as_ref().is_some_and(administers) { self.with_bootstrap(tenant, person).await } else { Ok(person) }
    }

    /// The same, to become an administrator.
    pub async fn with_bootstrap(&self, tenant: &TenantId, person: StoredPerson) -> Result<StoredPerson, Error> {
        if person.bootstrap.is_some() {
            return Ok(person);
        }
        Ok(StoredPerson { bootstrap: Some(self.stored_document(&keys::bootstrap(tenant)).await?), ..person })
    }

    /// Writes a person with the rows of the roles held, and a job if others depend on what changed.
    pub async fn write_person(
        &self,
        author: &Author<'_>,
        id: &PersonId,
        before: &StoredPerson,
        user: &User,
        event: DirectoryEvent,
    ) -> Result<PersonWritten, Error> {
        let (main, record) = (before.main(), before.record.as_ref());
        let chained = Chained { object: format!("user/{id}"), key: keys::person(author.tenant, id), before: main };
        let change = chained.change(author, event.clone()).both(|item| item.json("d", user).bytes("sa", author.salt.0));
        // INVARIANT (role rows): the memberships read are still the person's when this is written.
        let after = ties::after(record.zip(main), user, &event, author.now)?;
        let change = change.fact(|item| after.put(item).number("g", main.map_or(0, generation) + 1));
        let mut writes = change.only_if(main.map_or_else(Condition::absent, unmoved)).writes();
        if record.is_none() {
            writes.push(reserve(&keys::folded_id(author.tenant, id), id.as_str()));
        }
        writes.extend(rows(author.tenant, id, record.map(|record| &record.user), user));
        let was_active = record.is_none_or(|record| record.user.active);
        // In another term no membership of theirs stands, and the rows say so already: they left.
        let same_term = record.is_none_or(|record| record.ties.term == after.ties.term);
        if was_active != user.active && (same_term || !user.active) {
            let generation = main.map_or(0, generation) + 1;
            writes.extend(record.into_iter().flat_map(|record| mirror((author.tenant, id), record, generation, user.active)));
        }
        if let Some(bootstrap) = before.bootstrap.as_ref().filter(|_| user.active && !was_active) {
            writes.extend(bootstrap::ends(author, bootstrap)?);
        }
        let manager = record.is_none_or(|record| record.user.manager != user.manager);
        if manager || was_active != user.active {
            writes.push(job(author, About::Person { person: id.clone(), manager }));
        }
        // News to them, or to those who have to do with what they leave behind. Whoever administers hears what becomes of another who does.
        let of_office = |record: &PersonRecord| same_term && record.offices().next().is_some();
        let ended = |record: &PersonRecord| record.ties.link_epoch != after.ties.link_epoch;
        let told_of = |record: &PersonRecord| record.user.email != user.email || record.user.active != user.active;
        if record.is_some_and(|record| told_of(record) || of_office(record) && ended(record)) {
            writes.push(told(author, &format!("user/{id}"), record.map_or(0, |record| record.version) + 1));
        }
        let reasons = self.table.transact(writes).await?;
        match reasons.get(2) {
            _ if reasons.is_empty() => Ok(PersonWritten::Done),
            Some(Reason::Condition(Some(item))) if record.is_none() => {
                let other = PersonId::new(item.s("id")?).map_err(|error| item.wrong(&error.to_string()))?;
                Ok(if other == *id { PersonWritten::Conflict } else { PersonWritten::SameLetters(other) })
            }
            _ => Ok(PersonWritten::Conflict),
        }
    }

    /// Whose id these letters are, in whatever case; none, if nobody wrote it yet.
    async fn named<T, E: std::fmt::Display>(&self, letters: &Key, read: impl FnOnce(String) -> Result<T, E>) -> Result<Option<T>, Error> {
        let Some(item) = self.table.get(letters, Freshness::Strong).await? else { return Ok(None) };
        read(item.s("id")?.to_owned()).map(Some).map_err(|error| item.wrong(&error.to_string()))
    }

    /// A commit of a directory object, with the person as it wrote them and as the one before did, if it is one of a person.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or what is there is damaged.
    pub async fn directory_change(&self, tenant: &TenantId, object: &str, version: u64) -> Result<Option<DirectoryChange>, Error> {
        let log = self.directory_log(tenant, object, Some(version.saturating_add(1)), 2).await?;
        let Some(item) = log.first() else { return Ok(None) };
        let read = |item: &Item| -> Result<DirectoryCommit, Error> {
            serde_json::from_slice(item.b("c")?).map_err(|error| item.wrong(&error.to_string()))
        };
        let (commit, previous) = (read(item)?, log.get(1).map(read).transpose()?.map(|commit| commit.event));
        if commit.version != version || commit.object != object {
            return Ok(None);
        }
        let of_person = matches!(commit.event, DirectoryEvent::User { .. });
        let person = |item: &Item| if of_person { item.opt_json("d") } else { Ok(None) };
        let (user, before) = (person(item)?, log.get(1).map(person).transpose()?.flatten());
        let (_, hash) = commit.seal();
        Ok(Some(DirectoryChange { commit, hash, user, before, previous }))
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
        Ok(self.table.query(Ask { sk, descending: true, limit: Some(limit), ..Ask::partition(&pk) }).await?.items)
    }
}

/// The rows of all the person's roles, as they must be.
fn mirror<'a>(
    (tenant, id): (&'a TenantId, &'a PersonId),
    record: &'a PersonRecord,
    generation: u64,
    active: bool,
) -> impl Iterator<Item = Write> + 'a {
    record.memberships.iter().filter(|(_, (_, holds))| *holds).map(move |(role, (version, _))| {
        let row = keys::role_row(tenant, role, id);
        row_write(&row, *version, generation, active)
    })
}
