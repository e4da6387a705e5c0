//! How steps open, block, widen and follow each other.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::effect::deadline;
use crate::candidate::{Candidate, Placed};
use crate::context::{Context, Missing, No};
use crate::event::{Decision, Event, StepEnd};
use crate::facts::{FactsQuery, Wanted};
use crate::ids::{CalendarId, PersonId, RoleId, StepId};
use crate::limits;
use crate::refusal::Refusal;
use crate::route::{awaits, first_candidates, resolve};
use crate::standing::reach::{self, named, reach};
use crate::standing::{self, Ballot, Search};
use crate::state::{Passed, Phase, Request, Step, StepPhase};
use crate::template::{self, Fallback, Required};
use crate::time::Timestamp;
use crate::timers::reminders_over;

/// How a step would open.
struct Outlook {
    candidates: Vec<Placed>,
    need: u32,
    reach: Reach,
    present: usize,
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
    draft.push(Event::Approved { by: None, until: deadline(cx.template, cx.now) });
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
    let Outlook { candidates, need, reach, .. } = outlook(request, rules, cx).map_err(|no| no.along(|| No::wanted(clock())))?;
    let (due_at, working) = clock()?;
    draft.push(match reach {
        Reach::Enough => Event::Opened { step, candidates, need, due_at, working, reminded: 0 },
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
    let wall = (cx.now.plus_hours(rules.sla.hours), Vec::new());
    let Some(calendar) = followed(request, rules, cx) else { return Ok(wall) };
    let fractions = rules.fractions();
    let start = Timestamp::from_millis(0);
    let millis: Vec<i64> = fractions.iter().map(|fraction| start.plus_hours(rules.sla.hours * fraction).millis()).collect();
    let Some(instants) = cx.evidence.working_time(calendar, cx.now, &millis)? else { return Ok(wall) };
    let late = fractions.iter().position(|fraction| *fraction == 1.0).and_then(|place| instants.get(place)).copied();
    Ok(late.map_or(wall, |due_at| (due_at, instants)))
}

/// The calendar that a step follows, if one is named anywhere.
fn followed<'a>(request: &'a Request, rules: &'a template::Step, cx: &Context<'a>) -> Option<&'a CalendarId> {
    rules.sla.calendar.as_ref().or(cx.template.calendar.as_ref()).or(request.calendar.as_ref())
}

/// Refused early: a planned step would follow a calendar that does not exist, and its hours would pass by the wall clock unnoticed.
pub(super) fn calendars_exist(request: &Request, cx: &Context<'_>) -> Result<(), No> {
    let mut missing = Missing::default();
    for rules in cx.template.all_steps().filter(|rules| phase(request, &rules.id) != StepPhase::Skipped) {
        let Some(calendar) = followed(request, rules, cx) else { continue };
        let hours = Timestamp::from_millis(0).plus_hours(rules.sla.hours).millis();
        if missing.take(cx.evidence.working_time(calendar, cx.now, &[hours]).map_err(No::from))? == Some(None) {
            return Err(Refusal::NoSuchCalendar(calendar.clone()).into());
        }
    }
    missing.none()
}

