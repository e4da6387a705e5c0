//! `evolve`: what an event does to the state. Total: an event that was committed always applies.

use std::collections::{BTreeMap, BTreeSet};

use crate::actor::{Actor, Channel};
use crate::candidate::{Candidate, Placed};
use crate::commit::{Broken, Commit, Sealed};
use crate::effect::Effect;
use crate::event::{Event, Revision, StepEnd};
use crate::hash::Hash;
use crate::ids::{PersonId, RequestId, RoleId, StepId, TenantId};
use crate::limits;
use crate::quota::Acts;
use crate::state::{Opening, Outcome, Passed, Phase, Request, State, Status, Step, StepPhase, Vote};
use crate::time::Timestamp;

/// What stands once in a commit for all its events: who, when, where.
#[derive(Debug, Clone)]
pub struct Stamp<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The request.
    pub request: &'a RequestId,
    /// Of the commit.
    pub version: u64,
    /// Of the commit.
    pub at: Timestamp,
    /// Who acted.
    pub actor: &'a Actor,
    /// The way it came.
    pub channel: Channel,
}

impl<'a> Stamp<'a> {
    /// Of a commit.
    pub fn of(commit: &'a Commit) -> Self {
        Self {
            tenant: &commit.tenant,
            request: &commit.request,
            version: commit.version,
            at: commit.at,
            actor: &commit.actor,
            channel: commit.command.channel,
        }
    }
}

/// The state after all events of a commit.
pub fn apply(state: State, sealed: &Sealed) -> State {
    let stamp = Stamp::of(&sealed.commit);
    let mut state = sealed.commit.events.iter().fold(state, |state, event| evolve(state, &stamp, event));
    if let Some(request) = &mut state {
        request.version = stamp.version;
        request.hash = sealed.hash;
        request.updated_at = stamp.at;
        let cast = request.steps.iter_mut().flat_map(|step| &mut step.votes).filter(|vote| vote.version == stamp.version);
        cast.for_each(|vote| vote.commit = sealed.hash);
    }
    state
}

/// Reads and folds commits' bytes onto a state, checking the chain.
pub fn replay<'a>(state: State, commits: impl IntoIterator<Item = &'a [u8]>) -> Result<State, Broken> {
    commits.into_iter().try_fold(state, |state, bytes| {
        let (version, hash) = state.as_ref().map_or((0, Hash::ZERO), |request| (request.version, request.hash));
        let sealed = Sealed::read(bytes, version, hash)?;
        match &state {
            Some(request) if request.id != sealed.commit.request || request.tenant != sealed.commit.tenant => {
                Err(Broken::Shape(format!("version {} is a commit of another request", sealed.commit.version)))
            }
            _ => Ok(apply(state, &sealed)),
        }
    })
}

/// The state after one event.
pub fn evolve(state: State, stamp: &Stamp<'_>, event: &Event) -> State {
    match (state, event) {
        (None, Event::Submitted { template, entity, requester, previous, revision }) => {
            // Only persons submit; a commit that says otherwise makes no request, and the verifier names it.
            let by = stamp.actor.person()?;
            Some(Request {
                tenant: stamp.tenant.clone(),
                id: stamp.request.clone(),
                template: template.clone().into(),
                entity: entity.clone(),
                requester: requester.clone().unwrap_or_else(|| by.clone()),
                submitted_by: by.clone(),
                revised_by: BTreeSet::new(),
                earlier_requesters: BTreeSet::new(),
                successor: None,
                previous: previous.clone(),
                revision: 1,
                payload_hash: revision.payload_hash,
                earlier_payloads: Vec::new(),
                named: revision.named.clone(),
                amount: revision.amount.clone(),
                calendar: revision.calendar.clone(),
                phase: Phase::Running,
                steps: planned(revision),
                earlier_voters: BTreeSet::new(),
                earlier_asked: BTreeMap::new(),
                earlier_roles: BTreeMap::new(),
                comments: 0,
                effect: None,
                acts: BTreeMap::new(),
                erased: None,
                version: stamp.version,
                hash: Hash::ZERO,
                created_at: stamp.at,
                updated_at: stamp.at,
            })
        }
        (None, _) => None,
        (Some(mut request), event) => {
            change(&mut request, stamp, event);
            Some(request)
        }
    }
}

