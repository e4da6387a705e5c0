//! **The one place that says who may vote**, on which seat, and why not. Votes, bulk votes, links, the inbox, `explain`, reassignment,
//! the check that a step is never stuck and the verifier all ask here.

use std::collections::{BTreeMap, BTreeSet};

use crate::candidate::{Candidate, Placed};
use crate::decide::{Context, No};
use crate::facts::Wanted;
use crate::ids::{DelegationId, PersonId, RoleId, StepId};
use crate::limits;
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

/// Why a person may not vote on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNot {
    /// Not in the directory.
    Unknown,
    /// Has left.
    Inactive,
    /// Asked for it, or submitted it.
    OwnRequest,
    /// Barred by the template.
    Barred,
    /// Counted in a step this one must be distinct from.
    Counted(StepId),
    /// Passed the seat on.
    Released,
    /// No candidate, and nobody's delegate here.
    NotACandidate,
}

impl WhyNot {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_user",
            Self::Inactive => "inactive",
            Self::OwnRequest => "own_request",
            Self::Barred => "barred",
            Self::Counted(_) => "distinct_from",
            Self::Released => "reassigned",
            Self::NotACandidate => "not_a_candidate",
        }
    }
}

impl std::fmt::Display for WhyNot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("is not in the directory"),
            Self::Inactive => f.write_str("is not active"),
            Self::OwnRequest => f.write_str("is the requester or submitter, or acts for one"),
            Self::Barred => f.write_str("is barred by the template"),
            Self::Counted(step) => write!(f, "already counted in step `{step}`, from which this one must be distinct"),
            Self::Released => f.write_str("passed this seat to somebody else"),
            Self::NotACandidate => f.write_str("is no candidate of this step and delegate of none"),
        }
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
            for delegation in cx.evidence.received(id)? {
                let request = ballot.request;
                if delegation.covers(cx.now, &request.template.key, &ballot.rules.id, request.amount.as_ref())
                    && !seen.contains(&delegation.from)
                {
                    let longer = chain.iter().cloned().chain([delegation.id.clone()]).collect();
                    next.entry(delegation.from.clone()).or_insert(longer);
                }
            }
        }
        cx.evidence.require(next.keys().map(|id| Wanted::Person(id.clone())))?;
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
            Search::Nearest => level.iter().any(|seat| !taken(ballot, seat)),
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

/// Somebody has filled the seat.
pub fn taken(ballot: Ballot<'_>, seat: &Seat) -> bool {
    let key = seat.key();
    ballot.votes.iter().any(|vote| vote.seat() == key)
}

/// How many further votes could be cast by distinct persons on distinct seats: exact up to `want`, at least `want` beyond.
///
/// Delegates are not counted: a delegator who may vote may do so alone.
pub(crate) fn reach(ballot: Ballot<'_>, want: usize, cx: &Context<'_>) -> Result<usize, No> {
    let users = members_of(ballot).filter_map(|(_, m)| if let Candidate::User(id) = m { Some(Wanted::Person(id.clone())) } else { None });
    let roles = members_of(ballot).filter_map(|(_, m)| if let Candidate::Role(role) = m { Some(role) } else { None });
    let ask = roles.clone().filter(|role| {
        let (mut known, all) = cx.evidence.listed(role);
        !all && known.next().is_none()
    });
    cx.evidence.require(users.chain(ask.map(|role| Wanted::Role(role.clone(), want))))?;

    let filled: BTreeSet<String> = ballot.votes.iter().map(Vote::seat).collect();
    let mut rights: BTreeMap<&PersonId, Rights<'_>> = BTreeMap::new();
    for (placed, member) in members_of(ballot) {
        let (people, role): (Vec<&PersonId>, _) = match member {
            Candidate::User(id) => (vec![id], None),
            Candidate::Role(role) => (cx.evidence.listed(role).0.filter(|id| !ballot.released.contains(*id)).collect(), Some(role)),
            Candidate::AnyOf(_) => continue,
        };
        let any_of = matches!(placed.candidate, Candidate::AnyOf(_)).then_some(&placed.candidate);
        for id in people {
            let key = any_of.map_or_else(|| id.to_string(), ToString::to_string);
            if !filled.contains(&key) && may_count(ballot, id, role.is_some(), cx)? {
                rights.entry(id).or_default().push((key, role));
            }
        }
    }
    let matched = matching(&rights, want);
    if matched.len() < want {
        let open: Vec<Wanted> = roles.clone().filter(|role| !cx.evidence.listed(role).1).map(|role| more(role, want, cx)).collect();
        if !open.is_empty() {
            return Err(No::needs(open));
        }
        roles.for_each(|role| cx.evidence.note_all(role));
    }
    for (id, role) in matched.iter().filter_map(|(id, role)| Some((*id, (*role)?))) {
        cx.evidence.note_listed(role, id);
    }
    Ok(matched.len())
}

