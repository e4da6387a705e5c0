//! A seat: a right to one vote, and how its holder came by it.

use crate::candidate::Candidate;
use crate::ids::{DelegationId, PersonId, RoleId};

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
    /// Only stands in for others who are missing.
    pub reserve: bool,
    /// The delegations between voter and person, the voter's own first.
    pub delegations: Vec<DelegationId>,
}

impl Seat {
    /// What may be filled once, as `Vote::seat`.
    pub fn key(&self) -> String {
        self.any_of.as_ref().map_or_else(|| self.person.to_string(), ToString::to_string)
    }
}
