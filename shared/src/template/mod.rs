//! Templates as they are written: read with places, linted, hashed.

mod near;

pub use near::nearest;