/// Who could vote and how many must; with fallback and `approval_admin` where that is too few.
fn outlook(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Outlook, No> {
    let candidates = first_candidates(request, rules, cx)?;
    let ballot = Ballot::planned(request, rules, &candidates);
    let need = need(ballot, cx)?;
    let Reinforced { candidates, reach, regular } = reinforce(Ballot { need, ..ballot }, 0, cx)?;
    Ok(Outlook { candidates, need, reach, present: regular })
}

/// The number of approvals, as `required` says, out of the seats there are now. More than [`limits::QUORUM`] opens no step.
///
/// `all` counts whoever is named, present or not, so that it never gets weaker unnoticed; whoever is missing is made up for by reserves.
fn need(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<u32, No> {
    let most = limits::SEATS_PER_REVISION + 1;
    let seats = match ballot.rules.required {
        Required::Count(n) => return Ok(n.max(1)),
        Required::All => named(ballot, most, cx)?,
        Required::Majority | Required::Percent(_) => reach(ballot, most, cx)?,
    };
    let countable = u32::try_from(seats).ok().filter(|_| seats < most);
    Ok(countable.map_or(limits::QUORUM + 1, |seats| ballot.rules.required.of(seats)))
}

/// A step's candidates, with reserves as far as they are needed.
struct Reinforced {
    candidates: Vec<Placed>,
    reach: Reach,
    /// How many votes those with a right of their own could cast, up to the number wanted.
    regular: usize,
}

/// Adds fallback, then `approval_admin`, while too few could vote; those who are not needed any more leave.
///
/// INVARIANT (reserves): the answer depends on who is there now, not on who once was missing.
fn reinforce(ballot: Ballot<'_>, level: u32, cx: &Context<'_>) -> Result<Reinforced, No> {
    let (standing, mut candidates): (Vec<Placed>, Vec<Placed>) = ballot.candidates.iter().cloned().partition(|placed| placed.reserve);
    if ballot.need > limits::QUORUM {
        return Ok(Reinforced { candidates, reach: Reach::Nobody, regular: 0 });
    }
    let approvals = ballot.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count();
    let want = (ballot.need as usize).saturating_sub(approvals);
    let has_fallback = ballot.rules.fallback != Fallback::Nobody;
    let reached = |candidates: &[Placed]| {
        let answer = reach(Ballot { candidates, ..ballot }, want, cx);
        // Those asked for first did not do: reserves are read along with the rest, for they may be needed next.
        answer.map_err(|no| if has_fallback && no.asks_for_the_rest() { no.along(|| reserves_wanted(ballot, want, cx)) } else { no })
    };
    let regular = reached(&candidates)?;
    let mut found = regular;
    if found < want && has_fallback {
        let admin = Candidate::Role(RoleId::approval_admin());
        let (admins, others): (Vec<Placed>, Vec<Placed>) = standing.into_iter().partition(|placed| placed.candidate == admin);
        let mut named = fallback(ballot, cx)?;
        named.retain(|candidate| candidate.person().is_none_or(|id| !ballot.released.contains_key(id)));
        let fallback = named.into_iter().map(|candidate| Placed::reserve(candidate, level));
        for stage in [others.into_iter().chain(fallback).collect(), [admins, vec![Placed::reserve(admin, level)]].concat()] {
            if found < want {
                for placed in stage {
                    let known = candidates.iter().any(|known: &Placed| known.candidate == placed.candidate);
                    candidates.extend(Some(placed).filter(|_| !known));
                }
                found = reached(&candidates)?;
            }
        }
    }
    let reach = match found {
        enough if enough >= want => Reach::Enough,
        0 => Reach::Nobody,
        _ => Reach::TooFew,
    };
    Ok(Reinforced { candidates, reach, regular })
}

pub(super) fn fallback(base: Ballot<'_>, cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
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
    let ballot = Ballot::planned(request, rules, &candidates);
    cx.evidence.require(people.iter().map(|id| Wanted::Person((*id).clone())))?;
    let mut seats = Vec::new();
    for person in people {
        seats.extend(standing::seats(ballot, person, Search::For(person), cx)?.unwrap_or_default());
    }
    Ok(!seats.is_empty() && reach::seated(&seats) >= need(ballot, cx)? as usize)
}

/// Looks at every live step again: blocks it, widens it, narrows it, reopens it, or leaves it.
///
/// INVARIANT (never stuck): an open step has enough who approved or may vote, or it is blocked and says so.
pub(super) fn review(draft: &mut Draft<'_, '_>, concerns: impl Fn(&Step, &template::Step) -> bool) -> Result<(), No> {
    let cx = draft.cx;
    if draft.request()?.phase != Phase::Running {
        return Ok(());
    }
    let mut missing = Missing::default();
    for rules in cx.template.all_steps() {
        let live = |request: &Request| request.live_steps().any(|(step, _)| step.id == rules.id && concerns(step, rules));
        if live(draft.request()?) {
            missing.take(give_back(draft, rules))?;
            let events = missing.take(reviewed(draft.request()?, rules, cx))?;
            events.into_iter().flatten().for_each(|event| draft.push(event));
        }
    }
    missing.none()
}

/// What looking at a step will ask, with these candidates besides: loaded along with what is missing before it.
pub(super) fn next_review(ballot: Ballot<'_>, more: Vec<Candidate>, cx: &Context<'_>) -> FactsQuery {
    let candidates: Vec<Placed> = ballot.candidates.iter().cloned().chain(more.into_iter().map(Placed::first)).collect();
    let mut wanted = No::wanted(reviewed(ballot.request, ballot.rules, cx));
    wanted.extend(No::wanted(reinforce(Ballot { candidates: &candidates, ..ballot }, 0, cx)));
    wanted
}

/// A seat whose holder has left goes back to the giver, and from one who left as well, further back.
fn give_back(draft: &mut Draft<'_, '_>, rules: &template::Step) -> Result<(), No> {
    let cx = draft.cx;
    loop {
        let request = draft.request()?;
        let Some((step, opening)) = request.live_steps().find(|(step, _)| step.id == rules.id) else { return Ok(()) };
        let holds = |passed: &Passed| opening.candidates.iter().any(|placed| placed.candidate.person() == Some(&passed.to));
        let used = |passed: &Passed| step.votes.iter().any(|vote| vote.person() == &passed.to);
        let held: Vec<(&PersonId, &Passed)> = opening.released.iter().filter(|(_, passed)| holds(passed) && !used(passed)).collect();
        // Whoever the seat came from may have left as well: all of the way back is asked at once.
        let on_the_way = || opening.released.keys().map(|giver| Wanted::Person(giver.clone())).collect();
        let holders = cx.evidence.require(held.iter().map(|(_, passed)| Wanted::Person(passed.to.clone())));
        holders.map_err(|missing| No::from(missing).along(on_the_way))?;
        let mut left = None;
        for (giver, passed) in held {
            if !cx.evidence.active(&passed.to)? {
                left = left.or(Some((passed.to.clone(), giver.clone())));
            }
        }
        let Some((from, to)) = left else { return Ok(()) };
        draft.push(Event::SeatReturned { step: rules.id.clone(), from, to });
    }
}

fn reviewed(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let Some((step, opening)) = request.live_steps().find(|(step, _)| step.id == rules.id) else { return Ok(Vec::new()) };
    let mut known = opening.candidates.clone();
    let mut need = opening.need;
    if step.phase == StepPhase::Blocked {
        // A named person is resolved at opening, and it opens only now.
        let mut first = first_candidates(request, rules, cx)?;
        first.retain(|placed| placed.candidate.person().is_none_or(|id| !opening.released.contains_key(id)));
        first.retain(|now| known.iter().all(|then| then.reserve || then.candidate != now.candidate));
        known.retain(|then| first.iter().all(|now| then.candidate != now.candidate));
        known.extend(first);
        if !opening.was_open && rules.required.counts_seats() {
            let own: Vec<Placed> = known.iter().filter(|placed| !placed.reserve).cloned().collect();
            need = self::need(Ballot { candidates: &own, ..Ballot::of(request, rules, step, opening) }, cx)?;
        }
    }
    let ballot = Ballot { candidates: &known, need, ..Ballot::of(request, rules, step, opening) };
    let Reinforced { candidates, reach, .. } = reinforce(ballot, opening.level, cx)?;
    let (id, due_at) = (step.id.clone(), opening.due_at);
    Ok(match (step.phase, reach) {
        (StepPhase::Blocked, Reach::Enough) => {
            let reminded = reminders_over(rules, opening, cx.now);
            vec![Event::Opened { step: id, candidates, need, due_at, working: Vec::new(), reminded }]
        }
        (StepPhase::Blocked, _) => Vec::new(),
        (_, Reach::Enough) => {
            let added: Vec<Placed> = candidates.iter().filter(|placed| !known.contains(placed)).cloned().collect();
            let left: Vec<Placed> = known.iter().filter(|placed| !candidates.contains(placed)).cloned().collect();
            let widened = Some(added).filter(|added| !added.is_empty());
            let narrowed = Some(left).filter(|left| !left.is_empty());
            let widened = widened.map(|candidates| Event::Widened { step: id.clone(), candidates });
            widened.into_iter().chain(narrowed.map(|candidates| Event::Narrowed { step: id.clone(), candidates })).collect()
        }
        _ => vec![Event::Blocked { step: id, candidates, need, due_at, working: Vec::new() }],
    })
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
    /// How many of these its own approvers could give; reserves make up for the rest. As many as needed where that is not known yet.
    pub present: u32,
    /// Somebody could vote, if not enough: then it will be blocked for a while.
    pub routable: bool,
    /// Depends on who approves an earlier step.
    pub later: bool,
}

/// The outlook of every planned step.
pub fn prospects(request: &Request, cx: &Context<'_>) -> Result<Vec<Prospect>, No> {
    outlooks(request, |phase| phase != StepPhase::Skipped, cx)
}

/// The outlook of the steps that are still to open, in order.
pub fn ahead(request: &Request, cx: &Context<'_>) -> Result<Vec<Prospect>, No> {
    outlooks(request, |phase| phase == StepPhase::Waiting, cx)
}

fn outlooks(request: &Request, of: impl Fn(StepPhase) -> bool, cx: &Context<'_>) -> Result<Vec<Prospect>, No> {
    let mut missing = Missing::default();
    let mut found = Vec::new();
    for rules in cx.template.all_steps().filter(|rules| of(phase(request, &rules.id))) {
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
        return Ok(Prospect { step, candidates, need, present: need, routable: true, later: true });
    }
    let Outlook { candidates, need, reach, present } = outlook(request, rules, cx)?;
    let present = u32::try_from(present).unwrap_or(u32::MAX).min(need);
    Ok(Prospect { step, candidates, need, present, routable: reach != Reach::Nobody, later: false })
}
