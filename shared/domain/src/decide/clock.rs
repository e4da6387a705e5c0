//! What the clock does to a step: remind, escalate, time out. Only the service itself gives these commands.

use super::cancel::close_live;
use super::draft::Draft;
use super::guards::{has_room, only_the_clock, still_open};
use super::steps::{advance, fallback, next_review, review};
use super::vote::decline;
use crate::candidate::{Candidate, Placed};
use crate::context::{Context, Missing, No};
use crate::event::{Decision, Event, StepEnd, Unapproved};
use crate::facts::{FactsQuery, Wanted};
use crate::ids::{PersonId, RoleId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::route::{climbs, resolve_above};
use crate::standing::reach;
use crate::standing::{self, Ballot};
use crate::state::{Opening, Phase, Request, Step, StepPhase};
use crate::template::{self, Fallback, OnTimeout};
use crate::timers::{Timer, Wait, due, wait_over};

/// Fires a timer.
///
/// INVARIANT (once): a level fires when it is the step's next and its time has come; the event that says so makes it the last one fired.
pub(super) fn fire(request: &Request, id: &StepId, timer: Timer, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    only_the_clock(cx)?;
    still_open(request)?;
    let step = request.step(id).ok_or_else(|| Refusal::UnknownStep(id.clone()))?;
    let rules = cx.template.step(id).ok_or_else(|| Refusal::UnknownStep(id.clone()))?;
    let opening = step.opening.as_ref().filter(|_| step.phase.is_live());
    let opening = opening.ok_or_else(|| Refusal::StepNotOpen { step: id.clone(), phase: step.phase })?;
    let fired = match timer {
        Timer::Remind(number) => number <= opening.reminded,
        Timer::Escalate(level) => level <= opening.level,
        Timer::TimeOut => opening.timed_out,
    };
    if fired {
        return Ok(Vec::new());
    }
    if due(rules, step, cx.now) != Some(timer) {
        return Err(Refusal::NotDue.into());
    }
    let ballot = Ballot::of(request, rules, step, opening);
    let mut draft = Draft::new(Some(request.clone()), cx);
    match timer {
        Timer::Remind(number) => {
            has_room(request)?;
            draft.push(Event::Reminded { step: id.clone(), number });
        }
        Timer::Escalate(level) => {
            has_room(request)?;
            let candidates = summoned(ballot, opening, level, cx)?;
            draft.push(Event::Escalated { step: id.clone(), level, candidates });
            // A blocked step may open with those who came; an open one asks for more if they do not suffice.
            review(&mut draft, |step, _| step.id == *id)?;
        }
        Timer::TimeOut => time_out(&mut draft, rules, step, opening)?,
    }
    Ok(draft.events)
}

/// What the clock does to a returned request.
pub(super) fn wait(request: &Request, wait: Wait, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    only_the_clock(cx)?;
    still_open(request)?;
    let Phase::Returned { reminded, .. } = request.phase else { return Err(Refusal::NotReturned(request.status()).into()) };
    if matches!(wait, Wait::Remind(number) if number <= reminded) {
        return Ok(Vec::new());
    }
    if wait_over(request, cx.template, cx.now) != Some(wait) {
        return Err(Refusal::NotDue.into());
    }
    Ok(vec![match wait {
        Wait::Remind(number) => {
            has_room(request)?;
            Event::RequesterReminded { number }
        }
        Wait::Expire => Event::Expired {},
    }])
}

fn time_out(draft: &mut Draft<'_, '_>, rules: &template::Step, step: &Step, opening: &Opening) -> Result<(), No> {
    let why = unapproved(rules, step);
    let admin = Placed { candidate: Candidate::Role(RoleId::approval_admin()), level: opening.level, reserve: false };
    let there = opening.candidates.iter().any(|known| known.candidate == admin.candidate && !known.reserve);
    let candidates = why.map(|_| admin).filter(|_| !there && opening.candidates.len() < limits::CANDIDATES);
    draft.push(Event::TimedOut { step: rules.id.clone(), why, candidates: candidates.into_iter().collect() });
    match rules.on_timeout {
        OnTimeout::None => Ok(()),
        OnTimeout::Approve if why.is_some() => review(draft, |step, _| step.id == rules.id),
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

/// Silence approves nothing that nobody could vote on, and nothing that somebody rejected.
fn unapproved(rules: &template::Step, step: &Step) -> Option<Unapproved> {
    let rejected = || step.votes.iter().any(|vote| vote.voted.decision == Decision::Reject);
    match (rules.on_timeout, step.phase) {
        (OnTimeout::Approve, StepPhase::Blocked) => Some(Unapproved::Blocked),
        (OnTimeout::Approve, _) if rejected() => Some(Unapproved::Rejection),
        _ => None,
    }
}

/// Whom a level adds: only those who give somebody a vote. If there are none, `fallback`, and if there are none there, `approval_admin`.
fn summoned(ballot: Ballot<'_>, opening: &Opening, level: u32, cx: &Context<'_>) -> Result<Vec<Placed>, No> {
    let (request, rules) = (ballot.request, ballot.rules);
    let index = level as usize - 1;
    let to = rules.escalate.get(index).map_or(&[][..], |level| level.to.as_slice());
    let name = format!("escalate:{}:{index}", rules.id);
    let named = |above: &[PersonId]| resolve_above(to, &name, request, above, cx);
    // A climb takes a round for each hop. All that stands behind it is read along: the others that the level names, reserves, and
    // whether the step has enough voters then.
    let behind = || {
        let mut wanted = No::wanted(from_reserves(ballot, cx));
        wanted.extend(No::wanted(named(&[]).and_then(|named| fresh(ballot, named, cx))));
        wanted.extend(next_review(ballot, named(&[]).unwrap_or_default(), cx));
        wanted
    };
    let above = if climbs(to) { above(ballot, index, cx).map_err(|no| no.along(behind))? } else { Vec::new() };
    let named = named(&above).map_err(|no| no.along(behind))?;
    let mut found = fresh(ballot, named, cx).map_err(|no| no.along(behind))?;
    if found.is_empty() {
        found = from_reserves(ballot, cx)?;
    }
    let others = opening.candidates.iter().filter(|known| !found.contains(&known.candidate)).count();
    found.truncate(limits::CANDIDATES.saturating_sub(others));
    Ok(found.into_iter().map(|candidate| Placed { candidate, level, reserve: false }).collect())
}

fn from_reserves(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
    if ballot.rules.fallback == Fallback::Nobody {
        return Ok(Vec::new());
    }
    let admin = Candidate::Role(RoleId::approval_admin());
    let found = fallback(ballot, cx).and_then(|named| fresh(ballot, named, cx)).map_err(|no| no.along(|| admins_wanted(cx)))?;
    if found.is_empty() { fresh(ballot, vec![admin], cx) } else { Ok(found) }
}

fn admins_wanted(cx: &Context<'_>) -> FactsQuery {
    let role = RoleId::approval_admin();
    if cx.evidence.listed(&role).1 { FactsQuery::new() } else { [reach::more(&role, 1, cx)].into() }
}

/// Those of these candidates who give somebody a vote. Whoever passed their seat on has given it away, whatever level names them.
fn fresh(ballot: Ballot<'_>, mut found: Vec<Candidate>, cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
    found.retain(|c| !ballot.candidates.iter().any(|known| known.candidate == *c && !known.reserve));
    found.retain(|c| c.person().is_none_or(|id| !ballot.released.contains_key(id)));
    let mut missing = Missing::default();
    let mut adding = Vec::new();
    for candidate in found {
        if missing.take(standing::adds_a_voter(ballot, &candidate, cx))? == Some(true) {
            adding.push(candidate);
        }
    }
    missing.none()?;
    Ok(adding)
}

/// The managers one step up from where the ladder stands: above those whom the last climbing level added, at first above the first
/// candidates, members of roles one by one; never above reserves. Who could cast no further vote here is passed over.
fn above(ballot: Ballot<'_>, index: usize, cx: &Context<'_>) -> Result<Vec<PersonId>, No> {
    let rules = ballot.rules;
    let before = rules.escalate.iter().take(index).rposition(|level| climbs(&level.to)).map_or(0, |place| place + 1);
    let from = ballot.candidates.iter().filter(|placed| placed.level as usize == before && !placed.reserve);
    let members: Vec<&Candidate> = from.flat_map(|placed| placed.candidate.members()).collect();
    let named = members.iter().filter_map(|member| member.person()).map(|id| Wanted::Person(id.clone()));
    let roles = members.iter().filter_map(|member| member.role()).filter(|_| before == 0);
    cx.evidence.require(roles.map(|role| Wanted::Role(role.clone(), usize::MAX)).chain(named))?;
    let mut people: Vec<&PersonId> = Vec::new();
    for member in members {
        match member {
            Candidate::User(id) => people.push(id),
            // Later on a role stands in for managers there were none of.
            Candidate::Role(role) if before == 0 => {
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
        let manager = missing.take(next_above(ballot, person, cx))?.flatten();
        found.extend(manager.filter(|id| !found.contains(*id)).cloned());
    }
    missing.none()?;
    Ok(found)
}

fn next_above<'a>(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'a>) -> Result<Option<&'a PersonId>, No> {
    let mut at = cx.evidence.manager(person)?;
    for _ in 0..limits::CLIMB_HOPS {
        let Some(id) = at else { break };
        if !fresh(ballot, vec![Candidate::User(id.clone())], cx)?.is_empty() {
            return Ok(Some(id));
        }
        at = cx.evidence.manager(id)?;
    }
    Ok(None)
}
