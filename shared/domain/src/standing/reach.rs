//! How many could still vote on a step: the check that none is ever stuck, and what `all` and percentages count.
//!
//! Reserves come last: they are looked at only where the others do not suffice, and then count for no more than what is missing.

mod delegates;

use std::collections::{BTreeMap, BTreeSet};

use crate::candidate::{Candidate, Placed};
use crate::context::{Context, No};
use crate::event::Decision;
use crate::facts::{FactsQuery, Wanted};
use crate::ids::{PersonId, RoleId};
use crate::route::resolve;
use crate::seat::Seat;
use crate::standing::{self, Ballot, Counts};

/// Beyond the number wanted: the requester, the submitter and one who has voted may be among the first members of a role.
const SPARE: usize = 3;

/// How many further votes could be cast by distinct persons on distinct seats: exact up to `want`, and never more.
///
/// A delegator who may vote needs no delegate to count. Delegates are counted for those alone who have voted on another's right, and only
/// where the others do not suffice. Facts are used person by person until there are enough, so
/// that a commit records no more of a role than it leaned on; only where there are too few does it record that there is nobody else.
pub(crate) fn reach(ballot: Ballot<'_>, want: usize, cx: &Context<'_>) -> Result<usize, No> {
    let mut seating = Seating::new(ballot, Counts::Votes, cx);
    let regular = seating.votes(|placed| !placed.reserve, want)?;
    if regular == want || !ballot.candidates.iter().any(|placed| placed.reserve) {
        return Ok(regular);
    }
    let missing = wanted_of_regulars(ballot).saturating_sub(regular);
    seating.votes(|_| true, want.min(regular + missing))
}

/// Whether reserves may vote: with all who have a right of their own, and the votes of reserves, there are still too few.
pub(crate) fn in_need(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<bool, No> {
    let want = wanted_of_regulars(ballot);
    Ok(Seating::new(ballot, Counts::Votes, cx).votes(|placed| !placed.reserve, want)? < want)
}

/// What those with a right of their own would still have to give: the number needed, less their approvals and all votes of reserves.
fn wanted_of_regulars(ballot: Ballot<'_>) -> usize {
    let given = ballot.votes.iter().filter(|vote| vote.voted.reserve || vote.voted.decision == Decision::Approve).count();
    (ballot.need as usize).saturating_sub(given)
}

/// With `on_reject: majority`: approvals and the seats that have not voted could still make up what is needed.
///
/// Whoever rejected was there to vote, so no reserve stands in for them. A seat counts if its right is unused, even where its holder
/// has voted on another's right.
pub(crate) fn approvable(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<bool, No> {
    let approvals = ballot.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve).count();
    let want = (ballot.need as usize).saturating_sub(approvals);
    let mut seating = Seating::new(ballot, Counts::Rights, cx);
    let seats = seating.fill(|placed| !placed.reserve, want)?;
    if seats == want || !ballot.candidates.iter().any(|placed| placed.reserve) {
        return Ok(seats == want);
    }
    let missing = (ballot.need as usize).saturating_sub(ballot.votes.len() + seats);
    Ok(seating.fill(|_| true, want.min(seats + missing))? == want)
}

/// How many persons are named or hold a role, each on a seat of their own, present or not: what `required: all` counts.
pub(crate) fn named(ballot: Ballot<'_>, want: usize, cx: &Context<'_>) -> Result<usize, No> {
    Seating::new(ballot, Counts::Named, cx).fill(|placed| !placed.reserve, want)
}

/// What may be filled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key<'a> {
    Own(&'a PersonId),
    AnyOf(&'a Candidate),
}

/// The seats a person could take, each with the role that gives it.
pub(super) type Held<'a> = Vec<(Key<'a>, Option<&'a RoleId>)>;

/// Who sits where.
type Holders<'a> = BTreeMap<Key<'a>, &'a PersonId>;

/// Persons on seats, as many as can sit at once.
struct Seating<'a> {
    ballot: Ballot<'a>,
    counts: Counts,
    cx: &'a Context<'a>,
    holders: Holders<'a>,
    seated: BTreeSet<&'a PersonId>,
}

impl<'a> Seating<'a> {
    fn new(ballot: Ballot<'a>, counts: Counts, cx: &'a Context<'_>) -> Self {
        Self { ballot, counts, cx, holders: Holders::new(), seated: BTreeSet::new() }
    }

    /// As [`Seating::fill`], with the delegates of those who have voted for another.
    fn votes(&mut self, by: impl Fn(&Placed) -> bool, want: usize) -> Result<usize, No> {
        let (ballot, cx) = (self.ballot, self.cx);
        let seated =
            self.fill(&by, want).map_err(|no| if no.asks_for_the_rest() { no.along(|| delegates::wanted(ballot, cx)) } else { no })?;
        if seated >= want {
            return Ok(seated);
        }
        Ok(delegates::with_delegates(ballot, by, cx)?.map_or(seated, |votes| votes.min(want)))
    }

    /// Seats more persons, by those candidates, until so many sit. How many do.
    fn fill(&mut self, by: impl Fn(&Placed) -> bool, want: usize) -> Result<usize, No> {
        let (ballot, cx) = (self.ballot, self.cx);
        let candidates = || ballot.candidates.iter().filter(|placed| by(placed));
        let roles: BTreeSet<&RoleId> = candidates().flat_map(|placed| placed.candidate.members()).filter_map(Candidate::role).collect();
        let rights = rights(ballot, candidates(), cx);
        let mut missing = FactsQuery::new();
        for (id, held) in &rights.people {
            if self.holders.len() >= want {
                break;
            }
            if self.seated.contains(id) {
                continue;
            }
            let listed = held.iter().any(|(_, role)| role.is_some());
            match standing::counts(ballot, id, self.counts, listed, cx) {
                Ok(true) if take_seat(id, &rights.by_id, &mut self.holders, &mut BTreeSet::new()) => drop(self.seated.insert(id)),
                Ok(_) => {}
                Err(No::Needs(more)) => missing.extend(more),
                Err(refused) => return Err(refused),
            }
        }
        if self.holders.len() < want {
            let unread = roles.iter().filter(|role| !cx.evidence.listed(role).1);
            missing.extend(unread.map(|role| more(role, want, cx)));
            if !missing.is_empty() {
                missing.extend(barred_roles(ballot, cx));
                return Err(No::Needs(missing));
            }
            roles.iter().for_each(|role| cx.evidence.note_all(role));
        }
        for id in self.holders.values() {
            let roles = rights.by_id.get(id).into_iter().flatten().filter_map(|(_, role)| *role);
            roles.for_each(|role| cx.evidence.note_listed(role, id));
        }
        Ok(self.holders.len())
    }
}

/// Everybody known who is a candidate, in the order of candidates.
pub(super) struct Rights<'a> {
    pub(super) people: Vec<(&'a PersonId, Held<'a>)>,
    pub(super) by_id: BTreeMap<&'a PersonId, Held<'a>>,
}

