//! Who hears of a commit of a request, and as what: one rule over the commit and the request before and after it.
//!
//! INVARIANT (one kind each): what a commit means belongs to each person it concerns, so that two events of one commit never make one wrong
//! sentence. Of all that concerns somebody the first [`Kind`] that still holds is told.

use std::collections::BTreeSet;

use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::commit::{Commit, Sealed};
use approvals_domain::event::{Decision, EffectEnd, Event, StepEnd};
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::state::{Request, StepPhase};
use approvals_domain::time::Timestamp;

use crate::app::queries::published::Turn;
use crate::notice::Kind;

/// Somebody whom a commit concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hears {
    /// What it means to them.
    pub kind: Kind,
    /// Who.
    pub who: Who,
}

/// Who hears, before it is known which people that are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever may fill the seat that a candidate gives on a step now, be it for somebody else.
    MayVote(StepId, Candidate),
    /// This person, and whoever stands in for them: those who could have answered on that right just before the commit.
    CouldVote(StepId, PersonId),
    /// Whoever stands in for this person and may answer on that right now; they are informed of something.
    StandsIn(StepId, PersonId),
    /// A person.
    Person(PersonId),
    /// Who asks; members of `approval_admin` as well if that person has left.
    Requester,
    /// Members of `approval_admin`.
    Administrators,
}

impl Who {
    /// The step that they are asked about, if so.
    pub fn step_to_vote(&self) -> Option<&StepId> {
        if let Self::MayVote(step, _) = self { Some(step) } else { None }
    }
}

/// Whether a commit can concern anybody: of an import nobody hears. What it says alone decides: the same commit makes the same notices wherever they are made.
pub fn concerns_people(commit: &Commit) -> bool {
    !commit.command.quiet
        && commit.events.iter().any(|event| match event {
            Event::Submitted { .. }
            | Event::Resubmitted { .. }
            | Event::Voted(_)
            | Event::EffectStarted { .. }
            | Event::Erased { .. }
            | Event::Closed { how: StepEnd::Skipped, .. } => false,
            Event::EffectFinished { end, until, .. } => failed_for_good(*end, *until),
            Event::TimedOut { candidates, .. } => !candidates.is_empty(),
            Event::Narrowed { candidates, .. } => named(candidates).next().is_some(),
            Event::Opened { .. }
            | Event::Blocked { .. }
            | Event::Widened { .. }
            | Event::SeatReturned { .. }
            | Event::Reminded { .. }
            | Event::Escalated { .. }
            | Event::Closed { .. }
            | Event::Reassigned { .. }
            | Event::Commented { .. }
            | Event::Returned { .. }
            | Event::Transferred { .. }
            | Event::RequesterReminded { .. }
            | Event::Recalled { .. }
            | Event::VoteWithdrawn { .. }
            | Event::Approved { .. }
            | Event::Rejected {}
            | Event::Cancelled { .. }
            | Event::Expired {}
            | Event::EffectReminded {} => true,
        })
}

/// Everybody whom a commit concerns. `spoke`: who said something in this revision up to then, see [`speakers`].
///
/// Nobody is told of their own act, but that it asks something new of them.
pub fn hear(turn: &Turn, spoke: &BTreeSet<PersonId>) -> Vec<Hears> {
    let mut all: Vec<Hears> = turn.sealed.commit.events.iter().flat_map(|event| of_event(turn, event, spoke)).collect();
    all.extend(interrupted(turn, spoke));
    all.extend(settled(turn, spoke));
    let actor = turn.sealed.commit.actor.person();
    all.retain(|hears| hears.kind.is_to_do() || !matches!(&hears.who, Who::Person(id) if actor == Some(id)));
    let mut each: Vec<Hears> = Vec::new();
    for hears in all {
        if !each.contains(&hears) {
            each.push(hears);
        }
    }
    each
}

/// Who said something in the revision that commits end in: comments, and votes with words.
pub fn speakers<'a>(commits: impl IntoIterator<Item = &'a Sealed>) -> BTreeSet<PersonId> {
    let mut spoke = BTreeSet::new();
    for commit in commits.into_iter().map(|sealed| &sealed.commit) {
        for event in &commit.events {
            match event {
                Event::Resubmitted { .. } => spoke.clear(),
                Event::Commented { .. } => spoke.extend(commit.actor.person().cloned()),
                Event::Voted(voted) if voted.comment.is_some() => spoke.extend(commit.actor.person().cloned()),
                _ => {}
            }
        }
    }
    spoke
}

