//! What follows from a commit: hints for inboxes and notices for people and systems. Relay makes them from the stream, `escalation` makes
//! good what the stream lost.

pub mod census;
pub mod hints;
pub mod image;
pub mod notices;
pub mod reconcile;
