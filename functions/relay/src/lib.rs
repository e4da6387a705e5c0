//! Relay: the stream's reader that files hints, so that an inbox is one query, and puts notices on the queue ([`notices`]). Nothing is
//! decided here.
//!
//! INVARIANT (never stuck): whatever was decided about a live step is asked again once its hints are filed, on a directory read strongly:
//! when the step opens or changes, and when a vote elsewhere took away somebody it may have needed. If the answer is another one now, a job
//! is filed. A change of the directory that comes later finds the hints; one of the two always sees the other.
//!
//! A record says which hint keys may have changed; what they must be, the request itself says, read once and strongly. So a record
//! delivered twice, late or out of order does no harm.
//!
//! What the stream lost is made good from the requests themselves: [`reconcile`].

mod notices;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use approvals::app::{self, Known};
use approvals::outbox::Outbox;
use approvals::outbox::census::Census;
use approvals::outbox::hints::{Hints, Of, hints, listings, overdue};
use approvals::outbox::image::item;
use approvals::outbox::reconcile;
use approvals::runtime::batch::failed_at;
use approvals::runtime::metrics::{Unit, emit, refused};
use approvals::store::keys::{self, Key};
use approvals::store::requests::Record;
use approvals::store::{self, Freshness};
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::state::{Request, Step};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use serde_json::{Value, json};

pub use notices::notify;

