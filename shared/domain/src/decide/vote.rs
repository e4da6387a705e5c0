//! A vote: approve, reject, return.

use super::cancel::close_live;
use super::draft::Draft;
use super::guards::{caller, still_open};
use super::steps::{advance, review, upcoming};
use crate::candidate::Placed;
use crate::command::Vote;
use crate::context::{Context, Missing, No};
use crate::event::{Decision, Event, Resume, ReturnTo, StepEnd, Voted};
use crate::facts::FactsQuery;
use crate::ids::PersonId;
use crate::limits;
use crate::reach::reach;
use crate::refusal::Refusal;
use crate::route::{first_candidates, resolve};
use crate::standing::{self, Ballot, Search, Seat};
use crate::state::{self, Request, Step, StepPhase};
use crate::template::{self, OnReject};

/// Refusals in their order of precedence, one a line.
pub(super) fn vote(request: &Request, vote: &Vote, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let voter = caller(cx).map_err(|no| no.along(|| barred_heads(request, cx)))?;
    let (step, rules) = find(request, vote, cx)?;
    if let Some(stands) = step.votes.iter().find(|stands| stands.by.id == *voter) {
        return same_again(stands, vote).map_err(No::from);
    }
    let seats = eligible(request, step, rules, voter, vote, cx)?;
    still_open(request)?;
    step_open(step)?;
    let seat = free(step, &seats)?;
    bound(request, vote)?;
    has_seats(request)?;

    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Voted(voted(vote, seat, voter, rules)));
    let mut missing = Missing::default();
    missing.take(match vote.decision {
        Decision::Approve => approve(&mut draft, rules),
        Decision::Reject => reject(&mut draft, rules),
        Decision::Return => send_back(&mut draft, rules),
    })?;
    // Never stuck: every other step that was live is looked at, and this one where the vote used more than the voter's own seat.
    missing.take(review(&mut draft, |step, _| {
        let own = seat.any_of.is_none() && seat.delegations.is_empty();
        request.step(&step.id).is_some_and(|before| before.phase.is_live()) && !(step.id == vote.step && own)
    }))?;
    missing.none()?;
    Ok(draft.events)
}

fn find<'a>(request: &'a Request, vote: &Vote, cx: &Context<'a>) -> Result<(&'a Step, &'a template::Step), Refusal> {
    request.step(&vote.step).zip(cx.template.step(&vote.step)).ok_or_else(|| Refusal::UnknownStep(vote.step.clone()))
}

/// Whose managers the template bars: read along with the voter.
fn barred_heads(request: &Request, cx: &Context<'_>) -> FactsQuery {
    No::wanted(resolve(&cx.template.barred, "barred", request, cx))
}

/// The same vote again changes nothing and succeeds; another one is refused.
fn same_again(stands: &state::Vote, vote: &Vote) -> Result<Vec<Event>, Refusal> {
    let same_seat = vote.on_behalf_of.as_ref().is_none_or(|person| person == stands.person());
    let decision = stands.voted.decision;
    if decision == vote.decision && same_seat { Ok(Vec::new()) } else { Err(Refusal::AlreadyVoted { step: vote.step.clone(), decision }) }
}

fn eligible(
    request: &Request,
    step: &Step,
    rules: &template::Step,
    voter: &PersonId,
    vote: &Vote,
    cx: &Context<'_>,
) -> Result<Vec<Seat>, No> {
    let nobody = std::collections::BTreeSet::new();
    let planned: Vec<Placed>;
    let (candidates, released) = match &step.opening {
        Some(opening) => (opening.candidates.as_slice(), &opening.released),
        // Not opened: those who will be asked hear that it is too early, strangers that it is not theirs.
        None => {
            planned = first_candidates(request, rules, cx)?;
            (planned.as_slice(), &nobody)
        }
    };
    let ballot = Ballot { request, rules, candidates, released, votes: &step.votes };
    let search = vote.on_behalf_of.as_ref().map_or(Search::Nearest, Search::For);
    let not_eligible = |why| Refusal::NotEligible { person: voter.clone(), step: vote.step.clone(), why };
    let seats = standing::seats(ballot, voter, search, cx);
    // Each hop of a delegation is a round: what opening the next steps needs comes along.
    Ok(seats.map_err(|no| no.along(|| upcoming(request, cx)))?.map_err(not_eligible)?)
}

