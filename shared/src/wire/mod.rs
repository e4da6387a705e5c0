//! Shapes on the wire: version 1 only ever gains fields.

pub mod api;
pub mod event_v1;
pub mod history;
pub mod notice_v1;
pub mod plain;
pub mod preview;
pub mod problem;
pub mod view;

/// The API's description: generated from the routers, checked in, drift fails a test.
pub const OPENAPI: &str = include_str!("../../openapi.json");
