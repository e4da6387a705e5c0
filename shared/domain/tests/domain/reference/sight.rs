//! Who may see the request. Whoever was asked keeps sight of it (ruling on S11).

use approvals_domain::ids::PersonId;
use approvals_domain::template::Visibility;

use super::seats::Who;
use super::{Model, Step};

/// Named people who keep sight, the newest.
const ASKED: usize = 500;

impl Model {
    /// Writes down who is asked on a step now.
    pub(crate) fn note_asked(&mut self, at: usize) {
        let whos: Vec<Who> = self.steps[at].candidates.iter().map(|candidate| candidate.who.clone()).collect();
        for who in whos.iter().flat_map(|who| if let Who::AnyOf(members) = who { members.as_slice() } else { std::slice::from_ref(who) }) {
            match who {
                Who::User(id) if !self.asked.contains(id) => self.asked.push(id.clone()),
                Who::Role(role) => drop(self.asked_roles.insert(role.clone())),
                Who::User(_) | Who::AnyOf(_) => {}
            }
        }
        let over = self.asked.len().saturating_sub(ASKED);
        self.asked.drain(..over);
    }

    /// Party: the requester's side, voters, whoever was asked, by name or as a present member of a role, and delegates of those asked now.
    pub(crate) fn is_party(&self, id: &PersonId) -> bool {
        let asked_by_role = || self.asked_roles.iter().any(|role| self.directory.is_member(role, id));
        let delegate = || self.steps.iter().filter(|step| step.phase.is_live()).any(|step| self.acts_for_a_candidate(step, id));
        self.bound.contains(id) || self.voters.contains(id) || self.asked.contains(id) || asked_by_role() || delegate()
    }

    fn acts_for_a_candidate(&self, step: &Step, id: &PersonId) -> bool {
        let rights = self.directory.rights(id, self.occasion(step), &|_| false);
        rights.iter().any(|(person, _)| step.candidates.iter().any(|candidate| self.persons(&candidate.who).contains(person)))
    }

    pub(crate) fn may_see(&self, id: &PersonId) -> bool {
        self.directory.is_active(id)
            && (self.is_party(id) || self.directory.is_admin(id) || self.template.visibility == Visibility::Tenant)
    }
}
