//! People as a form names them: an id, or a name that only one person has.

use approvals::store::Freshness;
use approvals::store::directory::found::folded;
use approvals::web::problem::Problem;
use approvals_domain::ids::PersonId;

use crate::visit::Visit;

/// People whose name has a word like the first one that are looked at.
const LOOKED_AT: usize = 100;

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
    let same = |name: &str| folded(name) == folded(text);
    let found = directory.people(tenant, text, LOOKED_AT).await?;
    let mut alike = found.iter().filter(|(_, user)| user.active && same(&user.name)).map(|(id, _)| id.clone());
    Ok(match (alike.next(), alike.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(format!("Several people are called “{text}”: name one by id.")),
        (None, _) => Err(format!("Nobody here is called “{text}”, or has this id.")),
    })
}
