//! The imperative shell of Approvals: what the functions and the CLI share around the pure core.

pub mod expression;
pub mod json;
pub mod template;
