//! Jobs of the directory: after a change, every open request that may feel it is looked at again.
//!
//! A job walks the hints of the person, of each role they hold and of the role that changed, and the tenant's blocked steps; its place is
//! kept in it. What is too long for one page is walked once for all changes that concern it ([`inboxes`]).
//!
//! INVARIANT (never stuck): hints are read strongly. Relay files the hints of a step that opens before it looks at the directory strongly, and
//! the directory's change is written before its job: one of the two always sees the other.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use approvals::outbox::notices;
use approvals::runtime::deadline::Deadline;
use approvals::store::jobs::{About, Job, Place};
use approvals::store::keys::{self, Key};
use approvals::store::requests::lists::{Place as ListPlace, Window};
use approvals::store::{Error, Freshness};
use approvals_domain::ids::{PersonId, RequestId, RoleId};
use approvals_domain::time::Timestamp;

use super::lease::{Ran, begun, finish, later, leased};
use super::looks::{PAGE, look_at, look_at_all};
use super::{Tick, inboxes, reconcile, replay};

/// So long a job is worked on at a time.
const SLICE: Duration = Duration::from_secs(5);
/// A place behind every sort key: the walk is through.
const END: &str = "~";
/// Walk of what a person asked for, by creation; sorts after the inboxes.
const ASKED: &str = "by_requester";

/// Works on jobs until they are through or the tick ends. Each has a slice, and tenants take turns.
pub(super) async fn run_in_turn(tick: &Tick) {
    while let Some(key) = tick.next_turn() {
        if !tick.goes_on() {
            return;
        }
        if run(tick, &key).await == Ran::More {
            tick.has_turn(key);
        }
    }
}

/// Works on a job for a slice. What fails is logged, counted, and due again later.
async fn run(tick: &Tick, key: &Key) -> Ran {
    let outcome = match tick.jobs().get(key).await {
        Ok(Some(job)) if job.due_at <= tick.now => work(tick, job).await,
        // Through, or somebody works on it: the index was late to say so.
        Ok(_) => Ok(Ran::Done),
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| {
        tick.count(|report| report.failed += 1);
        tracing::error!(%error, pk = key.pk, "a job failed; it comes again");
        Ran::Done
    })
}

async fn work(tick: &Tick, job: Job) -> Result<Ran, Error> {
    let (jobs, slice) = (tick.jobs(), Deadline::after(SLICE));
    if let About::Request { request } = &job.about {
        return match look_at(tick, &job, request).await {
            Ok(()) => finish(tick, &job).await.map(|()| Ran::Done),
            Err(error) => {
                tick.count(|report| report.failed += 1);
                tracing::error!(job = job.id, code = error.code(), "a request could not be looked at; its job comes again");
                let (failures, due_at) = (job.failures + 1, later(tick.now, job.failures));
                jobs.save(Job { failures, due_at, worker: tick.worker.clone(), ..job }).await.map(|_| Ran::Done)
            }
        };
    }
    if let About::Inbox { inbox } = &job.about {
        return inboxes::walk(tick, &job, inbox, slice).await;
    }
    if let About::Told { object, version } = &job.about {
        return tell(tick, &job, object, *version).await;
    }
    if let About::Replay(replay) = &job.about {
        return replay::run(tick, &job, replay).await.map(|()| Ran::Done);
    }
    let Some(mut job) = jobs.save(Job { due_at: begun(tick), worker: tick.worker.clone(), ..job }).await? else { return Ok(Ran::Done) };
    if let About::Reconcile { since } = job.about {
        return reconcile::work(tick, job, since, slice).await;
    }
    let mut seen = HashSet::new();
    let mut walks = walks(tick, &job).await?.into_iter().peekable();
    while let Some(walk) = walks.next() {
        let mut after = match &job.place {
            Some(place) if place.walk > walk || (place.walk == walk && place.after == END) => continue,
            Some(place) if place.walk == walk => Some(place.after.clone()),
            _ => None,
        };
        if after.is_none() && tick.walks(|walks| walks.are_made(&walk)) {
            continue;
        }
        while after.as_deref() != Some(END) {
            let (requests, last) = page(tick, &job, &walk, after.as_deref()).await?;
            let whole = after.is_none() && last.is_none();
            if after.is_none() && !whole && walk != ASKED {
                // Others may ask for the same: one walk for all.
                inboxes::file(tick, &job.tenant, &walk).await?;
                break;
            }
            look_at_all(tick, &job, requests.into_iter().filter(|id| seen.insert(id.clone())).collect()).await?;
            if whole && walk != ASKED {
                tick.walks(|walks| walks.made(&walk));
            }
            if last.is_none() && walks.peek().is_none() {
                break;
            }
            // A walk's end is a place too: else somebody with many short inboxes would begin at the first of them after every killed tick.
            let last = last.unwrap_or_else(|| END.to_owned());
            after = Some(last.clone());
            let on = !slice.has_come() && tick.goes_on();
            let due_at = if on { leased(tick) } else { tick.now };
            let place = Some(Place { walk: walk.clone(), after: last });
            // Somebody else took it over: what they do is the same.
            let Some(next) = jobs.save(Job { place, due_at, ..job }).await? else { return Ok(Ran::Done) };
            if !on {
                return Ok(Ran::More);
            }
            job = next;
        }
    }
    finish(tick, &job).await.map(|()| Ran::Done)
}

