//! Submit and resubmit: plan the route, open the first steps.

use super::steps::{advance, prospects};
use super::{Context, Draft, No, caller, has_room, own_or_admin, still_open};
use crate::command::{Command, Content, Resubmit, Submit};
use crate::commit::Actor;
use crate::event::{Event, Revision};
use crate::ids::StepId;
use crate::refusal::Refusal;
use crate::state::{Phase, Request};
use crate::template::WhenEmpty;

pub(super) fn submit(submit: &Submit, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    start(planned(submit, cx)?)
}

/// The request a submission would make, planned, before any step opens: for `preview`.
pub fn plan(command: &Command, cx: &Context<'_>) -> Result<Request, No> {
    let Command::Submit(submit) = command else { return Err(Refusal::NoRequest.into()) };
    Ok(planned(submit, cx)?.request()?.clone())
}

fn planned<'a, 'c>(submit: &Submit, cx: &'a Context<'c>) -> Result<Draft<'a, 'c>, No> {
    let by = caller(cx)?;
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
    let by = caller(cx)?;
    own_or_admin(request, by, cx)?;
    still_open(request)?;
    if request.phase != Phase::Returned {
        return Err(Refusal::NotReturned(request.status()).into());
    }
    has_room(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Resubmitted { comment: resubmit.comment, revision: route(&resubmit.content, cx)? });
    start(draft)
}

/// The route: every step, and those whose condition is false.
fn route(content: &Content, cx: &Context<'_>) -> Result<Revision, No> {
    let plan: Vec<StepId> = cx.template.all_steps().map(|step| step.id.clone()).collect();
    let off = |id: &&StepId| content.results.conditions.get(*id) == Some(&false);
    let skipped: Vec<StepId> = plan.iter().filter(off).cloned().collect();
    if skipped.len() == plan.len() && cx.template.when_empty == WhenEmpty::Refuse {
        return Err(Refusal::EmptyPlan.into());
    }
    let results = &content.results;
    let (named, amount) = (results.named.clone(), results.amount.clone());
    Ok(Revision { payload_hash: content.payload_hash, plan, skipped, named, amount })
}

fn start(mut draft: Draft<'_, '_>) -> Result<Vec<Event>, No> {
    let prospects = prospects(draft.request()?, draft.cx)?;
    let dead: Vec<StepId> = prospects.into_iter().filter(|p| !p.routable).map(|p| p.step).collect();
    if !dead.is_empty() {
        return Err(Refusal::Unroutable(dead).into());
    }
    advance(&mut draft)?;
    Ok(draft.events)
}
