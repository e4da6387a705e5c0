//! How many could still vote on a step: the check that none is ever stuck, and what `all` and percentages count.

use std::collections::{BTreeMap, BTreeSet};

use crate::candidate::Candidate;
use crate::context::{Context, No};
use crate::facts::{FactsQuery, Wanted};
use crate::ids::{PersonId, RoleId};
use crate::route::resolve;
use crate::standing::{self, Ballot, Seat};

/// Beyond the number wanted: the requester, the submitter and one who has voted may be among the first members of a role.
const SPARE: usize = 3;

/// How many further votes could be cast by distinct persons on distinct seats: exact up to `want`, and never more.
///
/// Delegates are not counted: a delegator who may vote may do so alone. Facts are used person by person until there are enough, so
/// that a commit records no more of a role than it leaned on; only where there are too few does it record that there is nobody else.
pub(crate) fn reach(ballot: Ballot<'_>, want: usize, cx: &Context<'_>) -> Result<usize, No> {
    let roles: BTreeSet<&RoleId> = ballot.candidates.iter().flat_map(|placed| placed.candidate.members()).filter_map(role).collect();
    let rights = rights(ballot, cx);
    let mut missing = FactsQuery::new();
    let mut holders = Holders::new();
    for (id, held) in &rights.people {
        if holders.len() >= want {
            break;
        }
        let listed = held.iter().any(|(_, role)| role.is_some());
        match standing::may_count(ballot, id, listed, cx) {
            Ok(true) => {
                take_seat(id, &rights.by_id, &mut holders, &mut BTreeSet::new());
            }
            Ok(false) => {}
            Err(No::Needs(more)) => missing.extend(more),
            Err(refused) => return Err(refused),
        }
    }
    if holders.len() < want {
        let unread = roles.iter().filter(|role| !cx.evidence.listed(role).1);
        missing.extend(unread.map(|role| more(role, want, cx)));
        if !missing.is_empty() {
            missing.extend(barred_roles(ballot, cx));
            return Err(No::Needs(missing));
        }
        roles.iter().for_each(|role| cx.evidence.note_all(role));
    }
    for id in holders.values() {
        let roles = rights.by_id.get(id).into_iter().flatten().filter_map(|(_, role)| *role);
        roles.for_each(|role| cx.evidence.note_listed(role, id));
    }
    Ok(holders.len())
}

/// What may be filled once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Own(&'a PersonId),
    AnyOf(&'a Candidate),
}

/// The seats a person could take, each with the role that gives it.
type Held<'a> = Vec<(Key<'a>, Option<&'a RoleId>)>;

/// Who sits where.
type Holders<'a> = BTreeMap<Key<'a>, &'a PersonId>;

/// Everybody known who is a candidate, in the order of candidates.
struct Rights<'a> {
    people: Vec<(&'a PersonId, Held<'a>)>,
    by_id: BTreeMap<&'a PersonId, Held<'a>>,
}

fn rights<'a>(ballot: Ballot<'a>, cx: &Context<'a>) -> Rights<'a> {
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
    for placed in ballot.candidates {
        let group = matches!(placed.candidate, Candidate::AnyOf(_)).then_some(Key::AnyOf(&placed.candidate));
        if group.is_some() && ballot.votes.iter().any(|vote| vote.voted.any_of.as_ref() == Some(&placed.candidate)) {
            continue;
        }
        for member in placed.candidate.members() {
            match member {
                Candidate::User(id) => add(id, group.unwrap_or(Key::Own(id)), None),
                Candidate::Role(role) => {
                    for id in cx.evidence.listed(role).0.filter(|id| !ballot.released.contains(*id)) {
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

fn role(candidate: &Candidate) -> Option<&RoleId> {
    match candidate {
        Candidate::Role(role) => Some(role),
        Candidate::User(_) | Candidate::AnyOf(_) => None,
    }
}

/// How many members of a role are asked for first.
pub(crate) fn first(want: usize) -> usize {
    want.saturating_add(SPARE)
}

/// The first members of a role, then all: two rounds, however many of them do not count here.
fn more(role: &RoleId, want: usize, cx: &Context<'_>) -> Wanted {
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
            let roles = barred.iter().flat_map(Candidate::members).filter_map(role);
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
