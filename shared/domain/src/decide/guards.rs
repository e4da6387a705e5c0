//! Guards that several commands share.

use crate::actor::{Actor, SystemPart};
use crate::context::{Context, No};
use crate::effect::EffectState;
use crate::ids::{PersonId, RoleId};
use crate::limits;
use crate::refusal::Refusal;
use crate::state::Request;

/// The caller, who must be an active person.
pub(super) fn caller<'a>(cx: &Context<'a>) -> Result<&'a PersonId, No> {
    let person = cx.actor.person().ok_or(Refusal::NotAllowed { who: "a person" })?;
    if cx.evidence.active(person)? { Ok(person) } else { Err(Refusal::UnknownUser(person.clone()).into()) }
}

pub(super) fn is_admin(person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    Ok(cx.evidence.is_member(&RoleId::approval_admin(), person)?)
}

/// Requester, submitter, or a member of `approval_admin`.
pub(super) fn own_or_admin(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<(), No> {
    if request.acts_for(person) || is_admin(person, cx)? {
        Ok(())
    } else {
        Err(Refusal::NotAllowed { who: "the requester, the submitter or a member of `approval_admin`" }.into())
    }
}

pub(super) fn only_the_clock(cx: &Context<'_>) -> Result<(), Refusal> {
    let clock = Actor::System { part: SystemPart::Escalation };
    if *cx.actor == clock { Ok(()) } else { Err(Refusal::NotAllowed { who: "the service's own clock" }) }
}

/// Once the effect is started, nothing brings the request back.
pub(super) fn effect_not_started(request: &Request) -> Result<(), Refusal> {
    let started = request.effect.as_ref().filter(|_| request.is_over()).filter(|effect| effect.state != EffectState::None);
    match started.and_then(|effect| effect.last.as_ref()) {
        Some(last) => Err(Refusal::EffectStarted { by: last.by.clone(), at: last.started_at }),
        None => Ok(()),
    }
}

pub(super) fn still_open(request: &Request) -> Result<(), Refusal> {
    let Some(outcome) = request.outcome().filter(|_| request.is_over()) else { return Ok(()) };
    let by = match &outcome.by {
        Actor::Person(caller) => caller.id.to_string(),
        Actor::System { .. } => "system".to_owned(),
    };
    Err(Refusal::RequestClosed { status: outcome.status, by, at: outcome.at })
}

/// Room for a new revision, which leads to the end where other acts do not.
pub(super) fn has_room_to_end(request: &Request) -> Result<(), Refusal> {
    if request.version < limits::COMMITS_REVISED {
        Ok(())
    } else {
        Err(Refusal::RequestFull("it has too many commits for another revision; it can be cancelled"))
    }
}

/// Room for acts that do not lead to the end; those that do always find room (see [`limits::COMMITS_OPEN`]).
pub(super) fn has_room(request: &Request) -> Result<(), Refusal> {
    if request.version < limits::COMMITS_OPEN {
        Ok(())
    } else {
        Err(Refusal::RequestFull("it has too many commits; it can still be decided or cancelled"))
    }
}
