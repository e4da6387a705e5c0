//! Shapes on the wire: version 1 only ever gains fields.

pub mod api;
pub mod email;
pub mod event_v1;
pub mod fault;
pub mod history;
pub mod plain;
pub mod summary;
pub mod view;
pub mod words;

/// The API's description: generated from the routers, checked in, drift fails a test.
pub const OPENAPI: &str = include_str!("../../openapi.json");
