//! **The one place that says who may vote**, on which seat, and why not. Votes, bulk votes, links, the inbox, `explain`, reassignment,
//! the check that a step is never stuck and the verifier all ask here.

pub(crate) mod reach;

use std::collections::{BTreeMap, BTreeSet};

use crate::candidate::{Candidate, Placed};
use crate::context::{Context, No};
use crate::event::Decision;
use crate::facts::{Delegation, FactsQuery, Wanted};
use crate::ids::{DelegationId, PersonId};
use crate::limits;
use crate::refusal::WhyNot;
use crate::route::resolve;
use crate::seat::Seat;
use crate::state::{Opening, Passed, Request, Step, Vote};
use crate::template;
use reach::{in_need, reach};

/// A step as far as the right to vote goes.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'a> {
    /// The request.
    pub request: &'a Request,
    /// The step's rules.
    pub rules: &'a template::Step,
    /// Who may vote.
    pub candidates: &'a [Placed],
    /// Those whose seat passed to another.
    pub released: &'a BTreeMap<PersonId, Passed>,
    /// The votes cast here.
    pub votes: &'a [Vote],
    /// How many approvals the step needs. Reserves serve only while fewer others could vote.
    pub need: u32,
}

impl<'a> Ballot<'a> {
    /// Of a step that opened.
    pub fn of(request: &'a Request, rules: &'a template::Step, step: &'a Step, opening: &'a Opening) -> Self {
        Self { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes, need: opening.need }
    }

    /// Of a step before it opens: nothing was passed on, nobody voted, nobody stands in.
    pub fn planned(request: &'a Request, rules: &'a template::Step, candidates: &'a [Placed]) -> Self {
        static NOBODY: BTreeMap<PersonId, Passed> = BTreeMap::new();
        Self { request, rules, candidates, released: &NOBODY, votes: &[], need: 0 }
    }
}

/// How far to look for seats of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search<'a> {
    /// Own seats; only if none of them is free, the nearest free ones of delegators.
    Nearest,
    /// Seats of this person.
    For(&'a PersonId),
    /// Every seat.
    All,
}

/// Why a person has no seat to vote on now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSeat {
    /// They may not vote here.
    NotEligible(WhyNot),
    /// Each of their seats was filled before; this is the nearest.
    Taken {
        /// The seat.
        seat: Seat,
        /// Who filled it.
        by: PersonId,
    },
}

/// **The seat that a vote of this person takes**: for the vote, the inbox, a link and `explain` alike.
///
/// The own seat, else the nearest of a delegator; or the nearest of the person named in `on_behalf_of`.
pub fn seat_for(
    ballot: Ballot<'_>,
    voter: &PersonId,
    on_behalf_of: Option<&PersonId>,
    cx: &Context<'_>,
) -> Result<Result<Seat, NoSeat>, No> {
    match seats(ballot, voter, on_behalf_of.map_or(Search::Nearest, Search::For), cx)? {
        Err(why) => Ok(Err(NoSeat::NotEligible(why))),
        Ok(seats) => choose(ballot, voter, &seats, cx),
    }
}

/// Of a person's seats the one a vote takes: the nearest free one. Of several that are as near, the first that leaves the step reachable,
/// so that no order of votes blocks what another order approves.
///
/// INVARIANT (I1): a seat is filled once.
pub fn choose(ballot: Ballot<'_>, voter: &PersonId, seats: &[Seat], cx: &Context<'_>) -> Result<Result<Seat, NoSeat>, No> {
    let nearest = nearest(ballot, seats);
    if nearest.is_empty() {
        let taken = seats.iter().find_map(|seat| Some((seat, filled_by(ballot.votes, seat)?)));
        let taken = taken.map(|(seat, vote)| NoSeat::Taken { seat: seat.clone(), by: vote.by.id.clone() });
        return Ok(Err(taken.unwrap_or(NoSeat::NotEligible(WhyNot::NotACandidate))));
    }
    if let [_, _, ..] = nearest.as_slice() {
        for seat in &nearest {
            if stays_reachable(ballot, voter, seat, cx)? {
                return Ok(Ok((*seat).clone()));
            }
        }
    }
    Ok(nearest.first().map(|seat| (*seat).clone()).ok_or(NoSeat::NotEligible(WhyNot::NotACandidate)))
}

