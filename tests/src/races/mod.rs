//! Who is faster, what is lost on the way, and that neither changes what holds.

pub(crate) mod crash;
mod crowd;

use std::collections::BTreeSet;
use std::time::Duration;

use approvals::app::Error;
use approvals::app::commands::execute::How;
use approvals::store::requests::Record;
use approvals_domain::event::Decision;
use approvals_domain::hash::Hash;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::Status;
use serde_json::json;

use crate::stage::Stage;
use crate::stage::seam::Fault;

async fn two_of_a_role() -> Stage {
    let stage = Stage::new().await;
    stage.people("rita ann ben carl").await;
    stage.role("finance", "ann ben carl").await;
    let steps = json!([{ "id": "finance", "approvers": [{ "role": "finance" }], "required": 2 }]);
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    stage
}

#[tokio::test]
async fn a_vote_takes_two_round_trips() {
    let stage = two_of_a_role().await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    stage.seam.latency(Duration::from_millis(20));
    stage.seam.take();
    stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap();
    let crossed = stage.seam.take();
    assert_eq!((crossed.calls.len(), crossed.rounds), (3, 2), "{crossed:?}");
}

#[tokio::test]
async fn a_vote_that_met_another_vote_counts_as_the_second() {
    let stage = two_of_a_role().await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    let (ann, ben) = tokio::join!(
        stage.vote("ann", &shown, "finance", Decision::Approve, "a"),
        stage.vote("ben", &shown, "finance", Decision::Approve, "b")
    );
    assert_eq!((ann.unwrap().how, ben.unwrap().how), (How::Done, How::Done));
    let after = stage.load(&shown.state.id).await;
    assert_eq!((after.state.version, after.state.status()), (3, Status::Approved));
}

/// F1: the write holds, the answer is lost, the SDK tries again and meets its own version.
#[tokio::test]
async fn a_vote_whose_answer_was_lost_finds_itself() {
    let stage = two_of_a_role().await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    let mut lost = false;
    stage.seam.script(
        move |operation| {
            if operation == "PutItem" && !std::mem::replace(&mut lost, true) { Fault::DropAfter } else { Fault::None }
        },
    );
    let outcome = stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap();
    assert_eq!(outcome.how, How::Done);
    assert_eq!(stage.load(&shown.state.id).await.state.version, 2);
}

/// F2: the write holds, everything after it is lost, the caller comes back later with the same command.
#[tokio::test]
async fn a_vote_repeated_by_its_caller_is_applied_once() {
    let stage = two_of_a_role().await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    stage.seam.script(|operation| if operation == "PutItem" { Fault::DropAfter } else { Fault::None });
    assert!(stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap_err().retryable());
    stage.seam.heal();
    stage.advance_seconds(3 * 86_400);
    let outcome = stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap();
    assert_eq!((outcome.how, outcome.record.state.version), (How::Replayed, 2));
}

/// F6: what the table turns away for long is the caller's to repeat, and changed nothing.
#[tokio::test]
async fn a_vote_that_never_arrived_changed_nothing() {
    let stage = two_of_a_role().await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;
    for fault in [Fault::DropBefore, Fault::Throttle, Fault::ServerError] {
        stage.seam.script(move |_| fault);
        let error = stage.vote("ann", &shown, "finance", Decision::Approve, "a").await.unwrap_err();
        assert!(error.retryable(), "{fault:?}: {error:?}");
        stage.seam.heal();
        assert_eq!(stage.load(&shown.state.id).await.state.version, 1, "{fault:?}");
    }
}

/// Many at once, each repeating what was not answered: no vote is lost, none is counted twice.
#[tokio::test]
async fn many_votes_at_once_lose_none() {
    let stage = Stage::new().await;
    let voters: Vec<String> = (0..24).map(|n| format!("v{n:02}")).collect();
    stage.people(&format!("rita {}", voters.join(" "))).await;
    stage.role("all", &voters.join(" ")).await;
    let steps = json!([{ "id": "all", "approvers": [{ "role": "all" }], "required": "all" }]);
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    let shown = stage.submit("rita", "1", None).await.unwrap().record;

    let votes = voters.iter().map(|voter| async {
        while let Err(error) = stage.vote(voter, &shown, "all", Decision::Approve, voter).await {
            assert!(error.retryable(), "{error:?}");
        }
    });
    join_all(votes).await;
    whole(&stage, &shown, &voters.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// A network that fails in every way, by a seed; each voter repeats the same command until it is answered.
#[tokio::test]
async fn whatever_the_network_does_each_vote_counts_once() {
    for seed in 0..8u8 {
        let stage = two_of_a_role().await;
        let shown = stage.submit("rita", "1", None).await.unwrap().record;
        let mut nth = 0u64;
        stage.seam.script(move |_| {
            nth += 1;
            match Hash::of(&[&[seed], &nth.to_be_bytes()]).0[0] % 8 {
                0 => Fault::DropBefore,
                1 | 2 => Fault::DropAfter,
                3 => Fault::ServerError,
                _ => Fault::None,
            }
        });
        let votes = ["ann", "ben"].map(|voter| {
            let (stage, shown) = (&stage, &shown);
            async move {
                while let Err(error) = stage.vote(voter, shown, "finance", Decision::Approve, voter).await {
                    assert!(error.retryable(), "seed {seed}: {error:?}");
                }
            }
        });
        join_all(votes.into_iter()).await;
        stage.seam.heal();
        whole(&stage, &shown, &["ann", "ben"]).await;
    }
}

/// Approved by exactly these, each once, in a chain without gaps that folds to what stands there.
async fn whole(stage: &Stage, shown: &Record, voters: &[&str]) {
    let after = stage.load(&shown.state.id).await;
    assert_eq!((after.state.status(), after.state.version), (Status::Approved, voters.len() as u64 + 1));
    let (commits, _) = stage.app.requests.history(&after).await.unwrap();
    assert_eq!(commits.iter().map(|sealed| sealed.commit.version).collect::<Vec<_>>(), (1..=after.state.version).collect::<Vec<_>>());
    let mut cast: Vec<&str> = after.state.votes().map(|vote| vote.by.id.as_str()).collect();
    cast.sort_unstable();
    assert_eq!(cast, voters);
}

/// F25: many submissions for one entity make one open request.
#[tokio::test]
async fn one_entity_gets_one_request() {
    let stage = two_of_a_role().await;
    let submissions = (0..20).map(|_| stage.submit("rita", "1", None));
    let mut made = BTreeSet::new();
    for outcome in join_all(submissions).await {
        match outcome {
            Ok(outcome) => assert!(made.insert(outcome.record.state.id), "made twice"),
            Err(error) => assert!(matches!(error, Error::Refused(Refusal::EntityBusy(_))) || error.retryable(), "{error:?}"),
        }
    }
    assert_eq!(made.len(), 1);
}

/// The same key, the same body: one request, whenever the retry comes.
#[tokio::test]
async fn a_submission_repeated_with_its_key_makes_one_request() {
    let stage = two_of_a_role().await;
    let first = stage.submit("rita", "1", Some("k")).await.unwrap();
    stage.advance_seconds(86_400);
    let again = stage.submit("rita", "1", Some("k")).await.unwrap();
    assert_eq!((first.how, again.how), (How::Done, How::Replayed));
    assert_eq!(first.record.state.id, again.record.state.id);
    assert!(matches!(stage.submit("rita", "2", Some("k")).await, Err(Error::KeyReused)));
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        waiting.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
