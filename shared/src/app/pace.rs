//! How fast one person's commands may come, whatever road they take: API, bulk, links, pages.
//!
//! INVARIANT (free): the first commands of a minute are counted in this instance's memory: they cost no call of the store. From the
//! thirtieth on all instances count together, in one item of the person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::limits;
use approvals_domain::pace::Bucket;
use approvals_domain::time::Timestamp;

use super::Error;
use crate::store::Paces;
use crate::store::paces::Counted;

/// How long commands are counted in memory alone.
const WINDOW_MILLIS: i64 = 60_000;
/// Persons whom an instance remembers; beyond, those whose minute is over are forgotten.
const REMEMBERED: usize = 10_000;

/// How fast one person's commands may come.
#[derive(Debug, Clone)]
pub enum Pace {
    /// As fast as they like: for a development server, a replay, the bench.
    Free,
    /// So many a minute.
    Limited(Arc<Limited>),
}

/// A limit, and what this instance knows of each person.
#[derive(Debug)]
pub struct Limited {
    per_minute: u32,
    shared: Paces,
    known: Mutex<HashMap<(TenantId, PersonId), Lately>>,
}

/// What this instance knows of one person.
#[derive(Debug, Clone, Copy)]
struct Lately {
    /// When their minute began.
    since: Timestamp,
    /// Commands in it.
    commands: u32,
    /// What all instances counted, when this one looked last.
    counted: Option<Counted>,
}

impl Pace {
    /// So many commands a minute for each person; 0: as many as they like.
    pub fn limited(per_minute: u32, shared: Paces) -> Self {
        if per_minute == 0 { Self::Free } else { Self::Limited(Arc::new(Limited { per_minute, shared, known: Mutex::default() })) }
    }

    /// Counts a command.
    ///
    /// # Errors
    /// [`Error::TooFast`]: it is one too many, and nothing was done.
    pub async fn take(&self, tenant: &TenantId, person: &PersonId, now: Timestamp) -> Result<(), Error> {
        match self {
            Self::Free => Ok(()),
            Self::Limited(limited) => limited.take(tenant, person, now).await,
        }
    }
}

impl Limited {
    async fn take(&self, tenant: &TenantId, person: &PersonId, now: Timestamp) -> Result<(), Error> {
        let whose = (tenant.clone(), person.clone());
        let Some((commands, mut known)) = self.alone(&whose, now) else { return Ok(()) };
        for _ in 0..limits::TRIES {
            let before = known.map_or(Bucket::empty(now), |known| known.bucket);
            let bucket = before.take(commands, self.per_minute, now).map_err(|seconds| Error::TooFast { seconds })?;
            let next = Counted { version: known.map_or(1, |known| known.version + 1), bucket };
            match self.shared.put(tenant, person, known, next, now).await {
                Ok(None) => {
                    self.learn(&whose, Some(next));
                    return Ok(());
                }
                Ok(Some(stands)) => {
                    known = stands;
                    self.learn(&whose, stands);
                }
                // A limit that cannot be counted holds up nobody: the command itself needs the same store.
                Err(error) => {
                    tracing::warn!(%error, "commands are not counted now");
                    return Ok(());
                }
            }
        }
        Err(Error::TooFast { seconds: 1 })
    }

    /// Counts in memory. `Some`: so many commands are to be counted by all instances together, and what was known of that.
    fn alone(&self, whose: &(TenantId, PersonId), now: Timestamp) -> Option<(u32, Option<Counted>)> {
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(whose) {
            known.retain(|_, lately| lately.lasts(now));
        }
        let lately = known.entry(whose.clone()).or_insert(Lately { since: now, commands: 0, counted: None });
        if !lately.lasts(now) {
            *lately = Lately { since: now, commands: 0, ..*lately };
        }
        lately.commands = lately.commands.saturating_add(1);
        match lately.commands {
            few if few < limits::COMMANDS_ALONE => None,
            // Those before it count now as well.
            limits::COMMANDS_ALONE => Some((limits::COMMANDS_ALONE.min(self.per_minute), lately.counted)),
            _ => Some((1, lately.counted)),
        }
    }

    fn learn(&self, whose: &(TenantId, PersonId), counted: Option<Counted>) {
        if let Some(lately) = self.known().get_mut(whose) {
            lately.counted = counted;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(TenantId, PersonId), Lately>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lately {
    /// The minute is not over. A clock that goes back begins a new one.
    fn lasts(&self, now: Timestamp) -> bool {
        now >= self.since && now < self.since.plus_millis(WINDOW_MILLIS)
    }
}
