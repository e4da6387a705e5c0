//! Who administers, who audits, and who may act for whom.
//!
//! INVARIANT (administrators are people): a scope limits a client and entitles nobody. Whoever writes the directory or templates is an
//! active member of `approval_admin` or, for the directory, of `directory_admin`. Until `approval_admin` has had its first active member,
//! the subject who is named for it stands in, and the commits say `bootstrap`.

use serde::{Deserialize, Serialize};

use crate::context::No;
use crate::facts::Evidence;
use crate::ids::{PersonId, RoleId};
use crate::refusal::Refusal;

/// Who may set up an installation that nobody administers yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstAdmin {
    /// Anybody: on a development server.
    Anybody,
    /// One subject, by the installation's parameter.
    Named(PersonId),
    /// Nobody: no parameter was given.
    Nobody,
}

/// That the bootstrap is over. Written with the first active member of `approval_admin`, and never taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapEnd {
    /// The subject who ended it. Another subject named later opens it again for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
}

impl FirstAdmin {
    /// Whether a person may still administer without holding a role.
    pub fn is_open_to(&self, person: &PersonId, end: Option<&BootstrapEnd>) -> bool {
        match self {
            Self::Anybody => end.is_none(),
            Self::Named(named) => named == person && end.is_none_or(|end| end.by.as_ref() != Some(named)),
            Self::Nobody => false,
        }
    }
}

impl BootstrapEnd {
    /// What stands once `approval_admin` has a new active member. `bootstrap_by`: who added them, if that was by bootstrap.
    #[must_use]
    pub fn after(present: Option<&Self>, bootstrap_by: Option<&PersonId>) -> Self {
        match (present, bootstrap_by) {
            (Some(present), None) => present.clone(),
            (_, by) => Self { by: by.cloned() },
        }
    }
}

/// What an administrator writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// People, roles, calendars and settings.
    Directory,
    /// Templates, and endpoints, which are told of all requests.
    Process,
}

/// By which right somebody administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Office {
    /// A member of `approval_admin`.
    ApprovalAdmin,
    /// A member of `directory_admin` alone.
    DirectoryAdmin,
    /// Nobody administers yet, and this is the first to do so.
    Bootstrap {
        /// Version of the mark of an end that another subject made; 0: there never was one.
        ended_before: u64,
    },
}

/// The office in which a person administers an area; `None`: they hold none.
///
/// # Errors
/// [`Refusal::UnknownUser`] for a person known as inactive; [`No::Needs`] if the person is not known yet.
pub fn office(person: &PersonId, area: Area, evidence: &Evidence<'_>) -> Result<Option<Office>, No> {
    may_call(person, evidence)?;
    if evidence.is_member(&RoleId::approval_admin(), person)? {
        return Ok(Some(Office::ApprovalAdmin));
    }
    let keeps = area == Area::Directory && evidence.is_member(&RoleId::directory_admin(), person)?;
    Ok(keeps.then_some(Office::DirectoryAdmin))
}

/// Who administers an area, for whoever asked and does not.
pub fn not_in_office(area: Area) -> Refusal {
    let who = match area {
        Area::Directory => "a member of `approval_admin` or `directory_admin` with the scope `admin`",
        Area::Process => "a member of `approval_admin` with the scope `admin`",
    };
    Refusal::NotAllowed { who }
}

/// Whether an office reaches to a person's item, and to a role they are to hold or to hold no longer. `directory_admin` reaches to nobody
/// who administers or audits, and gives none of their roles: who could change the address of an administrator would get their mail.
///
/// # Errors
/// [`Refusal::NotAllowed`]; [`No::Needs`] if the person is not known yet.
pub fn may_touch(office: Office, person: &PersonId, role: Option<&RoleId>, evidence: &Evidence<'_>) -> Result<(), No> {
    if office != Office::DirectoryAdmin {
        return Ok(());
    }
    let held = evidence.person(person)?.and_then(|person| person.roles.as_ref());
    let guarded = held.is_some_and(|roles| roles.keys().any(RoleId::is_guarded)) || role.is_some_and(RoleId::is_guarded);
    if guarded { Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into()) } else { Ok(()) }
}

