//! Who may act for whom in the directory.

use crate::context::No;
use crate::facts::Evidence;
use crate::ids::{PersonId, RoleId};
use crate::refusal::Refusal;

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
