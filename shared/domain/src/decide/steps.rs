//! How steps open, block, widen and follow each other.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::candidate::{Candidate, Placed};
use crate::context::{Context, Missing, No};
use crate::event::{Decision, Event, StepEnd};
use crate::facts::{FactsQuery, Wanted};
use crate::ids::{PersonId, RoleId, StepId};
use crate::limits;
use crate::reach::{self, reach};
use crate::route::{first_candidates, resolve};
use crate::standing::{self, Ballot, Search};
use crate::state::{Opening, Phase, Request, Step, StepPhase};
use crate::template::{self, Approver, Fallback};
use crate::time::Timestamp;

const NOBODY: &BTreeSet<PersonId> = &BTreeSet::new();

/// How a step would open.
struct Outlook {
    candidates: Vec<Placed>,
    need: u32,
    reach: Reach,
}

/// How many could vote, of those needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Enough,
    TooFew,
    Nobody,
}

/// Opens what may open now; approves the request when nothing is left.
///
/// INVARIANT (I7): a step opens only when every step before it is approved or skipped.
pub(super) fn advance(draft: &mut Draft<'_, '_>) -> Result<(), No> {
    let cx = draft.cx;
    for group in &cx.template.steps {
        let mut missing = Missing::default();
        for rules in group.steps() {
            if phase(draft.request()?, &rules.id) == StepPhase::Waiting {
                missing.take(open(draft, rules))?;
            }
        }
        let request = draft.request()?;
        missing.none().map_err(|no| no.along(|| upcoming(request, cx)))?;
        if !group.steps().iter().all(|rules| phase(request, &rules.id).lets_pass()) {
            return Ok(());
        }
    }
    draft.push(Event::Approved { by: None });
    Ok(())
}

fn phase(request: &Request, id: &StepId) -> StepPhase {
    request.step(id).map_or(StepPhase::Skipped, |step| step.phase)
}

fn open(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let cx = draft.cx;
    let request = draft.request()?;
    let step = rules.id.clone();
    if approved_before(request, rules, cx)? {
        draft.push(Event::Closed { step, how: StepEnd::Skipped });
        return Ok(());
    }
    let clock = || working_time(request, rules, cx);
    let Outlook { candidates, need, reach } = outlook(request, rules, cx).map_err(|no| no.along(|| No::wanted(clock())))?;
    let (due_at, working) = clock()?;
    draft.push(match reach {
        Reach::Enough => Event::Opened { step, candidates, need, due_at, working },
        Reach::TooFew | Reach::Nobody => Event::Blocked { step, candidates, need, due_at, working },
    });
    Ok(())
}

/// When steps that open now would be late.
pub fn deadlines(request: &Request, steps: &[&template::Step], cx: &Context<'_>) -> Result<BTreeMap<StepId, Timestamp>, No> {
    let mut missing = Missing::default();
    let mut found = BTreeMap::new();
    for rules in steps {
        found.extend(missing.take(working_time(request, rules, cx))?.map(|(due_at, _)| (rules.id.clone(), due_at)));
    }
    missing.none()?;
    Ok(found)
}

