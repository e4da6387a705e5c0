//! Lists of requests: by requester, by template, by entity, the blocked ones.

use approvals_domain::ids::{Entity, PersonId, RequestId, TemplateKey, TenantId};
use approvals_domain::state::Status;

use crate::app::{App, Error};
use crate::identity::Identity;
use crate::store::requests::Record;
use crate::store::requests::lists::{Place, Window};
use crate::store::{Freshness, Inboxes, keys};

/// Index pages read for one page of an answer while all that was found is filtered away.
pub const ROUNDS: usize = 12;
/// Requests that were sent back and are shown beside a person's tasks.
const RETURNED: i32 = 25;
/// Requests that a search shows.
const FOUND: i32 = 25;

/// The list a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Those a person submitted, or had submitted for them.
    Requester(PersonId),
    /// Those of a template.
    Template(TemplateKey),
    /// Those of a template about an entity, whether its entities are unique now or ever were; the caller filters by template.
    Entity(TemplateKey, Entity),
    /// Those about an entity, whatever the template.
    About(Entity),
    /// Those a person voted on.
    DecidedBy(PersonId),
    /// Those with a blocked step.
    Blocked,
}

impl App {
    /// The list of a template's requests, and the window that holds them: months before the template's first version hold nothing.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn of_template(
        &self,
        tenant: &TenantId,
        template: TemplateKey,
        entity: Option<Entity>,
        window: Window,
    ) -> Result<(Source, Window), Error> {
        let pointer = self.directory.pointer(tenant, &template).await?;
        let since = pointer.map_or(window.to, |pointer| pointer.since.plus_millis(-600_000));
        let window = Window { from: window.from.max(since), ..window };
        let source = match entity {
            Some(entity) => Source::Entity(template, entity),
            None => Source::Template(template),
        };
        Ok((source, window))
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
            Source::Entity(template, entity) => {
                let (ids, next) = inboxes.listed(&keys::entity_list(tenant, entity.id.as_str()), window, place, count).await?;
                let newest = if place.is_none() { self.just_submitted(inboxes, tenant, (template, entity), &ids).await? } else { None };
                (newest.into_iter().chain(ids).collect(), next)
            }
            Source::Blocked => {
                let after = place.map(|place| place.created.as_str());
                let (hints, last) = inboxes.hints(&keys::inbox_blocked(tenant), after, count, Freshness::Eventual).await?;
                let mut ids: Vec<RequestId> = hints.into_iter().map(|hint| hint.request).collect();
                ids.dedup();
                (ids, last.map(|created| Place { created, month: None }))
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
        let mut known = self.knowing(identity).await?;
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

    /// Requests that were sent back to a person, newest first.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn returned(&self, inboxes: &Inboxes, tenant: &TenantId, person: &PersonId) -> Result<Vec<Record>, Error> {
        let pk = keys::returned_list(tenant, person);
        let (ids, _) = inboxes.listed(&pk, Window::until(self.clock.now()), None, RETURNED).await?;
        let records = self.requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await?;
        Ok(records.into_iter().filter(|record| record.state.status() == Status::Returned).collect())
    }

    /// What has this id, or is about an entity that has it, of what the caller may see.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn find(&self, inboxes: &Inboxes, identity: &Identity, id: &str) -> Result<Vec<Record>, Error> {
        let tenant = &identity.tenant;
        let (about, _) = inboxes.listed(&keys::entity_list(tenant, id), Window::until(self.clock.now()), None, FOUND).await?;
        let ids: Vec<RequestId> = RequestId::new(id).ok().into_iter().chain(about).collect();
        let mut known = self.knowing(identity).await?;
        let mut found = Vec::new();
        for record in self.requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await? {
            if self.may_see(identity, &record, &mut known).await? {
                found.push(record);
            }
        }
        Ok(found)
    }

    /// The entity's request that the guard names, if the list does not have it yet: relay files it a moment after it was submitted.
    async fn just_submitted(
        &self,
        inboxes: &Inboxes,
        tenant: &TenantId,
        (template, entity): (&TemplateKey, &Entity),
        listed: &[RequestId],
    ) -> Result<Option<RequestId>, Error> {
        let guard = self.requests.guard(&keys::entity(tenant, entity, template)).await?;
        let Some(id) = guard.filter(|id| !listed.contains(id)) else { return Ok(None) };
        let Some(record) = self.requests.load(tenant, &id, Freshness::Strong).await? else { return Ok(None) };
        // An older one is filed, and stands on a later page.
        let at = Window { from: record.state.created_at, to: record.state.created_at };
        let (filed, _) = inboxes.listed(&keys::entity_list(tenant, entity.id.as_str()), at, None, FOUND).await?;
        Ok((!filed.contains(&id)).then_some(id))
    }
}