fn planned(revision: &Revision) -> Vec<Step> {
    let phase = |id| if revision.skipped.contains(id) { StepPhase::Skipped } else { StepPhase::Waiting };
    revision.plan.iter().map(|id| Step::new(id.clone(), phase(id))).collect()
}

/// Counts what somebody did.
fn acted(request: &mut Request, stamp: &Stamp<'_>, count: impl FnOnce(&mut Acts) -> &mut u32) {
    if let Some(person) = stamp.actor.person() {
        let count = count(request.acts.entry(person.clone()).or_default());
        *count = count.saturating_add(1);
    }
}

fn change(request: &mut Request, stamp: &Stamp<'_>, event: &Event) {
    match event {
        Event::Submitted { .. } => {}
        Event::Resubmitted { revision, .. } => next_revision(request, stamp, revision),
        Event::Opened { step, candidates, need, due_at, working, reminded } => {
            let fresh = fresh(stamp, (candidates, *need, *due_at), working);
            on_step(request, step, |step| {
                step.phase = StepPhase::Open;
                let again = Opening { was_open: true, ..step.opening.take().map_or(fresh.clone(), |before| again(before, fresh)) };
                step.opening = Some(Opening { reminded: again.reminded.max(*reminded), ..again });
            });
        }
        Event::Blocked { step, candidates, need, due_at, working } => {
            let fresh = fresh(stamp, (candidates, *need, *due_at), working);
            on_step(request, step, |step| {
                step.phase = StepPhase::Blocked;
                step.opening = Some(step.opening.take().map_or(fresh.clone(), |before| again(before, fresh)));
            });
        }
        Event::Widened { step, candidates } => on_opening(request, step, |opening| add(opening, candidates)),
        Event::Narrowed { step, candidates } => {
            on_opening(request, step, |opening| drop_candidates(opening, |placed| candidates.contains(placed)));
        }
        Event::Reminded { step, number } => on_opening(request, step, |opening| opening.reminded = *number),
        Event::Escalated { step, level, candidates } => on_opening(request, step, |opening| {
            opening.level = *level;
            add(opening, candidates);
        }),
        // What else follows from it are events of their own.
        Event::TimedOut { step, why, candidates } => on_opening(request, step, |opening| {
            opening.timed_out = why.is_some();
            add(opening, candidates);
        }),
        Event::Voted(voted) => {
            let Actor::Person(by) = stamp.actor else { return };
            let vote = Vote {
                by: by.clone(),
                channel: stamp.channel,
                at: stamp.at,
                version: stamp.version,
                // Known once the commit is sealed: `apply` fills it in.
                commit: Hash::ZERO,
                revision: request.revision,
                voted: voted.clone(),
            };
            on_step(request, &voted.step, |step| step.votes.push(vote));
        }
        Event::Closed { step, how } => on_step(request, step, |step| end_step(step, *how, stamp.at)),
        Event::Reassigned { step, from, to, level, reserve, .. } => {
            acted(request, stamp, |acts| &mut acts.reassignments);
            on_opening(request, step, |opening| {
                let left = Candidate::User(from.clone());
                let named = opening.candidates.iter().find(|placed| placed.candidate == left).cloned();
                opening.candidates.retain(|placed| placed.candidate != left);
                opening.released.insert(from.clone(), Passed { to: to.clone(), named });
                opening.released.remove(to);
                opening.candidates.push(Placed { candidate: Candidate::User(to.clone()), level: *level, reserve: *reserve });
            });
        }
        Event::SeatReturned { step, from, to } => on_opening(request, step, |opening| {
            let holder = Candidate::User(from.clone());
            drop_candidates(opening, |placed| placed.candidate == holder);
            let passed = opening.released.remove(to);
            match passed.and_then(|passed| passed.named) {
                Some(named) => opening.candidates.push(named),
                // Their seat was a role's. They were asked by name all the same, and keep sight of it.
                None => remember(opening, Placed::first(Candidate::User(to.clone()))),
            }
        }),
        Event::Commented { .. } => {
            request.comments += 1;
            acted(request, stamp, |acts| &mut acts.comments);
        }
        Event::Returned { .. } => {
            request.effect.iter_mut().for_each(Effect::lapse);
            request.phase = Phase::Returned { at: stamp.at, reminded: 0 };
            close_rest(request, stamp.at);
        }
        Event::Transferred { to, .. } => {
            // Whoever was named in between is bound as well.
            let passed_over = request.successor.replace(to.clone());
            request.earlier_requesters.extend(passed_over);
        }
        Event::RequesterReminded { number } => {
            if let Phase::Returned { reminded, .. } = &mut request.phase {
                *reminded = *number;
            }
        }
        Event::Approved { by, until } => {
            let by = by.map_or_else(|| stamp.actor.clone(), |part| Actor::System { part });
            end(request, by, stamp.at, Status::Approved, None);
            if let Some(until) = until {
                request.effect = Some(Effect::pending(request.effect.take(), *until));
            }
        }
        Event::EffectStarted { attempt, .. } => {
            if let (Some(effect), Some(by)) = (&mut request.effect, stamp.actor.person()) {
                effect.start(*attempt, by.clone(), stamp.at);
            }
        }
        Event::EffectFinished { end, reference, until } => {
            if let Some(effect) = &mut request.effect {
                effect.finish(*end, *reference, *until, stamp.at);
            }
        }
        Event::EffectReminded {} => {
            if let Some(last) = request.effect.as_mut().and_then(|effect| effect.last.as_mut()) {
                last.reminded = true;
            }
        }
        // The return follows as an event of its own.
        Event::Recalled { .. } => {
            acted(request, stamp, |acts| &mut acts.recalls);
            request.steps.iter_mut().for_each(Step::void);
        }
        Event::Erased { .. } => request.erased = Some(stamp.version),
        Event::VoteWithdrawn { step, person } => {
            acted(request, stamp, |acts| &mut acts.withdrawals);
            withdraw(request, step, person);
        }
        Event::Rejected {} => end(request, stamp.actor.clone(), stamp.at, Status::Rejected, None),
        Event::Cancelled { reason } => end(request, stamp.actor.clone(), stamp.at, Status::Cancelled, *reason),
        Event::Expired {} => end(request, stamp.actor.clone(), stamp.at, Status::Expired, None),
    }
}

