//! The engine's clock: the system's, or a virtual one for `--clock` and `_dev/clock`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dynoxide::storage_backend::SystemClock;

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

    /// The virtual time since 1970, if there is one.
    fn set_to(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            SYSTEM => None,
            now_ms => Some(Duration::from_millis(u64::try_from(now_ms).unwrap_or(0))),
        }
    }
}

impl dynoxide::storage_backend::Clock for Clock {
    fn now_unix_secs(&self) -> u64 {
        self.set_to().map_or_else(|| SystemClock.now_unix_secs(), |now| now.as_secs())
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.set_to().map_or_else(|| SystemClock.now_unix_secs_f64(), |now| now.as_secs_f64())
    }
}
