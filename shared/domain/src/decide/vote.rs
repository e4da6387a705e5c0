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
use crate::refusal::Refusal;
use crate::route::{first_candidates, resolve};
use crate::seat::Seat;
use crate::standing::reach::approvable;
use crate::standing::{self, Ballot, NoSeat, Search};
use crate::state::{self, Request, Step, StepPhase};
use crate::template::{self, OnReject, Reasoned};

/// Refusals in their order of precedence, one a line.
pub(super) fn vote(request: &Request, vote: &Vote, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let voter = caller(cx).map_err(|no| no.along(|| barred_heads(request, cx)))?;
    let (step, rules) = find(request, vote, cx)?;
    if let Some(stands) = step.votes.iter().find(|stands| stands.by.id == *voter) {
        return same_again(stands, vote).map_err(No::from);
    }
    let planned = planned(request, step, rules, cx)?;
    let ballot = ballot(request, step, rules, &planned);
    let seats = eligible(ballot, voter, vote, cx)?;
    still_open(request)?;
    step_open(step)?;
    // Which of several seats it takes may want a look at who is left: what the vote brings is asked for along with that.
    let behind = || {
        let seat = standing::nearest(ballot, &seats).into_iter().next();
        seat.map(|seat| No::wanted(cast(request, vote, (voter, seat), rules, cx))).unwrap_or_default()
    };
    let seat = &free(ballot, voter, &seats, cx).map_err(|no| no.along(behind))?;
    stays_open(ballot, vote, (voter, seat), cx)?;
    bound(request, vote)?;
    this_round(step, voter, seat, vote)?;
    reasoned(rules, vote, cx)?;
    has_seats(request)?;
    cast(request, vote, (voter, seat), rules, cx)
}

