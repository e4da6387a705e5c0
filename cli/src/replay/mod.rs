//! `approvals replay`: plays a real approval log through the public API and sets what the service says beside it.

pub mod drive;
pub mod mapping;
#[cfg(test)]
mod model;
pub mod plan;
pub mod xes;

#[cfg(test)]
mod tests;
