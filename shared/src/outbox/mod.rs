//! What follows from a commit: hints for inboxes and notices for people and systems. Relay makes them from the stream, `escalation` makes
//! good what the stream lost.

pub mod census;
pub mod hears;
pub mod hints;
pub mod image;
pub mod notices;
pub mod reconcile;

use crate::app::App;
use crate::queue::Queue;
use crate::store::{KeyWalk, Stores};
use hints::Hints;

/// What makes good what the stream lost.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Files hints.
    pub hints: Hints,
    /// The walk through the keys of the table.
    pub keys: KeyWalk,
    /// The queue of notices.
    pub queue: Queue,
}

impl Outbox {
    /// Over a table's rooms, with the queue of notices.
    pub fn new(stores: &Stores, app: App, queue: Queue) -> Self {
        Self { hints: Hints::new(stores, app), keys: stores.keys.clone(), queue }
    }
}
