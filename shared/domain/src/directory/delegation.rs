//! A delegation: one person's right in another's hands, for a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::authority::{Asker, may_act_for};
use super::{Amendment, Attempt, DirectoryEvent};
use crate::context::No;
use crate::facts::{Delegation, Evidence, Facts, FactsQuery};
use crate::hash::Hash;
use crate::ids::{PersonId, StepId, TemplateKey};
use crate::limits;
use crate::refusal::{Limit, NamedAs, Refusal};
use crate::time::Timestamp;

/// A delegation as one of its two persons sees it: a hop of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Who may use the right.
    pub to: PersonId,
    /// From then on.
    pub starts_at: Timestamp,
    /// Until just before then.
    pub ends_at: Timestamp,
    /// What it covers.
    pub scope: Scope,
}

/// What a delegation covers, as far as two of them can meet: templates and steps; none named: all. Any two amounts meet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these templates.
    pub templates: Option<BTreeSet<TemplateKey>>,
    /// Only these steps.
    pub steps: Option<BTreeSet<StepId>>,
}

impl Scope {
    /// Of a delegation.
    pub fn of(delegation: &Delegation) -> Self {
        Self { templates: delegation.templates.clone(), steps: delegation.steps.clone() }
    }

    /// What both cover; none, if no task could travel by both.
    fn meet(&self, other: &Self) -> Option<Self> {
        Some(Self { templates: meet(&self.templates, &other.templates)?, steps: meet(&self.steps, &other.steps)? })
    }
}

/// What two lists have in common, none standing for everything. Outer `None`: nothing.
fn meet<T: Ord + Clone>(one: &Option<BTreeSet<T>>, other: &Option<BTreeSet<T>>) -> Option<Option<BTreeSet<T>>> {
    match (one, other) {
        (None, all) | (all, None) => Some(all.clone()),
        (Some(one), Some(other)) => {
            Some(one.intersection(other).cloned().collect()).filter(|both: &BTreeSet<T>| !both.is_empty()).map(Some)
        }
    }
}

/// What an earlier call of the same command left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// There was none.
    Nothing,
    /// Its delegation is there.
    Stands,
    /// Its delegation was revoked, or ended long ago.
    Gone,
}

/// What the rules of a new delegation look at, as far as it is known. What a rule lacks, it asks for.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// What is known of the asker.
    pub facts: Facts,
    /// What an earlier call left.
    pub earlier: Option<Earlier>,
    /// Whether these are active persons of the directory.
    pub active: BTreeMap<PersonId, bool>,
    /// Their terms.
    pub terms: BTreeMap<PersonId, u32>,
    /// Delegations these persons received.
    pub received: BTreeMap<PersonId, Vec<Hop>>,
    /// Delegations these persons gave.
    pub given: BTreeMap<PersonId, Vec<Hop>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Undecided {
    /// The domain declines.
    Refused(Refusal),
    /// Something is missing: load it and ask again. Never a default.
    Needs(Needs),
}

/// What is missing in a [`View`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Facts about the asker.
    Facts(FactsQuery),
    /// What an earlier call left.
    Earlier,
    /// Whether a person is active.
    Active(PersonId),
    /// What a person received.
    Received(PersonId),
    /// What a person gave.
    Given(PersonId),
}

impl From<Refusal> for Undecided {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Needs> for Undecided {
    fn from(needs: Needs) -> Self {
        Self::Needs(needs)
    }
}

impl From<No> for Undecided {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) => Self::Refused(refusal),
            No::Needs(query) => Self::Needs(Needs::Facts(query)),
        }
    }
}

/// A delegation somebody asks for. Its shape was checked: it ends later than it starts, and its persons are two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Make<'a> {
    /// Who asks.
    pub asker: &'a Asker,
    /// What it says.
    pub delegation: &'a Delegation,
    /// Who may use the right.
    pub to: &'a PersonId,
    /// Why. Commits hold only its salted hash.
    pub reason: Option<&'a str>,
}

/// Makes a delegation.
///
/// # Errors
/// In this order: [`Refusal::DecideNeeded`] or [`Refusal::NotAllowed`], [`Refusal::DelegationRevoked`], [`Refusal::UnknownUser`] or
/// [`Refusal::NoSuchUser`], [`Refusal::LimitReached`], [`Refusal::DelegationCycle`].
pub fn make(view: &View, make: &Make<'_>, attempt: &Attempt) -> Result<Amendment, Undecided> {
    may_act_for(make.asker, &make.delegation.from, &Evidence::new(&view.facts))?;
    if made_before(view)? {
        return Ok(Amendment::Unchanged);
    }
    active(view, make, &make.delegation.from)?;
    active(view, make, make.to)?;
    has_room(&view.received, make.to, attempt.now, Limit::Received)?;
    has_room(&view.given, &make.delegation.from, attempt.now, Limit::Given)?;
    not_too_many_between(view, make, attempt.now)?;
    closes_no_ring(view, make, attempt.now)?;
    let reason = make.reason.map(|reason| Hash::text(&attempt.salt, reason));
    let term = |id: &PersonId| view.terms.get(id).copied().unwrap_or(0);
    Ok(Amendment::Change(event(make.delegation, (make.to, (term(&make.delegation.from), term(make.to))), reason, false)))
}

