//! Submit: check the content, evaluate the template's expressions, make the payload.

use std::sync::Arc;

use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::amount::Amount;
use approvals_domain::candidate::Candidate;
use approvals_domain::command::{Command, Content, Results, Submit};
use approvals_domain::facts::Facts;
use approvals_domain::ids::{CalendarId, Entity, PersonId, RequestId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::{Payload, TemplateRef};
use approvals_domain::refusal::Refusal;
use approvals_domain::template::Template;
use serde_json::Value;

use super::execute::{How, Order, Outcome};
use super::idempotency::Tag;
use crate::app::{App, Error};
use crate::expression::{Evaluated, Failed, Path, Requester, Variables};
use crate::identity::{Identity, Scope};
use crate::json::canonical;
use crate::store::Freshness;
use crate::store::directory::PersonRecord;
use crate::store::directory::templates::Pinned;
use crate::template::metadata;
use crate::wire::api::{Callback, SubmitBody, check_attachments, check_title};
use crate::wire::fault::{Fault, Faults, Part, invalid};

/// A submission, checked and evaluated.
#[derive(Debug)]
pub struct Prepared {
    /// The version to pin.
    pub template: Arc<Pinned>,
    /// The command.
    pub submit: Submit,
    /// Its payload.
    pub payload: Payload,
    /// Facts loaded on the way.
    pub facts: Facts,
}

impl App {
    /// Submits a request.
    pub async fn submit(&self, identity: &Identity, body: SubmitBody, tag: Tag, channel: Channel) -> Result<Outcome, Error> {
        let id = tag.request_id();
        let callback = body.callback.as_ref().map(|callback| serde_json::json!(callback));
        let prepared = match self.prepare(identity, body, &id).await {
            Ok(prepared) => prepared,
            // A retry of long ago finds its request, whatever has become of template and people since.
            Err(error) => return self.earlier_submission(identity, &id, &tag).await?.ok_or(error),
        };
        let order = Order {
            actor: submitter(identity, &prepared.payload.requester),
            content: Some(prepared.payload),
            callback,
            facts: prepared.facts,
            ..Order::new(identity, id.clone(), tag.clone(), channel, Command::Submit(prepared.submit), None)
        };
        match self.execute(order).await {
            Err(Error::Refused(refusal)) => self.earlier_submission(identity, &id, &tag).await?.ok_or(refusal.into()),
            outcome => outcome,
        }
    }

    async fn earlier_submission(&self, identity: &Identity, id: &RequestId, tag: &Tag) -> Result<Option<Outcome>, Error> {
        let Some(digest) = tag.digest else { return Ok(None) };
        let Some(record) = self.requests.load(&identity.tenant, id, Freshness::Strong).await? else { return Ok(None) };
        let kept = match record.base {
            None => record.digests.get(&1).copied(),
            Some(_) => self.requests.pages(&identity.tenant, id, 0).await?.iter().find_map(|page| page.digests.get(&1).copied()),
        };
        if kept.is_some_and(|kept| kept != digest) { Err(Error::KeyReused) } else { Ok(Some(Outcome { record, how: How::Replayed })) }
    }

    /// Checks a submission and evaluates its template's expressions. Writes nothing.
    pub async fn prepare(&self, identity: &Identity, body: SubmitBody, id: &RequestId) -> Result<Prepared, Error> {
        body.callback.as_ref().map_or(Ok(()), Callback::check)?;
        let SubmitBody { template: key, entity, title, metadata, requester, attachments, .. } = body;
        check_title(&title)?;
        check_attachments(&attachments)?;
        check_size(&metadata)?;
        let tenant = &identity.tenant;
        let who = requester.clone().unwrap_or_else(|| identity.caller.id.clone());
        if who != identity.caller.id {
            identity.need(Scope::SubmitFor).map_err(|_| Refusal::SubmitForNeeded)?;
        }
        let now = self.clock.now();
        let (current, person) = tokio::join!(self.directory.current(tenant, &key, now), self.requester(tenant, &who, Freshness::Eventual));
        let version = match current? {
            Some(Some(version)) => version,
            Some(None) => return Err(wrong_template(Part::InactiveTemplate, format!("template `{key}` takes no new requests"))),
            None => return Err(wrong_template(Part::UnknownTemplate, format!("there is no template `{key}`"))),
        };
        let of = TemplateRef { key, version };
        let template = self.pinned(tenant, &of).await?;
        let (person, facts) = person?;
        let calendar = self.followed_calendar(tenant, &template).await?;
        let results = Results { calendar, ..results(&template, &metadata, &entity, &who, &person)? };
        let (salt, request, entity_of) = (self.entropy.salt(), id.clone(), entity.clone());
        let payload = Payload { salt, request, revision: 1, template: of.clone(), entity, requester: who, title, metadata, attachments };
        let content = Content { payload_hash: payload.hash(), results };
        let submit = Submit { template: of, entity: entity_of, requester, previous: None, content };
        Ok(Prepared { template, submit, payload, facts })
    }

    /// The tenant's calendar, if a step follows it.
    pub(super) async fn followed_calendar(&self, tenant: &TenantId, template: &Template) -> Result<Option<CalendarId>, Error> {
        if template.calendar.is_some() || template.all_steps().all(|step| step.sla.calendar.is_some()) {
            return Ok(None);
        }
        Ok(self.directory.tenant_calendar(tenant, self.clock.now()).await?)
    }

    /// The requester as the directory knows them. "Not there" is never said on a stale read.
    pub(super) async fn requester(&self, tenant: &TenantId, id: &PersonId, freshness: Freshness) -> Result<(PersonRecord, Facts), Error> {
        let mut found = self.directory.person(tenant, id, freshness).await?;
        if found.as_ref().is_none_or(|person| !person.user.active) && freshness == Freshness::Eventual {
            found = self.directory.person(tenant, id, Freshness::Strong).await?;
        }
        let person = found.filter(|person| person.user.active).ok_or_else(|| Refusal::UnknownUser(id.clone()))?;
        let facts = Facts { persons: [(id.clone(), Some(person.fact()))].into(), ..Facts::default() };
        Ok((person, facts))
    }
}

/// The caller; the commit says that the client may submit for others only where it did.
fn submitter(identity: &Identity, requester: &PersonId) -> Actor {
    let submit_for = *requester != identity.caller.id && identity.scopes.contains(&Scope::SubmitFor);
    Actor::Person(Caller { submit_for, ..identity.caller.clone() })
}

fn wrong_template(part: Part, detail: String) -> Error {
    Faults::one(part, "/template", part.code(), detail).into()
}

pub(super) fn check_size(metadata: &Value) -> Result<(), Faults> {
    if !metadata.is_object() {
        return Err(invalid("/metadata", "type", "metadata is an object".to_owned()));
    }
    let bytes = canonical(metadata).map_err(|error| invalid("/metadata", "invalid", error.to_string()))?.len();
    if bytes > limits::METADATA_BYTES {
        let detail = format!("metadata has {bytes} bytes in canonical form; at most {} are allowed", limits::METADATA_BYTES);
        return Err(Faults::one(Part::Size, "/metadata", "too_large", detail));
    }
    Ok(())
}

/// Checks metadata against the template's fields, then evaluates every expression.
pub(super) fn results(
    template: &Pinned,
    metadata: &Value,
    entity: &Entity,
    who: &PersonId,
    person: &PersonRecord,
) -> Result<Results, Faults> {
    let wrong = metadata::check(template, metadata);
    if !wrong.is_empty() {
        let each = wrong.into_iter().map(|wrong| Fault::new(wrong.pointer, wrong.code, wrong.detail)).collect();
        return Err(Faults { part: Part::Metadata, detail: "the metadata does not fit the template's fields".to_owned(), each });
    }
    let roles: Vec<_> = person.memberships.iter().filter(|(_, (_, holds))| *holds).map(|(role, _)| role.clone()).collect();
    let attributes = person.user.attributes.clone().into_iter().collect();
    let requester = Requester { id: who, manager: person.user.manager.as_ref(), roles: &roles, attributes: Some(&attributes) };
    let evaluated = template.program.evaluate(&Variables::new(metadata, entity, requester)).map_err(|failed| {
        let pointer = |f: &Failed| f.failure.field.as_ref().map(Path::pointer).unwrap_or_default();
        let each = failed.iter().map(|f| Fault::new(pointer(f), f.failure.problem.code(), f.to_string())).collect();
        let detail = failed.first().map(ToString::to_string).unwrap_or_default();
        Faults { part: Part::Expression, detail, each }
    })?;
    let mut results = Results::default();
    let (mut value, mut currency) = (None, None);
    for (name, evaluated) in evaluated {
        match evaluated {
            Evaluated::Condition(holds) => {
                let step = name.strip_prefix("when:").and_then(|step| StepId::new(step).ok());
                results.conditions.extend(step.map(|step| (step, holds)));
            }
            Evaluated::Candidates(texts) => {
                let candidates: Vec<Candidate> = texts.iter().filter_map(|text| text.parse().ok()).collect();
                results.named.insert(name, candidates);
            }
            Evaluated::Number(number) => value = Some(number),
            Evaluated::Text(text) => currency = Some(text),
        }
    }
    results.amount = value.zip(currency).map(|(value, currency)| Amount { value, currency });
    Ok(results)
}
