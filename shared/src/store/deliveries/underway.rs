//! What this process has in hand, and what it has sent: one message that comes twice to it, at once or soon after, is told once.
//!
//! Another process knows nothing of it. Two copies of one message at the same moment in two of them are two mails; the queue promises as much.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use approvals_domain::time::Timestamp;

use super::LEASE_MILLIS;
use crate::store::keys::Key;

/// Deliveries remembered at most; then those that are through are forgotten. What they are stands in the table.
const KEPT: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Somebody has had it in hand since then.
    Since(Timestamp),
    /// It is through.
    Sent,
}

#[derive(Debug, Default)]
pub(in crate::store) struct Underway(Mutex<HashMap<Key, Taken>>);

impl Underway {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Taken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a delivery; else how it stands. Whoever had it for longer than a lease is taken for dead.
    pub(super) fn take(&self, key: &Key, now: Timestamp) -> Result<(), Taken> {
        let mut all = self.all();
        match all.get(key) {
            Some(Taken::Sent) => return Err(Taken::Sent),
            Some(Taken::Since(at)) if at.plus_millis(LEASE_MILLIS) > now => return Err(Taken::Since(*at)),
            Some(Taken::Since(_)) | None => {}
        }
        if all.len() >= KEPT {
            all.retain(|_, taken| *taken != Taken::Sent);
        }
        all.insert(key.clone(), Taken::Since(now));
        Ok(())
    }

    /// What was taken is through.
    pub(super) fn sent(&self, key: &Key) {
        if let Some(taken) = self.all().get_mut(key) {
            *taken = Taken::Sent;
        }
    }

    /// It stands in the table now, to be tried again.
    pub(super) fn leave(&self, key: &Key) {
        self.all().remove(key);
    }
}