/// When a step that opens now is late; and by a calendar, when each of its fractions is over. Named by the step, the template, or the
/// tenant at submission; by the wall clock if nobody names one, or there is none of that name.
fn working_time(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<(Timestamp, Vec<Timestamp>), No> {
    let named = rules.sla.calendar.as_ref().or(cx.template.calendar.as_ref()).or(request.calendar.as_ref());
    let wall = (cx.now.plus_hours(rules.sla.hours), Vec::new());
    let Some(calendar) = named else { return Ok(wall) };
    let fractions = rules.fractions();
    let start = Timestamp::from_millis(0);
    let millis: Vec<i64> = fractions.iter().map(|fraction| start.plus_hours(rules.sla.hours * fraction).millis()).collect();
    let Some(instants) = cx.evidence.working_time(calendar, cx.now, &millis)? else { return Ok(wall) };
    let late = fractions.iter().position(|fraction| *fraction == 1.0).and_then(|place| instants.get(place)).copied();
    Ok(late.map_or(wall, |due_at| (due_at, instants)))
}

/// Who could vote and how many must; with fallback and `approval_admin` where that is too few.
fn outlook(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Outlook, No> {
    let mut candidates = first_candidates(request, rules, cx)?;
    let base = Ballot { request, rules, candidates: &[], released: NOBODY, votes: &[] };
    let need = need(Ballot { candidates: &candidates, ..base }, cx)?;
    let reach = reinforce(base, &mut candidates, need, 0, cx)?;
    Ok(Outlook { candidates, need, reach })
}

/// The number of approvals, as `required` says, out of the seats there are now. More than [`limits::QUORUM`] opens no step.
fn need(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<u32, No> {
    let required = ballot.rules.required;
    if !required.counts_seats() {
        return Ok(required.of(0));
    }
    let seats = reach(ballot, limits::SEATS_PER_REVISION + 1, cx)?;
    let countable = u32::try_from(seats).ok().filter(|_| seats <= limits::SEATS_PER_REVISION);
    Ok(countable.map_or(limits::QUORUM + 1, |seats| required.of(seats)))
}

/// Adds fallback, then `approval_admin`, while too few could vote.
fn reinforce(base: Ballot<'_>, candidates: &mut Vec<Placed>, need: u32, level: u32, cx: &Context<'_>) -> Result<Reach, No> {
    if need > limits::QUORUM {
        return Ok(Reach::Nobody);
    }
    let approvals = base.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count();
    let want = (need as usize).saturating_sub(approvals);
    let has_fallback = base.rules.fallback != Fallback::Nobody;
    let reached = |candidates: &[Placed]| {
        let answer = reach(Ballot { candidates, ..base }, want, cx);
        // The first members of a role did not do: reserves are read along with the rest of it, for they may be needed next.
        answer.map_err(|no| if has_fallback && no.asks_for_all() { no.along(|| reserves_wanted(base, want, cx)) } else { no })
    };
    let mut found = reached(candidates)?;
    if found < want && has_fallback {
        let named = fallback(base, cx)?;
        for reserve in [named, vec![Candidate::Role(RoleId::approval_admin())]] {
            let fresh: Vec<Candidate> = reserve.into_iter().filter(|c| !candidates.iter().any(|placed| placed.candidate == *c)).collect();
            if found < want && !fresh.is_empty() {
                candidates.extend(fresh.into_iter().map(|candidate| Placed { candidate, level }));
                found = reached(candidates)?;
            }
        }
    }
    Ok(match found {
        enough if enough >= want => Reach::Enough,
        0 => Reach::Nobody,
        _ => Reach::TooFew,
    })
}

fn fallback(base: Ballot<'_>, cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
    let rules = base.rules;
    resolve(rules.fallback.approvers(), &format!("fallback:{}", rules.id), base.request, cx)
}

fn reserves_wanted(base: Ballot<'_>, want: usize, cx: &Context<'_>) -> FactsQuery {
    let admin = Candidate::Role(RoleId::approval_admin());
    match fallback(base, cx) {
        Ok(named) => {
            let reserves: Vec<Placed> = named.into_iter().chain([admin]).map(Placed::first).collect();
            No::wanted(reach(Ballot { candidates: &reserves, ..base }, want, cx))
        }
        unknown => {
            let mut wanted = No::wanted(unknown);
            wanted.insert(Wanted::Role(RoleId::approval_admin(), reach::first(want)));
            wanted
        }
    }
}

/// What opening the waiting steps will ask, up to the first that cannot be skipped: loaded along with what is missing before it.
pub(super) fn upcoming(request: &Request, cx: &Context<'_>) -> FactsQuery {
    let mut wanted = FactsQuery::new();
    for group in &cx.template.steps {
        let waiting = || group.steps().iter().filter(|rules| phase(request, &rules.id) == StepPhase::Waiting);
        for rules in waiting() {
            wanted.extend(No::wanted(approved_before(request, rules, cx)));
            wanted.extend(No::wanted(outlook(request, rules, cx)));
            wanted.extend(No::wanted(working_time(request, rules, cx)));
        }
        if waiting().any(|rules| rules.skip_if_approved_by.is_empty()) {
            break;
        }
    }
    wanted
}

/// `skip_if_approved_by`: enough of those who could vote here approved there, themselves.
fn approved_before(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<bool, No> {
    let there = rules.skip_if_approved_by.iter().filter_map(|id| request.step(id));
    let approvals = there.flat_map(|step| &step.votes).filter(|vote| vote.voted.decision == Decision::Approve);
    let people: BTreeSet<&PersonId> = approvals.map(|vote| &vote.by.id).collect();
    if people.is_empty() {
        return Ok(false);
    }
    let candidates = first_candidates(request, rules, cx)?;
    let ballot = Ballot { request, rules, candidates: &candidates, released: NOBODY, votes: &[] };
    cx.evidence.require(people.iter().map(|id| Wanted::Person((*id).clone())))?;
    let mut seats = Vec::new();
    for person in people {
        seats.extend(standing::seats(ballot, person, Search::For(person), cx)?.unwrap_or_default());
    }
    Ok(!seats.is_empty() && reach::seated(&seats) >= need(ballot, cx)? as usize)
}

/// Looks at every live step again: blocks it, widens it, reopens it, or leaves it.
///
/// INVARIANT (never stuck): an open step has enough who approved or may vote, or it is blocked and says so.
pub(super) fn review(draft: &mut Draft<'_, '_>, concerns: impl Fn(&Step, &template::Step) -> bool) -> Result<(), No> {
    let cx = draft.cx;
    if draft.request()?.phase != Phase::Running {
        return Ok(());
    }
    let mut missing = Missing::default();
    for rules in cx.template.all_steps() {
        let request = draft.request()?;
        let live = request.live_steps().find(|(step, _)| step.id == rules.id);
        let Some((step, opening)) = live.filter(|(step, _)| concerns(step, rules)) else { continue };
        if let Some(Some(event)) = missing.take(reviewed(request, step, opening, rules, cx))? {
            draft.push(event);
        }
    }
    missing.none()
}

fn reviewed(request: &Request, step: &Step, opening: &Opening, rules: &template::Step, cx: &Context<'_>) -> Result<Option<Event>, No> {
    let mut candidates = opening.candidates.clone();
    let base = Ballot { request, rules, candidates: &[], released: &opening.released, votes: &step.votes };
    let mut need = opening.need;
    if step.phase == StepPhase::Blocked {
        // A named person is resolved at opening, and it opens only now.
        let passed_on = |c: &Candidate| matches!(c, Candidate::User(id) if opening.released.contains(id));
        let mut first = first_candidates(request, rules, cx)?;
        first.retain(|placed| !passed_on(&placed.candidate));
        let fresh: Vec<Placed> =
            first.iter().filter(|now| candidates.iter().all(|then| then.candidate != now.candidate)).cloned().collect();
        candidates.extend(fresh);
        if !opening.was_open && rules.required.counts_seats() {
            need = self::need(Ballot { candidates: &without_reserves(base, &candidates, &first, cx)?, ..base }, cx)?;
        }
    }
    let known = candidates.len();
    let enough = reinforce(base, &mut candidates, need, opening.level, cx)? == Reach::Enough;
    let (id, due_at) = (step.id.clone(), opening.due_at);
    Ok(match (step.phase, enough) {
        (StepPhase::Blocked, true) => Some(Event::Opened { step: id, candidates, need, due_at, working: Vec::new() }),
        (StepPhase::Open, false) => Some(Event::Blocked { step: id, candidates, need, due_at, working: Vec::new() }),
        (StepPhase::Open, true) if candidates.len() > known => Some(Event::Widened { step: id, candidates: candidates.split_off(known) }),
        _ => None,
    })
}

/// The candidates `all` and percentages count: the step's own and those seats were passed to, not those who stand in.
fn without_reserves(base: Ballot<'_>, candidates: &[Placed], first: &[Placed], cx: &Context<'_>) -> Result<Vec<Placed>, No> {
    let mut reserves = fallback(base, cx)?;
    reserves.push(Candidate::Role(RoleId::approval_admin()));
    let own = |placed: &&Placed| first.iter().any(|f| f.candidate == placed.candidate) || !reserves.contains(&placed.candidate);
    Ok(candidates.iter().filter(own).cloned().collect())
}

/// What a planned step looks like before it opens: for `preview`, and to refuse early what could never be approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Prospect {
    /// The step.
    pub step: StepId,
    /// Its candidates as far as they are known before the steps it depends on.
    pub candidates: Vec<Placed>,
    /// How many approvals it would need; as far as its candidates are known.
    pub need: u32,
    /// Somebody could vote, if not enough: then it will be blocked for a while.
    pub routable: bool,
    /// Depends on who approves an earlier step.
    pub later: bool,
}

/// The outlook of every planned step.
pub fn prospects(request: &Request, cx: &Context<'_>) -> Result<Vec<Prospect>, No> {
    let mut missing = Missing::default();
    let mut found = Vec::new();
    for rules in cx.template.all_steps().filter(|rules| phase(request, &rules.id) != StepPhase::Skipped) {
        found.extend(missing.take(prospect(request, rules, cx))?);
    }
    missing.none()?;
    Ok(found)
}

fn prospect(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Prospect, No> {
    let step = rules.id.clone();
    if rules.approvers.iter().any(|approver| awaits(approver, request)) {
        let candidates = first_candidates(request, rules, cx)?;
        let need = rules.required.of(u32::try_from(candidates.len()).unwrap_or(u32::MAX));
        return Ok(Prospect { step, candidates, need, routable: true, later: true });
    }
    let Outlook { candidates, need, reach } = outlook(request, rules, cx)?;
    Ok(Prospect { step, candidates, need, routable: reach != Reach::Nobody, later: false })
}

/// Names the manager of somebody who has yet to approve.
fn awaits(approver: &Approver, request: &Request) -> bool {
    match approver {
        Approver::ManagerOf(of) => request.steps.iter().any(|step| step.id.as_str() == of && !step.phase.lets_pass()),
        Approver::AnyOf(inner) => inner.iter().any(|member| awaits(member, request)),
        Approver::User(_) | Approver::Role(_) | Approver::Expression(_) => false,
    }
}