/// The free ones of these seats that are nearest.
pub(crate) fn nearest<'s>(ballot: Ballot<'_>, seats: &'s [Seat]) -> Vec<&'s Seat> {
    let free = || seats.iter().filter(|seat| filled_by(ballot.votes, seat).is_none());
    let hops = free().map(|seat| seat.delegations.len()).min();
    free().filter(|seat| Some(seat.delegations.len()) == hops).collect()
}

/// Whether the others could still give what an approval on this seat leaves to give.
fn stays_reachable(ballot: Ballot<'_>, voter: &PersonId, seat: &Seat, cx: &Context<'_>) -> Result<bool, No> {
    let mut votes = ballot.votes.to_vec();
    votes.push(Vote::supposed(ballot.request, &ballot.rules.id, voter, seat));
    let approvals = votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count();
    let want = (ballot.need as usize).saturating_sub(approvals);
    Ok(reach(Ballot { votes: &votes, ..ballot }, want, cx)? >= want)
}

/// May this person vote here, and on which seats? Own seats first, then shorter chains, then smaller ids. Taken seats are listed too.
pub fn seats(ballot: Ballot<'_>, voter: &PersonId, search: Search<'_>, cx: &Context<'_>) -> Result<Result<Vec<Seat>, WhyNot>, No> {
    match cx.evidence.person(voter)? {
        None => return Ok(Err(WhyNot::Unknown)),
        Some(person) if !person.active => return Ok(Err(WhyNot::Inactive)),
        Some(_) => {}
    }
    if let Some(why) = barred(ballot, voter, cx)?.or_else(|| counted(ballot, voter)) {
        return Ok(Err(why));
    }
    let own = match search {
        Search::For(person) if person != voter => Vec::new(),
        _ => rights(ballot, voter, cx)?,
    };
    let near = matches!(search, Search::Nearest) && own.iter().any(|seat| filled_by(ballot.votes, seat).is_none());
    let mut found = own;
    if !near && search != Search::For(voter) {
        found.extend(delegated(ballot, voter, search, cx)?);
    }
    if !found.is_empty() {
        return Ok(Ok(found));
    }
    let sought = if let Search::For(person) = search { person } else { voter };
    Ok(Err(match ballot.candidates.iter().any(|placed| placed.reserve) && !direct(ballot, sought, cx)?.is_empty() {
        true => WhyNot::NotNeeded,
        false if ballot.released.contains_key(voter) => WhyNot::Released,
        false => WhyNot::NotACandidate,
    }))
}

/// The seats a person may use without anybody's help.
///
/// INVARIANT (reserves): a fallback and `approval_admin` serve only in need. Whose right was used in need hears so ever after; whoever only
/// shares an `any_of` that another filled was not needed.
fn rights(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let mut held = direct(ballot, person, cx)?;
    let used = ballot.votes.iter().any(|vote| vote.person() == person);
    if !used && held.iter().any(|seat| seat.reserve) && !in_need(ballot, cx)? {
        held.retain(|seat| !seat.reserve);
    }
    Ok(held)
}

/// INVARIANT (I5): neither requester nor submitter nor an author nor anybody the template bars votes, is voted for, or stands between.
pub(crate) fn barred(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'_>) -> Result<Option<WhyNot>, No> {
    if ballot.rules.allow_self {
        return Ok(None);
    }
    if ballot.request.is_own(person) {
        return Ok(Some(WhyNot::OwnRequest));
    }
    for candidate in resolve(&cx.template.barred, "barred", ballot.request, cx)? {
        for member in candidate.members() {
            let hit = match member {
                Candidate::User(id) => id == person,
                // The whole role at once: asking person by person would take a round for each.
                Candidate::Role(role) => {
                    cx.evidence.is_member(role, person).map_err(|_| No::needs([Wanted::Role(role.clone(), usize::MAX)]))?
                }
                Candidate::AnyOf(_) => false,
            };
            if hit {
                return Ok(Some(WhyNot::Barred));
            }
        }
    }
    Ok(None)
}

