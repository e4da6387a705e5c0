//! What people are called, and when things are where they live.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::actor::Actor;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::state::Request;
use chrono_tz::Tz;

use crate::app::{App, Error};
use crate::store::directory::User;
use crate::store::directory::documents::Preferences;
use crate::wire::plain::line;
use crate::wire::summary::{self, NameView};

/// Characters of a name that are shown.
pub const NAME_CHARS: usize = 100;
/// People above whom a level may have climbed that are looked at.
const BELOW: usize = 25;

/// People by id, and how to call them.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<PersonId, User>);

impl Names {
    /// The name, or the id of whoever is not there any more.
    pub fn of(&self, id: &PersonId) -> String {
        let name = self.0.get(id).map(|user| line(&user.name, NAME_CHARS)).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| id.to_string())
    }

    /// Whether somebody is known to have left.
    pub fn has_left(&self, id: &PersonId) -> bool {
        self.0.get(id).is_some_and(|user| !user.active)
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
    /// Where somebody's clock stands: the zone that they chose, else that of their record, else that of the tenant's calendar; none: UTC.
    ///
    /// INVARIANT (one clock): mails, links, pages and answers ask here.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn zone_of(&self, tenant: &TenantId, chosen: Option<&str>, recorded: Option<&str>) -> Result<Option<String>, Error> {
        let known = [chosen, recorded].into_iter().flatten().find(|name| name.parse::<Tz>().is_ok());
        match known {
            Some(name) => Ok(Some(name.to_owned())),
            None => Ok(self.directory.tenant_zone(tenant, self.clock.now()).await?),
        }
    }

    /// The same of people as they were read, each in their record.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn set_zones(
        &self,
        tenant: &TenantId,
        people: &mut BTreeMap<PersonId, User>,
        choices: &BTreeMap<PersonId, Preferences>,
    ) -> Result<(), Error> {
        for (id, user) in people {
            let chosen = choices.get(id).and_then(|choices| choices.time_zone.as_deref());
            user.time_zone = self.zone_of(tenant, chosen, user.time_zone.as_deref()).await?;
        }
        Ok(())
    }

    /// Names of everybody a request's story speaks of, and of these.
    pub async fn names<'a>(&self, request: &Request, more: impl IntoIterator<Item = &'a PersonId>) -> Result<Names, Error> {
        let votes = request.votes().flat_map(|vote| [&vote.by.id, vote.person()]);
        let ended = request.outcome().and_then(|outcome| outcome.by.person());
        // Why somebody is asked speaks of whoever had the seat before, and of those whose manager they are.
        let openings = || request.live_steps().map(|(_, opening)| opening);
        let givers = openings().flat_map(|opening| opening.released.keys());
        let below = openings().filter(|opening| opening.level > 0).flat_map(|opening| &opening.candidates);
        let below = below.filter_map(|placed| placed.candidate.person()).take(BELOW);
        let everybody = [&request.requester, &request.submitted_by, request.asks()].into_iter().chain(votes).chain(ended);
        let everybody = everybody.chain(givers).chain(below).cloned();
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
