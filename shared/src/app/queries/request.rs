//! Reading: who may see a request, what it looks like, who may act, what a submission would do, whose turn it is.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::command::Command;
use approvals_domain::context::{Context, No};
use approvals_domain::decide::{self};
use approvals_domain::facts::{FactsQuery, Wanted};
use approvals_domain::ids::{PersonId, RequestId, RoleId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::refusal::Refusal;
use approvals_domain::refusal::WhyNot;
use approvals_domain::standing::{self, Ballot, Search, Seat};
use approvals_domain::state::{Request, StepPhase};
use approvals_domain::template::{self, Template, Visibility};
use serde::Serialize;

use super::{App, Error, Known, Question};
use crate::identity::{Identity, Scope};
use crate::store::queries::Hint;
use crate::store::request::Record;
use crate::store::templates::Pinned;
use crate::store::{Freshness, keys};
use crate::wire::view::{RequestView, texts_of};

/// Inboxes read side by side.
const INBOXES_AT_ONCE: usize = 16;

/// What a person may do on a step now.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// The step.
    pub step: StepId,
    /// Where it stands.
    pub phase: StepPhase,
    /// The seats the person may fill, or why none.
    pub seats: Result<Vec<Seat>, WhyNot>,
    /// The person has voted here already.
    pub voted: bool,
}

impl Stand {
    /// The first seat that is free, if the person can vote now.
    pub fn free<'s>(&'s self, request: &Request) -> Option<&'s Seat> {
        let step = request.step(&self.step)?;
        let open = self.phase == StepPhase::Open && !self.voted;
        self.seats.as_ref().ok()?.iter().find(|seat| open && standing::filled_by(&step.votes, seat).is_none())
    }
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

