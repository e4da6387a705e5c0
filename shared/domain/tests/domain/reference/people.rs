//! The directory as plain maps: who is here, who holds which role, who acts for whom.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::ids::{PersonId, RoleId, StepId, TemplateKey};
use approvals_domain::time::Timestamp;

/// Hops of a chain of delegations.
const HOPS: usize = 3;

/// Everything the tenant knows about people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) people: BTreeMap<PersonId, Record>,
    pub(crate) roles: BTreeMap<RoleId, BTreeSet<PersonId>>,
    pub(crate) delegations: Vec<Delegation>,
}

/// One person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    pub(crate) active: bool,
    pub(crate) manager: Option<PersonId>,
}

/// A right passed on for a time. The giver keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Delegation {
    pub(crate) from: PersonId,
    pub(crate) to: PersonId,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) steps: Option<BTreeSet<StepId>>,
    pub(crate) templates: Option<BTreeSet<TemplateKey>>,
    pub(crate) max: Option<Money>,
}

/// A value and its currency.
pub(crate) type Money = (f64, String);

/// What a delegation's scope is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) now: Timestamp,
    pub(crate) template: &'a TemplateKey,
    pub(crate) step: &'a StepId,
    pub(crate) amount: Option<&'a Money>,
}

impl Delegation {
    /// Window, templates, steps and amount. Limits compare the absolute amount (ruling on S9).
    fn covers(&self, on: Occasion<'_>) -> bool {
        (self.starts_at..self.ends_at).contains(&on.now)
            && self.steps.as_ref().is_none_or(|only| only.contains(on.step))
            && self.templates.as_ref().is_none_or(|only| only.contains(on.template))
            && self.max.as_ref().is_none_or(|(most, currency)| on.amount.is_some_and(|(value, of)| of == currency && value.abs() <= *most))
    }
}

impl Directory {
    pub(crate) fn is_active(&self, id: &PersonId) -> bool {
        self.people.get(id).is_some_and(|record| record.active)
    }

    pub(crate) fn manager(&self, id: &PersonId) -> Option<&PersonId> {
        self.people.get(id)?.manager.as_ref()
    }

    pub(crate) fn is_member(&self, role: &RoleId, id: &PersonId) -> bool {
        self.is_active(id) && self.roles.get(role).is_some_and(|members| members.contains(id))
    }

    pub(crate) fn members(&self, role: &RoleId) -> Vec<PersonId> {
        self.roles.get(role).into_iter().flatten().filter(|id| self.is_active(id)).cloned().collect()
    }

    pub(crate) fn is_admin(&self, id: &PersonId) -> bool {
        self.is_member(&RoleId::approval_admin(), id)
    }

    /// Whose right a human may use: their own, and by chains of at most three delegations, nearest first, then by id. Both ends of each
    /// delegation are active. No chain leads over somebody who is barred. Rings are cut: nobody stands in a chain twice.
    pub(crate) fn rights(&self, human: &PersonId, on: Occasion<'_>, barred: &dyn Fn(&PersonId) -> bool) -> Vec<(PersonId, usize)> {
        let mut found = Vec::new();
        let mut edge = BTreeSet::from([human.clone()]);
        for hops in 0..=HOPS {
            edge.retain(|id| self.is_active(id) && !barred(id) && !found.iter().any(|(known, _)| known == id));
            found.extend(edge.iter().map(|id| (id.clone(), hops)));
            let givers = self.delegations.iter().filter(|d| edge.contains(&d.to) && d.covers(on)).map(|d| d.from.clone());
            edge = givers.collect();
        }
        found
    }
}
