//! Before it takes effect: one start of many, a receipt that others can check, and changes of mind, on a whole service.

mod http;

use approvals::app::Error;
use approvals::app::commands::execute::{How, Outcome};
use approvals::store::requests::Record;
use approvals_domain::actor::Caller;
use approvals_domain::command::Command;
use approvals_domain::event::{Decision, EffectEnd, Event};
use approvals_domain::hash::Hash;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use approvals_domain::timers::Due;
use futures_util::future::join_all;
use serde_json::json;

use crate::stage::{Stage, caller};

/// A request of `rita`, approved by `ann`, whose effect waits for an hour. `erp` carries effects out.
async fn approved() -> (Stage, Record) {
    let stage = Stage::new().await;
    stage.people("rita ann erp").await;
    stage.role("approval_effect", "erp").await;
    let steps = json!([{ "id": "finance", "approvers": [{ "user": "ann" }] }]);
    stage.template(json!({ "key": "t", "title": "T", "steps": steps, "effect": { "confirm": true, "within": "1h" } })).await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    let record = stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap().record;
    assert!(record.state.is_pending());
    (stage, record)
}

fn start(on: &Record) -> Command {
    Command::StartEffect { payload_hash: on.state.payload_hash }
}

fn done(answers: &[Result<Outcome, Error>]) -> usize {
    answers.iter().filter(|answer| matches!(answer, Ok(Outcome { how: How::Done, .. }))).count()
}

/// How often an effect was started, by its commits.
async fn starts(stage: &Stage, of: &Record) -> usize {
    let record = stage.load(&of.state.id).await;
    let (history, _) = stage.app.requests.history(&record).await.unwrap();
    history.iter().flat_map(|sealed| &sealed.commit.events).filter(|event| matches!(event, Event::EffectStarted { .. })).count()
}

#[tokio::test]
async fn g1_a_thousand_starts_at_once_have_one_winner() {
    let (stage, record) = approved().await;
    let ids: Vec<String> = (0..1_000).map(|n| format!("start {n}")).collect();
    let answers = join_all(ids.iter().map(|id| stage.command(caller("erp"), &record, start(&record), id))).await;
    assert_eq!(done(&answers), 1);
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(matches!(answer, Error::Refused(Refusal::EffectStarted { .. })), "{answer}");
    }
    assert_eq!(starts(&stage, &record).await, 1);
}

#[tokio::test]
async fn g1_a_start_repeated_by_its_caller_is_one_start() {
    let (stage, record) = approved().await;
    let first = stage.command(caller("erp"), &record, start(&record), "s").await.unwrap();
    let again = stage.command(caller("erp"), &record, start(&record), "s").await.unwrap();
    assert_eq!((first.how, again.how), (How::Done, How::Replayed));
    assert_eq!(starts(&stage, &record).await, 1);
}

/// Against each of these a start wins or loses, never both.
#[tokio::test]
async fn g2_a_start_and_a_recall_a_cancel_or_the_expiry_have_one_winner() {
    let recall = Command::Recall { reason: Hash([1; 32]), on_behalf_of: None };
    let cancel = Command::Cancel { reason: None };
    let against: [(Caller, Command, Status); 2] = [(caller("ann"), recall, Status::Returned), (caller("rita"), cancel, Status::Cancelled)];
    for (by, command, lost) in against {
        for first in [true, false] {
            let (stage, record) = approved().await;
            let starting = stage.command(caller("erp"), &record, start(&record), "s");
            let ending = stage.command(by.clone(), &record, command.clone(), "e");
            let (a, b) = if first {
                tokio::join!(starting, ending)
            } else {
                let (b, a) = tokio::join!(ending, starting);
                (a, b)
            };
            let status = stage.load(&record.state.id).await.state.status();
            let started = a.is_ok();
            assert_eq!(done(&[a, b]), 1);
            assert_eq!(status, if started { Status::Approved } else { lost });
        }
    }
    let (stage, record) = approved().await;
    stage.advance_seconds(3_600);
    let (a, b) = tokio::join!(stage.command(caller("erp"), &record, start(&record), "s"), stage.app.fire(&record, &Due::EffectExpired));
    let status = stage.load(&record.state.id).await.state.status();
    assert_eq!(status, if a.is_ok() { Status::Approved } else { Status::Expired });
    assert_eq!(done(&[a, b]), 1);
}

#[tokio::test]
async fn g6_an_entity_is_busy_until_nothing_can_open_its_request_again() {
    let (stage, record) = approved().await;
    let busy = |answer: Result<Outcome, Error>| matches!(answer, Err(Error::Refused(Refusal::EntityBusy(_))));
    assert!(busy(stage.submit("rita", "1", None).await), "approved, and not started");
    stage.command(caller("erp"), &record, start(&record), "s").await.unwrap();
    assert!(busy(stage.submit("rita", "1", None).await), "started: a failure would open it again");
    let finish = Command::FinishEffect { end: EffectEnd::Done, reference: None };
    stage.command(caller("erp"), &record, finish, "f").await.unwrap();
    assert_eq!(stage.submit("rita", "1", None).await.unwrap().record.state.previous, Some(record.state.id));
}

/// The cost of each: one write.
#[tokio::test]
async fn start_and_finish_take_one_write_each() {
    let (stage, record) = approved().await;
    let writes = |calls: Vec<String>| calls.iter().filter(|call| call.contains("Put") || call.contains("Transact")).count();
    stage.seam.take();
    stage.command(caller("erp"), &record, start(&record), "s").await.unwrap();
    assert_eq!(writes(stage.seam.take().calls.iter().map(|call| format!("{call:?}")).collect()), 1);
    let finish = Command::FinishEffect { end: EffectEnd::Failed, reference: None };
    stage.command(caller("erp"), &record, finish, "f").await.unwrap();
    assert_eq!(writes(stage.seam.take().calls.iter().map(|call| format!("{call:?}")).collect()), 1);
}
