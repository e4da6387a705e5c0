//! How steps open, block, widen and follow each other.

use super::{Context, Draft, No};
use crate::candidate::{Candidate, Placed};
use crate::event::{Decision, Event, StepEnd};
use crate::facts::Wanted;
use crate::ids::{PersonId, RoleId, StepId};
use crate::limits;
use crate::route::resolve;
use crate::standing::{self, Ballot};
use crate::state::{Phase, Request, Step, StepPhase};
use crate::template::{self, Fallback};

const NOBODY: &std::collections::BTreeSet<PersonId> = &std::collections::BTreeSet::new();

/// How a step would open.
struct Outlook {
    candidates: Vec<Placed>,
    need: u32,
    enough: bool,
}

/// Opens what may open now; approves the request when nothing is left.
///
/// INVARIANT (I7): a step opens only when every step before it is approved or skipped.
pub(super) fn advance(draft: &mut Draft<'_, '_>) -> Result<(), No> {
    let cx = draft.cx;
    for group in &cx.template.steps {
        for rules in group.steps() {
            if phase(draft.request()?, &rules.id) == StepPhase::Waiting {
                open(draft, rules)?;
            }
        }
        let request = draft.request()?;
        if !group.steps().iter().all(|rules| phase(request, &rules.id).lets_pass()) {
            return Ok(());
        }
    }
    draft.push(Event::Approved {});
    Ok(())
}

fn phase(request: &Request, id: &StepId) -> StepPhase {
    request.step(id).map_or(StepPhase::Skipped, |step| step.phase)
}

fn open(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let cx = draft.cx;
    let request = draft.request()?;
    let (step, outlook) = (rules.id.clone(), outlook(request, rules, cx)?);
    if approved_before(request, rules, &outlook, cx)? {
        draft.push(Event::Closed { step, how: StepEnd::Skipped });
        return Ok(());
    }
    let due_at = cx.now.plus_hours(rules.sla.hours);
    draft.push(opened(step, outlook, due_at));
    Ok(())
}

fn opened(step: StepId, outlook: Outlook, due_at: crate::time::Timestamp) -> Event {
    let Outlook { candidates, need, enough } = outlook;
    if enough { Event::Opened { step, candidates, need, due_at } } else { Event::Blocked { step, candidates, need, due_at } }
}

