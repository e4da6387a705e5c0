//! Questions of authority, put to the domain with what the directory knows.

use approvals_domain::context::No;
use approvals_domain::directory::authority::{self, Asker};
use approvals_domain::facts::{Evidence, Facts};
use approvals_domain::ids::{DelegationId, PersonId, TenantId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;

use crate::app::Error;
use crate::identity::{Identity, Scope};
use crate::store::directory::delegations::StoredDelegation;
use crate::store::{self, Directory, Freshness};

/// The caller, and what their client may do.
pub fn asker(identity: &Identity) -> Asker {
    let has = |scope| identity.scopes.contains(&scope);
    Asker { person: identity.caller.id.clone(), may_decide: has(Scope::Decide), may_administer: has(Scope::Admin) }
}

/// Asks until no fact is missing.
async fn authorised(directory: &Directory, tenant: &TenantId, ask: impl Fn(&Evidence<'_>) -> Result<(), No>) -> Result<(), Error> {
    let mut facts = Facts::default();
    for _ in 0..=limits::FACT_ROUNDS {
        match ask(&Evidence::new(&facts)) {
            Ok(()) => return Ok(()),
            Err(No::Refused(refusal)) => return Err(refusal.into()),
            Err(No::Needs(query)) => facts.extend(directory.facts(tenant, &query, Freshness::Strong).await?),
        }
    }
    Err(store::Error::Refused("a question of authority asked for facts in more rounds than are allowed".to_owned()).into())
}

/// Whether the caller may see what a person passed on, and pass it on for them.
///
/// # Errors
/// As [`authority::may_act_for`].
pub async fn may_act_for(directory: &Directory, identity: &Identity, person: &PersonId) -> Result<(), Error> {
    let asker = asker(identity);
    authorised(directory, &identity.tenant, |evidence| authority::may_act_for(&asker, person, evidence)).await
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
    authorised(directory, &identity.tenant, |evidence| authority::may_see_delegation(&asker, persons, evidence)).await?;
    Ok(stored)
}
