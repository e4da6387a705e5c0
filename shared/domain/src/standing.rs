//! **The one place that says who may vote**, on which seat, and why not. Votes, bulk votes, links, the inbox, `explain`, reassignment,
//! the check that a step is never stuck and the verifier all ask here.

use std::collections::{BTreeMap, BTreeSet};

use crate::candidate::{Candidate, Placed};
use crate::context::{Context, No};
use crate::facts::{Delegation, Wanted};
use crate::ids::{DelegationId, PersonId, RoleId};
use crate::limits;
use crate::refusal::WhyNot;
use crate::route::resolve;
use crate::state::{Request, Vote};
use crate::template;

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
    pub released: &'a BTreeSet<PersonId>,
    /// The votes cast here.
    pub votes: &'a [Vote],
}

/// A right to one vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Whose right it is.
    pub person: PersonId,
    /// The `any_of` candidate it fills, if it is one.
    pub any_of: Option<Candidate>,
    /// The role that gives it, if one does.
    pub role: Option<RoleId>,
    /// The escalation level of the candidate.
    pub level: u32,
    /// The delegations between voter and person, the voter's own first.
    pub delegations: Vec<DelegationId>,
}

impl Seat {
    /// What may be filled once, as [`Vote::seat`].
    pub fn key(&self) -> String {
        self.any_of.as_ref().map_or_else(|| self.person.to_string(), ToString::to_string)
    }
}

/// How far to look for seats of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search<'a> {
    /// Own seats; only if there is none, the nearest free one of a delegator.
    Nearest,
    /// Seats of this person.
    For(&'a PersonId),
    /// Every seat.
    All,
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
        _ => direct(ballot, voter, cx)?,
    };
    if matches!(search, Search::Nearest) && !own.is_empty() || search == Search::For(voter) {
        return Ok(if own.is_empty() { Err(why_no_seat(ballot, voter)) } else { Ok(own) });
    }
    let mut found = own;
    found.extend(delegated(ballot, voter, search, cx)?);
    Ok(if found.is_empty() { Err(why_no_seat(ballot, voter)) } else { Ok(found) })
}

fn why_no_seat(ballot: Ballot<'_>, voter: &PersonId) -> WhyNot {
    if ballot.released.contains(voter) { WhyNot::Released } else { WhyNot::NotACandidate }
}

/// INVARIANT (I5): neither requester nor submitter nor anybody the template bars votes, is voted for, or stands between.
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

/// The seats a person holds without anybody's help: the own one first, then each `any_of`.
fn direct(ballot: Ballot<'_>, person: &PersonId, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let mut own: Option<Seat> = None;
    let mut groups = Vec::new();
    for placed in ballot.candidates {
        let any_of = matches!(placed.candidate, Candidate::AnyOf(_)).then(|| placed.candidate.clone());
        if any_of.is_none() && own.is_some() {
            continue;
        }
        for member in placed.candidate.members() {
            let role = match member {
                Candidate::User(id) if id == person => None,
                Candidate::Role(role) if !ballot.released.contains(person) && cx.evidence.is_member(role, person)? => Some(role.clone()),
                Candidate::User(_) | Candidate::Role(_) | Candidate::AnyOf(_) => continue,
            };
            let seat = Seat { person: person.clone(), any_of: any_of.clone(), role, level: placed.level, delegations: Vec::new() };
            if any_of.is_some() {
                groups.push(seat)
            } else {
                own = Some(seat)
            }
            break;
        }
    }
    Ok(own.into_iter().chain(groups).collect())
}

/// Seats of those who delegate to the voter, through chains of at most [`limits::DELEGATION_HOPS`].
fn delegated(ballot: Ballot<'_>, voter: &PersonId, search: Search<'_>, cx: &Context<'_>) -> Result<Vec<Seat>, No> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([voter.clone()]);
    let mut frontier = vec![(voter.clone(), Vec::new())];
    for _ in 0..limits::DELEGATION_HOPS {
        let mut next: BTreeMap<PersonId, Vec<DelegationId>> = BTreeMap::new();
        cx.evidence.require(frontier.iter().map(|(id, _)| Wanted::Person(id.clone())))?;
        for (id, chain) in &frontier {
            for delegation in covering(ballot, id, cx)? {
                if !seen.contains(&delegation.from) {
                    let longer = chain.iter().cloned().chain([delegation.id.clone()]).collect();
                    next.entry(delegation.from.clone()).or_insert(longer);
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
        for (person, chain) in next {
            seen.insert(person.clone());
            if !cx.evidence.active(&person)? || barred(ballot, &person, cx)?.is_some() {
                continue;
            }
            if counted(ballot, &person).is_none() {
                level.extend(direct(ballot, &person, cx)?.into_iter().map(|seat| Seat { delegations: chain.clone(), ..seat }));
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

/// Could cast a vote of their own here: active, not barred, not counted elsewhere, and neither voted nor was voted for.
pub(crate) fn may_count(ballot: Ballot<'_>, id: &PersonId, listed_active: bool, cx: &Context<'_>) -> Result<bool, No> {
    Ok(!ballot.votes.iter().any(|vote| vote.involves(id))
        && counted(ballot, id).is_none()
        && (listed_active || cx.evidence.active(id)?)
        && barred(ballot, id, cx)?.is_none())
}
