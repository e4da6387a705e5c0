//! The outbox: what each commit means to whom, put on the queue. The commit is the only thing written to be told about; the stream
//! brings it here at least once, and a notice made twice is the same notice.
//!
//! INVARIANT (I9): a record is done only when all its notices are on the queue. One that cannot be read, a kind of event of a newer
//! build included, fails; it comes again, and is parked in the end. Nothing is skipped.

use approvals::queue::Queue;
use approvals::runtime::batch::failed_at;
use approvals::store::keys;
use approvals::store::request::Record;
use approvals::store::{Error, Item};
use approvals::wire::notice_v1::{Audience, Kind, Notice, SCHEMA};
use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::commit::Sealed;
use approvals_domain::event::Event as Happened;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;

use crate::item;

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

/// What a commit means to whom: at most one notice for each audience.
pub fn notices(sealed: &Sealed) -> Vec<Notice> {
    let mut all: Vec<Notice> = Vec::new();
    for (index, event) in sealed.commit.events.iter().enumerate() {
        for (audience, kind, only) in audiences(event) {
            match all.iter_mut().find(|notice| notice.audience == audience) {
                // The whole audience hears of it already, or these join those who do.
                Some(notice) if notice.only.is_empty() || only.is_empty() => {
                    notice.only = Vec::new();
                }
                Some(notice) => notice.only.extend(only),
                None => all.push(notice(sealed, index, audience, kind, only)),
            }
        }
    }
    all
}

fn notice(sealed: &Sealed, index: usize, audience: Audience, kind: Kind, only: Vec<Candidate>) -> Notice {
    let commit = &sealed.commit;
    Notice {
        schema: SCHEMA,
        id: Notice::id_of(&sealed.hash, &audience),
        tenant: commit.tenant.clone(),
        request: commit.request.clone(),
        version: commit.version,
        commit: sealed.hash,
        event: u32::try_from(index).unwrap_or(u32::MAX),
        at: commit.at,
        audience,
        kind,
        by: commit.actor.person().cloned(),
        only,
        retry: None,
    }
}

/// Who hears of an event, and as what. Systems hear of everything.
fn audiences(event: &Happened) -> Vec<(Audience, Kind, Vec<Candidate>)> {
    let everybody = Vec::new;
    let added = |placed: &[Placed]| placed.iter().map(|placed| placed.candidate.clone()).collect::<Vec<_>>();
    let people = match event {
        Happened::Opened { step, .. } => Some((Audience::Approvers(step.clone()), Kind::Asked, everybody())),
        Happened::Widened { step, candidates } => Some((Audience::Approvers(step.clone()), Kind::Asked, added(candidates))),
        Happened::Reminded { step, .. } => Some((Audience::Approvers(step.clone()), Kind::Reminded, everybody())),
        // A level that adds nobody reminds those who were asked before.
        Happened::Escalated { step, candidates, .. } if candidates.is_empty() => {
            Some((Audience::Approvers(step.clone()), Kind::Reminded, everybody()))
        }
        Happened::Escalated { step, candidates, .. } => Some((Audience::Approvers(step.clone()), Kind::Escalated, added(candidates))),
        Happened::Reassigned { step, to, .. } => {
            Some((Audience::Approvers(step.clone()), Kind::Reassigned, vec![Candidate::User(to.clone())]))
        }
        Happened::Blocked { .. } => Some((Audience::Administrators, Kind::Blocked, everybody())),
        Happened::Commented { .. } => Some((Audience::Requester, Kind::Commented, everybody())),
        Happened::Returned { .. } => Some((Audience::Requester, Kind::Returned, everybody())),
        Happened::Approved { .. } => Some((Audience::Requester, Kind::Approved, everybody())),
        Happened::Rejected {} => Some((Audience::Requester, Kind::Rejected, everybody())),
        Happened::Cancelled { .. } => Some((Audience::Requester, Kind::Cancelled, everybody())),
        Happened::Expired {} => Some((Audience::Requester, Kind::Expired, everybody())),
        Happened::Submitted { .. }
        | Happened::Resubmitted { .. }
        | Happened::Voted(_)
        | Happened::TimedOut { .. }
        | Happened::Closed { .. } => None,
    };
    let systems = (Audience::Endpoints, Kind::Committed, everybody());
    people.into_iter().chain([systems]).collect()
}
