//! Roles: who holds one. A membership belongs to the person; the role has a row for each active member, kept by the same transaction.

use std::collections::BTreeSet;

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::facts::Members;
use approvals_domain::ids::{CalendarId, PersonId, RoleId, TenantId};

use futures_util::future::try_join_all;

use super::chain::{Author, Chained, reserve};
use super::{StoredPerson, bootstrap, generation, job, tells_of_members, ties, told, unmoved};
use crate::store::jobs::About;
use crate::store::keys::{self, Key};
use crate::store::{Ask, Directory, Error, Freshness, Item, Range, Write};
use crate::template::Known;

/// Roles, and people, looked up for the warnings about one template.
const LOOKED_UP: usize = 100;

impl Directory {
    /// Active members of a role in the order of ids: at least so many, or all.
    pub async fn members(&self, tenant: &TenantId, role: &RoleId, at_least: usize, freshness: Freshness) -> Result<Members, Error> {
        let pk = keys::role_pk(tenant, role);
        let mut ask = Ask { freshness, ..Ask::partition(&pk) };
        let mut members = Members::default();
        loop {
            let page = self.table.query(ask.clone()).await?;
            for item in page.items.iter().filter(|item| stands(item)) {
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
        let mut ask = Ask { sk, limit: i32::try_from(limit).ok(), ..Ask::partition(&pk) };
        let mut found = Vec::new();
        loop {
            let page = self.table.query_sound_page(ask.clone()).await?;
            for item in page.items.iter().filter(|item| stands(item)) {
                let id = PersonId::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?;
                found.push((id, item.n("v")?));
            }
            let more = page.next.is_some() || found.len() > limit;
            if !more || found.len() >= limit {
                found.truncate(limit);
                return Ok((found, more));
            }
            ask.start = page.next;
        }
    }

    /// A page of roles that somebody holds or held, in the order of names. `true`: there may be more. May miss the last second.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn roles(&self, tenant: &TenantId, after: Option<&str>, limit: usize) -> Result<(Vec<String>, bool), Error> {
        self.listed(&keys::roles_list(tenant), after, limit).await
    }

    /// A page of a list's sort keys.
    pub(super) async fn listed(&self, pk: &str, after: Option<&str>, limit: usize) -> Result<(Vec<String>, bool), Error> {
        let sk = after.map_or(Range::All, Range::After);
        let ask = Ask { sk, limit: i32::try_from(limit).ok(), freshness: Freshness::Eventual, ..Ask::partition(pk) };
        let page = self.table.query(ask).await?;
        let names = page.items.iter().map(|item| item.s(keys::SK).map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok((names, page.next.is_some()))
    }

    /// Of these roles, people and calendars those the directory has; a role is there while an active person holds it. For one that it does
    /// not have, the one of the same letters in another case, if there is one. Of each kind at most [`LOOKED_UP`] are looked up, and the
    /// rest counts as known: this is for warnings only.
    pub async fn known(&self, tenant: &TenantId, named: Known) -> Result<Known, Error> {
        let people: Vec<PersonId> = named.people.iter().take(LOOKED_UP).filter_map(|id| PersonId::new(id.as_str()).ok()).collect();
        let keys: Vec<Key> = people.iter().map(|id| keys::person(tenant, id)).collect();
        let found = self.table.batch_get(&keys, Freshness::Eventual).await?;
        let found: BTreeSet<Key> = found.iter().filter_map(Item::key).collect();
        let mut known = Known {
            people: people.iter().zip(&keys).filter(|(_, key)| found.contains(key)).map(|(id, _)| id.to_string()).collect(),
            roles: named.roles.iter().skip(LOOKED_UP).cloned().collect(),
            calendars: self.calendars(tenant, &named.calendars).await?,
        };
        known.people.extend(named.people.iter().skip(LOOKED_UP).cloned());
        let asked = named.roles.iter().take(LOOKED_UP).filter_map(|role| RoleId::new(role.as_str()).ok());
        let held = try_join_all(asked.map(|role| self.held(tenant, role))).await?;
        known.roles.extend(held.into_iter().flatten());
        let (people, roles, calendars) = tokio::try_join!(
            self.same_letters(&named.people, &known.people, |id| Some(keys::folded_id(tenant, &PersonId::new(id).ok()?))),
            self.same_letters(&named.roles, &known.roles, |id| Some(keys::folded_role(tenant, &RoleId::new(id).ok()?))),
            self.same_letters(&named.calendars, &known.calendars, |id| Some(keys::folded_calendar(tenant, &CalendarId::new(id).ok()?))),
        )?;
        known.people.extend(people);
        known.roles.extend(roles);
        known.calendars.extend(calendars);
        Ok(known)
    }

    /// For each that is not there, the one of the same letters.
    async fn same_letters(
        &self,
        named: &BTreeSet<String>,
        there: &BTreeSet<String>,
        letters: impl Fn(&str) -> Option<Key>,
    ) -> Result<Vec<String>, Error> {
        let missing = named.iter().take(LOOKED_UP).filter(|id| !there.contains(*id));
        let keys: Vec<Key> = missing.filter_map(|id| letters(id)).collect();
        let found = try_join_all(keys.iter().map(|key| self.named(key, Ok::<String, Error>))).await?;
        // One of the very name is a role that nobody holds now.
        Ok(found.into_iter().flatten().filter(|id| !named.contains(id)).collect())
    }

    /// Those of these calendars that are there.
    async fn calendars(&self, tenant: &TenantId, named: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
        let keys: Vec<Key> = named.iter().map(|id| keys::calendar(tenant, id)).collect();
        let found = self.table.batch_get(&keys, Freshness::Eventual).await?;
        let found: BTreeSet<Key> = found.iter().filter_map(Item::key).collect();
        Ok(named.iter().zip(&keys).filter(|(_, key)| found.contains(key)).map(|(id, _)| id.clone()).collect())
    }

    /// The role's name if an active person holds it.
    async fn held(&self, tenant: &TenantId, role: RoleId) -> Result<Option<String>, Error> {
        let members = self.members(tenant, &role, 1, Freshness::Eventual).await?;
        Ok((!members.versions.is_empty()).then(|| role.to_string()))
    }

    /// The role whose name has these letters, in whatever case; none yet, if nobody ever held one.
    pub async fn role_of_letters(&self, tenant: &TenantId, role: &RoleId) -> Result<Option<RoleId>, Error> {
        self.named(&keys::folded_role(tenant, role), RoleId::new).await
    }

    /// Writes a membership with the role's row, and a job for the steps that name the role. `false`: what was read has changed.
    pub async fn write_member(
        &self,
        author: &Author<'_>,
        (role, id): (&RoleId, &PersonId),
        (before, named): (&StoredPerson, bool),
        member: bool,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (Some(person), Some(main)) = (&before.record, before.main()) else { return Ok(false) };
        let key = keys::membership(author.tenant, id, role);
        let membership = before.items.iter().find(|item| item.opt_s(keys::SK) == Some(key.sk.as_str()));
        let chained = Chained { object: format!("member/{role}/{id}"), key, before: membership };
        let version = chained.version();
        let change = chained.change(author, event).both(|item| item.number("m", u8::from(member)));
        let mut writes = change.fact(|item| ties::put(item, ties::TERM, person.ties.term)).writes();
        let row = keys::role_row(author.tenant, role, id);
        // INVARIANT (role rows): a row stands exactly while membership and person are both active, and says so otherwise: whoever takes
        // one away is told from the service. All of it changes in one transaction. The person's item counts this write, so that nobody takes the person away with the memberships of before.
        writes.push(row_write(&row, version + 1, generation(main) + 1, member && person.user.active));
        if member && !named {
            writes.push(reserve(&keys::folded_role(author.tenant, role), role.as_str()));
            writes.push(Write::Put(Item::new(&keys::listed_role(author.tenant, role)), None));
        }
        writes.push(Write::Put(main.clone().number("g", generation(main) + 1), Some(unmoved(main))));
        if let Some(bootstrap) = before.bootstrap.as_ref().filter(|_| member && person.user.active && *role == RoleId::approval_admin()) {
            writes.extend(bootstrap::ends(author, bootstrap)?);
        }
        writes.push(job(author, About::Member { role: role.clone(), person: id.clone() }));
        if member || tells_of_members(role) {
            writes.push(told(author, &format!("member/{role}/{id}"), version + 1));
        }
        Ok(self.table.transact(writes).await?.is_empty())
    }
}

/// A role's row for a person: the membership's version, the person's generation, and whether it stands. A row is never taken away.
pub(super) fn row_write(row: &Key, version: u64, generation: u64, stands: bool) -> Write {
    Write::Put(Item::new(row).number("v", version).number("g", generation).number("m", u8::from(stands)), None)
}

fn stands(row: &Item) -> bool {
    row.opt_n("m") == Some(1)
}
