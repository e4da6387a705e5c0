//! Who can be written to, wants it, and where their clock stands: one rule for every mail that a person may switch off.

use std::collections::BTreeMap;

use approvals::app;
use approvals::store::directory::User;
use approvals_domain::ids::{PersonId, TenantId};

use crate::Desk;

/// Those of these who are here, have an address and want mail, with the zone where their clock stands.
pub(crate) async fn reached(desk: &Desk, tenant: &TenantId, people: &[PersonId]) -> Result<BTreeMap<PersonId, User>, app::Error> {
    let placed = desk.app.placed(tenant, people, |user, choices| {
        user.active && !user.email.is_empty() && choices.is_none_or(|choices| choices.channels.mail)
    });
    placed.await
}

/// One who is here and has an address, for what nobody switches off.
pub(crate) async fn addressed(desk: &Desk, tenant: &TenantId, id: &PersonId) -> Result<Option<User>, app::Error> {
    let placed = desk.app.placed(tenant, std::slice::from_ref(id), |user, _| user.active && !user.email.is_empty());
    Ok(placed.await?.remove(id))
}