fn step_open(step: &Step) -> Result<(), Refusal> {
    if step.phase == StepPhase::Open { Ok(()) } else { Err(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }) }
}

/// The first free seat: [`standing::seats`] gives own seats alone where there is one, else those of delegators, the nearest first.
///
/// INVARIANT (I1): a seat is filled once; who had a seat of their own never slides onto another's.
fn free<'s>(step: &Step, seats: &'s [Seat]) -> Result<&'s Seat, Refusal> {
    let mut taken = None;
    for seat in seats {
        match standing::filled_by(&step.votes, seat) {
            None => return Ok(seat),
            Some(vote) => taken = taken.or(Some(Refusal::SeatTaken { step: step.id.clone(), seat: seat.key(), by: vote.by.id.clone() })),
        }
    }
    Err(taken.unwrap_or(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }))
}

/// INVARIANT (I20): an approval is bound to the payload that was shown.
fn bound(request: &Request, vote: &Vote) -> Result<(), Refusal> {
    match vote.payload_hash {
        None if vote.decision == Decision::Approve => Err(Refusal::PayloadHashRequired),
        Some(shown) if shown != request.payload_hash => Err(Refusal::StaleRevision(request.payload_hash)),
        _ => Ok(()),
    }
}

fn has_seats(request: &Request) -> Result<(), Refusal> {
    if request.votes().count() < limits::SEATS_PER_REVISION { Ok(()) } else { Err(Refusal::RequestFull("this revision has 500 votes")) }
}

fn voted(vote: &Vote, seat: &Seat, voter: &PersonId, rules: &template::Step) -> Voted {
    Voted {
        step: vote.step.clone(),
        decision: vote.decision,
        payload_hash: vote.payload_hash,
        on_behalf_of: Some(seat.person.clone()).filter(|person| person != voter),
        any_of: seat.any_of.clone(),
        role: seat.role.clone(),
        delegations: seat.delegations.clone(),
        level: seat.level,
        meaning: Some(rules.meaning.clone()).filter(|meaning| meaning != "approval"),
        comment: vote.comment,
    }
}

/// INVARIANT (I6): a step is approved only by as many approvals as were required when it opened.
fn approve(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let request = draft.request()?;
    let enough = request.step(&rules.id).is_some_and(|step| step.opening.as_ref().is_some_and(|o| step.approvals() >= o.need as usize));
    if enough {
        draft.push(Event::Closed { step: rules.id.clone(), how: StepEnd::Approved });
        advance(draft)?;
        return Ok(());
    }
    majority_lost(draft, rules)
}

fn reject(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    match rules.on_reject {
        OnReject::Reject => decline(draft, rules),
        OnReject::Return => send_back(draft, rules),
        OnReject::Majority => majority_lost(draft, rules),
    }
}

/// With `on_reject: majority`: over once approvals and seats that have not voted cannot reach what is required.
fn majority_lost(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let request = draft.request()?;
    let Some((step, opening)) = request.live_steps().find(|(step, _)| step.id == rules.id) else { return Ok(()) };
    let rejected = step.votes.iter().any(|vote| vote.voted.decision == Decision::Reject);
    if rules.on_reject != OnReject::Majority || !rejected {
        return Ok(());
    }
    let ballot = Ballot { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes };
    let want = (opening.need as usize).saturating_sub(step.approvals());
    if reach(ballot, want, draft.cx)? < want { decline(draft, rules) } else { Ok(()) }
}

pub(super) fn decline(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    draft.push(Event::Closed { step: rules.id.clone(), how: StepEnd::Rejected });
    close_live(draft, None)?;
    draft.push(Event::Rejected {});
    Ok(())
}

fn send_back(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    draft.push(Event::Closed { step: rules.id.clone(), how: StepEnd::Returned });
    close_live(draft, None)?;
    draft.push(Event::Returned { to: ReturnTo::Requester, resume: Resume::Restart });
    Ok(())
}
