//! Walks through long inboxes. Thousands who join one role concern the same open requests: these are looked at once for all of them, and
//! not once for each.
//!
//! INVARIANT (once for all): a walk does for every change that was written before it begins. So while one is under way the next one waits, and
//! when that begins, all others that wait for the same inbox are taken away.

use std::collections::BTreeSet;

use approvals::runtime::deadline::Deadline;
use approvals::store::jobs::{Job, Place};
use approvals::store::keys::Key;
use approvals::store::{Error, Freshness};
use approvals_domain::ids::TenantId;

use super::Tick;
use super::lease::{Ran, begun, finish, leased};
use super::looks::{PAGE, look_at_all};

/// What a tick knows of walks.
#[derive(Debug, Default)]
pub(super) struct Walks {
    /// Inboxes that were walked to their end, or have a job that will be, since this tick found the changes it works on.
    made: BTreeSet<String>,
    /// Jobs of inboxes that were due when the tick looked, or were filed by it.
    jobs: BTreeSet<Key>,
    /// Jobs of inboxes that this tick works on.
    under_way: BTreeSet<Key>,
}

impl Walks {
    /// None of this tick's changes need look through that inbox any more.
    pub(super) fn made(&mut self, inbox: &str) {
        self.made.insert(inbox.to_owned());
    }

    pub(super) fn are_made(&self, inbox: &str) -> bool {
        self.made.contains(inbox)
    }

    /// Notes a job, if it is an inbox's.
    pub(super) fn note(&mut self, key: &Key) {
        if Job::inbox_of(key).is_some() {
            self.jobs.insert(key.clone());
        }
    }

    /// Takes a job to work on, unless another one of its inbox is being worked on.
    fn takes(&mut self, key: &Key) -> bool {
        let free = !self.under_way.iter().any(|other| other != key && Job::inbox_of(other) == Job::inbox_of(key));
        if free {
            self.under_way.insert(key.clone());
        }
        free
    }

    /// Other jobs of the same inbox.
    fn others(&self, key: &Key) -> Vec<Key> {
        self.jobs.iter().filter(|other| *other != key && Job::inbox_of(other) == Job::inbox_of(key)).cloned().collect()
    }
}

/// Files a job that walks an inbox, for all changes of this tick.
pub(super) async fn file(tick: &Tick, tenant: &TenantId, inbox: &str) -> Result<(), Error> {
    let job = Job::for_inbox(tenant, inbox, &tick.worker, tick.now);
    tick.jobs().file(&job).await?;
    tick.walks(|walks| walks.made(inbox));
    tick.has_turn(job.key());
    Ok(())
}

/// Walks an inbox for a slice of the tick, from where its job stands. While another job of it is under way, this one stays due.
pub(super) async fn walk(tick: &Tick, job: &Job, inbox: &str, slice: Deadline) -> Result<Ran, Error> {
    let key = job.key();
    if !tick.walks(|walks| walks.takes(&key)) {
        return Ok(Ran::Done);
    }
    let ran = walk_on(tick, job, inbox, slice).await;
    if !matches!(ran, Ok(Ran::More)) {
        tick.walks(|walks| walks.under_way.remove(&key));
    }
    ran
}

async fn walk_on(tick: &Tick, job: &Job, inbox: &str, slice: Deadline) -> Result<Ran, Error> {
    let jobs = tick.jobs();
    let others = if job.has_begun() { Vec::new() } else { tick.walks(|walks| walks.others(&job.key())) };
    for other in &others {
        if jobs.get(other).await?.is_some_and(|other| other.has_begun()) {
            return Ok(Ran::Done);
        }
    }
    // Begun before others are taken away: of two that begin at once none takes the other away.
    let Some(mut job) = jobs.save(Job { due_at: begun(tick), worker: tick.worker.clone(), ..job.clone() }).await? else {
        return Ok(Ran::Done);
    };
    for other in &others {
        if let Some(other) = jobs.get(other).await?.filter(|other| !other.has_begun()) {
            jobs.end(&other).await?;
        }
    }
    loop {
        let after = job.place.as_ref().map(|place| place.after.as_str());
        let (hints, last) = tick.parts.outbox.hints.inboxes.hints(inbox, after, PAGE, Freshness::Strong).await?;
        look_at_all(tick, &job, hints.into_iter().map(|hint| hint.request).collect()).await?;
        let Some(last) = last else { return finish(tick, &job).await.map(|()| Ran::Done) };
        let on = !slice.has_come() && tick.goes_on();
        let due_at = if on { leased(tick) } else { tick.now };
        let place = Some(Place { walk: inbox.to_owned(), after: last });
        // Somebody else took it over: what they do is the same.
        let Some(next) = jobs.save(Job { place, due_at, ..job }).await? else { return Ok(Ran::Done) };
        if !on {
            return Ok(Ran::More);
        }
        job = next;
    }
}
