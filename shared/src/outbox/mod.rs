//! What follows from a commit: hints for inboxes and notices for people and systems. Relay makes them from the stream, `escalation` makes
//! good what the stream lost.

pub mod census;
pub mod hints;
pub mod image;
pub mod notices;
pub mod reconcile;

use crate::queue::Queue;
use crate::store::KeyWalk;
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
