//! A directory in memory: persons, roles, managers, delegations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use approvals_domain::amount::Amount;
use approvals_domain::facts::{Delegation, Facts, FactsQuery, Members, Person, Wanted, WorkingTime};
use approvals_domain::ids::{CalendarId, DelegationId, PersonId, RoleId, StepId, TemplateKey};
use approvals_domain::time::Timestamp;

/// The start of every test.
pub(crate) const MORNING: Timestamp = Timestamp::from_millis(1_772_704_800_000);

pub(crate) const HOUR: i64 = 3_600_000;

pub(crate) fn person(id: &str) -> PersonId {
    PersonId::new(id).unwrap()
}

pub(crate) fn role(id: &str) -> RoleId {
    RoleId::new(id).unwrap()
}

pub(crate) fn step(id: &str) -> StepId {
    StepId::new(id).unwrap()
}

/// How a question of fact is answered: with all there is, or with no more than was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loads {
    Everything,
    Asked,
}

#[derive(Debug, Clone)]
struct Row {
    version: u64,
    active: bool,
    term: u32,
    manager: Option<PersonId>,
}

#[derive(Clone, Default)]
pub(crate) struct World {
    persons: BTreeMap<PersonId, Row>,
    roles: BTreeMap<RoleId, BTreeMap<PersonId, u64>>,
    delegations: BTreeMap<DelegationId, (PersonId, Delegation)>,
    calendars: BTreeMap<CalendarId, (u64, i64)>,
    writes: u64,
}

/// Short enough to read in a failure.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, row) in &self.persons {
            write!(f, "{id}{}", if row.active { "" } else { " (left)" })?;
            row.manager.iter().try_for_each(|manager| write!(f, " under {manager}"))?;
            f.write_str(", ")?;
        }
        for (role, members) in &self.roles {
            let members: Vec<&str> = members.keys().map(PersonId::as_str).collect();
            write!(f, "{role}: [{}], ", members.join(" "))?;
        }
        for (to, delegation) in self.delegations.values() {
            write!(f, "{}: {} → {to} {:?}, ", delegation.id, delegation.from, delegation.steps)?;
        }
        Ok(())
    }
}

impl World {
    /// Active persons, by ids with spaces between.
    pub(crate) fn of(people: &str) -> Self {
        let mut world = Self::default();
        for id in people.split_whitespace() {
            world.join(id);
        }
        world
    }

