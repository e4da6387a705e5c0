//! Lists of requests: by requester, by template, by entity, the blocked ones.

use approvals_domain::ids::{Entity, PersonId, RequestId, TemplateKey, TenantId};

use crate::app::{App, Error};
use crate::store::requests::Record;
use crate::store::requests::lists::{Place, Window};
use crate::store::{Freshness, Inboxes, keys};

/// The list a query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Those a person submitted, or had submitted for them.
    Requester(PersonId),
    /// Those of a template; the caller filters by entity.
    Template(TemplateKey, Option<Entity>),
    /// Those of a template whose entities are unique: each names the one before.
    Entity(TemplateKey, Entity),
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
        let Some(entity) = entity else { return Ok((Source::Template(template, None), window)) };
        let guard = self.requests.guard(&keys::entity(tenant, &entity, &template)).await?;
        // Templates whose entities are not unique keep no guard: their requests are found by template.
        let source = if guard.is_some() { Source::Entity(template, entity) } else { Source::Template(template, Some(entity)) };
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
            Source::Template(template, _) => requests.by_template(tenant, template, window, place, count).await?,
            Source::Entity(template, entity) => return self.chain(tenant, template, entity, place, limit).await,
            Source::Blocked => {
                let after = place.map(|place| place.created.as_str());
                let (hints, last) = inboxes.hints(&keys::inbox_blocked(tenant), after, count, Freshness::Eventual).await?;
                let mut ids: Vec<RequestId> = hints.into_iter().map(|hint| hint.request).collect();
                ids.dedup();
                (ids, last.map(|created| Place { created, month: None }))
            }
        };
        Ok((requests.load_many(tenant, &ids, Freshness::Eventual).await?, next))
    }

    /// Requests of one entity: from the guard's, each names the one before.
    async fn chain(
        &self,
        tenant: &TenantId,
        template: &TemplateKey,
        entity: &Entity,
        place: Option<&Place>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<Place>), Error> {
        let mut next = match place {
            Some(place) => RequestId::new(place.created.as_str()).ok(),
            None => self.requests.guard(&keys::entity(tenant, entity, template)).await?,
        };
        let mut records = Vec::new();
        while let Some(id) = next.clone()
            && records.len() < limit
        {
            let Some(record) = self.requests.load(tenant, &id, Freshness::Strong).await? else { return Ok((records, None)) };
            next = record.state.previous.clone();
            records.push(record);
        }
        Ok((records, next.map(|id| Place { created: id.to_string(), month: None })))
    }
}
