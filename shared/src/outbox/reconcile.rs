//! Reconcile: hints, notices and timers made good from the requests themselves, whatever became of the stream.
//!
//! The one permitted walk through the whole table, in pages. Each page is a place to look; what must be, the requests say, read strongly.
//! It may be walked at any time, twice, and beside relay and the tick: a hint that stands is left alone, a notice that was told is known
//! by its deliveries, and what is decided already is dropped where it would be sent.
//!
//! INVARIANT (hints): a hint is written, then its request is read again. Whatever changes after that, relay sees in the stream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use approvals_domain::commit::Sealed;
use approvals_domain::event::Event;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{RequestId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::state::Request;
use approvals_domain::time::Timestamp;
use approvals_domain::timers;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Outbox;
use super::hints::{Of, hints, listings};
use super::notices::notices;
use crate::app::{Error, Known};
use crate::notice::{Audience, Notice};
use crate::runtime::deadline::Deadline;
use crate::store::jobs::Job;
use crate::store::keys::{self, Key};
use crate::store::requests::Record;
use crate::store::table::walk::Segment;
use crate::store::{Freshness, Jobs};

/// Keys of one page.
const PAGE: i32 = 400;
/// Unless somebody says since when: the stream keeps a day, and a weekend may pass before somebody looks.
const SINCE_MILLIS: i64 = 3 * 24 * 3_600_000;
/// Not further back: deliveries are remembered for 90 days, and what is not remembered would be sent anew.
const SINCE_MILLIS_MAX: i64 = 60 * 24 * 3_600_000;

/// How far a walk has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Commits from then on are told again: milliseconds since 1970.
    since: i64,
    /// After this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<(String, String)>,
    /// Of which part of the table; all of it if not said.
    #[serde(default)]
    segment: u32,
    #[serde(default = "one")]
    segments: u32,
}

const fn one() -> u32 {
    1
}

/// What somebody asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    place: Option<Place>,
    #[serde(default)]
    segment: u32,
    #[serde(default = "one")]
    segments: u32,
}

/// What a walk, or a piece of one, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Requests looked at.
    pub requests: u64,
    /// Hints that were missing.
    pub hints_put: u64,
    /// Hints of what is decided, passed on or gone.
    pub hints_deleted: u64,
    /// Notices put on the queue; who was told already is not told again.
    pub notices: u64,
    /// Requests whose place in the `due` index was missing or late.
    pub timers_set: u64,
    /// Requests that cannot be read; the log names them.
    pub damaged: u64,
    /// Where to go on; none: this was the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
}

impl Place {
    /// The beginning of a walk.
    pub const fn since(since: Timestamp) -> Self {
        Self { since: since.millis(), after: None, segment: 0, segments: 1 }
    }

    /// As somebody asks for it: where a walk before stopped, or a beginning.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(asked: &Value, now: Timestamp) -> Result<Self, &'static str> {
        let known = "`reconcile` takes `since` (RFC 3339), `place` (the `next` of an answer), `segment` and `segments`";
        let Asked { since, place, segment, segments } = Asked::deserialize(asked).map_err(|_| known)?;
        let since = match since {
            Some(text) => Timestamp::parse(&text).ok_or("`since` is RFC 3339, such as `2026-01-05T09:00:00Z`")?,
            None => default_since(now),
        };
        let place = place.unwrap_or(Self { segment, segments, ..Self::since(since) });
        if place.segment >= place.segments || place.segments > 1_000 {
            return Err("`segment` counts from 0, and `segments` is at most 1000");
        }
        if place.since < now.plus_millis(-SINCE_MILLIS_MAX).millis() {
            return Err("`since` is at most 60 days back: what was told before may be forgotten, and would be told again");
        }
        Ok(place)
    }

    fn after(self, key: Option<Key>) -> Option<Self> {
        key.map(|Key { pk, sk }| Self { after: Some((pk, sk)), ..self })
    }
}

fn default_since(now: Timestamp) -> Timestamp {
    now.plus_millis(-SINCE_MILLIS)
}

/// Files an alarm's wish as a job: the tick walks, its place kept in the job. So it is neither lost near a deadline nor goes on for ever:
/// a walk has an end, and the same alarm told twice is the same job.
///
/// # Errors
/// [`Error`] if the store does not answer; Lambda then tells it again.
pub async fn file(jobs: &Jobs, alarm: &Value, now: Timestamp) -> Result<String, Error> {
    // As it stands there: what CloudWatch writes is not quite RFC 3339. Lambda tells the same alarm again word for word.
    let plain = |time: &&str| time.len() <= 40 && time.chars().all(|c| c.is_ascii_alphanumeric() || ":.+-".contains(c));
    let cause = alarm.get("time").and_then(Value::as_str).filter(plain).map_or_else(|| now.to_string(), str::to_owned);
    let tenant = TenantId::new("default").map_err(|error| Error::Broken(error.to_string()))?;
    let job = Job::to_reconcile(&tenant, &cause, default_since(now), now);
    jobs.file(&job).await?;
    tracing::warn!(job = job.id, "an alarm asks to reconcile");
    Ok(job.id)
}

