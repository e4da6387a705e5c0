//! How fast commands may come: those of one person, and those of all people of a tenant. Whatever road they take: API, bulk, links, pages.
//!
//! INVARIANT (free): the first commands of a minute are counted in this instance's memory: they cost no call of the store. After that all
//! instances count together, in one item of the person and one of the tenant: a person's commands one by one, a tenant's in portions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::limits;
use approvals_domain::pace::Bucket;
use approvals_domain::time::Timestamp;

use super::Error;
use super::error::Whose;
use crate::store::Paces;
use crate::store::paces::Counted;

/// How long commands are counted in memory alone.
const WINDOW_MILLIS: i64 = 60_000;
/// Persons and tenants whom an instance remembers; beyond, those whose minute is over are forgotten.
const REMEMBERED: usize = 10_000;

/// How many commands are taken in a minute; 0: as many as come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerMinute {
    /// Of one person.
    pub person: u32,
    /// Of all people of a tenant together.
    pub tenant: u32,
}

/// How fast commands may come.
#[derive(Debug, Clone)]
pub enum Pace {
    /// As fast as they like: for a development server, a replay, the bench.
    Free,
    /// So many a minute.
    Limited(Arc<Limited>),
}

/// The limits, and what this instance knows of each person and tenant.
#[derive(Debug)]
pub struct Limited {
    per_minute: PerMinute,
    shared: Paces,
    known: Mutex<HashMap<Counter, Lately>>,
}

/// Whose commands are counted: a person's, or with none all of a tenant's.
type Counter = (TenantId, Option<PersonId>);

/// A limit, and in which portions all instances count towards it.
#[derive(Debug, Clone, Copy)]
struct Rule {
    per_minute: u32,
    /// From so many in a minute on an instance tells the others.
    alone: u32,
    /// And then of so many at once.
    portion: u32,
}

/// What this instance knows of one person or tenant.
#[derive(Debug, Clone, Copy)]
struct Lately {
    /// When their minute began.
    since: Timestamp,
    /// Commands in it that only this instance knows of.
    untold: u32,
    /// Whether it told of some in this minute.
    told: bool,
    /// What all instances counted, when this one looked last.
    counted: Option<Counted>,
}

impl Pace {
    /// So many commands a minute.
    pub fn limited(per_minute: PerMinute, shared: Paces) -> Self {
        if per_minute == PerMinute::default() {
            return Self::Free;
        }
        Self::Limited(Arc::new(Limited { per_minute, shared, known: Mutex::default() }))
    }

    /// Counts a command of a person. Their own limit comes first: whoever is over it takes nothing from the others of the tenant.
    ///
    /// # Errors
    /// [`Error::TooFast`]: it is one too many, and nothing was done.
    pub async fn take(&self, tenant: &TenantId, person: &PersonId, now: Timestamp) -> Result<(), Error> {
        let Self::Limited(limited) = self else { return Ok(()) };
        limited.take((tenant.clone(), Some(person.clone())), now).await?;
        limited.take((tenant.clone(), None), now).await
    }
}

impl Rule {
    /// Of one person: each command counts at once.
    const fn of_person(per_minute: u32) -> Self {
        Self { per_minute, alone: limits::COMMANDS_ALONE, portion: 1 }
    }

    /// Of a tenant: by portions, or one item would be written with every command of everybody.
    fn of_tenant(per_minute: u32) -> Self {
        let portion = (per_minute / limits::TENANT_PORTIONS).clamp(1, limits::COMMANDS_ALONE);
        Self { per_minute, alone: portion, portion }
    }
}

impl Limited {
    fn rule(&self, (_, person): &Counter) -> Option<(Rule, Whose)> {
        let (rule, whose) = match person {
            Some(_) => (Rule::of_person(self.per_minute.person), Whose::Person),
            None => (Rule::of_tenant(self.per_minute.tenant), Whose::Tenant),
        };
        (rule.per_minute > 0).then_some((rule, whose))
    }

    async fn take(&self, of: Counter, now: Timestamp) -> Result<(), Error> {
        let Some((rule, whose)) = self.rule(&of) else { return Ok(()) };
        let too_fast = |seconds| Error::TooFast { whose, seconds };
        let Some((commands, mut known)) = self.alone(&of, rule, now).map_err(too_fast)? else { return Ok(()) };
        for _ in 0..limits::TRIES {
            let before = known.map_or(Bucket::empty(now), |known| known.bucket);
            let taken = before.take(commands.min(rule.per_minute), rule.per_minute, now);
            let bucket = taken.map_err(|seconds| {
                // What was done before stays to be told; what is refused is not.
                self.learn(&of, |lately| lately.untold = lately.untold.saturating_add(commands - 1));
                too_fast(seconds)
            })?;
            let next = Counted { version: known.map_or(1, |known| known.version + 1), bucket };
            match self.shared.put(&of.0, of.1.as_ref(), known, next, now).await {
                Ok(None) => {
                    self.learn(&of, |lately| lately.counted = Some(next));
                    return Ok(());
                }
                Ok(Some(stands)) => {
                    known = stands;
                    self.learn(&of, |lately| lately.counted = stands);
                }
                // A limit that cannot be counted holds up nobody: the command itself needs the same store.
                Err(error) => {
                    tracing::warn!(%error, "commands are not counted now");
                    return Ok(());
                }
            }
        }
        Err(too_fast(1))
    }

    /// Counts in memory. `Some`: so many commands are to be counted by all instances together, and what was known of that.
    ///
    /// # Errors
    /// Seconds: by what is known already it is one too many.
    fn alone(&self, of: &Counter, rule: Rule, now: Timestamp) -> Result<Option<(u32, Option<Counted>)>, u32> {
        let mut known = self.known();
        if known.len() >= REMEMBERED && !known.contains_key(of) {
            known.retain(|_, lately| lately.lasts(now));
        }
        let fresh = Lately { since: now, untold: 0, told: false, counted: None };
        let lately = known.entry(of.clone()).or_insert(fresh);
        if !lately.lasts(now) {
            *lately = Lately { counted: lately.counted, ..fresh };
        }
        let untold = lately.untold.saturating_add(1);
        if let Some(counted) = lately.counted {
            counted.bucket.take(untold.min(rule.per_minute), rule.per_minute, now)?;
        }
        lately.untold = untold;
        let most = if lately.told { rule.portion } else { rule.alone };
        if untold < most {
            return Ok(None);
        }
        // Those before it count now as well.
        lately.told = true;
        Ok(Some((std::mem::take(&mut lately.untold), lately.counted)))
    }

    fn learn(&self, of: &Counter, what: impl FnOnce(&mut Lately)) {
        if let Some(lately) = self.known().get_mut(of) {
            what(lately);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Counter, Lately>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lately {
    /// The minute is not over. A clock that goes back begins a new one.
    fn lasts(&self, now: Timestamp) -> bool {
        now >= self.since && now < self.since.plus_millis(WINDOW_MILLIS)
    }
}