    fn next(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    pub(crate) fn join(&mut self, id: &str) {
        let version = self.next();
        let manager = self.persons.get(&person(id)).and_then(|row| row.manager.clone());
        self.persons.insert(person(id), Row { version, active: true, term: 0, manager });
    }

    /// Inactive, and so a member of nothing.
    pub(crate) fn leave(&mut self, id: &str) {
        let version = self.next();
        let row = self.persons.get_mut(&person(id)).unwrap();
        (row.active, row.version) = (false, version);
        for members in self.roles.values_mut() {
            members.remove(&person(id));
        }
    }

    /// The members of a role, by ids with spaces between, whoever they were before.
    pub(crate) fn role(mut self, name: &str, members: &str) -> Self {
        self.set_role(name, members);
        self
    }

    pub(crate) fn set_role(&mut self, name: &str, members: &str) {
        let version = self.next();
        self.roles.insert(role(name), members.split_whitespace().map(|id| (person(id), version)).collect());
    }

    pub(crate) fn manager(mut self, of: &str, id: &str) -> Self {
        let version = self.next();
        let row = self.persons.get_mut(&person(of)).unwrap();
        (row.manager, row.version) = (Some(person(id)), version);
        self
    }

    /// A delegation for a day, of everything.
    pub(crate) fn delegation(self, id: &str, from: &str, to: &str) -> Self {
        self.delegation_with(id, from, to, |_| {})
    }

    /// A calendar in which so many hours pass for one of work.
    pub(crate) fn calendar(mut self, id: &str, slower: i64) -> Self {
        let version = self.next();
        self.calendars.insert(id.parse().unwrap(), (version, slower));
        self
    }

    pub(crate) fn delegation_with(mut self, id: &str, from: &str, to: &str, with: impl FnOnce(&mut Delegation)) -> Self {
        let mut delegation = Delegation {
            id: DelegationId::new(id).unwrap(),
            version: self.next(),
            from: person(from),
            giver_term: 0,
            starts_at: MORNING,
            ends_at: MORNING.plus_hours(24.0),
            templates: None,
            steps: None,
            max: None,
        };
        with(&mut delegation);
        self.delegations.insert(delegation.id.clone(), (person(to), delegation));
        self
    }

    /// How often it was written to.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    /// Takes the nth delegation back, if there are so many.
    pub(crate) fn revoke(&mut self, nth: usize) {
        if let Some(id) = self.delegations.keys().nth(nth).cloned() {
            self.delegations.remove(&id);
        }
    }

    /// How many delegations there are.
    pub(crate) fn delegations(&self) -> usize {
        self.delegations.len()
    }

    pub(crate) fn is_active(&self, id: &PersonId) -> bool {
        self.persons.get(id).is_some_and(|row| row.active)
    }

    pub(crate) fn delegations_to(&self, id: &PersonId) -> Vec<&Delegation> {
        self.delegations.values().filter(|(to, _)| to == id).map(|(_, delegation)| delegation).collect()
    }

    /// Answers a query.
    pub(crate) fn load(&self, query: &FactsQuery, loads: Loads) -> Facts {
        let mut facts = Facts::default();
        if loads == Loads::Everything {
            facts.persons.extend(self.persons.keys().map(|id| (id.clone(), self.load_person(id))));
            facts.roles.extend(self.roles.keys().map(|name| (name.clone(), self.load_role(name, usize::MAX))));
            facts.delegates.extend(self.persons.keys().map(|id| (id.clone(), self.delegates_of(id))));
        }
        for wanted in query {
            match wanted {
                Wanted::Person(id) => drop(facts.persons.insert(id.clone(), self.load_person(id))),
                Wanted::Role(name, at_least) => {
                    let at_least = if loads == Loads::Everything { usize::MAX } else { *at_least };
                    facts.roles.insert(name.clone(), self.load_role(name, at_least));
                }
                Wanted::Delegates(id) => {
                    let mut frontier = vec![id.clone()];
                    facts.persons.insert(id.clone(), self.load_person(id));
                    while let Some(giver) = frontier.pop() {
                        let delegates = self.delegates_of(&giver);
                        frontier.extend(delegates.iter().filter(|to| !facts.delegates.contains_key(*to) && **to != giver).cloned());
                        facts.persons.extend(delegates.iter().map(|to| (to.clone(), self.load_person(to))));
                        facts.delegates.insert(giver, delegates);
                    }
                }
                Wanted::WorkingTime(calendar, from, millis) => {
                    let mut time = WorkingTime { version: 0, from: Some(*from), ends: BTreeMap::new() };
                    if let Some((version, slower)) = self.calendars.get(calendar) {
                        (time.version, time.ends) = (*version, [(*millis, from.plus_millis(millis * slower))].into());
                    }
                    facts.extend(Facts { calendars: [(calendar.clone(), time)].into(), ..Facts::default() });
                }
            }
        }
        facts
    }

    fn delegates_of(&self, giver: &PersonId) -> BTreeSet<PersonId> {
        self.delegations.values().filter(|(_, given)| given.from == *giver).map(|(to, _)| to.clone()).collect()
    }

    fn load_person(&self, id: &PersonId) -> Option<Person> {
        let row = self.persons.get(id)?;
        let held = self.roles.iter().filter_map(|(name, members)| Some((name.clone(), *members.get(id)?)));
        let mut received: Vec<Delegation> = self.delegations_to(id).into_iter().cloned().collect();
        // No order is promised.
        received.reverse();
        Some(Person {
            version: row.version,
            active: row.active,
            term: row.term,
            manager: row.manager.clone().into(),
            roles: Some(held.collect()),
            received: Some(received),
        })
    }

    /// As a page of a table: whether there are more is only known when fewer came than were asked for.
    fn load_role(&self, name: &RoleId, at_least: usize) -> Members {
        let members = self.roles.get(name);
        let versions: BTreeMap<PersonId, u64> = members.into_iter().flatten().take(at_least).map(|(id, v)| (id.clone(), *v)).collect();
        Members { complete: versions.len() < at_least, versions }
    }
}

/// An amount in euros.
pub(crate) fn euros(value: f64) -> Amount {
    Amount { value, currency: "EUR".into() }
}

pub(crate) fn only_steps(steps: &str) -> Option<BTreeSet<StepId>> {
    Some(steps.split_whitespace().map(step).collect())
}

pub(crate) fn only_templates(keys: &str) -> Option<BTreeSet<TemplateKey>> {
    Some(keys.split_whitespace().map(|key| TemplateKey::new(key).unwrap()).collect())
}
