//! Who may see the request, and up to which revision. Whoever was asked keeps sight of it (ruling on S11).

use approvals_domain::ids::PersonId;
use approvals_domain::template::Visibility;

use super::Model;
use super::seats::Who;

impl Model {
    /// Writes down who is asked on a step now: named people, both ends of a passed seat, and roles.
    pub(crate) fn note_asked(&mut self, at: usize) {
        for candidate in self.steps[at].candidates.clone() {
            self.asked.extend(candidate.givers.iter().map(|giver| (giver.clone(), self.revision)));
            let members = if let Who::AnyOf(members) = candidate.who { members } else { vec![candidate.who] };
            for who in members {
                match who {
                    Who::User(id) => drop(self.asked.insert(id, self.revision)),
                    Who::Role(role) => drop(self.asked_roles.insert(role, self.revision)),
                    Who::AnyOf(_) => {}
                }
            }
        }
    }

    /// The last revision a person may see. The requester's side, voters, whoever started the effect and administrators see all of it, whoever was asked up to the last
    /// revision they were asked in; so do present members of a role that was asked, and whoever could use the right of somebody asked now.
    pub(crate) fn sight(&self, id: &PersonId) -> Option<u32> {
        if !self.directory.is_active(id) {
            return None;
        }
        let everybody = self.directory.is_admin(id) || self.template.visibility == Visibility::Tenant;
        if everybody { Some(self.revision) } else { self.as_party(id) }
    }

    pub(crate) fn is_party(&self, id: &PersonId) -> bool {
        self.as_party(id).is_some()
    }

    pub(crate) fn as_party(&self, id: &PersonId) -> Option<u32> {
        let roles = self.asked_roles.iter().filter(|(role, _)| self.directory.is_member(role, id)).map(|(_, revision)| *revision);
        let asked = self.asked.get(id).copied().into_iter().chain(roles).max();
        let acts = self.steps.iter().any(|step| step.phase.is_live() && !self.all_tickets(step, id).is_empty());
        let carries = self.effect.is_some() && self.carries_out(id);
        if carries || self.starters.contains(id) || self.bound.contains(id) || self.voters.contains(id) || acts {
            Some(self.revision)
        } else {
            asked
        }
    }
}
