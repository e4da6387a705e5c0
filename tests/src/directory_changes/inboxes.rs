//! Many changes of one role are one walk through its open requests.

use std::time::Duration;

use approvals::store::jobs::{Due, Job};
use approvals::store::keys;
use approvals_domain::ids::{RequestId, RoleId};
use escalation::Report;
use serde_json::json;

use super::{admins, rerouted, standing};
use crate::stage::seam::{Fault, dying};
use crate::stage::{Stage, tenant, tick};

/// Open requests of the role: more than a page of hints.
const OPEN: usize = 101;

/// Finance is asked: people `n000` and on. Ids of its open requests.
async fn stage(people: usize) -> (Stage, Vec<RequestId>) {
    let stage = Stage::new().await;
    stage.people("rita boss").await;
    stage.role("approval_admin", "boss").await;
    for n in 0..people {
        stage.people(&format!("n{n:03}")).await;
        stage.role("finance", &format!("n{n:03}")).await;
    }
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "role": "finance" }] }] })).await;
    let ids = submitted(&stage).await;
    (stage, ids)
}

async fn submitted(stage: &Stage) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for entity in 0..OPEN {
        ids.push(stage.submit("rita", &entity.to_string(), None).await.unwrap().record.state.id);
    }
    stage.settle().await;
    ids
}

async fn one_tick(stage: &Stage) -> Report {
    tick(&stage.app, Duration::from_secs(60)).await.unwrap()
}

/// Jobs that stand.
async fn waiting(stage: &Stage) -> Vec<Job> {
    let mut found = Vec::new();
    for shard in 0..keys::JOB_SHARDS {
        for (due, _) in stage.app.stores.jobs.due(&keys::job_partition(shard), stage.app.clock.now(), None, 1_000).await.unwrap().items {
            let Due::Job(key) = due else { panic!("{due:?}") };
            found.extend(stage.app.stores.jobs.get(&key).await.unwrap());
        }
    }
    found
}

/// M7: for each of those who leave a big role, every open request of it was looked at, one after the other.
#[tokio::test]
async fn m7_dozens_who_leave_a_big_role_have_its_requests_looked_at_once() {
    let (stage, ids) = stage(40).await;
    for n in 0..40 {
        if n % 2 == 0 {
            stage.person(&format!("n{n:03}"), None, false).await
        } else {
            stage.member("finance", &format!("n{n:03}"), false).await
        }
    }
    let report = one_tick(&stage).await;
    assert_eq!((report.looked_at, report.rerouted, report.failed), (OPEN as u64, OPEN as u64, 0), "{report:?}");
    assert_eq!(waiting(&stage).await, [], "nothing is left to do");
    for id in &ids {
        assert_eq!(standing(&stage.load(id).await).1, ["role:finance".to_owned(), admins()]);
    }
}

/// While a walk is under way the next one waits; when that begins, it does for all that asked meanwhile.
#[tokio::test]
async fn m7_whatever_changes_while_a_role_is_walked_through_is_one_walk_more() {
    let (stage, _) = stage(1).await;
    let (jobs, now) = (&stage.app.stores.jobs, stage.app.clock.now());
    let inbox = keys::inbox_role(&tenant(), &"finance".parse::<RoleId>().unwrap());
    let filed = |cause: &str| Job::for_inbox(&tenant(), &inbox, cause, now);
    for cause in ["a", "b", "c", "d"] {
        jobs.file(&filed(cause)).await.unwrap();
    }
    jobs.save(Job { worker: "before".to_owned(), ..filed("a") }).await.unwrap().unwrap();
    // The one under way may be through before the others have their turn, or after.
    let (one, two) = (one_tick(&stage).await, one_tick(&stage).await);
    assert_eq!(one.looked_at + two.looked_at, 2 * OPEN as u64, "{one:?} {two:?}");
    assert_eq!(one.jobs + two.jobs, 2, "{one:?} {two:?}");
    assert_eq!(waiting(&stage).await, [], "one did for all three");
}

/// The tick dies between any two calls of a long walk.
async fn dies(at: usize, last: Fault) -> bool {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    stage.role("approval_admin", "boss").await;
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "eve" }] }] })).await;
    let ids = submitted(&stage).await;
    stage.person("eve", None, false).await;
    stage.seam.take();
    stage.seam.script(dying(at, last));
    let _ = tick(&stage.app, Duration::from_secs(60)).await;
    let crossed = stage.seam.take().calls.len();
    stage.seam.heal();
    for _ in 0..2 {
        stage.advance_seconds(3_600);
        stage.settle().await;
    }
    for id in &ids {
        let record = stage.load(id).await;
        assert_eq!(standing(&record).1, ["user:eve".to_owned(), admins()], "killed at call {at}, {last:?}");
        assert_eq!(rerouted(&record), 1, "killed at call {at}, {last:?}");
    }
    assert_eq!(waiting(&stage).await, [], "killed at call {at}: something is left");
    crossed > at
}

/// From the change's own job over the walk's beginning into its first page.
#[tokio::test]
async fn a_long_walk_that_is_killed_anywhere_is_made_up_for() {
    for at in (12..28).step_by(2) {
        assert!(dies(at, if at % 4 == 0 { Fault::DropBefore } else { Fault::DropAfter }).await, "{at} is no place to die at");
    }
}
