//! What a decision may know of the world: exactly what was loaded for it. A missing fact is asked for, never assumed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::ids::{CalendarId, DelegationId, PersonId, RoleId, StepId, TemplateKey};
use crate::time::Timestamp;

/// Facts of the directory. Loaded whole, recorded in the commit as far as they were used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Persons; `null`: not in the directory.
    #[serde(rename = "p", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub persons: BTreeMap<PersonId, Option<Person>>,
    /// Members of roles.
    #[serde(rename = "r", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<RoleId, Members>,
    /// To whom persons gave delegations. Says whom to ask; what they received says what counts. Recorded as far as it was used.
    #[serde(rename = "g", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delegates: BTreeMap<PersonId, BTreeSet<PersonId>>,
    /// Working time, counted from the moment of the decision.
    #[serde(rename = "w", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<CalendarId, WorkingTime>,
}

/// What a calendar makes of hours. A zone's rules change: what stands here was true when the clock started, and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkingTime {
    /// Version of the calendar; 0: there is none, and the clock runs by the wall.
    #[serde(rename = "v")]
    pub version: u64,
    /// From when it was counted. Not recorded: it is the commit's own time.
    #[serde(skip)]
    pub from: Option<Timestamp>,
    /// When so many milliseconds of working time are over.
    #[serde(rename = "e", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ends: BTreeMap<i64, Timestamp>,
}

/// A person of the directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Version of the directory's item.
    #[serde(rename = "v")]
    pub version: u64,
    /// Inactive persons neither ask nor vote.
    #[serde(rename = "a", default = "yes", skip_serializing_if = "is_true")]
    pub active: bool,
    /// How often they came back after leaving for longer than a moment. What was given to them, or by them, in another term does not count.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub term: u32,
    /// Whom they report to. Recorded only where it was used: then `null` says that there is nobody.
    #[serde(rename = "m", default, skip_serializing_if = "Manager::is_not_asked")]
    pub manager: Manager,
    /// Every role held, with the membership's version. Recorded under [`Facts::roles`] where used.
    #[serde(skip)]
    pub roles: Option<BTreeMap<RoleId, u64>>,
    /// Delegations to this person. Recorded in the order of their ids, and only those that covered what was decided.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Vec<Delegation>>,
}

/// Whom a person reports to, as far as a decision asked. A commit tells "nobody" from "not asked": whoever forges one cannot leave the manager
/// out and have the fallback decide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<PersonId>", into = "Option<PersonId>")]
pub enum Manager {
    /// The decision did not look. Absent in the bytes.
    #[default]
    NotAsked,
    /// They report to nobody. `null` in the bytes.
    Nobody,
    /// Whom.
    Person(PersonId),
}

impl Manager {
    fn is_not_asked(&self) -> bool {
        *self == Self::NotAsked
    }
}

impl From<Option<PersonId>> for Manager {
    fn from(manager: Option<PersonId>) -> Self {
        manager.map_or(Self::Nobody, Self::Person)
    }
}

impl From<Manager> for Option<PersonId> {
    fn from(manager: Manager) -> Self {
        match manager {
            Manager::Person(id) => Some(id),
            Manager::Nobody | Manager::NotAsked => None,
        }
    }
}

/// Active members of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// The version of each one's membership; 0: not a member.
    #[serde(rename = "m")]
    pub versions: BTreeMap<PersonId, u64>,
    /// Nobody else is.
    #[serde(rename = "all", default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

impl Members {
    /// Those who are members, in the order of ids.
    pub fn present(&self) -> impl Iterator<Item = &PersonId> {
        self.versions.iter().filter(|(_, version)| **version > 0).map(|(id, _)| id)
    }
}

/// A right passed on for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Its id.
    #[serde(rename = "i")]
    pub id: DelegationId,
    /// Version of the directory's item.
    #[serde(rename = "v")]
    pub version: u64,
    /// Whose right.
    #[serde(rename = "f")]
    pub from: PersonId,
    /// The giver's term when they gave it.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub giver_term: u32,
    /// From then on.
    #[serde(rename = "s")]
    pub starts_at: Timestamp,
    /// Until just before then.
    #[serde(rename = "e")]
    pub ends_at: Timestamp,
    /// Only these templates.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<BTreeSet<TemplateKey>>,
    /// Only these steps.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<BTreeSet<StepId>>,
    /// Only up to this amount, in this currency.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Amount>,
}

