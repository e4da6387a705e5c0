//! The engine's clock: the system's, or a virtual one for `--clock` and `_dev/clock`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Stands for "no virtual time".
const SYSTEM: i64 = i64::MIN;

/// What dynoxide stamps stream records with and judges TTL by.
#[derive(Debug)]
pub(super) struct Clock(AtomicI64);

impl Clock {
    pub(super) fn system() -> Self {
        Self(AtomicI64::new(SYSTEM))
    }

    /// From now on it is `now_ms` (milliseconds since 1970) until the next call.
    pub(super) fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    fn now(&self) -> f64 {
        match self.0.load(Ordering::Relaxed) {
            SYSTEM => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            // Exact: milliseconds since 1970 stay far below 2^53.
            now_ms => now_ms.max(0) as f64 / 1_000.0,
        }
    }
}

impl dynoxide::storage_backend::Clock for Clock {
    fn now_unix_secs(&self) -> u64 {
        std::time::Duration::try_from_secs_f64(self.now()).unwrap_or_default().as_secs()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.now()
    }
}
