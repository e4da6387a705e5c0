//! `evolve`: what an event does to the state. Total: an event that was committed always applies.

use crate::actor::{Actor, Channel};
use crate::candidate::{Candidate, Placed};
use crate::commit::{Broken, Commit, Sealed};
use crate::event::{Event, Revision, StepEnd};
use crate::hash::Hash;
use crate::ids::{PersonId, RequestId, StepId, TenantId};
use crate::state::{Opening, Outcome, Phase, Request, State, Status, Step, StepPhase, Vote};
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
                previous: previous.clone(),
                revision: 1,
                payload_hash: revision.payload_hash,
                earlier_payloads: Vec::new(),
                named: revision.named.clone(),
                amount: revision.amount.clone(),
                calendar: revision.calendar.clone(),
                phase: Phase::Running,
                steps: planned(revision),
                earlier_voters: std::collections::BTreeSet::new(),
                comments: 0,
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

fn change(request: &mut Request, stamp: &Stamp<'_>, event: &Event) {
    match event {
        Event::Submitted { .. } => {}
        Event::Resubmitted { revision, .. } => {
            let voters: Vec<PersonId> = request.votes().flat_map(|vote| [vote.by.id.clone(), vote.person().clone()]).collect();
            request.earlier_voters.extend(voters);
            request.earlier_payloads.push(request.payload_hash);
            request.revision += 1;
            request.payload_hash = revision.payload_hash;
            request.named = revision.named.clone();
            request.amount = revision.amount.clone();
            request.calendar = revision.calendar.clone();
            request.phase = Phase::Running;
            request.steps = planned(revision);
        }
        Event::Opened { step, candidates, need, due_at, working } | Event::Blocked { step, candidates, need, due_at, working } => {
            let phase = if matches!(event, Event::Opened { .. }) { StepPhase::Open } else { StepPhase::Blocked };
            on_step(request, step, |step| {
                // A step that blocks or reopens keeps the clock it started with, and the seats that were passed on.
                let before = step.opening.take();
                let was_open = phase == StepPhase::Open || before.as_ref().is_some_and(|b| b.was_open);
                step.phase = phase;
                step.opening = Some(Opening {
                    candidates: candidates.clone(),
                    need: *need,
                    opened_at: before.as_ref().map_or(stamp.at, |b| b.opened_at),
                    due_at: *due_at,
                    working: before.as_ref().map_or_else(|| working.clone(), |b| b.working.clone()),
                    reminded: before.as_ref().map_or(0, |b| b.reminded),
                    level: before.as_ref().map_or(0, |b| b.level),
                    released: before.map(|b| b.released).unwrap_or_default(),
                    was_open,
                    closed_at: None,
                });
            });
        }
        Event::Widened { step, candidates } => on_opening(request, step, |opening| opening.candidates.extend(candidates.iter().cloned())),
        Event::Reminded { step, number } => on_opening(request, step, |opening| opening.reminded = *number),
        Event::Escalated { step, level, candidates } => on_opening(request, step, |opening| {
            opening.level = *level;
            opening.candidates.extend(candidates.iter().cloned());
        }),
        // What follows from it are events of their own.
        Event::TimedOut { .. } => {}
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
        Event::Reassigned { step, from, to, level, .. } => on_opening(request, step, |opening| {
            let left = Candidate::User(from.clone());
            opening.candidates.retain(|placed| placed.candidate != left);
            opening.released.insert(from.clone());
            opening.released.remove(to);
            opening.candidates.push(Placed { candidate: Candidate::User(to.clone()), level: *level });
        }),
        Event::Commented { .. } => request.comments += 1,
        Event::Returned { .. } => {
            request.phase = Phase::Returned;
            close_rest(request, stamp.at);
        }
        Event::Approved { by } => {
            let by = by.map_or_else(|| stamp.actor.clone(), |part| Actor::System { part });
            end(request, by, stamp.at, Status::Approved, None);
        }
        Event::Rejected {} => end(request, stamp.actor.clone(), stamp.at, Status::Rejected, None),
        Event::Cancelled { reason } => end(request, stamp.actor.clone(), stamp.at, Status::Cancelled, *reason),
        Event::Expired {} => end(request, stamp.actor.clone(), stamp.at, Status::Expired, None),
    }
}

fn end(request: &mut Request, by: Actor, at: Timestamp, status: Status, reason: Option<Hash>) {
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
