//! The archive: what the table's stream tells becomes leaves of a transparency log per tenant, appended so that no two roots of one size
//! are ever signed.
//!
//! - [`leaves`]: a record of the stream as leaves; an edit that no command makes becomes a violation;
//! - `watch`: whether one of ours wrote what a record brings, and in time;
//! - [`archiver`]: stage, compare and swap, upload, publish;
//! - [`signer`]: the keys that sign what is published, wherever they lie;
//! - [`bucket`]: the archive in S3;
//! - [`reconcile`]: what the stream did not bring, from the table itself;
//! - [`whole`]: whether the archive of a folder is still there;
//! - [`handle`]: a batch of the stream.

pub mod archiver;
pub mod bucket;
mod held;
pub mod leaves;
pub mod reconcile;
mod rows;
pub mod signer;
mod tiles;
mod watch;
pub mod whole;

use std::collections::BTreeMap;
use std::fmt;

use approvals::runtime::batch::failed_at;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::{Error, keys};
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use audit_log::leaf::Leaf;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;

use archiver::Archiver;

/// What of the table belongs into the archive; the rest of the stream is not delivered.
pub const PREFIXES: &[&str] =
    &[keys::REQUESTS, keys::DIRECTORY, keys::TEMPLATES, keys::ENTITIES, keys::ENDPOINT_SECRETS, keys::PREFERENCES, keys::SESSIONS];
/// What of it holds commits or contents: the rest is only watched.
const LOGGED: &[&str] = &[keys::REQUESTS, keys::DIRECTORY, keys::TEMPLATES];

/// Handles a batch of the table's stream. If a tenant's log cannot be written the batch comes again: what stands there already then
/// stands twice, which verifiers count and do not mind.
pub async fn handle(archiver: &Archiver, event: Event) -> DynamoDbEventResponse {
    let mut by_tenant: BTreeMap<TenantId, Vec<Vec<u8>>> = BTreeMap::new();
    let mut answer = DynamoDbEventResponse::default();
    for record in &event.records {
        match told(record, archiver).await {
            Ok(told) => told.for_each(|(tenant, leaves)| by_tenant.entry(tenant).or_default().extend(leaves)),
            Err(error) => {
                answer = failed_at(record, &error);
                break;
            }
        }
    }
    let oldest = by_tenant.values().flatten().filter_map(|leaf| written_at(leaf)).min();
    let mut wrong: Option<Box<dyn fmt::Display + Send>> = None;
    let (mut appended, mut violations) = (0, 0);
    for (tenant, leaves) in by_tenant {
        if let Err(error) = archiver.append(&tenant, &leaves).await {
            tracing::error!(%tenant, %error, "a log could not be written; the batch comes again");
            wrong = Some(Box::new(error));
            continue;
        }
        appended += leaves.len() as u64;
        violations += leaves.iter().filter(|leaf| is_violation(leaf)).count() as u64;
    }
    let now = archiver.now();
    let mut metrics = vec![("LeavesAppended", appended, Unit::Count), ("ArchiveViolations", violations, Unit::Count)];
    metrics.extend(oldest.map(|at| ("ArchiveLag", u64::try_from(now.millis() - at.millis()).unwrap_or(0), Unit::Milliseconds)));
    emit("audit", now, &metrics);
    match (wrong, event.records.first()) {
        (Some(error), Some(first)) => failed_at(first, &error),
        _ => answer,
    }
}

/// The leaves that a record adds, by tenant.
///
/// # Errors
/// [`Error`] if the secret of tags cannot be read, or a newer build wrote the record: it comes again.
async fn told(record: &EventRecord, archiver: &Archiver) -> Result<impl Iterator<Item = (TenantId, Vec<Vec<u8>>)>, Error> {
    let now = archiver.now();
    let seen = watch::over(record, &archiver.tags, now).await?;
    // INVARIANT (strangers stop nobody): what the service did not write is told as a violation, whatever it is.
    let told = match leaves::of(record, now) {
        Err(Error::Newer { .. }) if seen.forged => None,
        told => told?,
    };
    let is_kept = |leaf: &Vec<u8>| !seen.forged || is_violation(leaf);
    let told = told.map(|(tenant, leaves)| (tenant, leaves.into_iter().filter(is_kept).collect()));
    Ok(told.into_iter().chain(seen.violations))
}

fn is_violation(leaf: &[u8]) -> bool {
    matches!(Leaf::read(leaf), Ok(Leaf::Violation { .. }))
}

/// When a commit was decided: from then until it is published is the archive's lag.
fn written_at(leaf: &[u8]) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct At {
        at: Timestamp,
    }
    match Leaf::read(leaf) {
        Ok(Leaf::Commit { bytes, .. } | Leaf::Directory { bytes, .. }) => serde_json::from_slice::<At>(bytes).ok().map(|found| found.at),
        _ => None,
    }
}
