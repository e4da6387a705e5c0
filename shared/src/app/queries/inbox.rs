//! Whose turn it is: the tasks of a person.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use approvals_domain::facts::{FactsQuery, Wanted};
use approvals_domain::ids::{DelegationId, Entity, PersonId, RequestId, RoleId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use approvals_domain::seat::Seat;
use approvals_domain::template::Template;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::explain::Stand;
use crate::app::{App, Error, Known};
use crate::identity::Identity;
use crate::store::inboxes::Hint;
use crate::store::requests::Record;
use crate::store::{self, Freshness, Inboxes, keys};
use crate::wire::summary::Summary;

/// Inboxes read side by side.
const INBOXES_AT_ONCE: usize = 16;

/// A step that waits for somebody's vote.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The request.
    pub record: Arc<Record>,
    /// The step.
    pub step: StepId,
    /// The seat the person would fill.
    pub seat: Seat,
}

/// How what waits came to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// By a delegation, whose giver this is.
    Delegation(DelegationId, PersonId),
    /// As a member of a role: by this person's membership.
    Role(RoleId, PersonId),
    /// Because this person may act again: to them, or by one of these delegations that they gave.
    Person(PersonId, Vec<DelegationId>),
}

/// A task of somebody.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// The request, short.
    pub request: TaskRequest,
    /// The step.
    pub step: String,
    /// Its name.
    pub step_name: String,
    /// What an approval means.
    pub meaning: String,
    /// The seat: the person whose right it is, or the `any_of` candidate.
    pub seat: String,
    /// Of the seat, from 1: a vote names it once it is above 1.
    pub round: u32,
    /// Whose right it is, if not the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// Through which role, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The delegations between, the caller's own first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegations: Vec<String>,
    /// When the step is late.
    pub due_at: String,
}

impl Task {
    /// Whom it names.
    pub fn people(&self) -> impl Iterator<Item = PersonId> + '_ {
        let named = [Some(&self.request.requester), self.on_behalf_of.as_ref()].into_iter().flatten();
        named.filter_map(|id| PersonId::new(id.as_str()).ok())
    }
}

/// A request in a task.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TaskRequest {
    id: String,
    title: String,
    template: TaskTemplate,
    #[schema(value_type = crate::wire::api::EntityShape)]
    entity: Entity,
    #[serde(flatten)]
    summary: Summary,
    requester: String,
    revision: u32,
    payload_hash: String,
}

/// A template's version in a task.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = TemplateRef)]
pub struct TaskTemplate {
    key: String,
    version: u32,
}

impl App {
    /// One page of the caller's tasks, soonest due first, and the sort key after which the next one starts.
    pub async fn inbox(
        &self,
        inboxes: &Inboxes,
        identity: &Identity,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Task>, Option<String>), Error> {
        let (waiting, last) = self.waiting(inboxes, identity, after, limit).await?;
        let mut tasks = Vec::new();
        for Waiting { record, step, seat } in &waiting {
            let template = self.pinned(&identity.tenant, &record.state.template).await?;
            let Some(summary) = self.summary(record, &template).await? else { continue };
            tasks.extend(task(record, &template, summary, (step, seat), &identity.caller.id));
        }
        Ok((tasks, last))
    }

    /// One page of what waits for the caller's vote, soonest due first, and the sort key after which the next one starts.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or the directory does not know the caller.
    pub async fn waiting(
        &self,
        inboxes: &Inboxes,
        identity: &Identity,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let known = self.reading(identity).await?;
        let person = &identity.caller.id;
        let Some(Some(_)) = known.facts.persons.get(person) else { return Err(Refusal::UnknownUser(person.clone()).into()) };
        self.waiting_as_known(inboxes, (&identity.tenant, person), known, after, limit).await
    }

