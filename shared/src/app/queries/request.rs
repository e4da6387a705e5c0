//! One request: who may see it, and what it looks like.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::context::{Context, No};
use approvals_domain::directory::authority;
use approvals_domain::facts::{Evidence, FactsQuery, Wanted};
use approvals_domain::ids::{PersonId, RequestId, RoleId, TenantId};
use approvals_domain::sight;
use approvals_domain::state::Request;
use approvals_domain::template::Template;

use crate::app::{App, Error, Known, Question};
use crate::identity::{Identity, Scope};
use crate::runtime::metrics::refused;
use crate::store::requests::Record;
use crate::store::{self, Freshness};
use crate::wire::summary::{self, NameView, Summary};
use crate::wire::view::{RequestView, texts_of};

impl App {
    /// A request the caller may see, and what is known of the directory by then; for others the same 404 as a missing one.
    ///
    /// Whoever was asked in an earlier revision alone gets the request as it stood when that one ended, and of what came after nothing.
    pub async fn visible(&self, identity: &Identity, id: &RequestId) -> Result<(Record, Known), Error> {
        let (record, known) = tokio::join!(self.requests.load(&identity.tenant, id, Freshness::Strong), self.reading(identity));
        let mut known = known?;
        let record = record?.ok_or(Error::NotFound)?;
        let seen = self.sight(identity, &record, &mut known).await?.ok_or(Error::NotFound)?;
        let shown = if seen == record.state.revision { Some(record) } else { self.requests.as_of(&record, seen).await? };
        Ok((shown.ok_or(Error::NotFound)?, known))
    }

    /// The caller as the directory knows them.
    pub async fn knowing(&self, identity: &Identity) -> Result<Known, Error> {
        let mut known = Known::nothing(Freshness::Eventual);
        known.learn(&self.directory, &identity.tenant, &FactsQuery::from([Wanted::Person(identity.caller.id.clone())])).await?;
        Ok(known)
    }

    /// The same, for one who reads: a person known as inactive is refused.
    ///
    /// # Errors
    /// [`approvals_domain::refusal::Refusal::UnknownUser`].
    pub async fn reading(&self, identity: &Identity) -> Result<Known, Error> {
        let known = self.knowing(identity).await?;
        match authority::may_call(&identity.caller.id, &Evidence::new(&known.facts)) {
            Err(No::Refused(refusal)) => Err(refusal.into()),
            Ok(()) | Err(No::Needs(_)) => Ok(known),
        }
    }

    /// Whether the caller may see a request as it stands.
    pub async fn may_see(&self, identity: &Identity, record: &Record, known: &mut Known) -> Result<bool, Error> {
        Ok(self.sight(identity, record, known).await? == Some(record.state.revision))
    }

    /// The same of a person whom the service itself shows it to, by a mail or a link.
    pub async fn shows(&self, person: &PersonId, method: &str, record: &Record, known: &mut Known) -> Result<bool, Error> {
        let caller = Caller { method: method.to_owned(), ..Caller::bare(person.clone()) };
        let identity = Identity { tenant: record.state.tenant.clone(), caller, scopes: [Scope::Read].into() };
        if !known.facts.persons.contains_key(person) {
            known.learn(&self.directory, &identity.tenant, &FactsQuery::from([Wanted::Person(person.clone())])).await?;
        }
        self.may_see(&identity, record, known).await
    }

    /// The last revision of a request that the caller may see; none: for them there is no such request.
    async fn sight(&self, identity: &Identity, record: &Record, known: &mut Known) -> Result<Option<u32>, Error> {
        if is_auditor(identity, known) {
            return Ok(Some(record.state.revision));
        }
        let caller = &identity.caller.id;
        let active = known.facts.persons.get(caller).is_some_and(|person| person.as_ref().is_some_and(|person| person.active));
        if !active {
            return Ok(None);
        }
        let template = self.pinned(&identity.tenant, &record.state.template).await?;
        let actor = identity.actor();
        self.ask(&record.state, &template, &actor, known, |cx| sight::may_see(&record.state, caller, cx)).await
    }

    /// One question about a request.
    pub async fn ask<T>(
        &self,
        request: &Request,
        template: &Template,
        actor: &Actor,
        known: &mut Known,
        ask: impl FnMut(&Context<'_>) -> Result<T, No>,
    ) -> Result<T, Error> {
        let now = self.clock.now().max(request.updated_at);
        let question = Question { tenant: &request.tenant, request: &request.id, actor, channel: Channel::Api, now, template };
        let (answer, _) = question.settle(&self.directory, known, ask).await??;
        Ok(answer)
    }

    /// The answer that shows a request whole.
    pub async fn view(&self, record: &Record) -> Result<RequestView, Error> {
        let template = self.pinned(&record.state.tenant, &record.state.template).await?;
        let (data, texts) = tokio::try_join!(self.requests.data(record), self.requests.texts(record, texts_of(record)))?;
        Ok(RequestView::new(record, &template, Some(data), &texts))
    }

    /// What a list says of a request beyond its head; none if its content is damaged: then the list leaves it out, and it is counted.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn summary(&self, record: &Record, template: &Template) -> Result<Option<Summary>, Error> {
        let data = match self.requests.data(record).await {
            Err(store::Error::Damaged { at, what }) => {
                tracing::error!(at, what, "a request is left out of a list");
                refused(self.clock.now(), "damaged");
                return Ok(None);
            }
            data => data?,
        };
        Ok(Some(Summary::new(&record.state, template, data.as_ref().map(|data| data.metadata.as_str()))))
    }

    /// The names of people, by id.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn named(&self, tenant: &TenantId, ids: impl IntoIterator<Item = PersonId>) -> Result<BTreeMap<String, NameView>, Error> {
        let ids: BTreeSet<PersonId> = ids.into_iter().collect();
        let ids: Vec<PersonId> = ids.into_iter().collect();
        Ok(summary::names(self.directory.users(tenant, &ids).await?))
    }

    /// The answer that shows a request in a list, without metadata and long texts.
    pub async fn view_in_list(&self, record: &Record) -> Result<RequestView, Error> {
        let template = self.pinned(&record.state.tenant, &record.state.template).await?;
        Ok(RequestView::new(record, &template, None, &record.texts))
    }
}

/// Whether the caller, as the directory knows them, is a member of `approval_admin`.
pub fn is_admin(identity: &Identity, known: &Known) -> bool {
    let person = known.facts.persons.get(&identity.caller.id).and_then(Option::as_ref).filter(|person| person.active);
    person.and_then(|person| person.roles.as_ref()).is_some_and(|roles| roles.contains_key(RoleId::APPROVAL_ADMIN))
}

/// Whether the caller's client has the scope `audit`, and the caller the role for it.
pub fn is_auditor(identity: &Identity, known: &Known) -> bool {
    identity.scopes.contains(&Scope::Audit) && authority::audits(&identity.caller.id, &Evidence::new(&known.facts)).unwrap_or(false)
}
