//! How long there is time to begin something more.

use std::time::Duration;

use approvals_domain::time::Timestamp;
use tokio::time::Instant;

/// Kept free before a function's end.
const MARGIN: Duration = Duration::from_secs(5);

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

/// How long a function that ends at `deadline_ms` (milliseconds since 1970) may take more on: what it has begun must come to its end.
pub fn left(deadline_ms: u64, now: Timestamp) -> Duration {
    let now = u64::try_from(now.millis()).unwrap_or(0);
    Duration::from_millis(deadline_ms.saturating_sub(now)).saturating_sub(MARGIN)
}