/// Whether an office may say whom somebody reports to. `directory_admin` decides on nothing, and so makes nobody report to themselves anew: a
/// manager votes.
///
/// # Errors
/// [`Refusal::NotAllowed`].
pub fn may_appoint(office: Office, asker: &PersonId, before: Option<&PersonId>, after: Option<&PersonId>) -> Result<(), Refusal> {
    let gains = after == Some(asker) && before != after;
    if office == Office::DirectoryAdmin && gains { Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }) } else { Ok(()) }
}

/// A person known as inactive is refused everywhere, reads included. Whom the directory does not know, it says nothing about.
///
/// # Errors
/// [`Refusal::UnknownUser`]; [`No::Needs`] if the person is not known yet.
pub fn may_call(person: &PersonId, evidence: &Evidence<'_>) -> Result<(), No> {
    match evidence.person(person)? {
        Some(known) if !known.active => Err(Refusal::UnknownUser(person.clone()).into()),
        _ => Ok(()),
    }
}

/// Who may use the scope `audit`, for whoever may not.
pub fn not_auditor() -> Refusal {
    Refusal::NotAllowed { who: "a member of `approval_audit` with the scope `audit`" }
}

/// Whether a person may use the scope `audit`: an active member of `approval_audit`. There is no bootstrap for it.
///
/// # Errors
/// [`No::Needs`] if the person is not known yet.
pub fn audits(person: &PersonId, evidence: &Evidence<'_>) -> Result<bool, No> {
    Ok(evidence.is_member(&RoleId::approval_audit(), person)?)
}

/// Who asks, and what their client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// The person.
    pub person: PersonId,
    /// The client has the scope `decide`.
    pub may_decide: bool,
    /// The client has the scope `admin`. A scope limits a client; it makes nobody an administrator.
    pub may_administer: bool,
}

/// Whether the asker may pass on a person's rights, and see what that person passed on. The person themselves may with the scope `decide`.
/// For others it takes the scope `admin` in the hands of an active member of `approval_admin`.
///
/// # Errors
/// [`Refusal::DecideNeeded`] or [`Refusal::NotAllowed`]; [`No::Needs`] if the asker is not known yet.
pub fn may_act_for(asker: &Asker, person: &PersonId, evidence: &Evidence<'_>) -> Result<(), No> {
    if asker.person == *person {
        return if asker.may_decide { Ok(()) } else { Err(Refusal::DecideNeeded.into()) };
    }
    if asker.may_administer && evidence.is_member(&RoleId::approval_admin(), &asker.person)? {
        return Ok(());
    }
    Err(Refusal::NotAllowed { who: "the person themselves, and members of `approval_admin` with the scope `admin`" }.into())
}

/// Whether the asker may know of a delegation: whoever received it may, and whoever [may act for](may_act_for) the giver.
///
/// # Errors
/// [`Refusal::NoObject`], the same as for a delegation that is not there; [`Refusal::DecideNeeded`]; [`No::Needs`].
pub fn may_see_delegation(asker: &Asker, (from, to): (&PersonId, &PersonId), evidence: &Evidence<'_>) -> Result<(), No> {
    if asker.person == *to {
        return Ok(());
    }
    match may_act_for(asker, from, evidence) {
        Err(No::Refused(Refusal::NotAllowed { .. } | Refusal::DecideNeeded)) => Err(Refusal::NoObject("delegation").into()),
        answer => answer,
    }
}

/// Only the person themselves, active, reads and writes their preferences. Administrators do not.
///
/// # Errors
/// [`Refusal::NotAllowed`], then [`Refusal::UnknownUser`]; [`No::Needs`] if the asker is not known yet.
pub fn may_choose_for(asker: &PersonId, person: &PersonId, evidence: &Evidence<'_>) -> Result<(), No> {
    if asker != person {
        return Err(Refusal::NotAllowed { who: "the person themselves" }.into());
    }
    if evidence.active(person)? { Ok(()) } else { Err(Refusal::UnknownUser(person.clone()).into()) }
}
