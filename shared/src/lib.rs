//! The imperative shell of Approvals: what the functions and the CLI share around the pure core.

pub mod app;
pub mod calendar;
pub mod destinations;
pub mod expression;
pub mod json;
pub mod queue;
pub mod runtime;
pub mod secrets;
pub mod store;
pub mod template;
pub mod web;
pub mod wire;