/// What a vote on a seat brings.
fn cast(
    request: &Request,
    vote: &Vote,
    (voter, seat): (&PersonId, &Seat),
    rules: &template::Step,
    cx: &Context<'_>,
) -> Result<Vec<Event>, No> {
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Voted(voted(vote, seat, voter, rules)));
    let mut missing = Missing::default();
    missing.take(match vote.decision {
        Decision::Approve => approve(&mut draft, rules),
        Decision::Reject => reject(&mut draft, rules),
        Decision::Return => send_back(&mut draft, rules),
    })?;
    // Never stuck: every other step that was live is looked at, and this one unless the vote was an approval on the voter's own full right.
    missing.take(review(&mut draft, |step, _| {
        let own = seat.any_of.is_none() && seat.delegations.is_empty() && !seat.reserve;
        let plain = step.id == vote.step && own && vote.decision == Decision::Approve;
        request.step(&step.id).is_some_and(|before| before.phase.is_live()) && !plain
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

/// The candidates that a step would open with, if it has not. Those who will be asked hear that it is too early, others that it is not
/// theirs.
pub(super) fn planned(request: &Request, step: &Step, rules: &template::Step, cx: &Context<'_>) -> Result<Vec<Placed>, No> {
    if step.opening.is_some() { Ok(Vec::new()) } else { first_candidates(request, rules, cx) }
}

/// Who may vote on a step, opened or not.
pub(super) fn ballot<'a>(request: &'a Request, step: &'a Step, rules: &'a template::Step, planned: &'a [Placed]) -> Ballot<'a> {
    match &step.opening {
        Some(opening) => Ballot::of(request, rules, step, opening),
        None => Ballot::planned(request, rules, planned),
    }
}

fn eligible(ballot: Ballot<'_>, voter: &PersonId, vote: &Vote, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let search = vote.on_behalf_of.as_ref().map_or(Search::Nearest, Search::For);
    let not_eligible = |why| Refusal::NotEligible { person: voter.clone(), step: vote.step.clone(), why };
    let seats = standing::seats(ballot, voter, search, cx);
    // Each hop of a delegation is a round: what opening the next steps needs comes along.
    Ok(seats.map_err(|no| no.along(|| upcoming(ballot.request, cx)))?.map_err(not_eligible)?)
}

fn step_open(step: &Step) -> Result<(), Refusal> {
    if step.phase == StepPhase::Open { Ok(()) } else { Err(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }) }
}

fn free(ballot: Ballot<'_>, voter: &PersonId, seats: &[Seat], cx: &Context<'_>) -> Result<Seat, No> {
    let step = || ballot.rules.id.clone();
    Ok(standing::choose(ballot, voter, seats, cx)?.map_err(|no_seat| match no_seat {
        NoSeat::NotEligible(why) => Refusal::NotEligible { person: voter.clone(), step: step(), why },
        NoSeat::Taken { seat, by } => Refusal::SeatTaken { step: step(), seat: seat.key(), by },
    })?)
}

/// INVARIANT (order): `on_behalf_of` is a choice, but none that blocks a step which another free seat of the same voter leaves open. So no
/// order of votes blocks what another order approves. Only a vote that would block asks for more facts.
fn stays_open(ballot: Ballot<'_>, vote: &Vote, (voter, seat): (&PersonId, &Seat), cx: &Context<'_>) -> Result<(), No> {
    let Some(person) = &vote.on_behalf_of else { return Ok(()) };
    let blocks = |seat: &Seat| -> Result<bool, No> {
        let events = cast(ballot.request, vote, (voter, seat), ballot.rules, cx)?;
        Ok(events.iter().any(|event| matches!(event, Event::Blocked { step, .. } if *step == vote.step)))
    };
    if !blocks(seat)? {
        return Ok(());
    }
    let seats = standing::seats(ballot, voter, Search::All, cx)?.unwrap_or_default();
    let free = seats.iter().filter(|other| *other != seat && standing::filled_by(ballot.votes, other).is_none());
    let mut missing = Missing::default();
    let mut better = None;
    for other in free {
        if missing.take(blocks(other))? == Some(false) {
            better = better.or(Some(&other.person));
        }
    }
    missing.none()?;
    let would_block =
        |instead: &PersonId| Refusal::WouldBlock { step: vote.step.clone(), person: person.clone(), instead: instead.clone() };
    better.map_or(Ok(()), |instead| Err(would_block(instead).into()))
}

/// INVARIANT (I20): an approval is bound to the payload that was shown.
fn bound(request: &Request, vote: &Vote) -> Result<(), Refusal> {
    let stale = vote.payload_hash.is_some_and(|shown| shown != request.payload_hash)
        || vote.revision.is_some_and(|shown| shown != request.revision);
    match vote.decision {
        Decision::Approve if vote.payload_hash.is_none() => Err(Refusal::PayloadHashRequired),
        Decision::Reject | Decision::Return if request.revision > 1 && vote.payload_hash.is_none() && vote.revision.is_none() => {
            Err(Refusal::RevisionRequired)
        }
        _ if stale => Err(Refusal::StaleRevision(request.payload_hash)),
        _ => Ok(()),
    }
}

/// INVARIANT (I10): what was made for an earlier round of this seat counts no more.
fn this_round(step: &Step, voter: &PersonId, seat: &Seat, vote: &Vote) -> Result<(), Refusal> {
    let round = step.round(voter, &seat.key());
    match vote.round {
        None if round > 1 => Err(Refusal::RoundRequired(round)),
        Some(named) if named != round => Err(Refusal::StaleRound(round)),
        _ => Ok(()),
    }
}

fn reasoned(rules: &template::Step, vote: &Vote, cx: &Context<'_>) -> Result<(), Refusal> {
    let decision = match vote.decision {
        Decision::Approve => return Ok(()),
        Decision::Reject => Reasoned::Reject,
        Decision::Return => Reasoned::Return,
    };
    let missing = vote.comment.is_none() && cx.template.wants_reason(rules, decision);
    if missing { Err(Refusal::ReasonRequired { step: rules.id.clone() }) } else { Ok(()) }
}

fn has_seats(request: &Request) -> Result<(), Refusal> {
    if request.votes().count() < limits::SEATS_PER_REVISION { Ok(()) } else { Err(Refusal::RequestFull("this revision has 500 votes")) }
}

fn voted(vote: &Vote, seat: &Seat, voter: &PersonId, rules: &template::Step) -> Voted {
    Voted {
        payload_hash: vote.payload_hash,
        revision: vote.revision,
        round: vote.round,
        meaning: Some(rules.meaning.clone()).filter(|meaning| meaning != "approval"),
        comment: vote.comment,
        ..Voted::on(seat, voter, vote.step.clone(), vote.decision)
    }
}

/// INVARIANT (I6): a step is approved only by as many approvals as were required when it opened.
fn approve(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let request = draft.request()?;
    let enough = request.step(&rules.id).is_some_and(|step| step.opening.as_ref().is_some_and(|o| step.approvals() >= o.need as usize));
    if enough {
        draft.push(Event::Closed { step: rules.id.clone(), how: StepEnd::Approved });
        advance(draft)?;
    }
    Ok(())
}

fn reject(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    match rules.on_reject {
        OnReject::Reject => decline(draft, rules),
        OnReject::Return => send_back(draft, rules),
        OnReject::Majority => majority_lost(draft, rules),
    }
}

/// With `on_reject: majority`: over once approvals and seats that have not voted cannot reach what is required. Only a rejection rejects.
fn majority_lost(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let request = draft.request()?;
    let Some((step, opening)) = request.live_steps().find(|(step, _)| step.id == rules.id) else { return Ok(()) };
    if approvable(Ballot::of(request, rules, step, opening), draft.cx)? { Ok(()) } else { decline(draft, rules) }
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
