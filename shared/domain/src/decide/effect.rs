//! The effect of an approval: started exactly once, then done or failed. And what the clock does to it.

use super::guards::{caller, effect_not_started, is_admin, only_the_clock};
use crate::context::{Context, No};
use crate::effect::EffectState;
use crate::event::{EffectEnd, Event};
use crate::hash::Hash;
use crate::ids::PersonId;
use crate::refusal::Refusal;
use crate::sight::carries_out;
use crate::state::{Request, Status};
use crate::template::Template;
use crate::time::Timestamp;
use crate::timers::{Due, effect_due};

/// INVARIANT (once): an attempt is started by one commit, on what was approved. Whoever comes second hears who was first.
pub(super) fn start(request: &Request, payload_hash: Hash, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    carrier(request, by, "the submitter or whoever the template names in `effect.by`", cx)?;
    effect_not_started(request)?;
    let Some(effect) = request.effect.as_ref().filter(|_| request.is_pending()) else {
        return Err(Refusal::NotApproved(request.status()).into());
    };
    // INVARIANT (in time): nothing starts after its deadline, whether or not the tick has come by.
    if let Some(at) = effect.expires_at.filter(|at| *at <= cx.now) {
        return Err(Refusal::RequestClosed { status: Status::Expired, by: "system".to_owned(), at }.into());
    }
    if payload_hash != request.payload_hash {
        return Err(Refusal::StaleRevision(request.payload_hash).into());
    }
    Ok(vec![Event::EffectStarted { payload_hash, attempt: effect.attempts + 1 }])
}

/// The first failure opens start, recall and cancel once more; the second is final. Whoever started it may finish it, whatever roles they
/// hold now; `approval_admin` may finish what is late.
pub(super) fn finish(request: &Request, end: EffectEnd, reference: Option<Hash>, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    let late = request.effect.as_ref().and_then(|effect| effect.late_at()).is_some_and(|at| at <= cx.now);
    let started = request.effect.as_ref().is_some_and(|effect| effect.is_started_by(by));
    if !(started || late && is_admin(by, cx)?) {
        carrier(request, by, "whoever started it, the submitter or whoever the template names in `effect.by`", cx)?;
    }
    let Some(effect) = request.effect.as_ref().filter(|effect| effect.state == EffectState::Started) else {
        return Err(Refusal::EffectNotStarted(request.effect_state()).into());
    };
    let again = end == EffectEnd::Failed && effect.may_fail_again();
    let until = deadline(cx.template, cx.now).filter(|_| again);
    Ok(vec![Event::EffectFinished { end, reference, until }])
}

/// What was not started in time expires.
pub(super) fn expire(request: &Request, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    only_the_clock(cx)?;
    if effect_due(request, cx.now) == Some(Due::EffectExpired) { Ok(vec![Event::Expired {}]) } else { Err(Refusal::NotDue.into()) }
}

/// `approval_admin` is told, once for each attempt, that what was started is not finished.
pub(super) fn remind(request: &Request, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    only_the_clock(cx)?;
    let Some(effect) = request.effect.as_ref().filter(|effect| effect.state == EffectState::Started) else {
        return Err(Refusal::EffectNotStarted(request.effect_state()).into());
    };
    if effect.last.as_ref().is_some_and(|last| last.reminded) {
        return Ok(Vec::new());
    }
    if effect_due(request, cx.now) == Some(Due::EffectLate) { Ok(vec![Event::EffectReminded {}]) } else { Err(Refusal::NotDue.into()) }
}

/// Until when the effect of an approval given now must be started; `None`: it waits for none.
pub(super) fn deadline(template: &Template, now: Timestamp) -> Option<Timestamp> {
    template.confirms().map(|effect| now.plus_hours(f64::from(effect.within.hours())))
}

fn carrier(request: &Request, by: &PersonId, who: &'static str, cx: &Context<'_>) -> Result<(), No> {
    if carries_out(request, by, cx)? { Ok(()) } else { Err(Refusal::NotAllowed { who }.into()) }
}
