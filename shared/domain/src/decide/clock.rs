//! What the clock does to a step: remind, escalate, time out. Only the service itself gives these commands.

use super::cancel::close_live;
use super::draft::Draft;
use super::guards::{has_room, still_open};
use super::steps::{advance, review};
use super::vote::decline;
use crate::actor::{Actor, SystemPart};
use crate::candidate::{Candidate, Placed};
use crate::context::{Context, Missing, No};
use crate::event::{Event, StepEnd};
use crate::facts::Wanted;
use crate::ids::{PersonId, RoleId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::route::{climbs, resolve, resolve_above};
use crate::state::{Opening, Request};
use crate::template::{self, Fallback, OnTimeout};
use crate::timers::{Timer, due};

/// Fires a timer.
///
/// INVARIANT (once): a level fires when it is the step's next and its time has come; the event that says so makes it the last one fired.
pub(super) fn fire(request: &Request, id: &StepId, timer: Timer, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    if *cx.actor != (Actor::System { part: SystemPart::Escalation }) {
        return Err(Refusal::NotAllowed { who: "the service's own clock" }.into());
    }
    still_open(request)?;
    let step = request.step(id).ok_or_else(|| Refusal::UnknownStep(id.clone()))?;
    let rules = cx.template.step(id).ok_or_else(|| Refusal::UnknownStep(id.clone()))?;
    let opening = step.opening.as_ref().filter(|_| step.phase.is_live());
    let opening = opening.ok_or_else(|| Refusal::StepNotOpen { step: id.clone(), phase: step.phase })?;
    let fired = match timer {
        Timer::Remind(number) => number <= opening.reminded,
        Timer::Escalate(level) => level <= opening.level,
        Timer::TimeOut => false,
    };
    if fired {
        return Ok(Vec::new());
    }
    if due(rules, step, cx.now) != Some(timer) {
        return Err(Refusal::NotDue { step: id.clone() }.into());
    }
    let mut draft = Draft::new(Some(request.clone()), cx);
    match timer {
        Timer::Remind(number) => {
            has_room(request)?;
            draft.push(Event::Reminded { step: id.clone(), number });
        }
        Timer::Escalate(level) => {
            has_room(request)?;
            let candidates = summoned(request, opening, rules, level, cx)?;
            draft.push(Event::Escalated { step: id.clone(), level, candidates });
            // A blocked step may open with those who came; an open one asks for more if they do not suffice.
            review(&mut draft, |step, _| step.id == *id)?;
        }
        Timer::TimeOut => time_out(&mut draft, rules)?,
    }
    Ok(draft.events)
}

fn time_out(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    draft.push(Event::TimedOut { step: rules.id.clone() });
    match rules.on_timeout {
        OnTimeout::None => Ok(()),
        OnTimeout::Approve => {
            draft.push(Event::Closed { step: rules.id.clone(), how: StepEnd::Approved });
            advance(draft)
        }
        OnTimeout::Reject => decline(draft, rules),
        OnTimeout::Expire => {
            close_live(draft, None)?;
            draft.push(Event::Expired {});
            Ok(())
        }
    }
}

/// Whom a level adds. One that climbs and finds nobody new adds `fallback`, and if these are there too, `approval_admin`.
fn summoned(request: &Request, opening: &Opening, rules: &template::Step, level: u32, cx: &Context<'_>) -> Result<Vec<Placed>, No> {
    let index = level as usize - 1;
    let to = rules.escalate.get(index).map_or(&[][..], |level| level.to.as_slice());
    let passed_on = |c: &Candidate| matches!(c, Candidate::User(id) if opening.released.contains(id));
    let fresh = |c: &Candidate| !opening.candidates.iter().any(|placed| placed.candidate == *c) && !passed_on(c);
    let climbing = climbs(to);
    let above = if climbing { above(request, opening, rules, index, cx)? } else { Vec::new() };
    let mut found = resolve_above(to, &format!("escalate:{}:{index}", rules.id), request, &above, cx)?;
    found.retain(fresh);
    if found.is_empty() && climbing && rules.fallback != Fallback::Nobody {
        found = resolve(rules.fallback.approvers(), &format!("fallback:{}", rules.id), request, cx)?;
        found.retain(fresh);
        if found.is_empty() {
            found.extend(Some(Candidate::Role(RoleId::approval_admin())).filter(fresh));
        }
    }
    found.truncate(limits::CANDIDATES.saturating_sub(opening.candidates.len()));
    Ok(found.into_iter().map(|candidate| Placed { candidate, level }).collect())
}

/// The managers one step up from where the ladder stands: above those whom the last climbing level added, at first above the first
/// candidates, members of roles one by one. Who is inactive, asked for it, or can vote here already is passed over.
fn above(request: &Request, opening: &Opening, rules: &template::Step, index: usize, cx: &Context<'_>) -> Result<Vec<PersonId>, No> {
    let before = rules.escalate.iter().take(index).rposition(|level| climbs(&level.to)).map_or(0, |place| place + 1);
    let from = opening.candidates.iter().filter(|placed| placed.level as usize == before);
    let mut people: Vec<&PersonId> = Vec::new();
    for member in from.flat_map(|placed| placed.candidate.members()) {
        match member {
            Candidate::User(id) => people.push(id),
            // Later on a role stands in for managers there were none of.
            Candidate::Role(role) if before == 0 => {
                cx.evidence.require([Wanted::Role(role.clone(), usize::MAX)])?;
                cx.evidence.note_all(role);
                people.extend(cx.evidence.listed(role).0.take(limits::CANDIDATES));
            }
            Candidate::Role(_) | Candidate::AnyOf(_) => {}
        }
    }
    cx.evidence.require(people.iter().map(|id| Wanted::Person((*id).clone())))?;
    let mut missing = Missing::default();
    let mut found: Vec<PersonId> = Vec::new();
    for person in people {
        let manager = missing.take(next_above(request, opening, rules, person, cx))?.flatten();
        found.extend(manager.filter(|id| !found.contains(*id)).cloned());
    }
    missing.none()?;
    Ok(found)
}

fn next_above<'a>(
    request: &Request,
    opening: &Opening,
    rules: &template::Step,
    person: &PersonId,
    cx: &Context<'a>,
) -> Result<Option<&'a PersonId>, No> {
    let mut at = cx.evidence.manager(person)?;
    for _ in 0..limits::CLIMB_HOPS {
        let Some(id) = at else { break };
        let asked = opening.candidates.iter().any(|placed| matches!(&placed.candidate, Candidate::User(known) if known == id));
        let own = request.is_own(id) && !rules.allow_self;
        if cx.evidence.active(id)? && !asked && !own {
            return Ok(Some(id));
        }
        at = cx.evidence.manager(id)?;
    }
    Ok(None)
}
