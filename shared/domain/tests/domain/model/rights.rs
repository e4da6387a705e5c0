//! Who may vote, on which seat, and how many could.

use std::collections::BTreeSet;

use approvals_domain::candidate::Candidate;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::template::Step as Rules;

use super::{Cast, Model, Seat, Step};

impl Model {
    pub(super) fn barred(&self, rules: &Rules, person: &PersonId) -> bool {
        let barred = self.resolve(&self.template.barred).iter().flat_map(Candidate::members).any(|member| match member {
            Candidate::User(id) => id == person,
            Candidate::Role(role) => self.world.is_member(role, person),
            Candidate::AnyOf(_) => false,
        });
        !rules.allow_self && (self.own.contains(person) || barred)
    }

    pub(super) fn counted(&self, rules: &Rules, person: &PersonId) -> bool {
        rules.distinct_from.iter().any(|id| self.steps[id].votes.iter().any(|cast| cast.by == *person || cast.person == *person))
    }

    pub(super) fn own_seats(&self, step: &Step, person: &PersonId) -> Vec<Seat> {
        let is = |candidate: &Candidate| match candidate {
            Candidate::User(id) => id == person,
            Candidate::Role(role) => self.world.is_member(role, person) && !step.released.contains(person),
            Candidate::AnyOf(_) => false,
        };
        let single = step.candidates.iter().any(is).then(|| (person.clone(), None));
        let groups = step.candidates.iter().filter(|c| matches!(c, Candidate::AnyOf(_)) && c.members().iter().any(is));
        single.into_iter().chain(groups.map(|c| (person.clone(), Some(c.clone())))).collect()
    }

    /// Persons whose delegate the voter is, nearest first, then by id.
    pub(super) fn delegators(&self, rules: &Rules, voter: &PersonId) -> Vec<PersonId> {
        let (mut all, mut edge) = (Vec::new(), vec![voter.clone()]);
        for _ in 0..3 {
            let from = |id: &PersonId| self.world.delegations_to(id).into_iter().cloned().collect::<Vec<_>>();
            let next: BTreeSet<PersonId> = edge
                .iter()
                .flat_map(from)
                .filter(|d| d.starts_at <= self.now && self.now < d.ends_at && d.steps.as_ref().is_none_or(|only| only.contains(&rules.id)))
                .map(|d| d.from)
                .filter(|id| id != voter && !all.contains(id) && self.world.is_active(id) && !self.barred(rules, id))
                .collect();
            edge = next.iter().cloned().collect();
            all.extend(next);
        }
        all
    }

    pub(super) fn seats(&self, rules: &Rules, step: &Step, voter: &PersonId, behalf: Option<&PersonId>) -> Vec<Seat> {
        if !self.world.is_active(voter) || self.barred(rules, voter) || self.counted(rules, voter) {
            return Vec::new();
        }
        let own = self.own_seats(step, voter);
        match behalf {
            Some(person) if person == voter => own,
            None if !own.is_empty() => own,
            _ => {
                let wanted = |id: &PersonId| behalf.is_none_or(|person| person == id) && !self.counted(rules, id);
                self.delegators(rules, voter).iter().filter(|id| wanted(id)).flat_map(|id| self.own_seats(step, id)).collect()
            }
        }
    }

    /// Every right a person has on a step, used or not: the own ones, and those of everybody they stand in for.
    pub(crate) fn all_seats(&self, id: &StepId, voter: &PersonId) -> BTreeSet<Seat> {
        let (rules, step) = (self.rules(id), &self.steps[id]);
        if !self.world.is_active(voter) || self.barred(rules, voter) || self.counted(rules, voter) {
            return BTreeSet::new();
        }
        let others = self.delegators(rules, voter).into_iter().filter(|of| !self.counted(rules, of));
        std::iter::once(voter.clone()).chain(others).flat_map(|of| self.own_seats(step, &of)).collect()
    }

    /// Votes that an open step can still get at most, besides those it has.
    pub(crate) fn can_still_get(&self, id: &StepId) -> usize {
        self.reach(self.rules(id), &self.steps[id])
    }

    /// The most further votes by distinct persons, each on a distinct seat.
    pub(super) fn reach(&self, rules: &Rules, step: &Step) -> usize {
        let mut people: BTreeSet<PersonId> = BTreeSet::new();
        for member in step.candidates.iter().flat_map(Candidate::members) {
            match member {
                Candidate::User(id) => drop(people.insert(id.clone())),
                Candidate::Role(role) => people.extend(self.world.members(role)),
                Candidate::AnyOf(_) => {}
            }
        }
        let free = |id: &PersonId| -> Vec<Seat> {
            let used = step.votes.iter().any(|cast| cast.by == *id || cast.person == *id);
            if used || !self.world.is_active(id) || self.barred(rules, id) || self.counted(rules, id) {
                return Vec::new();
            }
            self.own_seats(step, id).into_iter().filter(|seat| taken(step, seat).is_none()).collect()
        };
        let rights: Vec<Vec<Seat>> = people.iter().map(free).collect();
        let mut sits: Vec<(Seat, usize)> = Vec::new();
        (0..rights.len()).filter(|who| settle(*who, &rights, &mut sits, &mut Vec::new())).count()
    }

    /// Who is whose delegate on open steps, taken seats too.
    pub(crate) fn rights_for_others(&self, people: &[PersonId]) -> Vec<(PersonId, StepId, PersonId)> {
        let mut all = Vec::new();
        for (id, step) in self.steps.iter().filter(|(_, step)| step.state == "open") {
            for by in people {
                let behalf =
                    self.delegators(self.rules(id), by).into_iter().filter(|of| !self.seats(self.rules(id), step, by, Some(of)).is_empty());
                all.extend(behalf.map(|of| (by.clone(), id.clone(), of)));
            }
        }
        all
    }

    /// Persons who could vote on an open step now.
    pub(crate) fn voters(&self, people: &[PersonId]) -> Vec<(PersonId, StepId)> {
        let open = self.steps.iter().filter(|(_, step)| step.state == "open");
        let may = |id: &StepId, step: &Step, person: &PersonId| {
            let seats = self.seats(self.rules(id), step, person, None);
            !step.votes.iter().any(|cast| cast.by == *person) && seats.iter().any(|seat| taken(step, seat).is_none())
        };
        open.flat_map(|(id, step)| people.iter().filter(move |p| may(id, step, p)).map(move |p| (p.clone(), id.clone()))).collect()
    }
}

pub(super) fn taken<'s>(step: &'s Step, (person, any_of): &Seat) -> Option<&'s Cast> {
    step.votes.iter().find(|cast| cast.person == *person || any_of.is_some() && cast.any_of == *any_of)
}

/// Finds a person a seat, making others move.
pub(super) fn settle(who: usize, rights: &[Vec<Seat>], sits: &mut Vec<(Seat, usize)>, tried: &mut Vec<Seat>) -> bool {
    for seat in &rights[who] {
        if tried.contains(seat) {
            continue;
        }
        tried.push(seat.clone());
        let key = |s: &Seat| if s.1.is_some() { (None, s.1.clone()) } else { (Some(s.0.clone()), None) };
        let place = sits.iter().position(|(sat, _)| key(sat) == key(seat));
        let free = match place {
            None => true,
            Some(place) => settle(sits[place].1, rights, sits, tried),
        };
        if free {
            sits.retain(|(sat, _)| key(sat) != key(seat));
            sits.push((seat.clone(), who));
            return true;
        }
    }
    false
}
