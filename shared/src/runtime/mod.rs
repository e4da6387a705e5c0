//! The edge: clock, randomness, deadlines, telemetry, batches.

pub mod batch;
pub mod clock;
pub mod deadline;
pub mod entropy;
pub mod metrics;
pub mod pause;
pub mod telemetry;
pub mod trust;