/// INVARIANT (I6): nobody who counted in a step this one is distinct from counts here, as voter or as person voted for.
pub(crate) fn counted(ballot: Ballot<'_>, person: &PersonId) -> Option<WhyNot> {
    let elsewhere = ballot.rules.distinct_from.iter().filter_map(|id| ballot.request.step(id));
    elsewhere.filter(|step| step.votes.iter().any(|vote| vote.involves(person))).map(|step| WhyNot::Counted(step.id.clone())).next()
}

/// The seats a person holds without anybody's help: the own one first, then each `any_of`; those of a reserve last. Whoever passed the own
/// seat on gave away every right that comes without a name of their own.
fn direct(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let mut own: Option<Seat> = None;
    let mut groups = Vec::new();
    let (reserves, regular): (Vec<&Placed>, Vec<&Placed>) = ballot.candidates.iter().partition(|placed| placed.reserve);
    for placed in regular.into_iter().chain(reserves) {
        let any_of = matches!(placed.candidate, Candidate::AnyOf(_)).then(|| placed.candidate.clone());
        if any_of.is_none() && own.is_some() {
            continue;
        }
        for member in placed.candidate.members() {
            let role = match member {
                Candidate::User(id) if id == person && (any_of.is_none() || !ballot.released.contains_key(person)) => None,
                Candidate::Role(role) if !ballot.released.contains_key(person) && cx.evidence.is_member(role, person)? => {
                    Some(role.clone())
                }
                Candidate::User(_) | Candidate::Role(_) | Candidate::AnyOf(_) => continue,
            };
            let (level, reserve) = (placed.level, placed.reserve);
            let seat = Seat { person: person.clone(), any_of: any_of.clone(), role, level, reserve, delegations: Vec::new() };
            if any_of.is_some() {
                groups.push(seat)
            } else {
                own = Some(seat)
            }
            break;
        }
    }
    let mut held: Vec<Seat> = own.into_iter().chain(groups).collect();
    held.sort_by_key(|seat| seat.reserve);
    Ok(held)
}

/// Seats of those who delegate to the voter, through chains of at most [`limits::DELEGATION_HOPS`].
fn delegated(ballot: Ballot<'_>, voter: &PersonId, search: Search<'_>, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([voter.clone()]);
    let mut frontier = vec![(voter.clone(), Vec::new())];
    for _ in 0..limits::DELEGATION_HOPS {
        let mut next: BTreeMap<PersonId, Vec<(u32, Vec<DelegationId>)>> = BTreeMap::new();
        cx.evidence.require(frontier.iter().map(|(id, _)| Wanted::Person(id.clone())))?;
        for (id, chain) in &frontier {
            for delegation in covering(ballot, id, cx)? {
                if !seen.contains(&delegation.from) {
                    let longer = chain.iter().cloned().chain([delegation.id.clone()]).collect();
                    next.entry(delegation.from.clone()).or_default().push((delegation.giver_term, longer));
                }
            }
        }
        let sought = |id: &PersonId| matches!(search, Search::For(person) if person == id);
        let mut next: Vec<_> = next.into_iter().collect();
        next.sort_by_key(|(id, _)| !sought(id));
        next.truncate(limits::DELEGATORS);
        cx.evidence.require(next.iter().map(|(id, _)| Wanted::Person(id.clone())))?;
        frontier.clear();
        let mut level = Vec::new();
        for (person, ways) in next {
            seen.insert(person.clone());
            // INVARIANT (as they are now): what a giver gave in an earlier term passed nothing on of what they hold now.
            let term = cx.evidence.person(&person)?.filter(|person| person.active).map(|person| person.term);
            let Some((_, chain)) = ways.into_iter().find(|(given_in, _)| Some(*given_in) == term) else { continue };
            if barred(ballot, &person, cx)?.is_some() {
                continue;
            }
            if counted(ballot, &person).is_none() {
                level.extend(rights(ballot, &person, cx)?.into_iter().map(|seat| Seat { delegations: chain.clone(), ..seat }));
            }
            frontier.push((person, chain));
        }
        let enough = match search {
            Search::Nearest => level.iter().any(|seat| filled_by(ballot.votes, seat).is_none()),
            Search::For(person) => level.iter().any(|seat| seat.person == *person),
            Search::All => false,
        };
        found.extend(level.into_iter().filter(|seat| !matches!(search, Search::For(person) if seat.person != *person)));
        if enough {
            break;
        }
    }
    Ok(found)
}

