//! The votes of those whose right is unused though they have voted: on another's right, and so no more themselves. Only a delegate can cast
//! one.
//!
//! Whoever has not voted needs no delegate to count, so these questions are asked only where a step lacks votes and somebody voted for
//! another.

use std::collections::{BTreeMap, BTreeSet};

use super::{Key, rights};
use crate::candidate::Placed;
use crate::context::{Context, Missing, No};
use crate::facts::{FactsQuery, Wanted};
use crate::ids::PersonId;
use crate::limits;
use crate::standing::{self, Ballot, Counts};

/// How many votes could be cast by distinct humans, on distinct rights and seats, with delegates of those who have voted for another. `None`
/// if there is nobody of that kind. Every member of the roles in question is known already.
pub(super) fn with_delegates<'a>(ballot: Ballot<'a>, by: impl Fn(&Placed) -> bool, cx: &Context<'a>) -> Result<Option<usize>, No> {
    if voted_for_another(ballot).next().is_none() {
        return Ok(None);
    }
    let rights = rights(ballot, ballot.candidates.iter().filter(|placed| by(placed)), cx);
    let mut missing = Missing::default();
    let mut holders = BTreeSet::new();
    for (id, held) in &rights.people {
        let listed = held.iter().any(|(_, role)| role.is_some());
        if missing.take(standing::counts(ballot, id, Counts::Rights, listed, cx))? == Some(true) {
            holders.insert(*id);
        }
    }
    let mut waiting: Vec<&PersonId> = holders.iter().copied().filter(|id| voted_for_another(ballot).any(|voter| voter == *id)).collect();
    if waiting.is_empty() {
        missing.none()?;
        return Ok(None);
    }
    // Whoever serves for another serves no more for themselves: their own right may need a delegate then, too.
    let mut humans: BTreeMap<&PersonId, BTreeSet<&PersonId>> = BTreeMap::new();
    while let Some(holder) = waiting.pop() {
        let found = missing.take(delegates(ballot, holder, cx))?.unwrap_or_default();
        waiting.extend(found.iter().copied().filter(|id| holders.contains(id) && !humans.contains_key(id) && *id != holder));
        humans.insert(holder, found);
    }
    missing.none()?;
    let mut edges = BTreeSet::new();
    for holder in &holders {
        let own = Some(*holder).filter(|id| !has_voted(ballot, id));
        for human in humans.get(holder).into_iter().flatten().copied().chain(own) {
            edges.extend([
                (Node::Start, Node::Human(human)),
                (Node::Human(human), Node::Right(holder)),
                (Node::Right(holder), Node::Used(holder)),
            ]);
        }
        for (key, _) in rights.by_id.get(holder).into_iter().flatten() {
            edges.extend([(Node::Used(holder), Node::Seat(*key)), (Node::Seat(*key), Node::End)]);
        }
    }
    Ok(Some((0..).take_while(|_| one_more(Node::Start, &mut edges, &mut BTreeSet::new())).count()))
}

/// Delegates of whom to ask, where the first members of a role did not do: loaded along with the others, for they may be needed next.
pub(super) fn wanted(ballot: Ballot<'_>, cx: &Context<'_>) -> FactsQuery {
    let wanted = voted_for_another(ballot).map(|id| Wanted::Delegates(id.clone()));
    cx.evidence.require(wanted).err().unwrap_or_default()
}

/// Voters whose own right nobody used.
fn voted_for_another(ballot: Ballot<'_>) -> impl Iterator<Item = &PersonId> {
    let voters = ballot.votes.iter().filter(|vote| vote.by.id != *vote.person()).map(|vote| &vote.by.id);
    voters.filter(move |id| ballot.votes.iter().all(|vote| vote.person() != *id))
}

fn has_voted(ballot: Ballot<'_>, id: &PersonId) -> bool {
    ballot.votes.iter().any(|vote| vote.by.id == *id)
}

/// Who could use a person's right now: by chains of at most [`limits::DELEGATION_HOPS`], as a voter's own search finds them from the other end.
fn delegates<'a>(ballot: Ballot<'a>, giver: &'a PersonId, cx: &Context<'a>) -> Result<BTreeSet<&'a PersonId>, No> {
    let mut seen = BTreeSet::from([giver]);
    let mut frontier = vec![giver];
    for _ in 0..limits::DELEGATION_HOPS {
        let mut missing = Missing::default();
        let mut next = Vec::new();
        for from in frontier {
            for to in missing.take(cx.evidence.delegates(from).map_err(No::from))?.into_iter().flatten() {
                if !seen.contains(to) && missing.take(passes(ballot, from, to, cx))? == Some(true) {
                    cx.evidence.note_delegate(from, to);
                    seen.insert(to);
                    next.push(to);
                }
            }
        }
        missing.none()?;
        next.truncate(limits::DELEGATORS);
        frontier = next;
    }
    seen.remove(giver);
    seen.retain(|id| !has_voted(ballot, id) && standing::counted(ballot, id).is_none());
    Ok(seen)
}

/// A right passes from one to the other here and now.
fn passes(ballot: Ballot<'_>, from: &PersonId, to: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    if !cx.evidence.active(to)? {
        return Ok(false);
    }
    let term = cx.evidence.person(from)?.filter(|person| person.active).map(|person| person.term);
    let given = standing::covering(ballot, to, cx)?.into_iter().any(|d| d.from == *from && Some(d.giver_term) == term);
    Ok(given && standing::barred(ballot, to, cx)?.is_none())
}

/// A vote's way from a human over the right they use to the seat it fills. Each serves once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node<'a> {
    Start,
    Human(&'a PersonId),
    Right(&'a PersonId),
    Used(&'a PersonId),
    Seat(Key<'a>),
    End,
}

/// Sends one more vote on its way, and turns round the edges it took, so that a later one may move it.
fn one_more<'a>(at: Node<'a>, edges: &mut BTreeSet<(Node<'a>, Node<'a>)>, seen: &mut BTreeSet<Node<'a>>) -> bool {
    if at == Node::End {
        return true;
    }
    let next: Vec<Node<'a>> = edges.range((at, Node::Start)..).take_while(|(from, _)| *from == at).map(|(_, to)| *to).collect();
    for to in next {
        if seen.insert(to) && one_more(to, edges, seen) {
            edges.remove(&(at, to));
            edges.insert((to, at));
            return true;
        }
    }
    false
}