/// Walks on from a place for as long as `time` lasts, but at least one page.
///
/// # Errors
/// [`Error`] if the first page failed; the place is still good. What failed later is `next`.
pub async fn walk(outbox: &Outbox, from: Place, time: Duration) -> Result<Report, Error> {
    let until = Deadline::after(time);
    let mut report = page(outbox, from).await?;
    while let Some(place) = report.next.clone()
        && !until.has_come()
    {
        match page(outbox, place).await {
            Ok(more) => report = report.with(more),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "a page failed; whoever called goes on with it");
                break;
            }
        }
    }
    Ok(report)
}

impl Report {
    /// Both of them, in their order.
    fn with(self, more: Self) -> Self {
        Self {
            requests: self.requests + more.requests,
            hints_put: self.hints_put + more.hints_put,
            hints_deleted: self.hints_deleted + more.hints_deleted,
            notices: self.notices + more.notices,
            timers_set: self.timers_set + more.timers_set,
            damaged: self.damaged + more.damaged,
            next: more.next,
        }
    }
}

/// What a page's keys lead to.
#[derive(Debug, Default)]
struct Found {
    /// Requests whose items were met.
    met: BTreeSet<Of>,
    /// Hints that were met, and whose they are.
    hints: Vec<(Of, Key)>,
    /// What those requests say, strongly; who is missing here is not there.
    records: BTreeMap<Of, Record>,
    damaged: BTreeSet<Of>,
}

/// One page: looks, mends, tells.
///
/// # Errors
/// [`Error`] if the store or the queue does not answer: the page is to be walked again.
pub async fn page(outbox: &Outbox, place: Place) -> Result<Report, Error> {
    let segment = Segment { number: place.segment, of: place.segments };
    let after = place.after.as_ref().map(|(pk, sk)| Key { pk: pk.clone(), sk: sk.clone() });
    let (seen, last) = outbox.keys.page(segment, after.as_ref(), PAGE).await?;
    let since = Timestamp::from_millis(place.since);
    let mut found = Found::default();
    for key in seen {
        match (keys::parse_request_pk(&key.pk), keys::parse_inbox_pk(&key.pk), keys::parse_hint_sk(&key.sk)) {
            (Some(of), _, _) if key.sk == keys::MAIN => drop(found.met.insert(of)),
            (_, Some(tenant), Some((_, request, _))) => found.hints.push(((tenant, request), key)),
            _ => {}
        }
    }
    let whose: BTreeSet<Of> = found.met.iter().cloned().chain(found.hints.iter().map(|(of, _)| of.clone())).collect();
    found.records = load(outbox, whose, &mut found.damaged).await?;
    let mut report = Report { requests: found.met.len() as u64, damaged: found.damaged.len() as u64, ..Report::default() };
    mend(outbox, &found, &mut report).await?;
    let mut told: Vec<Notice> = Vec::new();
    for record in found.met.iter().filter_map(|of| found.records.get(of)) {
        told.extend(to_tell(outbox, record, since).await?);
        report.timers_set += u64::from(wind(outbox, record).await?);
    }
    outbox.queue.send(&told).await.map_err(|error| Error::Busy(error.to_string()))?;
    report.notices = told.len() as u64;
    Ok(Report { next: place.after(last), ..report })
}

/// Requests, strongly; those that cannot be read are named apart.
async fn load(outbox: &Outbox, whose: BTreeSet<Of>, damaged: &mut BTreeSet<Of>) -> Result<BTreeMap<Of, Record>, Error> {
    let mut by_tenant: BTreeMap<TenantId, Vec<RequestId>> = BTreeMap::new();
    for (tenant, id) in whose {
        by_tenant.entry(tenant).or_default().push(id);
    }
    let mut records = BTreeMap::new();
    for (tenant, ids) in by_tenant {
        for (id, record) in outbox.hints.app.requests.load_each(&tenant, &ids, Freshness::Strong).await? {
            let of = (tenant.clone(), id);
            match record {
                Ok(record) => drop(records.insert(of, record)),
                Err(error) => {
                    tracing::error!(%error, request = %of.1, "a request cannot be read; its hints stay as they are");
                    damaged.insert(of);
                }
            }
        }
    }
    Ok(records)
}

