//! What holds after every commit, whatever the test is about.

use std::collections::BTreeSet;

use approvals_domain::command::Command;
use approvals_domain::commit::Sealed;
use approvals_domain::context::Context;
use approvals_domain::decide::decide;
use approvals_domain::event::Event;
use approvals_domain::evolve::{apply, replay};
use approvals_domain::facts::Evidence;
use approvals_domain::limits;
use approvals_domain::state::{Request, State, StepPhase};
use approvals_domain::template::{OnTimeout, Required, Template};

use crate::desk::Desk;

pub(crate) fn after_commit(desk: &Desk, before: &State) {
    let sealed = desk.commits.last().unwrap();
    assert!(sealed.bytes.len() <= limits::COMMIT_BYTES, "a commit of {} bytes", sealed.bytes.len());
    assert!(desk.commits.len() as u64 <= limits::COMMITS);
    recorded_facts_give_the_events_again(desk, before, sealed);
    bytes_fold_to_the_state(desk, before, sealed);
    if desk.thorough || desk.commits.len().is_multiple_of(50) {
        let json = serde_json::to_vec(&desk.state).unwrap();
        assert_eq!(serde_json::from_slice::<State>(&json).unwrap(), desk.state, "a stored state is the state");
    }

    let request = desk.request();
    if let Some(before) = before {
        let reports = |event: &Event| {
            matches!(event, Event::Commented { .. } | Event::EffectFinished { .. } | Event::EffectReminded {} | Event::Erased { .. })
        };
        assert!(!before.is_over() || sealed.commit.events.iter().all(reports), "I2: {:?} after the end", sealed.commit.events);
        assert!(!before.is_over() || before.outcome() == request.outcome(), "I2: the outcome stays");
        once_started(before, sealed, desk);
        assert_eq!(request.version, before.version + 1, "I3");
    }
    one_vote_per_person_and_seat(request);
    requesters_never_vote(request, desk.pinned());
    approved_by_enough(request, desk.pinned(), desk);
    in_order(request, desk.pinned());
}

/// The verifier's property: state before, command and recorded facts alone give the same events, and lean on no others.
fn recorded_facts_give_the_events_again(desk: &Desk, before: &State, sealed: &Sealed) {
    let commit = &sealed.commit;
    let command = Command::of(commit).expect("every commit answers a command");
    let cx = Context {
        tenant: &commit.tenant,
        request: &commit.request,
        actor: &commit.actor,
        channel: commit.command.channel,
        now: commit.at,
        template: desk.pinned(),
        evidence: Evidence::new(&commit.facts),
    };
    assert_eq!(decide(before, &command, &cx), Ok(commit.events.clone()), "recorded facts: {:#?}", commit.facts);
    // Fewer may be used again: people passed over, as barred for one, are recorded only as what they were barred by.
    let used = cx.evidence.used();
    assert!(used.persons.keys().all(|id| commit.facts.persons.contains_key(id)));
    assert!(used.roles.iter().all(|(role, members)| {
        let recorded = &commit.facts.roles[role];
        members.complete == recorded.complete && members.versions.iter().all(|(id, version)| recorded.versions.get(id) == Some(version))
    }));
}

/// I4: from bytes, whole or from any page boundary.
fn bytes_fold_to_the_state(desk: &Desk, before: &State, sealed: &Sealed) {
    let (version, hash) = before.as_ref().map_or((0, approvals_domain::hash::Hash::ZERO), |request| (request.version, request.hash));
    let read = Sealed::read(&sealed.bytes, version, hash).expect("canonical bytes");
    assert_eq!(read, *sealed);
    assert_eq!(apply(before.clone(), &read), desk.state);
    if desk.thorough {
        folds_alike_from_every_page(desk);
    }
}

pub(crate) fn folds_alike_from_every_page(desk: &Desk) {
    (0..=desk.commits.len().min(20)).for_each(|boundary| folds_alike_from_page(desk, boundary));
}

