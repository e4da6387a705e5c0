//! People as a form names them: an id, or a name that only one person has.

use approvals::store::Freshness;
use approvals::web::problem::Problem;
use approvals_domain::ids::PersonId;

use crate::visit::Visit;

/// The active person that a text names; or why there is none, in words.
pub(crate) async fn named(visit: &Visit, text: &str) -> Result<Result<PersonId, String>, Problem> {
    let (directory, tenant) = (&visit.pages.app.directory, &visit.identity.tenant);
    let text = text.trim();
    if text.is_empty() {
        return Ok(Err("Name a person, by name or id.".to_owned()));
    }
    if let Ok(id) = PersonId::new(text)
        && let Some(person) = directory.person(tenant, &id, Freshness::Eventual).await?
    {
        return Ok(if person.user.active { Ok(id) } else { Err(format!("{} has left.", person.user.name)) });
    }
    Ok(Err(format!("Nobody has the id “{text}”.")))
}
