//! A membership: a person holds a role, or holds it no longer.

use super::{Amendment, Attempt, DirectoryEvent, differs_in_letters, precondition};
use crate::ids::{PersonId, RoleId};
use crate::limits;
use crate::refusal::{Limit, NamedAs, Refusal};

/// What the rules of memberships look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The person is in the directory, active or not.
    pub person_known: bool,
    /// Of the membership, from 1; 0: the person never held the role.
    pub version: u64,
    /// The person holds the role.
    pub holds: bool,
    /// Of the person, now: a membership counts in its term alone.
    pub term: u32,
    /// Roles the person holds.
    pub roles_held: usize,
    /// Another role whose name differs only in letter case: who asks for one would never see the other's tasks.
    pub same_letters: Option<RoleId>,
}

/// A membership as it shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put<'a> {
    /// The role.
    pub role: &'a RoleId,
    /// The person.
    pub person: &'a PersonId,
    /// Holds, or holds no longer.
    pub member: bool,
}

/// Adds a member, or ends a membership.
///
/// # Errors
/// [`Refusal::NoSuchUser`] when adding, [`Refusal::NoObject`] when ending; then [`Refusal::PreconditionFailed`],
/// [`Refusal::IdCaseConflict`], [`Refusal::LimitReached`].
pub fn decide(view: &View, put: &Put<'_>, attempt: &Attempt) -> Result<Amendment, Refusal> {
    person_known(view, put)?;
    if let Some(settled) = precondition(view.version, view.holds == put.member, attempt)? {
        return Ok(settled);
    }
    name_is_free(view, put)?;
    has_room(view, put)?;
    let Put { role, person, member } = *put;
    Ok(Amendment::Change(DirectoryEvent::Member { role: role.clone(), user: person.clone(), member, term: view.term }))
}

fn person_known(view: &View, put: &Put<'_>) -> Result<(), Refusal> {
    match (view.person_known, put.member) {
        (true, _) => Ok(()),
        (false, true) => Err(Refusal::NoSuchUser { person: put.person.clone(), named_as: NamedAs::Member }),
        (false, false) => Err(Refusal::NoObject("user")),
    }
}

fn name_is_free(view: &View, put: &Put<'_>) -> Result<(), Refusal> {
    differs_in_letters(view.same_letters.as_ref().filter(|_| put.member))
}

/// The rows of all roles are rewritten in one transaction when the person leaves.
fn has_room(view: &View, put: &Put<'_>) -> Result<(), Refusal> {
    if put.member && view.roles_held >= limits::ROLES_PER_PERSON { Err(Refusal::LimitReached(Limit::Roles)) } else { Ok(()) }
}
