//! How long there is time to begin something more.

use std::time::Duration;

use tokio::time::Instant;

/// A moment after which nothing new is begun.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    #[allow(clippy::disallowed_methods, reason = "this is the edge where time enters")]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Whether it has come.
    #[allow(clippy::disallowed_methods, reason = "this is the edge where time enters")]
    pub fn has_come(&self) -> bool {
        Instant::now() >= self.0
    }
}