/// The delegations to a person that count here and now, in the order of ids.
fn covering<'a>(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'a>) -> Result<Vec<&'a Delegation>, No> {
    let request = ballot.request;
    let covers = |d: &&Delegation| d.covers(cx.now, &request.template.key, &ballot.rules.id, request.amount.as_ref());
    let mut covering: Vec<&Delegation> = cx.evidence.received(person)?.iter().filter(covers).collect();
    covering.sort_by(|a, b| a.id.cmp(&b.id));
    covering.iter().for_each(|delegation| cx.evidence.note_received(person, delegation));
    Ok(covering)
}

/// The vote that used a seat up: one cast on it, or on the same person's right by another way.
///
/// INVARIANT (I1): a person with a seat of their own and a place in an `any_of` has still one right, whoever uses it.
pub fn filled_by<'v>(votes: &'v [Vote], seat: &Seat) -> Option<&'v Vote> {
    votes.iter().find(|vote| *vote.person() == seat.person || seat.any_of.is_some() && vote.voted.any_of == seat.any_of)
}

/// What is counted of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// A vote they could still cast on their own right: they neither voted nor were voted for.
    Votes,
    /// Their right, if nobody used it: whether or not they voted on another's.
    Rights,
    /// Their place, present or not.
    Named,
}

/// Whether a person counts here: present, not barred, not counted elsewhere, and nothing of what is counted is used up.
pub(crate) fn counts(ballot: Ballot<'_>, id: &PersonId, what: Counts, listed_active: bool, cx: &Context<'_>) -> Result<bool, No> {
    let used = |vote: &Vote| if what == Counts::Rights { vote.person() == id } else { vote.involves(id) };
    Ok(!ballot.votes.iter().any(used)
        && counted(ballot, id).is_none()
        && (listed_active || what == Counts::Named || cx.evidence.active(id)?)
        && barred(ballot, id, cx)?.is_none())
}

/// Whether adding a candidate to a step gives anybody a vote who has none there of their own.
///
/// A person is looked at by right, not by name: whoever left, is barred, has voted, or could vote before, adds nothing.
pub(crate) fn adds_a_voter(ballot: Ballot<'_>, candidate: &Candidate, cx: &Context<'_>) -> Result<bool, No> {
    // A seat that is filled gives nobody a vote, even where it comes again with a full right.
    if matches!(candidate, Candidate::AnyOf(_)) && ballot.votes.iter().any(|vote| vote.voted.any_of.as_ref() == Some(candidate)) {
        return Ok(false);
    }
    let mut missing = FactsQuery::new();
    for member in candidate.members() {
        let (people, role): (Vec<&PersonId>, _) = match member {
            Candidate::User(id) => (vec![id], None),
            Candidate::Role(role) => (cx.evidence.listed(role).0.filter(|id| !ballot.released.contains_key(*id)).collect(), Some(role)),
            Candidate::AnyOf(_) => continue,
        };
        for id in people {
            match gains(ballot, id, candidate, role.is_some(), cx) {
                Ok(true) => {
                    role.into_iter().for_each(|role| cx.evidence.note_listed(role, id));
                    return Ok(true);
                }
                Ok(false) => {}
                Err(No::Needs(more)) => missing.extend(more),
                Err(refused) => return Err(refused),
            }
        }
        missing.extend(role.filter(|role| !cx.evidence.listed(role).1).map(|role| reach::more(role, 1, cx)));
    }
    if !missing.is_empty() {
        return Err(missing.into());
    }
    candidate.members().iter().filter_map(Candidate::role).for_each(|role| cx.evidence.note_all(role));
    Ok(false)
}

/// Could vote as this candidate, and could not before: they hold no free seat of their own here yet, or only a reserve's.
fn gains(ballot: Ballot<'_>, id: &PersonId, by: &Candidate, listed_active: bool, cx: &Context<'_>) -> Result<bool, No> {
    let none = |seat: &Seat| seat.reserve || filled_by(ballot.votes, seat).is_some();
    Ok(counts(ballot, id, Counts::Votes, listed_active, cx)?
        && direct(ballot, id, cx)?.iter().all(none)
        && !direct(Ballot { candidates: &[Placed::first(by.clone())], ..ballot }, id, cx)?.is_empty())
}
