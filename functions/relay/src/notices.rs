//! The outbox: what each commit means to whom, put on the queue. The commit is the only thing written to be told about; the stream
//! brings it here at least once, and a notice made twice is the same notice.
//!
//! INVARIANT (I9): a record is done only when all its notices are on the queue. One that cannot be read, a kind of event of a newer
//! build included, fails; it comes again, and is parked in the end. Nothing is skipped.

use std::collections::BTreeSet;

use approvals::notice::{Audience, Notice};
use approvals::outbox::Outbox;
use approvals::outbox::image::item;
use approvals::outbox::notices::notices;
use approvals::runtime::batch::failed_at;
use approvals::store::requests::Record;
use approvals::store::{Error, Item, keys};
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;

/// Puts the notices of a batch on the queue. Each record whose notices may not all be there fails; from the lowest of them on they come
/// again. Those after one that cannot be read are told all the same: should it be parked with them, nothing is missing but it.
pub async fn notify(outbox: &Outbox, event: &Event) -> DynamoDbEventResponse {
    let mut answer = DynamoDbEventResponse::default();
    let mut changed: Vec<(&EventRecord, Record, u64)> = Vec::new();
    for record in &event.records {
        match committed(record) {
            Ok(found) => changed.extend(found.map(|(image, known)| (record, image, known))),
            // Nobody is told of what the service did not write.
            Err(error @ Error::Damaged { .. }) => tracing::error!(%error, "a record is left out"),
            Err(error) => answer.batch_item_failures.extend(failed_at(record, &error).batch_item_failures),
        }
    }
    let Some((first, ..)) = changed.first() else { return answer };
    let tenants: BTreeSet<_> = changed.iter().map(|(_, image, _)| image.state.tenant.clone()).collect();
    let listening = match outbox.systems.of(tenants).await {
        Ok(listening) => listening,
        Err(error) => {
            let told = failed_at(first, &format!("{}: {error}", error.code()));
            answer.batch_item_failures.extend(told.batch_item_failures);
            return answer;
        }
    };
    let mut notices: Vec<Notice> = Vec::new();
    let mut of: Vec<&EventRecord> = Vec::new();
    for (record, image, known) in &changed {
        let told = told(image, *known).filter(|notice| notice.audience != Audience::Endpoints || listening.hears(image));
        let before = notices.len();
        notices.extend(told);
        of.resize(of.len() + notices.len() - before, record);
    }
    if let Err(error) = outbox.queue.send(&notices).await
        && let Some(record) = error.unsent.first().and_then(|place| of.get(*place))
    {
        answer.batch_item_failures.extend(failed_at(record, &error).batch_item_failures);
    }
    answer
}

/// A request with new commits, and the version it had before them.
fn committed(record: &EventRecord) -> Result<Option<(Record, u64)>, Error> {
    let is_request = |item: &Item| item.key().is_some_and(|key| key.sk == keys::MAIN && keys::parse_request_pk(&key.pk).is_some());
    let (old, new) = (item(&record.change.old_image), item(&record.change.new_image));
    if !is_request(&new) {
        return Ok(None);
    }
    let known = if old.key().is_some() { old.n("v")? } else { 0 };
    if known == new.n("v")? { Ok(None) } else { Ok(Some((Record::read(&new)?, known))) }
}

/// The notices of the commits that an image holds and the one before did not.
fn told(image: &Record, known: u64) -> impl Iterator<Item = Notice> {
    image.commits.iter().filter(move |sealed| sealed.commit.version > known).flat_map(|sealed| {
        let (commit, notices) = (&sealed.commit, notices(sealed));
        let (tenant, request, version, hash) = (&commit.tenant, &commit.request, commit.version, &sealed.hash);
        tracing::info!(%tenant, %request, version, commit = %hash, notices = notices.len(), "a commit goes on the queue");
        notices
    })
}
