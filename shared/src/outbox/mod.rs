//! What follows from a commit: hints for inboxes and notices for people and systems. Relay makes them from the stream, `escalation` makes
//! good what the stream lost.

pub mod census;
pub mod hears;
pub mod hints;
pub mod image;
pub mod notices;
pub mod reconcile;
pub mod systems;

use crate::app::App;
use crate::queue::Queue;
use crate::store::{KeyWalk, Stores};
use hints::Hints;
use systems::Systems;

/// What makes good what the stream lost.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Files hints.
    pub hints: Hints,
    /// The walk through the keys of the table.
    pub keys: KeyWalk,
    /// The queue of notices.
    pub queue: Queue,
    /// Who hears of requests beside people.
    pub systems: Systems,
}

impl Outbox {
    /// Over a table's rooms, with the queue of notices; systems are told of every commit.
    pub fn new(stores: &Stores, app: App, queue: Queue) -> Self {
        Self { hints: Hints::new(stores, app), keys: stores.keys.clone(), queue, systems: Systems::Always }
    }

    /// Where no bus hears of every request: systems are told where an endpoint or a task is.
    #[must_use]
    pub fn without_bus(self) -> Self {
        Self { systems: Systems::Endpoints(self.hints.app.directory.clone()), ..self }
    }
}
