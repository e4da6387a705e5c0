//! Persons, and the roles they hold.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, member, user};
use approvals_domain::ids::{PersonId, RoleId};

use super::Amend;
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
    /// Another id of the same letters, which an attempt to write has met.
    same_letters: Option<PersonId>,
}

impl<'a> PutUser<'a> {
    /// The person `id` as they shall be.
    pub fn new(id: &'a PersonId, user: &'a User) -> Self {
        Self { id, user, profile: user.profile(), same_letters: None }
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
        let profile = read.stored.record.as_ref().map(|record| record.user.profile());
        let (version, manager_known) = (Self::version(read), read.manager_known);
        let view = user::View { version, profile, manager_known, same_letters: self.same_letters.clone() };
        Ok(user::decide(&view, &self.profile, attempt)?)
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
        member::View { person_known: stored.record.is_some(), version, holds, roles_held, same_letters }
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
