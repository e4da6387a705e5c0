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

/// The zone of their own, if they have one that exists.
fn own_zone(chosen: Option<&str>, recorded: Option<&str>) -> Option<String> {
    [chosen, recorded].into_iter().flatten().find(|name| name.parse::<Tz>().is_ok()).map(str::to_owned)
}

impl App {
    /// Where somebody's clock stands: the zone that they chose, else that of their record, else that of the tenant's calendar; none: UTC.
    ///
    /// INVARIANT (one clock): mails, links, pages and answers ask here.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn zone_of(&self, tenant: &TenantId, chosen: Option<&str>, recorded: Option<&str>) -> Result<Option<String>, Error> {
        match own_zone(chosen, recorded) {
            Some(name) => Ok(Some(name)),
            None => Ok(self.directory.tenant_zone(tenant, self.clock.now()).await?),
        }
    }

    /// Those of these people for whom something holds, as they were written, each with the zone where their clock stands.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn placed(
        &self,
        tenant: &TenantId,
        people: &[PersonId],
        holds: impl Fn(&User, Option<&Preferences>) -> bool,
    ) -> Result<BTreeMap<PersonId, User>, Error> {
        let mut placed = BTreeMap::new();
        if people.is_empty() {
            return Ok(placed);
        }
        for (id, (user, choices)) in self.directory.with_choices(tenant, people).await? {
            if holds(&user, choices.as_ref()) {
                let chosen = choices.as_ref().and_then(|choices| choices.time_zone.as_deref());
                let time_zone = own_zone(chosen, user.time_zone.as_deref());
                placed.insert(id, User { time_zone, ..user });
            }
        }
        if placed.values().any(|user| user.time_zone.is_none()) {
            let zone = self.directory.tenant_zone(tenant, self.clock.now()).await?;
            placed.values_mut().filter(|user| user.time_zone.is_none()).for_each(|user| user.time_zone.clone_from(&zone));
        }
        Ok(placed)
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
