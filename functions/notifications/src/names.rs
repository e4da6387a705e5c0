//! How people are called in news of the directory: by name and id.

use approvals::app;
use approvals::store::directory::User;
use approvals::wire::plain::line;
use approvals_domain::directory::DirectoryCommit;
use approvals_domain::ids::{PersonId, TenantId};

use crate::Desk;

/// Characters of a name.
const NAME_CHARS: usize = 100;

/// Whose act it was.
pub(crate) async fn by(desk: &Desk, commit: &DirectoryCommit) -> Result<String, app::Error> {
    let Some(id) = commit.actor.person() else { return Ok("The service".to_owned()) };
    name_of(desk, &commit.tenant, id).await
}

/// How a person is called, with their id.
pub(crate) async fn name_of(desk: &Desk, tenant: &TenantId, id: &PersonId) -> Result<String, app::Error> {
    let users = desk.app.directory.users(tenant, std::slice::from_ref(id)).await?;
    Ok(users.get(id).map_or_else(|| id.to_string(), |user| named(user, id)))
}

pub(crate) fn named(user: &User, id: &PersonId) -> String {
    let name = line(&user.name, NAME_CHARS);
    if name.is_empty() { id.to_string() } else { format!("{name} ({id})") }
}
