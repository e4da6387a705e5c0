//! The archive: what the table's stream tells becomes leaves of a transparency log per tenant, appended so that no two roots of one size
//! are ever signed.
//!
//! - [`leaves`]: a record of the stream as leaves; an edit that no command makes becomes a violation;
//! - [`archiver`]: stage, compare and swap, upload, publish;
//! - [`handle`]: a batch of the stream.

pub mod archiver;
pub mod leaves;

use std::collections::BTreeMap;
use std::fmt;

use approvals::runtime::batch::failed_at;
use approvals::store::keys;
use approvals_domain::ids::TenantId;
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
    let mut wrong: Option<Box<dyn fmt::Display + Send>> = None;
    for (tenant, leaves) in by_tenant {
        if let Err(error) = archiver.append(&tenant, &leaves).await {
            tracing::error!(%tenant, %error, "a log could not be written; the batch comes again");
            wrong = Some(Box::new(error));
        }
    }
    match (wrong, event.records.first()) {
        (Some(error), Some(first)) => failed_at(first, &error),
        _ => answer,
    }
}