/// Why an invocation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A batch of the stream in a shape that is none.
    #[error("a batch that cannot be read: {0}")]
    Batch(#[from] serde_json::Error),
    /// To reconcile, but not so.
    #[error("{0}")]
    Asked(&'static str),
    /// The store or the queue does not answer.
    #[error("{}: {_0}", .0.code())]
    Failed(#[from] app::Error),
    /// Nothing of the kind.
    #[error("what is asked is not known: send a stream's records, an alarm, or `{{\"reconcile\": {{\"since\": TIME}}}}`")]
    Unknown,
}

/// One invocation: a batch of the stream, somebody who wants to reconcile, or an alarm that wants the same.
///
/// # Errors
/// [`Error`]; what failed in a batch of the stream is answered, and no error.
pub async fn run(outbox: &Outbox, asked: Value, time: Duration) -> Result<Value, Error> {
    if asked.get("Records").is_some() {
        return Ok(json!(handle_all(outbox, serde_json::from_value(asked)?).await));
    }
    if let Some(asked) = asked.get("reconcile") {
        let from = reconcile::Place::of(asked, outbox.hints.app.clock.now()).map_err(Error::Asked)?;
        return Ok(json!(reconcile::walk(outbox, from, time).await?));
    }
    if asked.get("source").and_then(Value::as_str) == Some("aws.cloudwatch") {
        return Ok(json!({ "filed": reconcile::file(&outbox.hints.jobs, &asked, outbox.hints.app.clock.now()).await? }));
    }
    Err(Error::Unknown)
}

/// Handles a batch of the table's stream: notices and hints. What failed in either comes again, with everything after it.
pub async fn handle_all(outbox: &Outbox, event: Event) -> DynamoDbEventResponse {
    let told = notify(outbox, &event).await;
    let mut answer = handle(&outbox.hints, event).await;
    // Lambda goes on from the lowest.
    answer.batch_item_failures.extend(told.batch_item_failures);
    answer
}

/// What the images of some records say has changed.
#[derive(Debug, Default)]
struct Changed {
    /// Hint keys in which they differ.
    keys: BTreeSet<Key>,
    /// A step is live on the word of a directory that may have changed while it was given.
    look: bool,
    /// The request was over in one of the records, and so it is now: its hints go, without a look.
    over: bool,
    /// Rows of lists that hold it for good, and did not before.
    listings: BTreeSet<Key>,
}

/// Files the hints of a batch of the table's stream. What failed comes again, with everything after it; all else is done.
pub async fn handle(files: &Hints, event: Event) -> DynamoDbEventResponse {
    let mut changed: BTreeMap<Of, Changed> = BTreeMap::new();
    let mut whose: Vec<(Of, &EventRecord)> = Vec::new();
    let (mut census, mut answer) = (Census::default(), DynamoDbEventResponse::default());
    for record in &event.records {
        match difference(record, &mut census) {
            Ok(None) => {}
            Ok(Some((id, difference))) => {
                whose.push((id.clone(), record));
                let of = changed.entry(id).or_default();
                of.keys.extend(difference.keys);
                of.look |= difference.look;
                of.over |= difference.over;
                of.listings.extend(difference.listings);
            }
            Err(error @ store::Error::Damaged { .. }) => left_out(files, &error),
            // Its neighbours are done below; it comes again, alone in the end, and is parked.
            Err(error) => answer.batch_item_failures.extend(failed_at(record, &error).batch_item_failures),
        }
    }
    census.emit(files.app.clock.now());
    match (project(files, changed).await, event.records.first()) {
        (Ok(failed), _) => {
            for (of, record) in whose {
                if let Some(error) = failed.get(&of) {
                    answer.batch_item_failures.extend(failed_at(record, &said(error)).batch_item_failures);
                }
            }
            answer
        }
        // Whose it was is not known: all of them come again.
        (Err(error), Some(first)) => failed_at(first, &said(&error)),
        (Err(_), None) => answer,
    }
}

/// What the service did not write makes no hints, and keeps nobody waiting. Whoever puts it right writes a record of its own.
fn left_out(files: &Hints, error: &store::Error) {
    tracing::error!(%error, "what is damaged is left out");
    refused(files.app.clock.now(), "damaged");
}

fn said(error: &app::Error) -> String {
    format!("{}: {error}", error.code())
}

/// Puts and deletes exactly the changed keys, as the requests say now. Then looks whether what is live is still as it should be. One
/// request that fails harms no other.
async fn project(files: &Hints, changed: BTreeMap<Of, Changed>) -> Result<BTreeMap<Of, app::Error>, app::Error> {
    let mut failed: BTreeMap<Of, app::Error> = BTreeMap::new();
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    let mut by_tenant: BTreeMap<TenantId, Vec<RequestId>> = BTreeMap::new();
    for ((tenant, id), of) in &changed {
        if !of.over && (of.look || !of.keys.is_empty()) {
            by_tenant.entry(tenant.clone()).or_default().push(id.clone());
        }
    }
    let mut wanted: BTreeSet<Key> = BTreeSet::new();
    let mut untouched: BTreeSet<Of> = BTreeSet::new();
    let mut doubtful: Vec<Record> = Vec::new();
    for (tenant, ids) in by_tenant {
        for (id, record) in files.app.requests.load_each(&tenant, &ids, Freshness::Strong).await? {
            let of = (tenant.clone(), id);
            match record {
                Ok(record) => {
                    wanted.extend(hints(&record.state).into_iter().chain(overdue(&record.state, record.state.updated_at)));
                    if changed.get(&of).is_some_and(|of| of.look) {
                        doubtful.push(record);
                    }
                }
                Err(error @ store::Error::Damaged { .. }) => {
                    left_out(files, &error);
                    untouched.insert(of);
                }
                Err(error) => drop(failed.insert(of, error.into())),
            }
        }
    }
    for (of, changed) in changed.into_iter().filter(|(of, _)| !failed.contains_key(of)) {
        puts.extend(changed.listings);
        for key in changed.keys.into_iter().filter(|_| !untouched.contains(&of)) {
            if wanted.contains(&key) { puts.push(key) } else { deletes.push(key) }
        }
    }
    if !puts.is_empty() || !deletes.is_empty() {
        files.inboxes.write(&puts, &deletes).await?;
    }
    let blocked = |keys: &[Key]| keys.iter().filter(|key| keys::is_inbox_blocked(&key.pk)).count() as u64;
    let counts = [("StepsBlocked", blocked(&puts), Unit::Count), ("StepsUnblocked", blocked(&deletes), Unit::Count)];
    let told: Vec<_> = counts.into_iter().filter(|(_, count, _)| *count > 0).collect();
    emit("relay", files.app.clock.now(), &told);
    let mut known: BTreeMap<TenantId, Known> = BTreeMap::new();
    for record in doubtful {
        let known = known.entry(record.state.tenant.clone()).or_insert_with(|| Known::nothing(Freshness::Strong));
        if let Err(error) = files.look_again(&record, known).await {
            failed.insert((record.state.tenant.clone(), record.state.id.clone()), error);
        }
    }
    Ok(failed)
}

/// How a record's images differ; `None`: it is no request's, or nothing differs that concerns relay.
fn difference(record: &EventRecord, census: &mut Census) -> Result<Option<(Of, Changed)>, store::Error> {
    let keys = item(&record.change.keys);
    let Some(id) = keys.key().filter(|key| key.sk == keys::MAIN).and_then(|key| keys::parse_request_pk(&key.pk)) else {
        return Ok(None);
    };
    let image = |image: &serde_dynamo::Item| {
        let item = item(image);
        if item.key().is_some() { Record::read(&item).map(|record| Some(record.state)) } else { Ok(None) }
    };
    let (old, new) = (image(&record.change.old_image)?, image(&record.change.new_image)?);
    if let Some(new) = &new {
        census.count(old.as_ref(), new);
    }
    // The tick notes a late step, and whatever ends it takes the note away.
    let at = new.as_ref().map(|request| request.updated_at);
    let late = |request: Option<&Request>| request.zip(at).into_iter().flat_map(|(request, at)| overdue(request, at)).collect::<Vec<_>>();
    let before: BTreeSet<Key> = old.iter().flat_map(hints).chain(late(old.as_ref())).collect();
    let after: BTreeSet<Key> = new.iter().flat_map(hints).chain(late(new.as_ref())).collect();
    let keys: BTreeSet<Key> = before.symmetric_difference(&after).cloned().collect();
    let over = new.as_ref().is_some_and(|request| request.outcome().is_some());
    let listed = old.as_ref().map(listings).unwrap_or_default();
    let listings = new.as_ref().map(listings).unwrap_or_default().difference(&listed).cloned().collect();
    let look = new.is_some_and(|new| rests_on_facts(old.as_ref(), &new));
    let changed = Changed { keys, look, over, listings };
    Ok(Some((id, changed)).filter(|(_, changed)| changed.look || !changed.keys.is_empty() || !changed.listings.is_empty()))
}

/// Whether what is live after a change was decided on facts of the directory: the step opened or changed; or a vote was cast beside it, or on
/// it with more than the voter's own seat, and left too few or not. A vote on one's own seat takes one from both sides, and asks nothing.
fn rests_on_facts(old: Option<&Request>, new: &Request) -> bool {
    let before = |step: &Step| old.and_then(|old| old.step(&step.id));
    new.live_steps().any(|(live, _)| {
        new.steps.iter().any(|step| match before(step) {
            Some(before) if step.id == live.id => {
                let cast = step.votes.iter().skip(before.votes.len());
                let lent = cast.into_iter().any(|vote| vote.voted.any_of.is_some() || !vote.voted.delegations.is_empty());
                lent || before.phase != step.phase || before.opening != step.opening
            }
            Some(before) => before != step,
            None => true,
        })
    })
}
