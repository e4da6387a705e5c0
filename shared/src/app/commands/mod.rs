//! Writes: each command, and the loop that executes it.

pub mod execute;
pub mod fire;
pub mod idempotency;
pub mod reroute;
pub mod resubmit;
pub mod submit;
pub mod vote;
