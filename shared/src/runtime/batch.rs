//! Batches with partial answers: what failed comes again, what succeeded does not.

use std::fmt::Display;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};

/// Handles stream records in order and stops at the first failure: Lambda delivers that one and all after it again.
pub async fn stream<E: Display>(event: Event, mut handle: impl AsyncFnMut(&EventRecord) -> Result<(), E>) -> DynamoDbEventResponse {
    let mut answer = DynamoDbEventResponse::default();
    for record in &event.records {
        if let Err(error) = handle(record).await {
            let sequence = record.change.sequence_number.clone();
            tracing::warn!(%error, sequence, "record failed; it and those after it come again");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence;
            answer.batch_item_failures.push(failure);
            break;
        }
    }
    answer
}
