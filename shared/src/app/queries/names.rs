//! What people are called, and when things are where they live.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::actor::Actor;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::state::Request;
use chrono_tz::Tz;

use crate::app::{App, Error};
use crate::store::directory::User;
use crate::wire::plain::line;
use crate::wire::summary::{self, NameView};

/// Characters of a name that are shown.
pub const NAME_CHARS: usize = 100;

/// People by id, and how to call them.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<PersonId, User>);

impl Names {
    /// The name, or the id of whoever is not there any more.
    pub fn of(&self, id: &PersonId) -> String {
        let name = self.0.get(id).map(|user| line(&user.name, NAME_CHARS)).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| id.to_string())
    }

    /// Everybody in an answer, by id.
    pub fn views(self) -> BTreeMap<String, NameView> {
        summary::names(self.0)
    }

    /// Whether somebody reports to somebody, as far as is known here.
    pub fn reports_to(&self, id: &PersonId, manager: &PersonId) -> bool {
        self.0.get(id).is_some_and(|user| user.manager.as_ref() == Some(manager))
    }

    /// Whose act it was.
    pub fn actor(&self, actor: &Actor) -> String {
        actor.person().map_or_else(|| "the system, as the template says".to_owned(), |id| self.of(id))
    }
}

/// A person's zone; UTC if none is known.
pub fn zone(user: &User) -> Tz {
    user.time_zone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

impl App {
    /// Names of everybody a request's story speaks of, and of these.
    pub async fn names<'a>(&self, request: &Request, more: impl IntoIterator<Item = &'a PersonId>) -> Result<Names, Error> {
        let votes = request.votes().flat_map(|vote| [&vote.by.id, vote.person()]);
        let ended = request.outcome().and_then(|outcome| outcome.by.person());
        let everybody = [&request.requester, &request.submitted_by].into_iter().chain(votes).chain(ended).cloned();
        let ids: BTreeSet<PersonId> = everybody.chain(more.into_iter().cloned()).collect();
        self.people(&request.tenant, ids).await
    }

    /// Names of these people.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn people(&self, tenant: &TenantId, ids: impl IntoIterator<Item = PersonId>) -> Result<Names, Error> {
        let ids: BTreeSet<PersonId> = ids.into_iter().collect();
        let ids: Vec<PersonId> = ids.into_iter().collect();
        Ok(Names(self.directory.users(tenant, &ids).await?))
    }
}
