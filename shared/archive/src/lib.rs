//! The archive: what the table's stream tells becomes leaves of a transparency log per tenant, appended so that no two roots of one size
//! are ever signed.
//!
//! - [`leaves`]: a record of the stream as leaves; an edit that no command makes becomes a violation;
//! - [`archiver`]: stage, compare and swap, upload, publish;
//! - [`bucket`]: the archive in S3;
//! - [`reconcile`]: what the stream did not bring, from the table itself;
//! - [`handle`]: a batch of the stream.

pub mod archiver;
pub mod bucket;
mod held;
pub mod leaves;
pub mod reconcile;
mod rows;
mod tiles;

use std::collections::BTreeMap;
use std::fmt;

use approvals::runtime::batch::failed_at;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::keys;
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use audit_log::leaf::Leaf;
use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;

use archiver::Archiver;

/// What of the table belongs into the archive; the rest of the stream is not delivered.
pub const PREFIXES: &[&str] = &[keys::REQUESTS, keys::DIRECTORY, keys::TEMPLATES];

/// Handles a batch of the table's stream. If a tenant's log cannot be written the batch comes again: what stands there already then
/// stands twice, which verifiers count and do not mind.
pub async fn handle(archiver: &Archiver, event: Event) -> DynamoDbEventResponse {
    let mut by_tenant: BTreeMap<TenantId, Vec<Vec<u8>>> = BTreeMap::new();
    let mut answer = DynamoDbEventResponse::default();
    for record in &event.records {
        match leaves::of(record, archiver.now()) {
            Ok(None) => {}
            Ok(Some((tenant, leaves))) => by_tenant.entry(tenant).or_default().extend(leaves),
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
        violations += leaves.iter().filter(|leaf| matches!(Leaf::read(leaf), Ok(Leaf::Violation { .. }))).count() as u64;
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
