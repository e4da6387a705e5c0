//! The outbox: what each commit means to whom, put on the queue. The commit is the only thing written to be told about; the stream
//! brings it here at least once, and a notice made twice is the same notice.
//!
//! INVARIANT (I9): a record is done only when all its notices are on the queue. One that cannot be read, a kind of event of a newer
//! build included, fails; it comes again, and is parked in the end. Nothing is skipped.

use approvals::notice::Notice;
use approvals::outbox::image::item;
use approvals::outbox::notices::notices;
use approvals::queue::Queue;
use approvals::runtime::batch::failed_at;
use approvals::store::requests::Record;
use approvals::store::{Error, Item, keys};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;

/// Puts the notices of a batch on the queue. Each record whose notices may not all be there fails; from the lowest of them on they come
/// again. Those after one that cannot be read are told all the same: should it be parked with them, nothing is missing but it.
pub async fn notify(queue: &Queue, event: &Event) -> DynamoDbEventResponse {
    let mut answer = DynamoDbEventResponse::default();
    let mut notices: Vec<Notice> = Vec::new();
    let mut of: Vec<&EventRecord> = Vec::new();
    for record in &event.records {
        match told(record) {
            Ok(more) => {
                of.extend(more.iter().map(|_| record));
                notices.extend(more);
            }
            Err(error) => answer.batch_item_failures.extend(failed_at(record, &error).batch_item_failures),
        }
    }
    if let Err(error) = queue.send(&notices).await
        && let Some(record) = error.unsent.first().and_then(|place| of.get(*place))
    {
        answer.batch_item_failures.extend(failed_at(record, &error).batch_item_failures);
    }
    answer
}

/// The notices of a record: of the commits that its new image holds and its old one does not.
fn told(record: &EventRecord) -> Result<Vec<Notice>, Error> {
    let is_request = |item: &Item| item.key().is_some_and(|key| key.sk == keys::MAIN && keys::parse_request_pk(&key.pk).is_some());
    let (old, new) = (item(&record.change.old_image), item(&record.change.new_image));
    if !is_request(&new) {
        return Ok(Vec::new());
    }
    let known = if old.key().is_some() { old.n("v")? } else { 0 };
    if known == new.n("v")? {
        return Ok(Vec::new());
    }
    let record = Record::read(&new)?;
    Ok(record.commits.iter().filter(|sealed| sealed.commit.version > known).flat_map(notices).collect())
}