pub(crate) fn folds_alike_from_page(desk: &Desk, boundary: usize) {
    let bytes: Vec<&[u8]> = desk.commits.iter().map(|sealed| sealed.bytes.as_slice()).collect();
    let (page, inline) = bytes.split_at(boundary);
    let base = replay(None, page.iter().copied()).unwrap();
    let kept: State = serde_json::from_slice(&serde_json::to_vec(&base).unwrap()).unwrap();
    assert_eq!(replay(kept, inline.iter().copied()).unwrap(), desk.state, "I4 at {boundary}");
}

/// An attempt is started once, on what was approved, and each has a number of its own.
fn once_started(before: &Request, sealed: &Sealed, desk: &Desk) {
    let starts = |sealed: &Sealed| sealed.commit.events.iter().filter(|e| matches!(e, Event::EffectStarted { .. })).count();
    let before_this: usize = desk.commits.iter().rev().skip(1).map(starts).sum();
    for event in &sealed.commit.events {
        if let Event::EffectStarted { payload_hash, attempt } = event {
            assert!(before.is_pending() && *payload_hash == before.payload_hash);
            assert_eq!(usize::try_from(*attempt), Ok(before_this + 1));
        }
    }
}

/// I1: voters, persons voted for and `any_of` seats are unique per step.
fn one_vote_per_person_and_seat(request: &Request) {
    for step in &request.steps {
        let voters: BTreeSet<_> = step.votes.iter().map(|vote| &vote.by.id).collect();
        let persons: BTreeSet<_> = step.votes.iter().map(|vote| vote.person()).collect();
        let seats: BTreeSet<_> = step.votes.iter().map(|vote| vote.seat()).collect();
        let count = step.votes.len();
        assert_eq!((voters.len(), persons.len(), seats.len()), (count, count, count), "I1 on {}", step.id);
    }
    assert!(request.votes().count() <= limits::SEATS_PER_REVISION);
}

/// I5, as far as persons go: the chain between them is the rules' own test.
fn requesters_never_vote(request: &Request, template: &Template) {
    // Votes of a request that was transferred are void: the successor may have cast one of them.
    for step in request.steps.iter().filter(|_| request.successor.is_none()) {
        let allowed = template.step(&step.id).unwrap().allow_self;
        let own = step.votes.iter().any(|vote| request.is_own(&vote.by.id) || request.is_own(vote.person()));
        assert!(allowed || !own, "I5 on {}", step.id);
    }
}

/// I6. Only a template that says so approves by the clock, and only in the commit that says that the time is up.
fn approved_by_enough(request: &Request, template: &Template, desk: &Desk) {
    let events = || desk.commits.iter().flat_map(|sealed| &sealed.commit.events);
    for step in &request.steps {
        let Some(opening) = &step.opening else { continue };
        let required = template.step(&step.id).unwrap().required;
        assert!(opening.need >= 1);
        if let Required::Count(n) = required {
            assert_eq!(opening.need, n);
        }
        if opening.was_open {
            assert!(opening.need <= limits::QUORUM);
        }
        let this_revision = events().rev().take_while(|event| !matches!(event, Event::Resubmitted { .. }));
        let up = this_revision.into_iter().any(|event| matches!(event, Event::TimedOut { step: id, why: None, .. } if *id == step.id));
        let by_clock = up && template.step(&step.id).unwrap().on_timeout == OnTimeout::Approve;
        let enough = step.voided == 0 && (step.approvals() >= opening.need as usize || by_clock);
        assert_eq!(step.phase == StepPhase::Approved, enough, "I6 on {}: {} of {}", step.id, step.approvals(), opening.need);
    }
}

/// I7: behind an opened step every earlier one is through, or was until a recall made it void.
fn in_order(request: &Request, template: &Template) {
    let mut through = true;
    for group in &template.steps {
        let steps: Vec<_> = group.steps().iter().filter_map(|rules| request.step(&rules.id)).collect();
        assert!(through || steps.iter().all(|step| step.opening.is_none()), "I7");
        through = through && steps.iter().all(|step| step.phase.lets_pass() || step.voided > 0);
    }
}