/// Puts on the queue what people are to hear of a change of the directory. Twice is once: the notice is the same.
async fn tell(tick: &Tick, job: &Job, object: &str, version: u64) -> Result<Ran, Error> {
    if let Some(change) = tick.app().directory.directory_change(&job.tenant, object, version).await? {
        let sent = tick.parts.outbox.queue.send(&notices::of_directory(&change.commit, change.hash)).await;
        sent.map_err(|error| Error::Unavailable(error.to_string()))?;
    }
    finish(tick, job).await.map(|()| Ran::Done)
}

/// The walks of a job, in their order: where open requests stand that the change may concern.
///
/// The roles the person holds belong to it even if one membership changed: a template may bar by role, and who is barred counts nowhere.
async fn walks(tick: &Tick, job: &Job) -> Result<BTreeSet<String>, Error> {
    let (person, changed, asked): (&PersonId, Option<&RoleId>, bool) = match &job.about {
        About::Person { person, manager } => (person, None, *manager),
        About::Member { role, person } => (person, Some(role), false),
        About::Request { .. } | About::Inbox { .. } | About::Told { .. } | About::Replay(_) | About::Reconcile { .. } => {
            return Ok(BTreeSet::new());
        }
    };
    let tenant = &job.tenant;
    let record = tick.app().directory.person(tenant, person, Freshness::Strong).await?;
    let held = record.iter().flat_map(|record| &record.memberships).filter(|(_, (_, holds))| *holds).map(|(role, _)| role);
    let roles = held.chain(changed).map(|role| keys::inbox_role(tenant, role));
    let own = [keys::inbox_blocked(tenant), keys::inbox_user(tenant, person)];
    Ok(roles.chain(own).chain(asked.then(|| ASKED.to_owned())).collect())
}

/// A page of a walk, and where the next one starts.
async fn page(tick: &Tick, job: &Job, walk: &str, after: Option<&str>) -> Result<(Vec<RequestId>, Option<String>), Error> {
    if let (ASKED, About::Person { person, .. }) = (walk, &job.about) {
        let window = Window { from: Timestamp::from_millis(0), to: tick.now };
        let place = after.map(|created| ListPlace { created: created.to_owned(), month: None });
        let (ids, next) = tick.app().requests.by_requester(&job.tenant, person, window, place.as_ref(), PAGE).await?;
        return Ok((ids, next.map(|place| place.created)));
    }
    let (hints, last) = tick.parts.outbox.hints.inboxes.hints(walk, after, PAGE, Freshness::Strong).await?;
    Ok((hints.into_iter().map(|hint| hint.request).collect(), last))
}
