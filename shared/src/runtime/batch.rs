//! Batches with partial answers: what failed comes again, what succeeded does not.

use std::fmt::Display;

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};

/// The answer that this record failed: Lambda delivers it and all after it again.
pub fn failed_at(record: &EventRecord, error: &impl Display) -> DynamoDbEventResponse {
    let sequence = record.change.sequence_number.clone();
    tracing::warn!(%error, sequence, "a stream record failed; it and those after it come again");
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = sequence;
    let mut answer = DynamoDbEventResponse::default();
    answer.batch_item_failures.push(failure);
    answer
}