/// A delegation that somebody takes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Revoke<'a> {
    /// Who asks.
    pub asker: &'a Asker,
    /// What it says.
    pub delegation: &'a Delegation,
    /// Who may use the right.
    pub to: &'a PersonId,
    /// The terms of giver and receiver when it was made.
    pub terms: (u32, u32),
    /// It was taken back before.
    pub revoked: bool,
}

/// Takes a delegation back, at once. Whoever gave it may, administrators, and whoever received it: nobody asked them.
///
/// # Errors
/// [`Refusal::DecideNeeded`] or [`Refusal::NotAllowed`]; [`No::Needs`] if the asker is not known yet.
pub fn revoke(facts: &Facts, revoke: &Revoke<'_>) -> Result<Amendment, No> {
    let declines = revoke.asker.person == *revoke.to && revoke.asker.may_decide;
    if !declines {
        may_act_for(revoke.asker, &revoke.delegation.from, &Evidence::new(facts))?;
    }
    if revoke.revoked {
        return Ok(Amendment::Unchanged);
    }
    Ok(Amendment::Change(event(revoke.delegation, (revoke.to, revoke.terms), None, true)))
}

/// A colleague cannot fill up what another may receive: nobody asks the receiver.
fn not_too_many_between(view: &View, make: &Make<'_>, now: Timestamp) -> Result<(), Undecided> {
    let given = view.given.get(&make.delegation.from).ok_or_else(|| Needs::Given(make.delegation.from.clone()))?;
    let between = given.iter().filter(|hop| hop.to == *make.to && hop.ends_at > now).count();
    if between >= limits::DELEGATIONS_BETWEEN { Err(Refusal::LimitReached(Limit::Between).into()) } else { Ok(()) }
}

fn event(
    delegation: &Delegation,
    (to, (from_term, to_term)): (&PersonId, (u32, u32)),
    reason: Option<Hash>,
    revoked: bool,
) -> DirectoryEvent {
    let Delegation { from, starts_at, ends_at, templates, steps, max, .. } = delegation;
    DirectoryEvent::Delegation {
        from: from.clone(),
        from_term,
        to_term,
        to: to.clone(),
        starts_at: *starts_at,
        ends_at: *ends_at,
        templates: templates.as_ref().map(|all| all.iter().cloned().collect()),
        steps: steps.as_ref().map(|all| all.iter().cloned().collect()),
        max: max.clone(),
        reason,
        revoked,
    }
}

fn made_before(view: &View) -> Result<bool, Undecided> {
    match view.earlier.ok_or(Needs::Earlier)? {
        Earlier::Nothing => Ok(false),
        Earlier::Stands => Ok(true),
        Earlier::Gone => Err(Refusal::DelegationRevoked.into()),
    }
}

fn active(view: &View, make: &Make<'_>, person: &PersonId) -> Result<(), Undecided> {
    if *view.active.get(person).ok_or_else(|| Needs::Active(person.clone()))? {
        return Ok(());
    }
    if *person == make.asker.person {
        return Err(Refusal::UnknownUser(person.clone()).into());
    }
    let named_as = if person == make.to { NamedAs::To } else { NamedAs::From };
    Err(Refusal::NoSuchUser { person: person.clone(), named_as }.into())
}

/// Delegations that are over do not count.
fn has_room(known: &BTreeMap<PersonId, Vec<Hop>>, person: &PersonId, now: Timestamp, limit: Limit) -> Result<(), Undecided> {
    let missing = || if limit == Limit::Received { Needs::Received(person.clone()) } else { Needs::Given(person.clone()) };
    let hops = known.get(person).ok_or_else(missing)?;
    let count = hops.iter().filter(|hop| hop.ends_at > now).count();
    if count >= limit.most() { Err(Refusal::LimitReached(limit).into()) } else { Ok(()) }
}

/// Searches the ring that a new delegation would close: at some instant, and for some template and step, every hop of it holds.
///
/// Beyond [`limits::RING_PERSONS`] the search ends. A longer ring is cut where somebody votes, like any other.
fn closes_no_ring(view: &View, make: &Make<'_>, now: Timestamp) -> Result<(), Undecided> {
    let (from, to) = (&make.delegation.from, make.to);
    let mut seen = BTreeSet::from([from, to]);
    let window = (make.delegation.starts_at.max(now), make.delegation.ends_at);
    let mut paths = VecDeque::from([(vec![from, to], window, Scope::of(make.delegation))]);
    while let Some((path, (starts_at, ends_at), scope)) = paths.pop_front() {
        let Some(last) = path.last().copied() else { continue };
        for next in view.given.get(last).ok_or_else(|| Needs::Given(last.clone()))? {
            let common = (starts_at.max(next.starts_at), ends_at.min(next.ends_at));
            let Some(covered) = scope.meet(&next.scope).filter(|_| common.0 < common.1) else { continue };
            let longer: Vec<&PersonId> = path.iter().copied().chain([&next.to]).collect();
            if next.to == *from {
                return Err(Refusal::DelegationCycle(longer.into_iter().cloned().collect()).into());
            }
            if path.contains(&&next.to) || seen.len() >= limits::RING_PERSONS {
                continue;
            }
            if seen.insert(&next.to) || (path.len() <= limits::RING_PERSONS && paths.len() < limits::RING_PERSONS) {
                paths.push_back((longer, common, covered));
            }
        }
    }
    Ok(())
}
