//! Persons, and the roles they hold.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, member, user};
use approvals_domain::ids::{PersonId, RoleId};

use super::Amend;
use crate::app::Error;
use crate::store::directory::chain::Author;
use crate::store::directory::{PersonWritten, StoredPerson, User};
use crate::store::{self, Directory};

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

impl Amend for PutUser<'_> {
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
        let profile = stored.record.as_ref().map(|record| record.user.profile());
        let view = user::View { version: Self::version(stored), profile, same_letters: self.same_letters.clone() };
        Ok(user::decide(&view, &self.profile, attempt)?)
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        stored: &StoredPerson,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        match directory.write_person(author, self.id, stored, self.user, event).await? {
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
    fn view(&self, stored: &StoredPerson) -> member::View {
        let memberships = || stored.record.iter().flat_map(|record| &record.memberships);
        let (version, holds) = memberships().find(|(role, _)| *role == self.role).map_or((0, false), |(_, membership)| *membership);
        let roles_held = memberships().filter(|(_, (_, holds))| *holds).count();
        member::View { person_known: stored.record.is_some(), version, holds, roles_held }
    }
}

/// A membership as read for a write.
#[derive(Debug)]
pub struct ReadMember {
    person: StoredPerson,
    view: member::View,
}

impl Amend for PutMember<'_> {
    type View = ReadMember;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the membership";

    async fn load(&self, directory: &Directory, author: &Author<'_>, _: Option<u64>) -> Result<ReadMember, Error> {
        let person = directory.stored_person(author.tenant, self.person).await?;
        Ok(ReadMember { view: self.view(&person), person })
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
        directory.write_member(author, (self.role, self.person), &read.person, self.member, event).await
    }
}