/// How many seats there are to fill: distinct persons, and each `any_of` that somebody could fill. What `all` and percentages count.
pub(crate) fn seat_count(ballot: Ballot<'_>, cx: &Context<'_>) -> Result<u32, No> {
    let roles = members_of(ballot).filter_map(|(_, m)| if let Candidate::Role(role) = m { Some(role.clone()) } else { None });
    cx.evidence.require(roles.map(|role| Wanted::Role(role, usize::MAX)))?;
    let mut keys = BTreeSet::new();
    for (placed, member) in members_of(ballot) {
        let people: Vec<&PersonId> = match member {
            Candidate::User(id) => vec![id],
            Candidate::Role(role) => {
                cx.evidence.note_all(role);
                cx.evidence.listed(role).0.collect()
            }
            Candidate::AnyOf(_) => continue,
        };
        for id in people {
            if may_count(ballot, id, matches!(member, Candidate::Role(_)), cx)? {
                keys.insert(if matches!(placed.candidate, Candidate::AnyOf(_)) { placed.candidate.to_string() } else { id.to_string() });
            }
        }
    }
    Ok(u32::try_from(keys.len()).unwrap_or(u32::MAX))
}

type Rights<'a> = Vec<(String, Option<&'a RoleId>)>;

fn members_of(ballot: Ballot<'_>) -> impl Iterator<Item = (&Placed, &Candidate)> + Clone {
    ballot.candidates.iter().flat_map(|placed| placed.candidate.members().iter().map(move |member| (placed, member)))
}

/// Could cast a vote of their own here: active, not barred, not counted elsewhere, no vote here yet.
fn may_count(ballot: Ballot<'_>, id: &PersonId, listed_active: bool, cx: &Context<'_>) -> Result<bool, No> {
    Ok(!ballot.votes.iter().any(|vote| vote.by.id == *id)
        && counted(ballot, id).is_none()
        && barred(ballot, id, cx)?.is_none()
        && (listed_active || cx.evidence.active(id)?))
}

fn more(role: &RoleId, want: usize, cx: &Context<'_>) -> Wanted {
    let known = cx.evidence.listed(role).0.count();
    // Some of those known do not count here; a few more than wanted saves a round.
    Wanted::Role(role.clone(), known.saturating_add(want).saturating_add(2))
}

/// Distinct persons on distinct seats, as many as can be up to `want` (augmenting paths).
fn matching<'a>(rights: &BTreeMap<&'a PersonId, Rights<'a>>, want: usize) -> Vec<(&'a PersonId, Option<&'a RoleId>)> {
    let mut holder: BTreeMap<&str, &PersonId> = BTreeMap::new();
    for id in rights.keys() {
        if holder.len() >= want {
            break;
        }
        seat_one(id, rights, &mut holder, &mut BTreeSet::new());
    }
    let role_of = |seat: &str, id: &PersonId| rights.get(id).into_iter().flatten().find(|(key, _)| key == seat).and_then(|(_, role)| *role);
    let pairs = holder.iter().filter_map(|(seat, id)| rights.get_key_value(*id).map(|(id, _)| (*id, role_of(seat, id))));
    pairs.collect()
}

fn seat_one<'r>(
    id: &'r PersonId,
    rights: &'r BTreeMap<&PersonId, Rights<'_>>,
    holder: &mut BTreeMap<&'r str, &'r PersonId>,
    tried: &mut BTreeSet<&'r str>,
) -> bool {
    for (seat, _) in rights.get(id).into_iter().flatten() {
        if tried.insert(seat) {
            let free = match holder.get(seat.as_str()).copied() {
                None => true,
                Some(other) => seat_one(other, rights, holder, tried),
            };
            if free {
                holder.insert(seat, id);
                return true;
            }
        }
    }
    false
}
