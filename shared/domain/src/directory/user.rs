//! A person of the directory.
//!
//! INVARIANT (as they are now): an id outlives the human behind it. Links and sessions belong to an epoch, which ends when the person leaves,
//! gets another address, or somebody ends it by hand. Memberships and delegations belong to a term, which ends when the person comes back
//! after more than a day, unless whoever lets them in says that they are the same.

use super::{Amendment, Attempt, DirectoryEvent, differs_in_letters, precondition};
use crate::hash::{Hash, canonical};
use crate::ids::PersonId;
use crate::refusal::{NamedAs, Refusal};
use crate::time::Timestamp;

/// Who is back within so long keeps their roles: a mistake was mended.
pub const BACK_MILLIS: i64 = 24 * 3_600_000;

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

/// What links, sessions, memberships and delegations of a person are tied to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ties {
    /// Of links and sessions.
    pub link_epoch: u32,
    /// Of memberships and delegations.
    pub term: u32,
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
    /// What of theirs counts.
    pub ties: Ties,
    /// When they left, if they have.
    pub left_at: Option<Timestamp>,
    /// Another id of the same letters but for case, if one was met.
    pub same_letters: Option<PersonId>,
}

/// Writes a person whole. `keep_roles`: who comes back is the human who left.
///
/// # Errors
/// [`Refusal::PreconditionFailed`], then [`Refusal::NoSuchUser`], then [`Refusal::IdCaseConflict`].
pub fn decide(view: &View, put: &Profile, keep_roles: bool, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let holds = view.profile.as_ref() == Some(put);
    if let Some(settled) = precondition(view.version, holds, attempt)? {
        return Ok(settled);
    }
    reports_to_somebody(view, put)?;
    differs_in_letters(view.same_letters.as_ref())?;
    Ok(Amendment::Change(event(put, ties(view, put, keep_roles, attempt.now), attempt)))
}

/// Ends all links and sessions of a person.
///
/// # Errors
/// [`Refusal::NoObject`], then [`Refusal::PreconditionFailed`].
pub fn revoke_links(view: &View, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let profile = view.profile.as_ref().ok_or(Refusal::NoObject("user"))?;
    let ours = attempt.tried.is_some_and(|tried| view.version == tried + 1);
    if let Some(settled) = precondition(view.version, ours, attempt)? {
        return Ok(settled);
    }
    Ok(Amendment::Change(event(profile, Ties { link_epoch: view.ties.link_epoch.saturating_add(1), ..view.ties }, attempt)))
}

fn ties(view: &View, put: &Profile, keep_roles: bool, now: Timestamp) -> Ties {
    let Some(before) = &view.profile else { return view.ties };
    let leaves = before.active && !put.active;
    let moves = before.details.get("email") != put.details.get("email");
    let returns = !before.active && put.active;
    let lately = view.left_at.is_none_or(|left| now < left.plus_millis(BACK_MILLIS));
    Ties {
        link_epoch: view.ties.link_epoch.saturating_add(u32::from(leaves || moves)),
        term: view.ties.term.saturating_add(u32::from(returns && !lately && !keep_roles)),
    }
}

fn event(profile: &Profile, Ties { link_epoch, term }: Ties, attempt: &Attempt) -> DirectoryEvent {
    let details = Hash::text(&attempt.salt, &String::from_utf8_lossy(&canonical(&profile.details)));
    DirectoryEvent::User { active: profile.active, manager: profile.manager.clone(), details, link_epoch, term }
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