fn of_event(turn: &Turn, event: &Event, spoke: &BTreeSet<PersonId>) -> Vec<Hears> {
    let actor = turn.sealed.commit.actor.person();
    let one = |kind, who| vec![Hears { kind, who }];
    match event {
        Event::Opened { step, candidates, .. } | Event::Widened { step, candidates } => asked(Kind::Asked, step, candidates),
        // Silence approved nothing: administrators decide.
        Event::TimedOut { step, candidates, .. } => asked(Kind::Asked, step, candidates),
        Event::Reminded { step, .. } => asked(Kind::Reminded, step, standing(turn, step)),
        // A level that adds nobody reminds those who are there.
        Event::Escalated { step, candidates, .. } if candidates.is_empty() => asked(Kind::Reminded, step, standing(turn, step)),
        Event::Escalated { step, candidates, .. } => asked(Kind::Escalated, step, candidates),
        Event::Reassigned { step, from, to, .. } => {
            // Who took a seat over knows of it.
            let holder = (actor != Some(to)).then(|| may_vote(Kind::Reassigned, step, to));
            let giver = Hears { kind: Kind::OffDesk, who: Who::Person(from.clone()) };
            holder.into_iter().chain([giver]).collect()
        }
        // Theirs again: they are asked as before.
        Event::SeatReturned { step, to, .. } => vec![may_vote(Kind::Asked, step, to)],
        Event::VoteWithdrawn { step, person } => withdrawn(turn, step, person),
        Event::Blocked { .. } => one(Kind::Blocked, Who::Administrators),
        Event::EffectReminded {} => one(Kind::EffectLate, Who::Administrators),
        Event::EffectFinished { end, until, .. } if failed_for_good(*end, *until) => {
            requesters(turn, Kind::EffectFailed).into_iter().chain(one(Kind::EffectFailed, Who::Administrators)).collect()
        }
        Event::EffectFinished { .. } => Vec::new(),
        Event::Commented { .. } => commented(turn, spoke),
        Event::Transferred { to, .. } => transferred(turn, to),
        Event::Returned { .. } if transfers(turn) => Vec::new(),
        Event::Returned { .. } => requesters(turn, Kind::Returned),
        Event::RequesterReminded { .. } => requesters(turn, Kind::ReturnReminded),
        Event::Approved { .. } => requesters(turn, Kind::Approved),
        Event::Rejected {} => requesters(turn, Kind::Rejected),
        Event::Cancelled { .. } => requesters(turn, Kind::Cancelled),
        Event::Expired {} => requesters(turn, Kind::Expired),
        // Reserves may not vote any more by then, so nothing else says whether they could.
        Event::Narrowed { step, candidates } => {
            let answered = |id: &PersonId| turn.after.step(step).is_some_and(|step| step.votes.iter().any(|vote| vote.involves(id)));
            persons(Kind::Settled, named(candidates).filter(|id| !answered(id)))
        }
        Event::Submitted { .. }
        | Event::Resubmitted { .. }
        | Event::Voted(_)
        | Event::Closed { .. }
        | Event::Recalled { .. }
        | Event::EffectStarted { .. }
        | Event::Erased { .. } => Vec::new(),
    }
}

/// An effect that failed, and may not be started again.
fn failed_for_good(end: EffectEnd, until: Option<Timestamp>) -> bool {
    end == EffectEnd::Failed && until.is_none()
}

fn asked(kind: Kind, step: &StepId, candidates: &[Placed]) -> Vec<Hears> {
    candidates.iter().map(|placed| Hears { kind, who: Who::MayVote(step.clone(), placed.candidate.clone()) }).collect()
}

fn may_vote(kind: Kind, step: &StepId, person: &PersonId) -> Hears {
    Hears { kind, who: Who::MayVote(step.clone(), Candidate::User(person.clone())) }
}

fn could_vote(kind: Kind, step: &StepId, person: &PersonId) -> Hears {
    Hears { kind, who: Who::CouldVote(step.clone(), person.clone()) }
}

fn persons<'a>(kind: Kind, people: impl IntoIterator<Item = &'a PersonId>) -> Vec<Hears> {
    people.into_iter().map(|id| Hears { kind, who: Who::Person(id.clone()) }).collect()
}

/// Candidates of a step after the commit.
fn standing<'a>(turn: &'a Turn, step: &StepId) -> &'a [Placed] {
    let opening = turn.after.step(step).and_then(|step| step.opening.as_ref());
    opening.map_or(&[], |opening| &opening.candidates)
}

/// Who is asked by name.
fn named(candidates: &[Placed]) -> impl Iterator<Item = &PersonId> {
    candidates.iter().flat_map(|placed| placed.candidate.members()).filter_map(Candidate::person)
}

/// Who asked, and who called for them.
fn requesters(turn: &Turn, kind: Kind) -> Vec<Hears> {
    let actor = turn.sealed.commit.actor.person();
    let asks = (actor != Some(turn.after.asks())).then_some(Hears { kind, who: Who::Requester });
    asks.into_iter().chain(persons(kind, [&turn.after.submitted_by])).collect()
}