/// A request in a task.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TaskRequest {
    id: String,
    title: String,
    template: TaskTemplate,
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
    /// A request the caller may see; for others the same 404 as a missing one.
    pub async fn visible(&self, identity: &Identity, id: &RequestId) -> Result<Record, Error> {
        let (record, known) = tokio::join!(self.store.load(&identity.tenant, id, Freshness::Strong), self.knowing(identity));
        let record = record?.ok_or(Error::NotFound)?;
        if self.may_see(identity, &record, &mut known?).await? { Ok(record) } else { Err(Error::NotFound) }
    }

    /// The caller as the directory knows them.
    pub async fn knowing(&self, identity: &Identity) -> Result<Known, Error> {
        let mut known = Known::nothing(Freshness::Eventual);
        known.learn(&self.store, &identity.tenant, &FactsQuery::from([Wanted::Person(identity.caller.id.clone())])).await?;
        Ok(known)
    }

    /// Whether the caller may see a request.
    pub async fn may_see(&self, identity: &Identity, record: &Record, known: &mut Known) -> Result<bool, Error> {
        if identity.scopes.contains(&Scope::Audit) {
            return Ok(true);
        }
        let caller = &identity.caller.id;
        let active = known.facts.persons.get(caller).is_some_and(|person| person.as_ref().is_some_and(|person| person.active));
        if !active {
            return Ok(false);
        }
        let template = self.pinned(&identity.tenant, &record.state.template).await?;
        if template.visibility == Visibility::Tenant {
            return Ok(true);
        }
        let actor = identity.actor();
        self.ask(&record.state, &template, &actor, known, |cx| decide::is_party(&record.state, caller, cx)).await
    }

    /// Whether the caller is a member of `approval_admin`.
    pub async fn is_admin(&self, identity: &Identity) -> Result<bool, Error> {
        let known = self.knowing(identity).await?;
        let person = known.facts.persons.get(&identity.caller.id).and_then(Option::as_ref).filter(|person| person.active);
        Ok(person.and_then(|person| person.roles.as_ref()).is_some_and(|roles| roles.contains_key(RoleId::APPROVAL_ADMIN)))
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
        let (answer, _) = question.settle(&self.store, known, ask).await??;
        Ok(answer)
    }

    /// The answer that shows a request whole.
    pub async fn view(&self, record: &Record) -> Result<RequestView, Error> {
        let template = self.pinned(&record.state.tenant, &record.state.template).await?;
        let (data, texts) = tokio::try_join!(self.store.data(record), self.store.texts(record, texts_of(record)))?;
        Ok(RequestView::new(record, &template, Some(data), &texts))
    }

    /// The answer that shows a request in a list, without metadata and long texts.
    pub async fn view_in_list(&self, record: &Record) -> Result<RequestView, Error> {
        let template = self.pinned(&record.state.tenant, &record.state.template).await?;
        Ok(RequestView::new(record, &template, None, &record.texts))
    }

    /// What a person may do on each step that is open or blocked, and why or why not.
    pub async fn stands(&self, request: &Request, person: &PersonId, known: &mut Known) -> Result<Vec<Stand>, Error> {
        let template = self.pinned(&request.tenant, &request.template).await?;
        let actor = reader(person);
        self.ask(request, &template, &actor, known, |cx| {
            let mut stands = Vec::new();
            for (step, opening) in request.live_steps() {
                let Some(rules) = template.step(&step.id) else { continue };
                let ballot = Ballot { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes };
                let seats = standing::seats(ballot, person, Search::All, cx)?;
                let voted = step.votes.iter().any(|vote| vote.by.id == *person);
                stands.push(Stand { step: step.id.clone(), phase: step.phase, seats, voted });
            }
            Ok(stands)
        })
        .await
    }

    /// What a submission would do: the request it would make, its prospects, and who could vote. Writes nothing.
    pub async fn preview(&self, identity: &Identity, prepared: super::submit::Prepared, id: &RequestId) -> Result<Preview, Error> {
        let super::submit::Prepared { template, submit, facts, .. } = prepared;
        let mut known = Known { facts, freshness: Freshness::Strong };
        let actor = Actor::Person(Caller { submit_for: true, ..identity.caller.clone() });
        let now = self.clock.now();
        let question = Question { tenant: &identity.tenant, request: id, actor: &actor, channel: Channel::Api, now, template: &template };
        let command = Command::Submit(submit);
        let planned = question.settle(&self.store, &mut known, |cx| decide::plan(&command, cx)).await??.0;
        let prospects = question.settle(&self.store, &mut known, |cx| decide::prospects(&planned, cx)).await??.0;
        let refusal = question.settle(&self.store, &mut known, |cx| decide::decide(&None, &command, cx)).await?.err();
        let is_planned = |rules: &template::Step| planned.step(&rules.id).is_some_and(|step| step.phase != StepPhase::Skipped);
        let first = template.steps.iter().find(|group| group.steps().iter().any(is_planned));
        let opening: Vec<&template::Step> = first.into_iter().flat_map(|group| group.steps()).filter(|rules| is_planned(rules)).collect();
        let due = question.settle(&self.store, &mut known, |cx| decide::deadlines(&planned, &opening, cx)).await??.0;
        Ok(Preview { template, planned, prospects, refusal, due })
    }

    /// One page of the caller's tasks, soonest due first, and the sort key after which the next one starts.
    pub async fn inbox(&self, identity: &Identity, after: Option<&str>, limit: usize) -> Result<(Vec<Task>, Option<String>), Error> {
        let (tenant, person) = (&identity.tenant, &identity.caller.id);
        let mut known = self.knowing(identity).await?;
        let Some(Some(_)) = known.facts.persons.get(person) else { return Err(Refusal::UnknownUser(person.clone()).into()) };
        let inboxes = self.inboxes(tenant, person, &mut known).await?;
        let (hints, last) = self.hints(&inboxes, after, limit).await?;

        let ids: BTreeSet<RequestId> = hints.iter().map(|hint| hint.request.clone()).collect();
        let ids: Vec<RequestId> = ids.into_iter().collect();
        let records = self.store.load_many(tenant, &ids, Freshness::Eventual).await?;
        let records: BTreeMap<&RequestId, &Record> = records.iter().map(|record| (&record.state.id, record)).collect();
        let mut tasks = Vec::new();
        let mut stands_by_request: BTreeMap<&RequestId, Vec<Stand>> = BTreeMap::new();
        for hint in &hints {
            let Some(record) = records.get(&hint.request) else { continue };
            let stands = match stands_by_request.entry(&hint.request) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.stands(&record.state, person, &mut known).await?),
            };
            let template = self.pinned(tenant, &record.state.template).await?;
            let seat = stands.iter().find(|stand| stand.step == hint.step).and_then(|stand| stand.free(&record.state));
            tasks.extend(seat.and_then(|seat| task(record, &template, &hint.step, seat, person)));
        }
        Ok((tasks, last))
    }

    /// Where a person's tasks are filed: their own inbox and their roles', and those of everybody whose delegations reach them now. What
    /// such a delegation covers is asked request by request.
    async fn inboxes(&self, tenant: &TenantId, person: &PersonId, known: &mut Known) -> Result<Vec<String>, Error> {
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
            known.learn(&self.store, tenant, &wanted).await?;
        }
        Ok(found)
    }

    /// The soonest hints of several inboxes, each once; and after which sort key to go on, if there may be more.
    async fn hints(&self, inboxes: &[String], after: Option<&str>, limit: usize) -> Result<(Vec<Hint>, Option<String>), Error> {
        let mut merged = BTreeSet::new();
        let mut horizon: Option<String> = None;
        let count = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut waiting = inboxes.iter();
        let mut reading = tokio::task::JoinSet::new();
        loop {
            while reading.len() < INBOXES_AT_ONCE
                && let Some(pk) = waiting.next()
            {
                let (store, pk, after) = (self.store.clone(), pk.clone(), after.map(str::to_owned));
                reading.spawn(async move { store.hints(&pk, after.as_deref(), count, Freshness::Eventual).await });
            }
            let Some(read) = reading.join_next().await else { break };
            let (hints, last) = read.map_err(|error| Error::Damaged(error.to_string()))??;
            if let Some(last) = last {
                // Beyond the last hint read of any inbox, others of it may come first.
                horizon = Some(horizon.map_or_else(|| last.clone(), |h: String| h.min(last.clone())));
            }
            merged.extend(hints);
        }
        let mut hints: Vec<Hint> = merged.into_iter().filter(|hint| horizon.as_ref().is_none_or(|h| hint.sk <= *h)).collect();
        if hints.len() > limit {
            hints.truncate(limit);
            horizon = hints.last().map(|hint| hint.sk.clone());
        }
        Ok((hints, horizon))
    }
}

