//! Questions of authority, put to the domain with what the directory knows.

use approvals_domain::context::No;
use approvals_domain::directory::authority::{self, Area, Asker, FirstAdmin, Office};
use approvals_domain::facts::{Evidence, Facts};
use approvals_domain::ids::{DelegationId, PersonId, RoleId, TenantId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;

use crate::app::Error;
use crate::identity::{Identity, Scope};
use crate::store::directory::bootstrap::End;
use crate::store::directory::delegations::StoredDelegation;
use crate::store::{self, Directory, Freshness};

/// The caller, and what their client may do.
pub fn asker(identity: &Identity) -> Asker {
    let has = |scope| identity.scopes.contains(&scope);
    Asker { person: identity.caller.id.clone(), may_decide: has(Scope::Decide), may_administer: has(Scope::Admin) }
}

/// Asks until no fact is missing.
async fn answered<T>(
    directory: &Directory,
    (tenant, freshness): (&TenantId, Freshness),
    ask: impl Fn(&Evidence<'_>) -> Result<T, No>,
) -> Result<T, Error> {
    let mut facts = Facts::default();
    for _ in 0..=limits::FACT_ROUNDS {
        match ask(&Evidence::new(&facts)) {
            Ok(answer) => return Ok(answer),
            Err(No::Refused(refusal)) => return Err(refusal.into()),
            Err(No::Needs(query)) => facts.extend(directory.facts(tenant, &query, freshness).await?),
        }
    }
    Err(store::Error::Refused("a question of authority asked for facts in more rounds than are allowed".to_owned()).into())
}

/// Asks, on facts as they are now.
async fn authorised(directory: &Directory, tenant: &TenantId, ask: impl Fn(&Evidence<'_>) -> Result<(), No>) -> Result<(), Error> {
    answered(directory, (tenant, Freshness::Strong), ask).await
}

/// Whether somebody who holds no office may still set up the installation: the version of the mark of an end that stands, 0 without one.
/// `None`: they may not.
///
/// # Errors
/// [`Error`] if the store is out of reach.
pub async fn bootstraps(directory: &Directory, tenant: &TenantId, first: &FirstAdmin, person: &PersonId) -> Result<Option<u64>, Error> {
    // Most callers are not named: their refusal costs no read.
    if !first.is_open_to(person, None) {
        return Ok(None);
    }
    Ok(match directory.bootstrap_end(tenant).await? {
        End::Never => Some(0),
        End::Marked { end, version } => first.is_open_to(person, Some(&end)).then_some(version),
        End::Lost => None,
    })
}

/// By which right the caller, whose client has the scope `admin`, administers an area.
///
/// # Errors
/// [`Refusal::UnknownUser`] for a person known as inactive, [`Refusal::NotAllowed`].
pub async fn administers(directory: &Directory, identity: &Identity, first: &FirstAdmin, area: Area) -> Result<Office, Error> {
    let (tenant, person) = (&identity.tenant, &identity.caller.id);
    identity.need(Scope::Admin)?;
    let office = answered(directory, (tenant, Freshness::Strong), |evidence| authority::office(person, area, evidence)).await?;
    match office {
        Some(office) => Ok(office),
        None => match bootstraps(directory, tenant, first, person).await? {
            Some(ended_before) => Ok(Office::Bootstrap { ended_before }),
            None => Err(authority::not_in_office(area).into()),
        },
    }
}

/// Whether the caller administers requests: an active member of `approval_admin`.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::NotAllowed`].
pub async fn administers_requests(directory: &Directory, identity: &Identity) -> Result<(), Error> {
    let person = &identity.caller.id;
    authorised(directory, &identity.tenant, |evidence| {
        if !evidence.active(person)? {
            return Err(Refusal::UnknownUser(person.clone()).into());
        }
        if evidence.is_member(&RoleId::approval_admin(), person)? {
            return Ok(());
        }
        Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into())
    })
    .await
}

/// Whether the caller keeps people, and so may read their addresses: whoever holds an office for that, or sets the installation up.
///
/// # Errors
/// [`Error`] if the store is out of reach.
pub async fn keeps_people(directory: &Directory, identity: &Identity, first: &FirstAdmin) -> Result<bool, Error> {
    let (tenant, person) = (&identity.tenant, &identity.caller.id);
    let ask = |evidence: &Evidence<'_>| authority::office(person, Area::Directory, evidence);
    let office = answered(directory, (tenant, Freshness::Eventual), ask).await?;
    Ok(office.is_some() || identity.scopes.contains(&Scope::Admin) && bootstraps(directory, tenant, first, person).await?.is_some())
}

/// Whether an office reaches to a person's item, and to a role of theirs.
///
/// # Errors
/// As [`authority::may_touch`].
pub async fn may_touch(
    directory: &Directory,
    tenant: &TenantId,
    office: Office,
    (person, role): (&PersonId, Option<&RoleId>),
) -> Result<(), Error> {
    authorised(directory, tenant, |evidence| authority::may_touch(office, person, role, evidence)).await
}

/// Whether the caller may read what the directory says to everybody: not if they are known as inactive, nor by the scope `audit` alone
/// without the role for it. May miss the last second.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::NotAllowed`].
pub async fn may_read(directory: &Directory, identity: &Identity) -> Result<(), Error> {
    let person = &identity.caller.id;
    let by_audit_alone = !identity.scopes.contains(&Scope::Read) && !identity.scopes.contains(&Scope::Admin);
    let ask = |evidence: &Evidence<'_>| {
        authority::may_call(person, evidence)?;
        if by_audit_alone && !authority::audits(person, evidence)? { Err(authority::not_auditor().into()) } else { Ok(()) }
    };
    answered(directory, (&identity.tenant, Freshness::Eventual), ask).await
}

/// Whether the caller may read endpoints and whose right was passed on: whoever administers, and auditors.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::NotAllowed`].
pub async fn may_keep(directory: &Directory, identity: &Identity, first: &FirstAdmin) -> Result<(), Error> {
    let person = &identity.caller.id;
    let audits = |evidence: &Evidence<'_>| authority::audits(person, evidence);
    if identity.scopes.contains(&Scope::Audit) && answered(directory, (&identity.tenant, Freshness::Strong), audits).await? {
        return Ok(());
    }
    if identity.scopes.contains(&Scope::Admin) {
        return administers(directory, identity, first, Area::Process).await.map(drop);
    }
    Err(authority::not_auditor().into())
}

/// Whether the caller may see what a person passed on, and pass it on for them.
///
/// # Errors
/// As [`authority::may_act_for`].
pub async fn may_act_for(directory: &Directory, identity: &Identity, person: &PersonId) -> Result<(), Error> {
    let asker = asker(identity);
    let ask = |evidence: &Evidence<'_>| {
        authority::may_call(&asker.person, evidence)?;
        authority::may_act_for(&asker, person, evidence)
    };
    authorised(directory, &identity.tenant, ask).await
}

/// Whether the caller may read and write a person's preferences.
///
/// # Errors
/// As [`authority::may_choose_for`].
pub async fn may_choose_for(directory: &Directory, identity: &Identity, person: &PersonId) -> Result<(), Error> {
    authorised(directory, &identity.tenant, |evidence| authority::may_choose_for(&identity.caller.id, person, evidence)).await
}

/// A delegation that the caller may see; for others the same answer as for a missing one.
///
/// # Errors
/// [`Refusal::NoObject`].
pub async fn visible_delegation(directory: &Directory, identity: &Identity, id: &DelegationId) -> Result<StoredDelegation, Error> {
    let stored = directory.delegation(&identity.tenant, id).await?.ok_or(Refusal::NoObject("delegation"))?;
    let asker = asker(identity);
    let persons = (&stored.delegation.from, &stored.to);
    let ask = |evidence: &Evidence<'_>| {
        authority::may_call(&asker.person, evidence)?;
        authority::may_see_delegation(&asker, persons, evidence)
    };
    authorised(directory, &identity.tenant, ask).await?;
    Ok(stored)
}