/// By the requester's side to those who are asked by name, to whoever stands in for them and to whoever spoke or voted; by anybody else to
/// those who spoke. By whomever, to the requester's side: who asked, and who called for them.
fn commented(turn: &Turn, spoke: &BTreeSet<PersonId>) -> Vec<Hears> {
    let (after, actor) = (&turn.after, turn.sealed.commit.actor.person());
    let mut hears = persons(Kind::Commented, spoke);
    hears.extend(persons(Kind::Commented, [after.asks(), &after.submitted_by]));
    if actor.is_some_and(|actor| after.acts_for(actor)) {
        let open = after.live_steps().filter(|(step, _)| step.phase == StepPhase::Open);
        for (step, opening) in open {
            hears.extend(persons(Kind::Commented, named(&opening.candidates)));
            let stands_in = |id: &PersonId| Hears { kind: Kind::Commented, who: Who::StandsIn(step.id.clone(), id.clone()) };
            hears.extend(named(&opening.candidates).map(stands_in));
        }
        hears.extend(persons(Kind::Commented, after.votes().map(|vote| &vote.by.id)));
    }
    hears
}

/// Whose right a vote was may use it again; whoever cast it for them hears that it counts no more.
fn withdrawn(turn: &Turn, id: &StepId, person: &PersonId) -> Vec<Hears> {
    let step = turn.before.as_ref().and_then(|before| before.step(id));
    let voter = step.and_then(|step| step.votes.iter().find(|vote| vote.person() == person)).map(|vote| &vote.by.id);
    let free = (turn.sealed.commit.actor.person() != Some(person)).then(|| may_vote(Kind::Asked, id, person));
    free.into_iter().chain(persons(Kind::Withdrawn, voter)).collect()
}

fn transfers(turn: &Turn) -> bool {
    turn.sealed.commit.events.iter().any(|event| matches!(event, Event::Transferred { .. }))
}

/// The new requester has it; the old one, and whoever called for them, hears who that is.
fn transferred(turn: &Turn, to: &PersonId) -> Vec<Hears> {
    let before = turn.before.iter().flat_map(|before| [before.asks(), &before.submitted_by]).filter(|id| *id != to);
    let mut hears = persons(Kind::Transferred, before);
    hears.extend(persons(Kind::Returned, [to]));
    hears
}

/// What became of the request, to whoever has to do with it and is not its requester. Not of an approval: it is what they gave.
fn stopped(turn: &Turn) -> Option<Kind> {
    let kinds = turn.sealed.commit.events.iter().filter_map(|event| match event {
        Event::Recalled { .. } => Some(Kind::Recalled),
        Event::Returned { .. } => Some(Kind::SentBack),
        Event::Rejected {} => Some(Kind::Rejected),
        Event::Cancelled { .. } => Some(Kind::Cancelled),
        Event::Expired {} => Some(Kind::Expired),
        _ => None,
    });
    kinds.min()
}

/// Whoever spoke or voted in this revision hears what stopped it; what it means to its requester is another thing.
fn interrupted(turn: &Turn, spoke: &BTreeSet<PersonId>) -> Vec<Hears> {
    let Some((kind, before)) = stopped(turn).zip(turn.before.as_ref()) else { return Vec::new() };
    let others = spoke.iter().chain(before.votes().map(|vote| &vote.by.id));
    persons(kind, others.filter(|id| !turn.after.acts_for(id) && !before.acts_for(id)))
}

/// Whoever was asked by name on a step that is over now, and whoever stands in for them, if they have not answered. If others approved it,
/// whoever had rejected it, or had said something and could have answered. Other members of a pool find it gone from their inbox.
fn settled(turn: &Turn, spoke: &BTreeSet<PersonId>) -> Vec<Hears> {
    let stopped = stopped(turn);
    let kind = stopped.unwrap_or(Kind::Settled);
    let live = |step: &StepId| turn.after.live_steps().any(|(after, _)| after.id == *step);
    let over = turn.before.iter().flat_map(Request::live_steps).filter(|(step, _)| !live(&step.id));
    let mut hears = Vec::new();
    for (step, opening) in over {
        let answered = |id: &PersonId| turn.after.step(&step.id).is_some_and(|step| step.votes.iter().any(|vote| vote.involves(id)));
        hears.extend(named(&opening.candidates).filter(|id| !answered(id)).map(|id| could_vote(kind, &step.id, id)));
        if stopped.is_none() {
            let others = spoke.iter().filter(|id| !turn.after.acts_for(id) && !answered(id));
            hears.extend(others.map(|id| could_vote(kind, &step.id, id)));
            let against = step.votes.iter().filter(|vote| vote.voted.decision == Decision::Reject);
            hears.extend(persons(Kind::Outvoted, against.map(|vote| &vote.by.id)));
        }
    }
    hears
}
