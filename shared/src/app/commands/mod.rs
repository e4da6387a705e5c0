//! Writes: each command, and the loop that executes it.
//!
//! [`execute`] is the loop for requests, `amend` the one for objects of the directory: each object says how it is read, decided and written.

mod amend;
pub mod authority;
pub mod delegations;
pub mod documents;
pub mod effect;
pub mod endpoints;
pub mod erase;
pub mod execute;
pub mod fire;
pub mod idempotency;
pub mod people;
pub mod reroute;
pub mod resubmit;
pub mod submit;
pub mod templates;
pub mod vote;

pub use amend::{Amend, Amended, amend};
