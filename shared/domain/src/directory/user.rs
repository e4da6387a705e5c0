//! A person of the directory.

use super::{Amendment, Attempt, DirectoryEvent, differs_in_letters, precondition};
use crate::hash::{Hash, canonical};
use crate::ids::PersonId;
use crate::refusal::{NamedAs, Refusal};

/// A person, as far as commits speak of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Inactive persons neither ask nor vote.
    pub active: bool,
    /// Whom they report to.
    pub manager: Option<PersonId>,
    /// `{attributes, email, name, time_zone}`, all four always there. Commits hold only its salted hash.
    pub details: serde_json::Value,
}

/// What the rules of persons look at.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// From 1; 0: not there.
    pub version: u64,
    /// The person as they are, if there.
    pub profile: Option<Profile>,
    /// Whom they shall report to is there. Nobody asks unless that changes.
    pub manager_known: bool,
    /// Another id of the same letters but for case, if one was met.
    pub same_letters: Option<PersonId>,
}

/// Writes a person whole.
///
/// # Errors
/// [`Refusal::PreconditionFailed`], then [`Refusal::NoSuchUser`], then [`Refusal::IdCaseConflict`].
pub fn decide(view: &View, put: &Profile, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let holds = view.profile.as_ref() == Some(put);
    if let Some(settled) = precondition(view.version, holds, attempt)? {
        return Ok(settled);
    }
    reports_to_somebody(view, put)?;
    differs_in_letters(view.same_letters.as_ref())?;
    let details = Hash::text(&attempt.salt, &String::from_utf8_lossy(&canonical(&put.details)));
    Ok(Amendment::Change(DirectoryEvent::User { active: put.active, manager: put.manager.clone(), details }))
}

/// A manager who left stays one: steps that ask for them say so.
fn reports_to_somebody(view: &View, put: &Profile) -> Result<(), Refusal> {
    match new_manager(view.profile.as_ref(), put).filter(|_| !view.manager_known) {
        Some(manager) => Err(Refusal::NoSuchUser { person: manager.clone(), named_as: NamedAs::Manager }),
        None => Ok(()),
    }
}

/// Whom they report to from now on, if that changes: whoever decides must know whether that person is there.
pub fn new_manager<'a>(before: Option<&Profile>, put: &'a Profile) -> Option<&'a PersonId> {
    put.manager.as_ref().filter(|manager| before.and_then(|before| before.manager.as_ref()) != Some(*manager))
}