/// What a submission would do.
#[derive(Debug)]
pub struct Preview {
    /// The version it would pin.
    pub template: std::sync::Arc<Pinned>,
    /// The request with its plan, before any step opens.
    pub planned: Request,
    /// Who could vote on each planned step.
    pub prospects: Vec<decide::Prospect>,
    /// Why it would be refused.
    pub refusal: Option<Refusal>,
    /// When the steps that open at once would be late.
    pub due: BTreeMap<StepId, approvals_domain::time::Timestamp>,
}

/// A person who only looks.
fn reader(person: &PersonId) -> Actor {
    let (id, method) = (person.clone(), "none".to_owned());
    Actor::Person(Caller { id, method, client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false })
}

fn task(record: &Record, template: &Template, step: &StepId, seat: &Seat, person: &PersonId) -> Option<Task> {
    let state = &record.state;
    let rules = template.step(step)?;
    let opening = state.step(step)?.opening.as_ref()?;
    Some(Task {
        request: TaskRequest {
            id: state.id.to_string(),
            title: record.content.title.clone(),
            template: TaskTemplate { key: state.template.key.to_string(), version: state.template.version },
            requester: state.requester.to_string(),
            revision: state.revision,
            payload_hash: state.payload_hash.to_string(),
        },
        step: step.to_string(),
        step_name: rules.title().to_owned(),
        meaning: rules.meaning.clone(),
        seat: seat.key(),
        on_behalf_of: Some(seat.person.to_string()).filter(|_| seat.person != *person),
        role: seat.role.as_ref().map(ToString::to_string),
        delegations: seat.delegations.iter().map(ToString::to_string).collect(),
        due_at: opening.due_at.to_string(),
    })
}
