//! Withdraw a vote: somebody changes their mind while the step is open or blocked.

use super::draft::Draft;
use super::guards::{caller, has_room, still_open};
use super::steps::review;
use crate::context::{Context, No};
use crate::event::Event;
use crate::ids::{PersonId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::state::{Request, Step, StepPhase, Vote};

/// By the voter or the person whose right was used. Without `on_behalf_of` the vote the caller cast, else the one cast on their right.
pub(super) fn withdraw(request: &Request, id: &StepId, on_behalf_of: Option<&PersonId>, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    let step = request.step(id).ok_or_else(|| Refusal::UnknownStep(id.clone()))?;
    let vote = theirs(step, by, on_behalf_of).ok_or_else(|| Refusal::NoSuchVote(id.clone()))?;
    still_open(request)?;
    // An approval of a step that is through is taken back by a recall, which its voter may ask for.
    if step.phase == StepPhase::Approved && request.counted(by, on_behalf_of) {
        return Err(Refusal::VoteCounted { step: id.clone(), phase: step.phase }.into());
    }
    // What a vote blocked, its withdrawal opens again.
    if !step.phase.is_live() {
        return Err(Refusal::StepNotOpen { step: id.clone(), phase: step.phase }.into());
    }
    if request.acts.get(by).is_some_and(|acts| acts.withdrawals >= limits::WITHDRAWALS_EACH) {
        return Err(Refusal::RequestFull("you took 20 votes back in it").into());
    }
    has_room(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::VoteWithdrawn { step: id.clone(), person: vote.person().clone() });
    // A voter who is free again may be needed elsewhere, and reserves may not be needed here.
    review(&mut draft, |_, _| true)?;
    Ok(draft.events)
}

fn theirs<'a>(step: &'a Step, by: &PersonId, on_behalf_of: Option<&PersonId>) -> Option<&'a Vote> {
    let cast = |vote: &&Vote| vote.by.id == *by;
    let right = |vote: &&Vote| vote.person() == by;
    match on_behalf_of {
        None => step.votes.iter().find(cast).or_else(|| step.votes.iter().find(right)),
        Some(person) => step.votes.iter().find(|vote| vote.person() == person && vote.involves(by)),
    }
}