    /// The same of anybody; nothing waits for somebody who is not there.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn waiting_for(
        &self,
        inboxes: &Inboxes,
        (tenant, person): (&TenantId, &PersonId),
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let mut known = Known::nothing(Freshness::Eventual);
        known.learn(&self.directory, tenant, &FactsQuery::from([Wanted::Person(person.clone())])).await?;
        self.waiting_as_known(inboxes, (tenant, person), known, after, limit).await
    }

    /// Of what waits for somebody, that which came to them one way: by a delegation, or as a member of a role.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn waiting_by(
        &self,
        inboxes: &Inboxes,
        (tenant, person): (&TenantId, &PersonId),
        way: &Came,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let mut known = Known::nothing(Freshness::Strong);
        let partitions = match way {
            Came::Role(role, _) => vec![keys::inbox_role(tenant, role)],
            Came::Delegation(_, whose) | Came::Person(whose, _) => {
                known.learn(&self.directory, tenant, &FactsQuery::from([Wanted::Person(whose.clone())])).await?;
                self.partitions(tenant, whose, &mut known).await?
            }
        };
        let (mut waiting, last) = self.waiting_in(inboxes, (tenant, person), (partitions, known), after, limit).await?;
        waiting.retain(|waiting| match way {
            Came::Role(role, member) => waiting.seat.person == *member && waiting.seat.role.as_ref() == Some(role),
            // By a delegation that was made again it may have come before.
            Came::Delegation(id, giver) => waiting.seat.delegations.contains(id) || waiting.seat.person == *giver,
            Came::Person(whose, given) => person == whose || waiting.seat.delegations.iter().any(|id| given.contains(id)),
        });
        Ok((waiting, last))
    }

    async fn waiting_as_known(
        &self,
        inboxes: &Inboxes,
        (tenant, person): (&TenantId, &PersonId),
        mut known: Known,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let partitions = self.partitions(tenant, person, &mut known).await?;
        self.waiting_in(inboxes, (tenant, person), (partitions, known), after, limit).await
    }

    async fn waiting_in(
        &self,
        inboxes: &Inboxes,
        (tenant, person): (&TenantId, &PersonId),
        (partitions, mut known): (Vec<String>, Known),
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let (hints, last) = soonest(inboxes, partitions, after, limit).await?;

        let ids: BTreeSet<RequestId> = hints.iter().map(|hint| hint.request.clone()).collect();
        let ids: Vec<RequestId> = ids.into_iter().collect();
        let records = self.requests.load_many(tenant, &ids, Freshness::Eventual, self.clock.now()).await?;
        let records: BTreeMap<RequestId, Arc<Record>> =
            records.into_iter().map(|record| (record.state.id.clone(), Arc::new(record))).collect();
        let mut waiting = Vec::new();
        let mut stands_by_request: BTreeMap<&RequestId, Vec<Stand>> = BTreeMap::new();
        for hint in &hints {
            let Some(record) = records.get(&hint.request) else { continue };
            let stands = match stands_by_request.entry(&hint.request) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.stands(&record.state, person, &mut known).await?),
            };
            let seat = stands.iter().find(|stand| stand.step == hint.step).and_then(|stand| stand.takes.as_ref());
            waiting.extend(seat.map(|seat| Waiting { record: Arc::clone(record), step: hint.step.clone(), seat: seat.clone() }));
        }
        Ok((waiting, last))
    }

    /// Where a person's tasks are filed: their own inbox and their roles', and those of everybody whose delegations reach them now. What
    /// such a delegation covers is asked request by request.
    async fn partitions(&self, tenant: &TenantId, person: &PersonId, known: &mut Known) -> Result<Vec<String>, Error> {
        let now = self.clock.now();
        let mut found: Vec<String> = Vec::new();
        let mut seen = BTreeSet::from([person.clone()]);
        let mut frontier = vec![person.clone()];
        for hop in 0..=limits::DELEGATION_HOPS {
            let mut next = BTreeSet::new();
            for id in &frontier {
                let fact = known.facts.persons.get(id).and_then(Option::as_ref).filter(|fact| fact.active);
                let Some(fact) = fact else { continue };
                let roles = fact.roles.iter().flat_map(BTreeMap::keys).map(|role| keys::inbox_role(tenant, role));
                for inbox in std::iter::once(keys::inbox_user(tenant, id)).chain(roles) {
                    if !found.contains(&inbox) && found.len() < limits::INBOXES {
                        found.push(inbox);
                    }
                }
                let in_force = fact.received.iter().flatten().filter(|d| d.starts_at <= now && now < d.ends_at);
                next.extend(in_force.map(|delegation| delegation.from.clone()).filter(|from| !seen.contains(from)));
            }
            if hop == limits::DELEGATION_HOPS || next.is_empty() {
                break;
            }
            frontier = next.into_iter().take(limits::DELEGATORS).collect();
            seen.extend(frontier.iter().cloned());
            let unknown = frontier.iter().filter(|id| !known.facts.persons.contains_key(*id));
            let wanted: FactsQuery = unknown.map(|id| Wanted::Person(id.clone())).collect();
            known.learn(&self.directory, tenant, &wanted).await?;
        }
        Ok(found)
    }
}

/// The soonest hints of several inboxes, each once; and after which sort key to go on, if there may be more.
async fn soonest(
    inboxes: &Inboxes,
    partitions: Vec<String>,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Hint>, Option<String>), store::Error> {
    let count = i32::try_from(limit).unwrap_or(i32::MAX);
    let read = |pk: String| async move { inboxes.hints(&pk, after, count, Freshness::Eventual).await };
    let pages: Vec<(Vec<Hint>, Option<String>)> =
        stream::iter(partitions).map(read).buffer_unordered(INBOXES_AT_ONCE).try_collect().await?;
    // Beyond the last hint read of any inbox, others of it may come first.
    let mut horizon = pages.iter().filter_map(|(_, last)| last.clone()).min();
    let merged: BTreeSet<Hint> = pages.into_iter().flat_map(|(hints, _)| hints).collect();
    let mut hints: Vec<Hint> = merged.into_iter().filter(|hint| horizon.as_ref().is_none_or(|h| hint.sk <= *h)).collect();
    if hints.len() > limit {
        hints.truncate(limit);
        horizon = hints.last().map(|hint| hint.sk.clone());
    }
    Ok((hints, horizon))
}

fn task(record: &Record, template: &Template, summary: Summary, (step, seat): (&StepId, &Seat), person: &PersonId) -> Option<Task> {
    let state = &record.state;
    let rules = template.step(step)?;
    let stands = state.step(step)?;
    let opening = stands.opening.as_ref()?;
    Some(Task {
        request: TaskRequest {
            id: state.id.to_string(),
            title: record.title().unwrap_or_default().to_owned(),
            template: TaskTemplate { key: state.template.key.to_string(), version: state.template.version },
            entity: state.entity.clone(),
            summary,
            requester: state.requester.to_string(),
            revision: state.revision,
            payload_hash: state.payload_hash.to_string(),
        },
        step: step.to_string(),
        step_name: rules.title().to_owned(),
        meaning: rules.meaning.clone(),
        seat: seat.key(),
        round: stands.round(person, &seat.key()),
        on_behalf_of: Some(seat.person.to_string()).filter(|_| seat.person != *person),
        role: seat.role.as_ref().map(ToString::to_string),
        delegations: seat.delegations.iter().map(ToString::to_string).collect(),
        due_at: opening.due_at.to_string(),
    })
}
