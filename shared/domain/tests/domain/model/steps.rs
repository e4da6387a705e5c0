//! How steps open, follow each other, block and widen.

use std::collections::BTreeSet;

use approvals_domain::candidate::Candidate;
use approvals_domain::event::Decision::Approve;
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Approver, Fallback, Step as Rules};

use super::rights::settle;
use super::{Model, Seat, Step};

impl Model {
    pub(super) fn resolve(&self, approvers: &[Approver]) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for approver in approvers {
            let more = match approver {
                Approver::User(id) => vec![Candidate::User(id.clone())],
                Approver::Role(role) => vec![Candidate::Role(role.clone())],
                Approver::AnyOf(inner) => Some(self.resolve(inner)).filter(|c| !c.is_empty()).map(Candidate::AnyOf).into_iter().collect(),
                Approver::Expression(_) => Vec::new(),
                Approver::ManagerOf(of) => {
                    let heads: Vec<PersonId> = if of == "requester" {
                        vec![self.own[0].clone()]
                    } else {
                        let votes = self.steps.iter().filter(|(id, _)| id.as_str() == of).flat_map(|(_, step)| &step.votes);
                        votes.filter(|cast| cast.decision == Approve).map(|cast| cast.person.clone()).collect()
                    };
                    heads.iter().filter_map(|id| self.world.manager_of(id)).cloned().map(Candidate::User).collect()
                }
            };
            more.into_iter().for_each(|candidate| add(&mut found, candidate));
        }
        found
    }

    pub(super) fn need(&self, rules: &Rules, step: &Step) -> u32 {
        rules.required.of(u32::try_from(self.reach(rules, &Step { votes: Vec::new(), ..step.clone() })).unwrap())
    }

    /// Adds who stands in while too few can vote; how many can in the end, up to what is wanted.
    pub(super) fn reinforce(&self, rules: &Rules, step: &mut Step) -> (usize, usize) {
        let want = (step.need as usize).saturating_sub(approvals(step));
        let mut stages = vec![self.resolve(rules.fallback.approvers()), vec![Candidate::Role(RoleId::approval_admin())]];
        while self.reach(rules, step) < want && rules.fallback != Fallback::Nobody && !stages.is_empty() {
            let fresh: Vec<Candidate> = stages.remove(0).into_iter().filter(|candidate| !step.candidates.contains(candidate)).collect();
            step.added.entry(step.level).or_default().extend(fresh.iter().cloned());
            step.candidates.extend(fresh);
        }
        (self.reach(rules, step), want)
    }

    /// The step as it would open; how many are wanted, and how many there are.
    pub(super) fn opening(&self, rules: &Rules) -> (Step, usize, usize) {
        let mut step = Step { candidates: self.resolve(&rules.approvers), opened_at: Some(self.now), ..Step::default() };
        step.need = self.need(rules, &step);
        let (reach, want) = self.reinforce(rules, &mut step);
        step.state = if reach >= want { "open" } else { "blocked" };
        step.was_open = reach >= want;
        (step, want, reach)
    }

    pub(super) fn skips(&self, rules: &Rules) -> bool {
        let step = Step { candidates: self.resolve(&rules.approvers), ..Step::default() };
        let there = rules.skip_if_approved_by.iter().flat_map(|id| &self.steps[id].votes).filter(|cast| cast.decision == Approve);
        let people: BTreeSet<&PersonId> = there.map(|cast| &cast.by).collect();
        let rights: Vec<Vec<Seat>> = people.iter().map(|id| self.seats(rules, &step, id, Some(id))).collect();
        let mut sits = Vec::new();
        let seated = (0..rights.len()).filter(|who| settle(*who, &rights, &mut sits, &mut Vec::new())).count();
        seated > 0 && seated >= self.need(rules, &step) as usize
    }

    pub(super) fn advance(&mut self) {
        for group in self.template.clone().steps {
            for rules in group.steps() {
                if self.steps[&rules.id].state == "waiting" {
                    let step = if self.skips(rules) { Step { state: "skipped", ..Step::default() } } else { self.opening(rules).0 };
                    self.steps.insert(rules.id.clone(), step);
                }
            }
            if !group.steps().iter().all(|rules| ["approved", "skipped"].contains(&self.steps[&rules.id].state)) {
                return;
            }
        }
        self.end("approved");
    }

    pub(super) fn end(&mut self, phase: &'static str) {
        self.phase = phase;
        for step in self.steps.values_mut().filter(|step| ["waiting", "open", "blocked"].contains(&step.state)) {
            step.state = "closed";
        }
    }

    /// True if it changed anything.
    pub(super) fn review(&mut self, id: &StepId) -> bool {
        let rules = self.rules(id).clone();
        let before = self.steps[id].clone();
        if self.phase != "running" || !["open", "blocked"].contains(&before.state) {
            return false;
        }
        let mut step = before.clone();
        if step.state == "blocked" {
            let own: Vec<Candidate> = self
                .resolve(&rules.approvers)
                .into_iter()
                .filter(|c| !step.released.iter().any(|id| *c == Candidate::User(id.clone())))
                .collect();
            own.iter().cloned().for_each(|candidate| add(&mut step.candidates, candidate));
            if !step.was_open && rules.required.counts_seats() {
                let mut reserves = self.resolve(rules.fallback.approvers());
                reserves.push(Candidate::Role(RoleId::approval_admin()));
                let mut first = step.clone();
                first.candidates.retain(|c| own.contains(c) || !reserves.contains(c));
                step.need = self.need(&rules, &first);
            }
        }
        let (reach, want) = self.reinforce(&rules, &mut step);
        step.state = if reach >= want { "open" } else { "blocked" };
        step.was_open = step.was_open || step.state == "open";
        let changed = step.state != before.state || step.state == "open" && step.candidates.len() > before.candidates.len();
        if changed {
            self.steps.insert(id.clone(), step);
        }
        changed
    }
}

pub(super) fn flat(approver: &Approver) -> Vec<&Approver> {
    if let Approver::AnyOf(inner) = approver { inner.iter().collect() } else { vec![approver] }
}

pub(super) fn add(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    if !candidates.contains(&candidate) {
        candidates.push(candidate);
    }
}

pub(crate) fn approvals(step: &Step) -> usize {
    step.votes.iter().filter(|cast| cast.decision == Approve).count()
}