pub(super) fn rights<'a>(ballot: Ballot<'a>, candidates: impl Iterator<Item = &'a Placed>, cx: &Context<'a>) -> Rights<'a> {
    let mut order = Vec::new();
    let mut by_id: BTreeMap<&PersonId, Held<'_>> = BTreeMap::new();
    let mut add = |id: &'a PersonId, key, role| {
        let held = by_id.entry(id).or_insert_with(|| {
            order.push(id);
            Vec::new()
        });
        if !held.iter().any(|(known, _)| *known == key) {
            held.push((key, role));
        }
    };
    for placed in candidates {
        let group = matches!(placed.candidate, Candidate::AnyOf(_)).then_some(Key::AnyOf(&placed.candidate));
        if group.is_some() && ballot.votes.iter().any(|vote| vote.voted.any_of.as_ref() == Some(&placed.candidate)) {
            continue;
        }
        for member in placed.candidate.members() {
            match member {
                Candidate::User(id) if group.is_some() && ballot.released.contains_key(id) => {}
                Candidate::User(id) => add(id, group.unwrap_or(Key::Own(id)), None),
                Candidate::Role(role) => {
                    for id in cx.evidence.listed(role).0.filter(|id| !ballot.released.contains_key(*id)) {
                        add(id, group.unwrap_or(Key::Own(id)), Some(role));
                    }
                }
                Candidate::AnyOf(_) => {}
            }
        }
    }
    let people = order.into_iter().filter_map(|id| Some((id, by_id.get(id)?.clone()))).collect();
    Rights { people, by_id }
}

/// How many members of a role are asked for first.
pub(crate) fn first(want: usize) -> usize {
    want.saturating_add(SPARE)
}

/// The first members of a role, then all: two rounds, however many of them do not count here.
pub(crate) fn more(role: &RoleId, want: usize, cx: &Context<'_>) -> Wanted {
    let nobody = cx.evidence.listed(role).0.next().is_none();
    Wanted::Role(role.clone(), if nobody { first(want) } else { usize::MAX })
}

/// How many of these seats distinct persons can fill.
pub(crate) fn seated(seats: &[Seat]) -> usize {
    let mut by_id: BTreeMap<&PersonId, Held<'_>> = BTreeMap::new();
    for seat in seats {
        let key = seat.any_of.as_ref().map_or(Key::Own(&seat.person), Key::AnyOf);
        by_id.entry(&seat.person).or_default().push((key, None));
    }
    let mut holders = Holders::new();
    for id in by_id.keys() {
        take_seat(id, &by_id, &mut holders, &mut BTreeSet::new());
    }
    holders.len()
}

/// The roles whose members are barred, asked for along with the candidates they are checked against.
fn barred_roles(ballot: Ballot<'_>, cx: &Context<'_>) -> FactsQuery {
    if ballot.rules.allow_self {
        return FactsQuery::new();
    }
    match resolve(&cx.template.barred, "barred", ballot.request, cx) {
        Ok(barred) => {
            let roles = barred.iter().flat_map(Candidate::members).filter_map(Candidate::role);
            roles.filter(|role| !cx.evidence.listed(role).1).map(|role| Wanted::Role(role.clone(), usize::MAX)).collect()
        }
        Err(No::Needs(more)) => more,
        Err(No::Refused(_)) => FactsQuery::new(),
    }
}

/// Seats a person, moving others to other seats of theirs where that makes room. Goes at most as deep as there are `any_of` candidates.
fn take_seat<'a>(
    id: &'a PersonId,
    by_id: &BTreeMap<&'a PersonId, Held<'a>>,
    holders: &mut Holders<'a>,
    tried: &mut BTreeSet<Key<'a>>,
) -> bool {
    for (key, _) in by_id.get(id).into_iter().flatten() {
        if tried.insert(*key) {
            let free = match holders.get(key).copied() {
                None => true,
                Some(other) => take_seat(other, by_id, holders, tried),
            };
            if free {
                holders.insert(*key, id);
                return true;
            }
        }
    }
    false
}
