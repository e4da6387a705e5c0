//! Submit and resubmit: plan the route, open the first steps.

use super::draft::Draft;
use super::effect::deadline;
use super::guards::{caller, has_room_to_end, own_or_admin, still_open};
use super::steps::{Prospect, advance, calendars_exist, prospects};
use crate::actor::{Actor, SystemPart};
use crate::command::{Command, Content, Resubmit, Submit};
use crate::context::{Context, No};
use crate::event::{Event, Revision};
use crate::facts::Wanted;
use crate::hash;
use crate::ids::StepId;
use crate::limits;
use crate::refusal::Refusal;
use crate::state::{Phase, Request, StepPhase};
use crate::template::{self, WhenEmpty};

pub(super) fn submit(submit: &Submit, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    start(planned(submit, cx)?)
}

/// The request a submission would make, planned, before any step opens: for `preview`.
pub fn plan(command: &Command, cx: &Context<'_>) -> Result<Request, No> {
    let Command::Submit(submit) = command else { return Err(Refusal::NoRequest.into()) };
    Ok(planned(submit, cx)?.request()?.clone())
}

fn planned<'a, 'c>(submit: &Submit, cx: &'a Context<'c>) -> Result<Draft<'a, 'c>, No> {
    let by = caller(cx).map_err(|no| no.along(|| submit.requester.iter().cloned().map(Wanted::Person).collect()))?;
    if let Some(requester) = submit.requester.as_ref().filter(|requester| *requester != by) {
        if !matches!(cx.actor, Actor::Person(caller) if caller.submit_for) {
            return Err(Refusal::SubmitForNeeded.into());
        }
        if !cx.evidence.active(requester)? {
            return Err(Refusal::UnknownUser(requester.clone()).into());
        }
    }
    let mut draft = Draft::new(None, cx);
    draft.push(Event::Submitted {
        template: submit.template.clone().into(),
        entity: submit.entity.clone(),
        requester: submit.requester.clone().filter(|requester| requester != by),
        previous: submit.previous.clone(),
        revision: route(&submit.content, cx)?,
    });
    Ok(draft)
}

pub(super) fn resubmit(request: &Request, resubmit: &Resubmit, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    may_resubmit(request, cx)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Resubmitted { comment: resubmit.comment, revision: route(&resubmit.content, cx)? });
    start(draft)
}

/// Whether the caller may give a new revision now. Asked before the content of one is looked at.
pub(super) fn may_resubmit(request: &Request, cx: &Context<'_>) -> Result<(), No> {
    let by = caller(cx)?;
    own_or_admin(request, by, cx)?;
    still_open(request)?;
    if !matches!(request.phase, Phase::Returned { .. }) {
        return Err(Refusal::NotReturned(request.status()).into());
    }
    if request.revision >= limits::REVISIONS {
        return Err(Refusal::RequestFull("it has 50 revisions; it can be cancelled").into());
    }
    Ok(has_room_to_end(request)?)
}

/// The route: every step, and those whose condition is false.
fn route(content: &Content, cx: &Context<'_>) -> Result<Revision, Refusal> {
    let plan: Vec<StepId> = cx.template.all_steps().map(|step| step.id.clone()).collect();
    // Only a condition that says no takes a step out: results cannot skip a step that has none.
    let off = |step: &&template::Step| step.when.is_some() && content.results.conditions.get(&step.id) == Some(&false);
    let skipped: Vec<StepId> = cx.template.all_steps().filter(off).map(|step| step.id.clone()).collect();
    if skipped.len() == plan.len() && cx.template.when_empty == WhenEmpty::Refuse {
        return Err(Refusal::EmptyPlan);
    }
    let results = &content.results;
    if results.named.values().any(|named| named.iter().map(|c| c.members().len()).sum::<usize>() > limits::CANDIDATES) {
        return Err(Refusal::RequestFull("an expression names more than 100 candidates"));
    }
    // JSON has no infinite numbers; what is no number is covered by no limit.
    let amount = results.amount.clone().filter(|amount| amount.value.is_finite());
    let named = results.named.clone();
    Ok(Revision { payload_hash: content.payload_hash, plan, skipped, named, amount, calendar: results.calendar.clone() })
}

fn start(mut draft: Draft<'_, '_>) -> Result<Vec<Event>, No> {
    let request = draft.request()?.clone();
    if request.steps.iter().all(|step| step.phase == StepPhase::Skipped) {
        let until = deadline(draft.cx.template, draft.cx.now);
        draft.push(Event::Approved { by: Some(SystemPart::Template), until });
        return Ok(draft.events);
    }
    let calendars = || No::wanted(calendars_exist(&request, draft.cx));
    let prospects = prospects(&request, draft.cx).map_err(|no| no.along(calendars))?;
    let dead: Vec<StepId> = prospects.iter().filter(|p| !p.routable).map(|p| p.step.clone()).collect();
    if !dead.is_empty() {
        return Err(Refusal::Unroutable(dead).into());
    }
    calendars_exist(&request, draft.cx)?;
    fits(&prospects, draft.cx)?;
    advance(&mut draft)?;
    Ok(draft.events)
}

/// Refused now rather than stuck later: the commit that opens steps must hold their candidates and what was known of them.
fn fits(prospects: &[Prospect], cx: &Context<'_>) -> Result<(), Refusal> {
    for group in &cx.template.steps {
        let together = prospects.iter().filter(|p| group.steps().iter().any(|rules| rules.id == p.step));
        if together.map(|p| hash::canonical(&p.candidates).len()).sum::<usize>() > limits::OPENING_BYTES {
            return Err(Refusal::RequestFull("steps that open together have too many candidates"));
        }
    }
    Ok(())
}