impl Delegation {
    /// Whether it covers a step of a request at a time. No amount, or one in another currency, is not covered by a limited one. A limit
    /// bounds the size of an amount, whichever its sign: a credit note moves as much money as an invoice.
    pub fn covers(&self, now: Timestamp, template: &TemplateKey, step: &StepId, amount: Option<&Amount>) -> bool {
        self.starts_at <= now
            && now < self.ends_at
            && self.templates.as_ref().is_none_or(|only| only.contains(template))
            && self.steps.as_ref().is_none_or(|only| only.contains(step))
            && self.max.as_ref().is_none_or(|max| amount.is_some_and(|a| a.currency == max.currency && a.value.abs() <= max.value))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_true(flag: &bool) -> bool {
    *flag
}

impl Facts {
    /// Nothing known.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty() && self.roles.is_empty() && self.delegates.is_empty() && self.calendars.is_empty()
    }

    /// Adds what another load brought; the newer answer stands.
    pub fn extend(&mut self, more: Self) {
        self.persons.extend(more.persons);
        self.roles.extend(more.roles);
        self.delegates.extend(more.delegates);
        for (id, more) in more.calendars {
            match self.calendars.get_mut(&id) {
                Some(known) if (known.version, known.from) == (more.version, more.from) => known.ends.extend(more.ends),
                _ => drop(self.calendars.insert(id, more)),
            }
        }
    }
}

/// A fact that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// A person with roles and delegations received.
    Person(PersonId),
    /// Active members of a role: at least so many, or all there are.
    Role(RoleId, usize),
    /// To whom a person gave delegations, to whom those did, and so on: with each of all these persons.
    Delegates(PersonId),
    /// When so many milliseconds of a calendar's working time are over, counted from a moment.
    WorkingTime(CalendarId, Timestamp, i64),
}

/// All that is missing, to be loaded in one round.
pub type FactsQuery = BTreeSet<Wanted>;

/// The facts of one decision; remembers which were used.
#[derive(Debug)]
pub struct Evidence<'a> {
    facts: &'a Facts,
    used: RefCell<Facts>,
}

impl<'a> Evidence<'a> {
    /// Over loaded or recorded facts.
    pub fn new(facts: &'a Facts) -> Self {
        Self { facts, used: RefCell::default() }
    }

    /// What was used: what the commit records.
    pub fn used(self) -> Facts {
        self.used.into_inner()
    }

    /// Succeeds if all are known, else says which are not.
    pub fn require(&self, wanted: impl IntoIterator<Item = Wanted>) -> Result<(), FactsQuery> {
        let missing: FactsQuery = wanted.into_iter().filter(|w| !self.knows(w)).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    fn knows(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Person(id) => self.facts.persons.contains_key(id),
            Wanted::Role(role, at_least) => {
                self.facts.roles.get(role).is_some_and(|members| members.complete || members.present().count() >= *at_least)
            }
            Wanted::Delegates(id) => self.facts.delegates.contains_key(id),
            Wanted::WorkingTime(calendar, from, millis) => {
                self.counted_from(calendar, *from).is_some_and(|time| time.version == 0 || time.ends.contains_key(millis))
            }
        }
    }

