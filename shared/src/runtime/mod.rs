//! The edge: clock, randomness, configuration, identity, telemetry, batches.

pub mod actor;
pub mod batch;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod entropy;
pub mod metrics;
pub mod pause;
pub mod telemetry;
pub mod trust;
