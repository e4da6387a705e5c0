//! Reassign: a seat passes to another person, for this revision.

use super::draft::Draft;
use super::guards::{caller, has_room, is_admin, still_open};
use crate::candidate::Candidate;
use crate::context::{Context, No};
use crate::event::Event;
use crate::facts::Wanted;
use crate::hash::Hash;
use crate::ids::{PersonId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::refusal::WhyNot;
use crate::standing::{self, Ballot, Search};
use crate::state::{Request, StepPhase};

/// What is asked.
pub(super) struct Pass<'a> {
    pub(super) step: &'a StepId,
    pub(super) from: Option<&'a PersonId>,
    pub(super) to: &'a PersonId,
    pub(super) reason: Hash,
}

pub(super) fn reassign(request: &Request, pass: &Pass<'_>, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let seats_named = || pass.from.into_iter().chain([pass.to]).cloned().map(Wanted::Person).collect();
    let by = caller(cx).map_err(|no| no.along(seats_named))?;
    let Some((step, rules)) = request.step(pass.step).zip(cx.template.step(pass.step)) else {
        return Err(Refusal::UnknownStep(pass.step.clone()).into());
    };
    let Some(opening) = &step.opening else {
        still_open(request)?;
        return Err(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }.into());
    };
    let ballot = Ballot { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes };

    let from = pass.from.unwrap_or(by);
    if from != by && !is_admin(by, cx)? {
        return Err(Refusal::NotAllowed { who: "the seat's own holder or a member of `approval_admin`" }.into());
    }
    // INVARIANT (I5): nor does an administrator choose who approves what they may not vote on themselves.
    if from != by
        && let Some(why) = standing::barred(ballot, by, cx)?
    {
        return Err(Refusal::NotEligible { person: by.clone(), step: step.id.clone(), why }.into());
    }
    let held = standing::seats(ballot, from, Search::For(from), cx)?;
    // A named person's seat may pass on even if they have left: that is when administrators need it.
    let named = opening.candidates.iter().find(|placed| placed.candidate == Candidate::User(from.clone()));
    let level = match &held {
        // INVARIANT (I5): a requester who is a candidate by name does not choose who approves instead.
        Err(why) if from == by && !(pass.from.is_none() && is_admin(by, cx)?) => {
            return Err(Refusal::NotEligible { person: by.clone(), step: step.id.clone(), why: why.clone() }.into());
        }
        Err(_) if from == by => None,
        Err(_) => named.map(|placed| placed.level),
        Ok(seats) => seats.iter().find(|seat| seat.any_of.is_none()).map(|seat| seat.level),
    };
    if pass.from.is_none() && level.is_none() {
        return Err(Refusal::FromRequired.into());
    }
    still_open(request)?;
    if !step.phase.is_live() {
        return Err(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }.into());
    }
    let Some(level) = level.filter(|_| !step.votes.iter().any(|vote| vote.involves(from))) else {
        return Err(Refusal::NoSuchSeat { person: from.clone(), step: step.id.clone() }.into());
    };
    target(ballot, pass.to, cx)?;
    has_room(request)?;
    if named.is_none() && opening.candidates.len() >= limits::CANDIDATES {
        return Err(Refusal::RequestFull("the step has 100 candidates").into());
    }
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Reassigned { step: step.id.clone(), from: from.clone(), to: pass.to.clone(), level, reason: pass.reason });
    super::steps::review(&mut draft, |live, _| live.phase == StepPhase::Blocked || live.id == step.id)?;
    Ok(draft.events)
}

/// INVARIANT (I5): a seat never passes to somebody who could not vote on it.
fn target(ballot: Ballot<'_>, to: &PersonId, cx: &Context<'_>) -> Result<(), No> {
    let invalid = |why: String| No::from(Refusal::InvalidTarget { to: to.clone(), why });
    cx.evidence.require([Wanted::Person(to.clone())])?;
    if !cx.evidence.active(to)? {
        return Err(invalid(WhyNot::Inactive.to_string()));
    }
    if let Some(why) = standing::barred(ballot, to, cx)?.or_else(|| standing::counted(ballot, to)) {
        return Err(invalid(why.to_string()));
    }
    let own = standing::seats(ballot, to, Search::For(to), cx)?;
    if own.is_ok_and(|seats| seats.iter().any(|seat| seat.any_of.is_none())) || ballot.votes.iter().any(|vote| vote.involves(to)) {
        return Err(invalid("has a seat on this step already".to_owned()));
    }
    Ok(())
}
