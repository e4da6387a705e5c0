//! Shapes on the wire: version 1 only ever gains fields.

pub mod api;
pub mod history;
pub mod problem;
pub mod view;
