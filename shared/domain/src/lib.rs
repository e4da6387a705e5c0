//! The approval domain: pure and total. What happened is a fold of events; what may happen is one function.
//!
//! - [`decide::decide`]`(state, command, context)` gives the events of a command, or a [`context::No`];
//! - [`evolve::evolve`]`(state, stamp, event)` gives the next state;
//! - [`commit::Commit`] is how events are kept, hash-linked, for ever;
//! - [`standing::seats`] is the only place that says who may vote.
#![warn(missing_docs)]

pub mod actor;
pub mod amount;
pub mod candidate;
pub mod command;
pub mod commit;
pub mod context;
pub mod decide;
pub mod directory;
pub mod effect;
pub mod event;
pub mod evolve;
pub mod facts;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod pace;
pub mod payload;
pub mod quota;
pub mod refusal;
mod route;
pub mod seat;
pub mod sight;
pub mod standing;
pub mod state;
pub mod template;
pub mod time;
pub mod timers;
