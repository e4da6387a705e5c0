//! Reassign: a seat passes to another person, for this revision.

use super::draft::Draft;
use super::guards::{caller, has_room, is_admin, still_open};
use super::vote::{ballot, planned};
use crate::context::{Context, No};
use crate::event::Event;
use crate::facts::Wanted;
use crate::hash::Hash;
use crate::ids::{PersonId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::refusal::WhyNot;
use crate::seat::Seat;
use crate::standing::{self, Ballot, Search};
use crate::state::Request;

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
    let planned = planned(request, step, rules, cx)?;
    let ballot = ballot(request, step, rules, &planned);

    let own = pass.from.is_none_or(|from| from == by);
    may_pass_on(ballot, by, own, pass.from.is_some(), cx)?;
    still_open(request)?;
    if !step.phase.is_live() {
        return Err(Refusal::StepNotOpen { step: step.id.clone(), phase: step.phase }.into());
    }
    let held = |id| standing::seats(ballot, id, Search::For(id), cx);
    let single = |seats: Vec<Seat>| seats.into_iter().find(|seat| seat.any_of.is_none()).map(|seat| (seat.level, seat.reserve));
    let from = pass.from.unwrap_or(by);
    // A named person's seat may pass on even if they have left: that is when administrators need it.
    let named = ballot.candidates.iter().find(|placed| placed.candidate.person() == Some(from));
    let place = match held(from)? {
        Ok(seats) => single(seats),
        Err(_) if own => None,
        Err(_) => named.map(|placed| (placed.level, placed.reserve)),
    };
    if pass.from.is_none() && place.is_none() {
        return Err(Refusal::FromRequired.into());
    }
    let Some((level, reserve)) = place.filter(|_| !step.votes.iter().any(|vote| vote.involves(from))) else {
        return Err(Refusal::NoSuchSeat { person: from.clone(), step: step.id.clone() }.into());
    };
    target(ballot, pass.to, cx)?;
    if request.acts.get(by).is_some_and(|acts| acts.reassignments >= limits::REASSIGNMENTS_EACH) {
        return Err(Refusal::RequestFull("you passed 20 seats on in it").into());
    }
    has_room(request)?;
    if named.is_none() && ballot.candidates.len() >= limits::CANDIDATES {
        return Err(Refusal::RequestFull("the step has 100 candidates").into());
    }
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Reassigned { step: step.id.clone(), from: from.clone(), to: pass.to.clone(), level, reserve, reason: pass.reason });
    super::steps::review(&mut draft, |live, _| live.id == step.id)?;
    Ok(draft.events)
}

/// The holder passes the own seat on; an administrator anybody's.
///
/// INVARIANT (I5): whoever may not vote here, be it as requester or as administrator, does not choose who does.
fn may_pass_on(ballot: Ballot<'_>, by: &PersonId, own: bool, named: bool, cx: &Context<'_>) -> Result<(), No> {
    let not_eligible = |why| Refusal::NotEligible { person: by.clone(), step: ballot.rules.id.clone(), why };
    let held = if own { standing::seats(ballot, by, Search::For(by), cx)?.err() } else { None };
    match (own, held) {
        (true, None) => return Ok(()),
        (true, Some(why)) if named || !is_admin(by, cx)? => return Err(not_eligible(why).into()),
        (false, _) if !is_admin(by, cx)? => {
            return Err(Refusal::NotAllowed { who: "the seat's own holder or a member of `approval_admin`" }.into());
        }
        _ => {}
    }
    standing::barred(ballot, by, cx)?.map_or(Ok(()), |why| Err(not_eligible(why).into()))
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
