//! The imperative shell of Approvals: what the functions and the CLI share around the pure core.
//!
//! The modules stand in floors, the lowest first. A file imports its own floor's children and what stands below; a test holds it.

pub mod app;
pub mod calendar;
pub mod destinations;
pub mod expression;
pub mod identity;
pub mod json;
pub mod link;
pub mod notice;
pub mod outbox;
pub mod queue;
pub mod receipt;
pub mod runtime;
pub mod secrets;
pub mod spelling;
pub mod store;
pub mod template;
pub mod web;
pub mod wire;
pub mod wiring;
