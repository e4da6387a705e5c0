//! Persons, and the roles they hold.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, member, user};
use approvals_domain::ids::{DelegationId, PersonId, RoleId, TenantId};

use super::{Amend, Amended};
use crate::app::Error;
use crate::store::directory::chain::Author;
use crate::store::directory::{PersonWritten, StoredPerson, User};
use crate::store::{self, Directory, Freshness};

/// Writes a person whole.
#[derive(Debug)]
pub struct PutUser<'a> {
    id: &'a PersonId,
    user: &'a User,
    profile: user::Profile,
    /// Who comes back is the human who left.
    keep_roles: bool,
    /// Another id of the same letters, which an attempt to write has met.
    same_letters: Option<PersonId>,
}

impl<'a> PutUser<'a> {
    /// The person `id` as they shall be.
    pub fn new(id: &'a PersonId, user: &'a User) -> Self {
        Self { id, user, profile: user.profile(), keep_roles: false, same_letters: None }
    }
}

impl PutUser<'_> {
    /// Who comes back is the human who left: memberships and delegations count again.
    #[must_use]
    pub fn keeping_roles(self, keep_roles: bool) -> Self {
        Self { keep_roles, ..self }
    }
}

fn view_of(stored: &StoredPerson, same_letters: Option<PersonId>) -> user::View {
    let record = stored.record.as_ref();
    user::View {
        manager_known: true,
        version: record.map_or(0, |record| record.version),
        profile: record.map(|record| record.user.profile()),
        ties: record.map_or_else(user::Ties::default, |record| record.ties),
        left_at: record.and_then(|record| record.left_at),
        same_letters,
    }
}

/// What a person's return ended: they had left for more than a day.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Roles that were theirs.
    pub roles: Vec<RoleId>,
    /// Delegations to them, and theirs to others.
    pub delegations: Vec<DelegationId>,
}

impl Amended<ReadUser> {
    /// What of theirs no longer counts.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn ended(&self, directory: &Directory, tenant: &TenantId, id: &PersonId) -> Result<Ended, Error> {
        let Some(before) = self.before.stored.record.as_ref().filter(|before| self.changed && !before.user.active) else {
            return Ok(Ended::default());
        };
        let now = directory.person(tenant, id, Freshness::Strong).await?;
        if now.is_none_or(|now| now.ties.term == before.ties.term) {
            return Ok(Ended::default());
        }
        let roles = before.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, _)| role.clone()).collect();
        let given = directory.given_ever(tenant, id).await?.into_iter().map(|given| given.delegation);
        let given = given.filter(|given| given.giver_term == before.ties.term).map(|given| given.id);
        let mut delegations: Vec<DelegationId> = before.received.iter().map(|received| received.id.clone()).chain(given).collect();
        delegations.sort();
        Ok(Ended { roles, delegations })
    }
}

/// Ends all links and sessions of a person.
#[derive(Debug)]
pub struct RevokeLinks<'a> {
    /// Whose.
    pub id: &'a PersonId,
}

impl Amend for RevokeLinks<'_> {
    type View = StoredPerson;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the person";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<StoredPerson, Error> {
        Ok(directory.stored_person(author.tenant, self.id).await?)
    }

    fn version(stored: &StoredPerson) -> u64 {
        stored.record.as_ref().map_or(0, |record| record.version)
    }

    fn decide(&self, stored: &StoredPerson, attempt: &Attempt) -> Result<Amendment, Undecided> {
        Ok(user::revoke_links(&view_of(stored, None), attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        stored: &StoredPerson,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        let Some(record) = &stored.record else { return Ok(false) };
        Ok(matches!(directory.write_person(author, self.id, stored, &record.user, event).await?, PersonWritten::Done))
    }
}

/// A person as read for a write.
#[derive(Debug)]
pub struct ReadUser {
    stored: StoredPerson,
    manager_known: bool,
}

impl Amend for PutUser<'_> {
    type View = ReadUser;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the person";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<ReadUser, Error> {
        let stored = directory.stored_person(author.tenant, self.id).await?;
        let before = stored.record.as_ref().map(|record| record.user.profile());
        let manager_known = match user::new_manager(before.as_ref(), &self.profile) {
            Some(manager) => directory.person(author.tenant, manager, Freshness::Strong).await?.is_some(),
            None => true,
        };
        Ok(ReadUser { stored, manager_known })
    }

    fn version(read: &ReadUser) -> u64 {
        read.stored.record.as_ref().map_or(0, |record| record.version)
    }

    fn decide(&self, read: &ReadUser, attempt: &Attempt) -> Result<Amendment, Undecided> {
        let view = user::View { manager_known: read.manager_known, ..view_of(&read.stored, self.same_letters.clone()) };
        Ok(user::decide(&view, &self.profile, self.keep_roles, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadUser,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        match directory.write_person(author, self.id, &read.stored, self.user, event).await? {
            PersonWritten::Done => return Ok(true),
            PersonWritten::Conflict => {}
            PersonWritten::SameLetters(other) => self.same_letters = Some(other),
        }
        Ok(false)
    }
}

/// Adds a member, or ends a membership.
#[derive(Debug)]
pub struct PutMember<'a> {
    /// The role.
    pub role: &'a RoleId,
    /// The person.
    pub person: &'a PersonId,
    /// Holds, or holds no longer.
    pub member: bool,
}

impl PutMember<'_> {
    fn view(&self, stored: &StoredPerson, named: Option<&RoleId>) -> member::View {
        let memberships = || stored.record.iter().flat_map(|record| &record.memberships);
        let (version, holds) = memberships().find(|(role, _)| *role == self.role).map_or((0, false), |(_, membership)| *membership);
        let roles_held = memberships().filter(|(_, (_, holds))| *holds).count();
        let same_letters = named.filter(|named| *named != self.role).cloned();
        let term = stored.record.as_ref().map_or(0, |record| record.ties.term);
        member::View { person_known: stored.record.is_some(), version, holds, term, roles_held, same_letters }
    }
}

/// A membership as read for a write.
#[derive(Debug)]
pub struct ReadMember {
    person: StoredPerson,
    /// Somebody held a role of that name before.
    named: bool,
    view: member::View,
}

impl Amend for PutMember<'_> {
    type View = ReadMember;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the membership";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<ReadMember, Error> {
        let (person, named) =
            tokio::try_join!(directory.stored_person(author.tenant, self.person), directory.role_of_letters(author.tenant, self.role))?;
        let first = self.member && *self.role == RoleId::approval_admin();
        let person = if first { directory.with_bootstrap(author.tenant, person).await? } else { person };
        Ok(ReadMember { view: self.view(&person, named.as_ref()), named: named.is_some(), person })
    }

    fn version(read: &ReadMember) -> u64 {
        read.view.version
    }

    fn decide(&self, read: &ReadMember, attempt: &Attempt) -> Result<Amendment, Undecided> {
        let put = member::Put { role: self.role, person: self.person, member: self.member };
        Ok(member::decide(&read.view, &put, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadMember,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_member(author, (self.role, self.person), (&read.person, read.named), self.member, event).await
    }
}
