//! Who can be written to, wants it, and where their clock stands: one rule for every mail that a person may switch off.

use std::collections::BTreeMap;

use approvals::app;
use approvals::store::directory::User;
use approvals_domain::ids::{PersonId, TenantId};

use crate::Desk;

/// Those of these who are here, have an address and want mail. Their zone is the one they chose, else that of their record, else that of
/// the tenant's calendar.
pub(crate) async fn reached(desk: &Desk, tenant: &TenantId, people: &[PersonId]) -> Result<BTreeMap<PersonId, User>, app::Error> {
    if people.is_empty() {
        return Ok(BTreeMap::new());
    }
    let directory = &desk.app.directory;
    let mut reached: BTreeMap<PersonId, User> = BTreeMap::new();
    for (id, (mut user, choices)) in directory.with_choices(tenant, people).await? {
        let wants = choices.as_ref().is_none_or(|choices| choices.channels.mail);
        if user.active && !user.email.is_empty() && wants {
            user.time_zone = choices.and_then(|choices| choices.time_zone).or(user.time_zone);
            reached.insert(id, user);
        }
    }
    if reached.values().any(|user| user.time_zone.is_none()) {
        let zone = directory.tenant_zone(tenant, desk.now()).await?;
        reached.values_mut().filter(|user| user.time_zone.is_none()).for_each(|user| user.time_zone.clone_from(&zone));
    }
    Ok(reached)
}