/// The request begins anew; who wrote this revision and who was asked in the last one is kept.
fn next_revision(request: &mut Request, stamp: &Stamp<'_>, revision: &Revision) {
    let voters: Vec<PersonId> = request.votes().flat_map(|vote| [vote.by.id.clone(), vote.person().clone()]).collect();
    request.earlier_voters.extend(voters);
    remember_asked(request);
    let successor = request.successor.take();
    let transferred = successor.is_some();
    if let Some(successor) = successor {
        request.earlier_requesters.insert(std::mem::replace(&mut request.requester, successor));
    }
    if let Some(author) = stamp.actor.person() {
        request.revised_by.extend(Some(author).filter(|author| !request.is_own(author)).cloned());
        // INVARIANT (transfer): whoever wrote the revision answers for it; whoever submitted the earlier one has no power any more.
        if transferred && request.submitted_by != *author {
            request.earlier_requesters.insert(std::mem::replace(&mut request.submitted_by, author.clone()));
        }
    }
    request.earlier_payloads.push(request.payload_hash);
    request.revision += 1;
    request.payload_hash = revision.payload_hash;
    request.named = revision.named.clone();
    request.amount = revision.amount.clone();
    request.calendar = revision.calendar.clone();
    request.phase = Phase::Running;
    request.steps = planned(revision);
}

/// Whoever was asked keeps sight of what they were asked about.
fn remember_asked(request: &mut Request) {
    let revision = request.revision;
    let people: Vec<PersonId> = request.asked_by_name().cloned().collect();
    let roles: Vec<RoleId> = request.asked_roles().cloned().collect();
    request.earlier_asked.extend(people.into_iter().map(|id| (id, revision)));
    request.earlier_roles.extend(roles.into_iter().map(|role| (role, revision)));
    while request.earlier_asked.len() > limits::ASKED {
        let oldest = request.earlier_asked.iter().min_by_key(|(_, revision)| **revision).map(|(id, _)| id.clone());
        request.earlier_asked.retain(|id, _| Some(id) != oldest.as_ref());
    }
}

