//! Approve, reject, cancel and escalate meet on one version, in every order: one is written first, and the other is decided after it.

use std::sync::Arc;
use std::time::Duration;

use crate::stage::tick;
use approvals::store::requests::Record;
use approvals_domain::command::Command;
use approvals_domain::event::{Decision, Event};

use super::{acts, ladder, stage, submit};
use crate::stage::{Stage, caller};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Approve,
    Reject,
    Cancel,
    Escalate,
}

const ALL: [Act; 4] = [Act::Approve, Act::Reject, Act::Cancel, Act::Escalate];

/// `true`: it was taken.
async fn play(stage: &Stage, act: Act, shown: &Record, aside: bool) -> bool {
    let decision = match act {
        Act::Approve => Decision::Approve,
        Act::Reject => Decision::Reject,
        Act::Cancel => {
            let (command, id) = (Command::Cancel { reason: None }, "cancel");
            return match aside {
                true => stage.command_aside(caller("rita"), shown, command, id).await.is_ok(),
                false => stage.command(caller("rita"), shown, command, id).await.is_ok(),
            };
        }
        Act::Escalate => {
            let app = if aside { &stage.aside } else { &stage.app };
            return tick(app, Duration::from_secs(60)).await.unwrap().fired == 1;
        }
    };
    let id = if aside { "aside" } else { "held" };
    match aside {
        true => stage.vote_aside("eve", shown, "s", decision, id).await.is_ok(),
        false => stage.vote("eve", shown, "s", decision, id).await.is_ok(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_first_on_a_version_is_obeyed_and_the_other_is_judged_after_it() {
    for (held, first) in ALL.into_iter().flat_map(|held| ALL.map(|first| (held, first))) {
        let stage = Arc::new(stage(ladder()).await);
        let id = submit(&stage, "1").await;
        let shown = stage.load(&id).await;
        stage.advance_seconds(10 * 3_600);
        stage.seam.hold("PutItem");
        let (late, seen) = (Arc::clone(&stage), shown.clone());
        let slow = tokio::spawn(async move { play(&late, held, &seen, false).await });
        stage.seam.somebody_waits().await;
        assert!(play(&stage, first, &shown, true).await, "{first:?} is first");
        stage.seam.let_through();
        let taken = slow.await.unwrap();

        let record = stage.load(&id).await;
        let (commits, _) = stage.aside.requests.history(&record).await.unwrap();
        let ends = commits.iter().flat_map(|sealed| &sealed.commit.events);
        let ends = ends.filter(|event| matches!(event, Event::Approved { .. } | Event::Rejected {} | Event::Cancelled { .. })).count();
        let both = [held, first];
        assert_eq!(ends, usize::from(both.iter().any(|act| *act != Act::Escalate)), "{held:?} after {first:?}: {commits:#?}");
        // Only what comes after an escalation is still to be decided; the same once more changes nothing.
        assert_eq!(taken, first == Act::Escalate && held != Act::Escalate || taken && held == first, "{held:?} after {first:?}");
        assert_eq!(acts(&record).len(), usize::from(first == Act::Escalate), "{held:?} after {first:?}: nothing escalates what is over");
        assert_eq!(commits.len() as u64, record.state.version, "{held:?} after {first:?}");
    }
}

/// A tick that takes long: a reminder is due when it reads the request, and a level when it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_due_during_a_tick_is_not_put_off() {
    for operation in ["Query", "GetItem", "PutItem"] {
        let stage = Arc::new(stage(ladder()).await);
        let id = submit(&stage, "1").await;
        stage.advance_seconds(5 * 3_600);
        stage.seam.hold(operation);
        let slow = Arc::clone(&stage);
        let slow = tokio::spawn(async move { tick(&slow.app, Duration::from_secs(60)).await.unwrap() });
        stage.seam.somebody_waits().await;
        stage.advance_seconds(5 * 3_600);
        stage.seam.let_through();
        assert_eq!(slow.await.unwrap().failed, 0);
        tick(&stage.app, Duration::from_secs(60)).await.unwrap();
        let told = acts(&stage.load(&id).await);
        assert!(told.ends_with(&["level 1".to_owned()]), "held at {operation}: {told:?}");
        assert_eq!(stage.load(&id).await.timer(), Some(stage.app.clock.now().plus_hours(10.0)), "held at {operation}");
    }
}
