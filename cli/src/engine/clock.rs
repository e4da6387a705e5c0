//! The engine's clock: the system's, or another one for `--clock` and `_dev/clock`.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use dynoxide::storage_backend::SystemClock;

/// Tells milliseconds since 1970.
type Now = Box<dyn Fn() -> i64 + Send + Sync>;

/// What dynoxide stamps stream records with and judges TTL by.
#[derive(Default)]
pub(super) struct Clock(RwLock<Option<Now>>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Clock {
    pub(super) fn system() -> Self {
        Self::default()
    }

    /// From now on it tells what `now` tells.
    pub(super) fn follow(&self, now: impl Fn() -> i64 + Send + Sync + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(now));
    }

    /// The time since 1970, if it is not the system's.
    fn other(&self) -> Option<Duration> {
        let now = self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|now| now())?;
        Some(Duration::from_millis(u64::try_from(now).unwrap_or(0)))
    }
}

impl dynoxide::storage_backend::Clock for Clock {
    fn now_unix_secs(&self) -> u64 {
        self.other().map_or_else(|| SystemClock.now_unix_secs(), |now| now.as_secs())
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.other().map_or_else(|| SystemClock.now_unix_secs_f64(), |now| now.as_secs_f64())
    }
}