/// A step that opens or blocks for the first time.
fn fresh(stamp: &Stamp<'_>, (candidates, need, due_at): (&[Placed], u32, Timestamp), working: &[Timestamp]) -> Opening {
    Opening {
        candidates: candidates.to_vec(),
        need,
        opened_at: stamp.at,
        due_at,
        working: working.to_vec(),
        reminded: 0,
        level: 0,
        released: BTreeMap::new(),
        was_open: false,
        timed_out: false,
        left: Vec::new(),
        closed_at: None,
    }
}

/// A step that blocks or opens again keeps the clock it started with, and the seats that were passed on.
fn again(mut before: Opening, fresh: Opening) -> Opening {
    drop_candidates(&mut before, |placed| !fresh.candidates.iter().any(|now| now.candidate == placed.candidate));
    Opening { candidates: fresh.candidates, need: fresh.need, due_at: fresh.due_at, closed_at: None, ..before }
}

/// Whoever is no candidate any more was one.
fn drop_candidates(opening: &mut Opening, leaves: impl Fn(&Placed) -> bool) {
    let (left, stay): (Vec<Placed>, Vec<Placed>) = std::mem::take(&mut opening.candidates).into_iter().partition(leaves);
    opening.candidates = stay;
    left.into_iter().for_each(|placed| remember(opening, placed));
}

/// Among those who were asked here and are not asked any more.
fn remember(opening: &mut Opening, placed: Placed) {
    if !opening.left.iter().any(|known| known.candidate == placed.candidate) {
        opening.left.push(placed);
    }
}

/// Whoever is added has the right they are added with: a full one replaces a reserve's.
fn add(opening: &mut Opening, more: &[Placed]) {
    opening.candidates.retain(|known| !more.iter().any(|added| added.candidate == known.candidate));
    opening.candidates.extend(more.iter().cloned());
}

/// The seat is free again. Whoever voted stays a party.
fn withdraw(request: &mut Request, id: &StepId, person: &PersonId) {
    let Some(step) = request.steps.iter_mut().find(|step| step.id == *id) else { return };
    let Some(at) = step.votes.iter().position(|vote| vote.person() == person) else { return };
    let vote = step.votes.remove(at);
    let round = step.round(&vote.by.id, &vote.seat()) - step.voided;
    step.withdrawn.extend([vote.seat(), vote.person().to_string(), vote.by.id.to_string()].map(|key| (key, round)));
    request.earlier_voters.extend([vote.person().clone(), vote.by.id]);
}

fn end(request: &mut Request, by: Actor, at: Timestamp, status: Status, reason: Option<Hash>) {
    request.effect.iter_mut().for_each(Effect::lapse);
    request.phase = Phase::Closed(Outcome { status, by, at, reason });
    close_rest(request, at);
}

/// Nothing stays open, blocked or waiting once a request is over or with its requester.
fn close_rest(request: &mut Request, at: Timestamp) {
    for step in request.steps.iter_mut().filter(|step| step.phase.is_live() || step.phase == StepPhase::Waiting) {
        end_step(step, StepEnd::Closed, at);
    }
}

fn end_step(step: &mut Step, how: StepEnd, at: Timestamp) {
    step.phase = match how {
        StepEnd::Approved => StepPhase::Approved,
        StepEnd::Rejected => StepPhase::Rejected,
        StepEnd::Skipped => StepPhase::Skipped,
        StepEnd::Returned => StepPhase::Returned,
        StepEnd::Closed => StepPhase::Closed,
    };
    if let Some(opening) = &mut step.opening {
        opening.closed_at = Some(at);
    }
}

fn on_step(request: &mut Request, id: &StepId, act: impl FnOnce(&mut Step)) {
    if let Some(step) = request.steps.iter_mut().find(|step| step.id == *id) {
        act(step);
    }
}

fn on_opening(request: &mut Request, id: &StepId, act: impl FnOnce(&mut Opening)) {
    on_step(request, id, |step| {
        if let Some(opening) = &mut step.opening {
            act(opening);
        }
    });
}
