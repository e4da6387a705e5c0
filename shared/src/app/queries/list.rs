//! Lists of requests: by requester, by template, by entity, the blocked ones.

use std::sync::Arc;

use approvals_domain::ids::{Entity, PersonId, RequestId, TemplateKey, TenantId, normal};
use approvals_domain::state::{Request, Status};
use approvals_domain::time::Timestamp;

use crate::app::{App, Error};
use crate::identity::Identity;
use crate::store::requests::Record;
use crate::store::requests::lists::{Place, Window};
use crate::store::{Freshness, Inboxes, keys};

/// Index pages read for one page of an answer while all that was found is filtered away.
pub const ROUNDS: usize = 12;
/// Requests that a search shows.
const FOUND: i32 = 25;

/// A page of requests that hints lead to, each once.
async fn hinted(inboxes: &Inboxes, pk: &str, place: Option<&Place>, limit: i32) -> Result<(Vec<RequestId>, Option<Place>), Error> {
    let after = place.map(|place| place.created.as_str());
    let (hints, last) = inboxes.hints(pk, after, limit, Freshness::Eventual).await?;
    let mut ids: Vec<RequestId> = hints.into_iter().map(|hint| hint.request).collect();
    ids.dedup();
    Ok((ids, last.map(|created| Place { created, month: None })))
}

/// The list a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Those a person submitted, or had submitted for them, newest first.
    Requester(PersonId),
    /// Those of a template, newest first.
    Template(TemplateKey),
    /// Those about an entity, whatever the template, newest first.
    About(Entity),
    /// Those a person voted on, newest first.
    DecidedBy(PersonId),
    /// Those with a blocked step, soonest due first.
    Blocked,
    /// Those with a late step of a template that has a clock, the longest late first.
    Overdue,
    /// Those that wait for a person's vote, soonest due first.
    Approver(PersonId),
}

impl Source {
    /// Whether a request belongs to it as it stands now: what lists say may be old.
    pub fn holds(&self, request: &Request, now: Timestamp) -> bool {
        match self {
            Self::Requester(person) => request.requester == *person || request.asks() == person,
            Self::Template(template) => request.template.key == *template,
            Self::About(entity) => request.entity == *entity,
            Self::Blocked => request.blocked(),
            Self::Overdue => request.live_steps().any(|(_, opening)| opening.due_at <= now),
            // A vote stands for good, and whose turn it is was just asked.
            Self::DecidedBy(_) | Self::Approver(_) => true,
        }
    }
}

impl App {
    /// The window that holds a template's requests: months before its first version hold nothing.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn window_of(&self, tenant: &TenantId, template: &TemplateKey, window: Window) -> Result<Window, Error> {
        let pointer = self.directory.pointer(tenant, template).await?;
        let since = pointer.map_or(window.to, |pointer| pointer.since.plus_millis(-600_000));
        Ok(Window { from: window.from.max(since), ..window })
    }

    /// A page of a list, and where the next one starts, if there may be more.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn page(
        &self,
        inboxes: &Inboxes,
        tenant: &TenantId,
        (source, window): (&Source, Window),
        place: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<Place>), Error> {
        let requests = &self.requests;
        let count = i32::try_from(limit).unwrap_or(i32::MAX);
        let (ids, next) = match source {
            Source::Requester(requester) => requests.by_requester(tenant, requester, window, place, count).await?,
            Source::Template(template) => requests.by_template(tenant, template, window, place, count).await?,
            Source::About(entity) => inboxes.listed(&keys::entity_list(tenant, entity.id.as_str()), window, place, count).await?,
            Source::DecidedBy(person) => inboxes.listed(&keys::decided_list(tenant, person), window, place, count).await?,
            Source::Blocked => hinted(inboxes, &keys::inbox_blocked(tenant), place, count).await?,
            Source::Overdue => hinted(inboxes, &keys::overdue_list(tenant), place, count).await?,
            Source::Approver(person) => {
                let after = place.map(|place| place.created.as_str());
                let (waiting, last) = self.waiting_for(inboxes, (tenant, person), after, limit).await?;
                let mut records: Vec<Record> = waiting.into_iter().map(|task| Arc::unwrap_or_clone(task.record)).collect();
                records.dedup_by(|one, other| one.state.id == other.state.id);
                return Ok((records, last.map(|created| Place { created, month: None })));
            }
        };
        Ok((requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await?, next))
    }

    /// A page of a list without those that do not fit or that the caller may not see; and where the next one starts. Pages on which
    /// nothing is left are read on, at most [`ROUNDS`].
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn fitting(
        &self,
        inboxes: &Inboxes,
        identity: &Identity,
        (source, window): (&Source, Window),
        fits: impl Fn(&Record) -> bool,
        (mut place, limit): (Option<Place>, usize),
    ) -> Result<(Vec<Record>, Option<Place>), Error> {
        let mut known = self.reading(identity).await?;
        let mut found = Vec::new();
        for _ in 0..ROUNDS {
            let (records, next) = self.page(inboxes, &identity.tenant, (source, window), place.as_ref(), limit).await?;
            for record in records {
                if fits(&record) && self.may_see(identity, &record, &mut known).await? {
                    found.push(record);
                }
            }
            place = next;
            if !found.is_empty() || place.is_none() {
                break;
            }
        }
        Ok((found, place))
    }

    /// Requests that were sent back to a person, newest first, at most so many; `true`: there may be more.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn returned(
        &self,
        inboxes: &Inboxes,
        (tenant, person): (&TenantId, &PersonId),
        most: usize,
    ) -> Result<(Vec<Record>, bool), Error> {
        let (pk, window) = (keys::returned_list(tenant, person), Window::until(self.clock.now()));
        let (mut found, mut place) = (Vec::new(), None);
        for _ in 0..ROUNDS {
            let left = i32::try_from(most - found.len()).unwrap_or(i32::MAX);
            let (ids, next) = inboxes.listed(&pk, window, place.as_ref(), left).await?;
            let records = self.requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await?;
            found.extend(records.into_iter().filter(|record| record.state.status() == Status::Returned && record.state.asks() == person));
            place = next;
            if found.len() >= most || place.is_none() {
                break;
            }
        }
        Ok((found, place.is_some()))
    }

    /// What has this id, or is about an entity that has it, of what the caller may see.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn find(&self, inboxes: &Inboxes, identity: &Identity, id: &str) -> Result<Vec<Record>, Error> {
        // Ids of entities are kept in one spelling.
        let (tenant, id) = (&identity.tenant, normal(id));
        let (about, _) = inboxes.listed(&keys::entity_list(tenant, &id), Window::until(self.clock.now()), None, FOUND).await?;
        let ids: Vec<RequestId> = RequestId::new(id).ok().into_iter().chain(about).collect();
        let mut known = self.reading(identity).await?;
        let mut found = Vec::new();
        for record in self.requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await? {
            if self.may_see(identity, &record, &mut known).await? {
                found.push(record);
            }
        }
        Ok(found)
    }
}