/// Puts the hints that should stand and do not, deletes those that should not. What was written is looked at once more.
async fn mend(outbox: &Outbox, found: &Found, report: &mut Report) -> Result<(), Error> {
    let inboxes = &outbox.hints.inboxes;
    let wanted: BTreeMap<Key, Of> =
        found.records.iter().flat_map(|(of, record)| hints(&record.state).into_iter().map(|key| (key, of.clone()))).collect();
    let listed: BTreeSet<Key> =
        found.met.iter().filter_map(|of| found.records.get(of)).flat_map(|record| listings(&record.state)).collect();
    let there = inboxes.existing(&listed.iter().cloned().collect::<Vec<_>>()).await?;
    let missing: Vec<Key> = listed.difference(&there).cloned().collect();
    report.hints_put += missing.len() as u64;
    if !missing.is_empty() {
        inboxes.write(&missing, &[]).await?;
    }
    let should: Vec<Key> = wanted.iter().filter(|(_, of)| found.met.contains(of)).map(|(key, _)| key.clone()).collect();
    let there = inboxes.existing(&should).await?;
    let missing = wanted.iter().filter(|(key, of)| found.met.contains(of) && !there.contains(key));
    let puts: BTreeMap<Key, Of> = missing.map(|(key, of)| (key.clone(), of.clone())).collect();
    let over = found.hints.iter().filter(|(of, key)| !wanted.contains_key(key) && !found.damaged.contains(of));
    let deletes: BTreeMap<Key, Of> = over.map(|(of, key)| (key.clone(), of.clone())).collect();
    report.hints_put += puts.len() as u64;
    report.hints_deleted += deletes.len() as u64;
    let touched: BTreeSet<Of> = puts.values().chain(deletes.values()).cloned().collect();
    let (mut puts, mut deletes): (BTreeSet<Key>, BTreeSet<Key>) = (puts.into_keys().collect(), deletes.into_keys().collect());
    let whose = touched.clone();
    for _ in 0..limits::TRIES {
        if puts.is_empty() && deletes.is_empty() {
            break;
        }
        let written: BTreeSet<Key> = puts.union(&deletes).cloned().collect();
        let gone: Vec<Key> = deletes.iter().cloned().collect();
        inboxes.write(&puts, &gone).await?;
        let now: BTreeSet<Key> =
            load(outbox, whose.clone(), &mut BTreeSet::new()).await?.values().flat_map(|record| hints(&record.state)).collect();
        // Changed in this very moment: what we wrote may be older than what relay wrote.
        let wrong = |key: &&Key| puts.contains(key) != now.contains(key);
        let again: Vec<Key> = written.iter().filter(wrong).cloned().collect();
        (puts, deletes) = again.into_iter().partition(|key| now.contains(key));
    }
    // Nobody could find these while the directory changed.
    for record in touched.iter().filter_map(|of| found.records.get(of)).filter(|record| record.state.live_steps().next().is_some()) {
        outbox.hints.look_again(record, &mut Known::nothing(Freshness::Strong)).await?;
    }
    Ok(())
}

/// The notices of a request's commits since then, but for those that would be dropped anyway.
async fn to_tell(outbox: &Outbox, record: &Record, since: Timestamp) -> Result<Vec<Notice>, Error> {
    if record.state.updated_at < since {
        return Ok(Vec::new());
    }
    let paged = record.base.is_some() && record.commits.first().is_none_or(|sealed| sealed.commit.at >= since);
    let commits: Vec<Sealed> = if paged { outbox.hints.app.requests.history(record).await?.0 } else { record.commits.clone() };
    let over = record.state.outcome().is_some();
    let last: BTreeMap<&StepId, Hash> = commits.iter().filter_map(|sealed| Some((reminds(sealed)?, sealed.hash))).collect();
    let mut all = Vec::new();
    for sealed in commits.iter().filter(|sealed| sealed.commit.at >= since) {
        // Of what is over nobody is asked or reminded; else, of reminders the last says it all.
        let stale = if over { only_asks(sealed) } else { reminds(sealed).is_some_and(|step| last.get(step) != Some(&sealed.hash)) };
        all.extend(notices(sealed).into_iter().filter(|notice| !stale || notice.audience == Audience::Endpoints));
    }
    Ok(all)
}

/// The step that a commit reminds of.
fn reminds(sealed: &Sealed) -> Option<&StepId> {
    sealed.commit.events.iter().find_map(|event| if let Event::Reminded { step, .. } = event { Some(step) } else { None })
}

/// Whether all that a commit means to people is that a step waits for them.
fn only_asks(sealed: &Sealed) -> bool {
    sealed.commit.events.iter().all(|event| {
        matches!(
            event,
            Event::Submitted { .. }
                | Event::Resubmitted { .. }
                | Event::Opened { .. }
                | Event::Widened { .. }
                | Event::Reminded { .. }
                | Event::Escalated { .. }
                | Event::Blocked { .. }
                | Event::RequesterReminded { .. }
        )
    })
}

/// Files a job if the request is missing in the `due` index, or stands there too late: the tick sets it. Too early is harmless.
async fn wind(outbox: &Outbox, record: &Record) -> Result<bool, Error> {
    let app = &outbox.hints.app;
    let template = app.pinned(&record.state.tenant, &record.state.template).await?;
    let Some(soonest) = timers::attention(&record.state, &template, app.clock.now()) else { return Ok(false) };
    if record.timer().is_some_and(|at| at <= soonest) {
        return Ok(false);
    }
    let Request { tenant, id, version, .. } = &record.state;
    let cause = format!("timer|{version}");
    outbox.hints.jobs.file(&Job::for_request(tenant, id, &cause, app.clock.now())).await?;
    Ok(true)
}
