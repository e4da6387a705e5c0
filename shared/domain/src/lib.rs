//! The approval domain: pure and total. What happened is a fold of events; what may happen is one function.
#![warn(missing_docs)]

pub mod ids;
pub mod limits;
pub mod template;