/// Who could vote and how many must; with fallback and `approval_admin` where that is too few.
fn outlook(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Outlook, No> {
    let first = resolve(&rules.approvers, &format!("approvers:{}", rules.id), request, cx)?;
    let mut candidates: Vec<Placed> = first.into_iter().map(Placed::first).collect();
    let base = Ballot { request, rules, candidates: &[], released: NOBODY, votes: &[] };
    let seats = match rules.required.counts_seats() {
        true => standing::seat_count(Ballot { candidates: &candidates, ..base }, cx)?,
        false => 0,
    };
    let need = rules.required.of(seats);
    let enough = reinforce(base, &mut candidates, need, 0, cx)?;
    Ok(Outlook { candidates, need, enough: enough && need <= limits::QUORUM })
}

/// Adds fallback, then `approval_admin`, while too few could vote. True if enough can in the end.
fn reinforce(base: Ballot<'_>, candidates: &mut Vec<Placed>, need: u32, level: u32, cx: &Context<'_>) -> Result<bool, No> {
    let approvals = base.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count();
    let want = (need as usize).saturating_sub(approvals);
    let enough = |candidates: &[Placed]| -> Result<bool, No> { Ok(standing::reach(Ballot { candidates, ..base }, want, cx)? >= want) };
    if enough(candidates)? {
        return Ok(true);
    }
    let fallback = &base.rules.fallback;
    if *fallback == Fallback::Nobody {
        return Ok(false);
    }
    let named = resolve(fallback.approvers(), &format!("fallback:{}", base.rules.id), base.request, cx)?;
    for reserve in [named, vec![Candidate::Role(RoleId::approval_admin())]] {
        let fresh: Vec<Candidate> = reserve.into_iter().filter(|c| !candidates.iter().any(|placed| placed.candidate == *c)).collect();
        if !fresh.is_empty() {
            candidates.extend(fresh.into_iter().map(|candidate| Placed { candidate, level }));
            if enough(candidates)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// `skip_if_approved_by`: enough of those who could vote here approved there.
fn approved_before(request: &Request, rules: &template::Step, outlook: &Outlook, cx: &Context<'_>) -> Result<bool, No> {
    let there = rules.skip_if_approved_by.iter().filter_map(|id| request.step(id));
    let approvals = there.flat_map(|step| &step.votes).filter(|vote| vote.voted.decision == Decision::Approve);
    let mut people: Vec<&PersonId> = approvals.map(|vote| &vote.by.id).collect();
    people.sort();
    people.dedup();
    cx.evidence.require(people.iter().map(|id| Wanted::Person((*id).clone())))?;
    let ballot = Ballot { request, rules, candidates: &outlook.candidates, released: NOBODY, votes: &[] };
    let mut enough = 0;
    for person in people {
        if standing::seats(ballot, person, standing::Search::For(person), cx)?.is_ok() {
            enough += 1;
        }
    }
    Ok(enough > 0 && enough >= outlook.need)
}

/// Looks at every live step again: blocks it, widens it, reopens it, or leaves it.
///
/// INVARIANT (never stuck): an open step has enough who voted or may vote, or it is blocked and says so.
pub(super) fn review(draft: &mut Draft<'_, '_>, concerns: impl Fn(&Step, &template::Step) -> bool) -> Result<(), No> {
    let cx = draft.cx;
    if draft.request()?.phase != Phase::Running {
        return Ok(());
    }
    for rules in cx.template.all_steps() {
        let request = draft.request()?;
        let Some((step, opening)) = request.live_steps().find(|(step, _)| step.id == rules.id) else { continue };
        if !concerns(step, rules) {
            continue;
        }
        let mut candidates = opening.candidates.clone();
        if step.phase == StepPhase::Blocked {
            // A named person is resolved at opening, and it opens only now.
            let now = resolve(&rules.approvers, &format!("approvers:{}", rules.id), request, cx)?;
            let passed_on = |c: &Candidate| matches!(c, Candidate::User(id) if opening.released.contains(id));
            let fresh = now.into_iter().filter(|c| !passed_on(c) && !opening.candidates.iter().any(|placed| placed.candidate == *c));
            candidates.extend(fresh.map(Placed::first));
        }
        let known = candidates.len();
        let base = Ballot { request, rules, candidates: &[], released: &opening.released, votes: &step.votes };
        let enough = reinforce(base, &mut candidates, opening.need, opening.level(), cx)?;
        let (id, need, due_at) = (step.id.clone(), opening.need, opening.due_at);
        let event = match (step.phase, enough) {
            (StepPhase::Blocked, true) => Event::Opened { step: id, candidates, need, due_at },
            (StepPhase::Open, false) => Event::Blocked { step: id, candidates, need, due_at },
            (StepPhase::Open, true) if candidates.len() > known => Event::Widened { step: id, candidates: candidates.split_off(known) },
            _ => continue,
        };
        draft.push(event);
    }
    Ok(())
}

/// What a planned step looks like before it opens: for `preview`, and to refuse early what could never be approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Prospect {
    /// The step.
    pub step: StepId,
    /// Its candidates as far as they are known before the steps it depends on.
    pub candidates: Vec<Placed>,
    /// How many approvals it would need.
    pub need: u32,
    /// Enough could vote.
    pub routable: bool,
    /// Depends on who approves an earlier step.
    pub later: bool,
}

/// The outlook of every planned step.
pub fn prospects(request: &Request, cx: &Context<'_>) -> Result<Vec<Prospect>, No> {
    let planned = |rules: &&template::Step| !matches!(phase(request, &rules.id), StepPhase::Skipped);
    let mut missing = crate::facts::FactsQuery::new();
    let mut found = Vec::new();
    for rules in cx.template.all_steps().filter(planned) {
        let later = rules.approvers.iter().any(|a| matches!(a, template::Approver::ManagerOf(of) if of != "requester"));
        match outlook(request, rules, cx) {
            Ok(Outlook { candidates, need, enough }) => {
                found.push(Prospect { step: rules.id.clone(), candidates, need, routable: enough || later, later });
            }
            // All steps' facts in one round.
            Err(No::Needs(more)) => missing.extend(more),
            Err(refused) => return Err(refused),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(No::Needs(missing)) }
}
