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
    let (users, choices) = tokio::try_join!(directory.users(tenant, people), directory.choices(tenant, people))?;
    let wants = |id: &PersonId| choices.get(id).is_none_or(|choices| choices.channels.mail);
    let mut reached: BTreeMap<PersonId, User> =
        users.into_iter().filter(|(id, user)| user.active && !user.email.is_empty() && wants(id)).collect();
    desk.app.set_zones(tenant, &mut reached, &choices).await?;
    Ok(reached)
}
