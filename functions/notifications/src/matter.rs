//! What a notice for people is about.

use approvals::app::queries::published::Turn;
use approvals::notice::Notice;
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::Record;
use approvals_domain::event::Event;
use approvals_domain::ids::PersonId;

use crate::Desk;

/// A notice and what it is about.
pub(crate) struct Of<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) notice: &'a Notice,
    /// The request now.
    pub(crate) record: &'a Record,
    /// The request around the commit.
    pub(crate) turn: &'a Turn,
    pub(crate) template: &'a Pinned,
}

impl Of<'_> {
    /// Whose act it was.
    pub(crate) fn by(&self) -> Option<&PersonId> {
        self.turn.sealed.commit.actor.person()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.turn.sealed.commit.events.iter()
    }

    pub(crate) fn has(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.events().any(is)
    }
}
