//! Jobs of the directory: after a change, every open request that may feel it is looked at again.
//!
//! A job walks the hints of the person, of each role they hold and of the role that changed, and the tenant's blocked steps, page by
//! page; its place is kept in it. INVARIANT (never stuck): hints are read strongly. Relay files the hints of a step that opens before it
//! looks at the directory strongly, and the directory's change is written before its job: one of the two always sees the other.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use approvals::app;
use approvals::app::commands::execute::How;
use approvals::outbox::notices;
use approvals::runtime::deadline::Deadline;
use approvals::store::jobs::{About, Job, Place};
use approvals::store::keys::{self, Key};
use approvals::store::requests::lists::{Place as ListPlace, Window};
use approvals::store::{Error, Freshness};
use approvals_domain::ids::{PersonId, RequestId, RoleId, TenantId};
use approvals_domain::time::Timestamp;
use futures_util::future::join_all;

use super::lease::{Ran, begun, finish, later, leased};
use super::{Tick, reconcile, replay, timers};

/// So long a job is worked on at a time.
const SLICE: Duration = Duration::from_secs(5);
/// Requests of one page.
const PAGE: i32 = 100;
/// A place behind every sort key: the walk is through.
const END: &str = "~";
/// Walk of what a person asked for, by creation; sorts after the inboxes.
const ASKED: &str = "by_requester";

/// Works on jobs until they are through or the tick ends. Each has a slice, and tenants take turns.
///
/// INVARIANT (fair): however many jobs one tenant has, and however long they take, another's next one waits for one slice of each tenant.
pub(super) async fn run_in_turn(tick: &Tick, found: Vec<Key>) {
    let mut turns = Turns::default();
    found.into_iter().for_each(|key| turns.put(key));
    while let Some(key) = turns.next() {
        if !tick.goes_on() {
            return;
        }
        if run(tick, &key).await == Ran::More {
            turns.put(key);
        }
    }
}

/// Jobs by tenant; tenants in the order in which they have their turn.
#[derive(Debug, Default)]
struct Turns(VecDeque<(TenantId, VecDeque<Key>)>);

impl Turns {
    /// At the end of its tenant's jobs.
    fn put(&mut self, key: Key) {
        let Some((tenant, _)) = keys::parse_job(&key) else { return };
        match self.0.iter_mut().find(|(of, _)| *of == tenant) {
            Some((_, jobs)) => jobs.push_back(key),
            None => self.0.push_back((tenant, VecDeque::from([key]))),
        }
    }

    /// The next one; its tenant goes behind all others.
    fn next(&mut self) -> Option<Key> {
        let (tenant, mut jobs) = self.0.pop_front()?;
        let key = jobs.pop_front();
        if !jobs.is_empty() {
            self.0.push_back((tenant, jobs));
        }
        key
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
        while after.as_deref() != Some(END) {
            let (requests, last) = page(tick, &job, &walk, after.as_deref()).await?;
            look_at_all(tick, &job, requests.into_iter().filter(|id| seen.insert(id.clone())).collect()).await?;
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
        About::Request { .. } | About::Told { .. } | About::Replay(_) | About::Reconcile { .. } => return Ok(BTreeSet::new()),
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

/// Looks at a page's requests side by side. One that fails gets a job of its own, and holds up nobody.
async fn look_at_all(tick: &Tick, job: &Job, requests: BTreeSet<RequestId>) -> Result<(), Error> {
    let outcomes = join_all(requests.into_iter().map(|request| look_at_one(tick, job, request))).await;
    outcomes.into_iter().collect()
}

async fn look_at_one(tick: &Tick, job: &Job, request: RequestId) -> Result<(), Error> {
    let slot = tick.slots.acquire().await;
    let outcome = look_at(tick, job, &request).await;
    drop(slot);
    let Err(error) = outcome else { return Ok(()) };
    tick.count(|report| report.failed += 1);
    tracing::error!(job = job.id, %request, code = error.code(), "a request could not be looked at; it gets a job of its own");
    tick.jobs().file(&Job::for_request(&job.tenant, &request, &job.id, later(tick.now, 0))).await
}

/// Gives `Reroute`. A refusal is an answer; only what may go better later is an error.
async fn look_at(tick: &Tick, job: &Job, request: &RequestId) -> Result<(), app::Error> {
    tick.count(|report| report.looked_at += 1);
    match tick.app().reroute(&job.tenant, request, format!("job|{}", job.id)).await {
        Ok(How::Done) => tick.count(|report| report.rerouted += 1),
        Ok(How::Replayed | How::Unchanged) => {}
        Err(app::Error::Refused(refusal)) => tracing::info!(job = job.id, %request, code = refusal.code(), "a reroute was refused"),
        Err(error) => return Err(error),
    }
    if matches!(job.about, About::Request { .. }) {
        // A reconciliation may have found it missing in the index of what is due.
        timers::settle(tick, &job.tenant, request).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns_and_what_goes_behind_waits_for_its_tenant_s_others() {
        let key = |tenant: &str, id: &str| keys::job(&TenantId::new(tenant).unwrap(), id);
        let mut turns = Turns::default();
        [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1")].into_iter().for_each(|(tenant, id)| turns.put(key(tenant, id)));
        let mut order = Vec::new();
        while let Some(next) = turns.next() {
            if order.is_empty() {
                turns.put(next.clone());
            }
            order.push(next);
        }
        let wanted = [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("a", "3"), ("a", "1")];
        assert_eq!(order, wanted.map(|(tenant, id)| key(tenant, id)));
    }
}