    /// The person; `None`: not in the directory.
    pub fn person(&self, id: &PersonId) -> Result<Option<&'a Person>, FactsQuery> {
        let Some(found) = self.facts.persons.get(id) else { return Err(FactsQuery::from([Wanted::Person(id.clone())])) };
        let bare = |person: &Person| Person { manager: Manager::NotAsked, roles: None, received: None, ..person.clone() };
        self.used.borrow_mut().persons.entry(id.clone()).or_insert_with(|| found.as_ref().map(bare));
        Ok(found.as_ref())
    }

    /// Whether the person exists and is active.
    pub fn active(&self, id: &PersonId) -> Result<bool, FactsQuery> {
        Ok(self.person(id)?.is_some_and(|person| person.active))
    }

    /// The person's manager.
    pub fn manager(&self, id: &PersonId) -> Result<Option<&'a PersonId>, FactsQuery> {
        let Some(person) = self.person(id)? else { return Ok(None) };
        let manager = match &person.manager {
            Manager::NotAsked => return Err(FactsQuery::from([Wanted::Person(id.clone())])),
            Manager::Nobody => None,
            Manager::Person(manager) => Some(manager),
        };
        if let Some(Some(used)) = self.used.borrow_mut().persons.get_mut(id) {
            used.manager = person.manager.clone();
        }
        Ok(manager)
    }

    /// Whether an active person is a member of a role.
    pub fn is_member(&self, role: &RoleId, id: &PersonId) -> Result<bool, FactsQuery> {
        let listed = self.facts.roles.get(role).and_then(|members| match members.versions.get(id) {
            Some(version) => Some(*version),
            None => members.complete.then_some(0),
        });
        let held = self.facts.persons.get(id).and_then(|person| match person {
            None => Some(0),
            Some(person) if !person.active => Some(0),
            Some(person) => person.roles.as_ref().map(|roles| roles.get(role).copied().unwrap_or(0)),
        });
        // The list wins over the person's own item: both may be loaded at different moments, and one decision must see one answer,
        // which is the one it records.
        let Some(version) = listed.or(held) else { return Err(FactsQuery::from([Wanted::Person(id.clone())])) };
        self.note_member(role, id, version);
        Ok(version > 0)
    }

    /// The members of a role known so far, in the order of ids, and whether nobody else is one. None counts until [`Evidence::note_listed`].
    pub fn listed(&self, role: &RoleId) -> (impl Iterator<Item = &'a PersonId>, bool) {
        let members = self.facts.roles.get(role);
        (members.into_iter().flat_map(Members::present), members.is_some_and(|m| m.complete))
    }

    /// Records that the membership counted.
    fn note_member(&self, role: &RoleId, id: &PersonId, version: u64) {
        self.used.borrow_mut().roles.entry(role.clone()).or_default().versions.insert(id.clone(), version);
    }

    /// Records that a member found by [`Evidence::listed`] counted.
    pub fn note_listed(&self, role: &RoleId, id: &PersonId) {
        let version = self.facts.roles.get(role).and_then(|members| members.versions.get(id)).copied();
        if let Some(version) = version {
            self.note_member(role, id, version);
        }
    }

    /// Records that every member counted: nobody else was one.
    pub fn note_all(&self, role: &RoleId) {
        if let Some(members) = self.facts.roles.get(role) {
            let mut used = self.used.borrow_mut();
            let entry = used.roles.entry(role.clone()).or_default();
            entry.versions.extend(members.versions.iter().map(|(id, version)| (id.clone(), *version)));
            entry.complete = members.complete;
        }
    }

    /// Delegations to the person. None counts until [`Evidence::note_received`]: one that covers nothing here changes nothing.
    pub fn received(&self, id: &PersonId) -> Result<&'a [Delegation], FactsQuery> {
        let Some(person) = self.person(id)? else { return Ok(&[]) };
        let Some(received) = &person.received else { return Err(FactsQuery::from([Wanted::Person(id.clone())])) };
        if let Some(Some(used)) = self.used.borrow_mut().persons.get_mut(id) {
            used.received.get_or_insert_default();
        }
        Ok(received)
    }

    /// Records that a delegation found by [`Evidence::received`] counted.
    pub fn note_received(&self, id: &PersonId, delegation: &Delegation) {
        if let Some(Some(Person { received: Some(used), .. })) = self.used.borrow_mut().persons.get_mut(id)
            && let Err(place) = used.binary_search_by(|noted| noted.id.cmp(&delegation.id))
        {
            used.insert(place, delegation.clone());
        }
    }

    /// Those to whom a person gave delegations. None counts until [`Evidence::note_delegate`].
    pub fn delegates(&self, giver: &PersonId) -> Result<impl Iterator<Item = &'a PersonId> + use<'a>, FactsQuery> {
        let Some(found) = self.facts.delegates.get(giver) else { return Err(FactsQuery::from([Wanted::Delegates(giver.clone())])) };
        self.used.borrow_mut().delegates.entry(giver.clone()).or_default();
        Ok(found.iter())
    }

    /// Records that somebody found by [`Evidence::delegates`] counted.
    pub fn note_delegate(&self, giver: &PersonId, to: &PersonId) {
        self.used.borrow_mut().delegates.entry(giver.clone()).or_default().insert(to.clone());
    }

    /// When so many milliseconds of a calendar's working time are over, one by one; `None`: there is no such calendar.
    pub fn working_time(&self, calendar: &CalendarId, from: Timestamp, millis: &[i64]) -> Result<Option<Vec<Timestamp>>, FactsQuery> {
        self.require(millis.iter().map(|millis| Wanted::WorkingTime(calendar.clone(), from, *millis)))?;
        let Some(time) = self.counted_from(calendar, from) else { return Ok(None) };
        let mut used = self.used.borrow_mut();
        let noted = used.calendars.entry(calendar.clone()).or_default();
        noted.version = time.version;
        if time.version == 0 {
            return Ok(None);
        }
        let ends: Vec<(i64, Timestamp)> = millis.iter().filter_map(|millis| Some((*millis, *time.ends.get(millis)?))).collect();
        noted.ends.extend(ends.iter().copied());
        Ok(Some(ends.into_iter().map(|(_, end)| end).collect()))
    }

    /// What is known of a calendar from that moment on; what a commit recorded is of its own moment.
    fn counted_from(&self, calendar: &CalendarId, from: Timestamp) -> Option<&'a WorkingTime> {
        self.facts.calendars.get(calendar).filter(|time| time.from.is_none_or(|known| known == from))
    }

    /// How many bytes the facts used so far take in a commit.
    pub(crate) fn used_bytes(&self) -> usize {
        crate::hash::canonical(&*self.used.borrow()).len()
    }
}
