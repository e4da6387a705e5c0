//! Somebody leaves, joins, or reports to somebody else: the tick looks at every open request that may feel it.

use std::time::Duration;

use crate::stage::tick;
use approvals::store::Freshness;
use approvals::store::jobs::{About, Due, Job};
use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RequestId, TenantId};
use approvals_domain::state::StepPhase;
use serde_json::json;

use super::{admins, rerouted, standing};
use crate::stage::Stage;

async fn stage(approvers: serde_json::Value) -> Stage {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    stage.template(json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": approvers }] })).await;
    stage
}

async fn submit(stage: &Stage, count: usize) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for entity in 0..count {
        ids.push(stage.submit("rita", &entity.to_string(), None).await.unwrap().record.state.id);
    }
    stage.settle().await;
    ids
}

#[tokio::test]
async fn no_task_stays_with_somebody_who_left() {
    let stage = stage(json!([{ "user": "eve" }])).await;
    stage.role("approval_admin", "boss").await;
    // More than one page of hints.
    let ids = submit(&stage, 120).await;
    stage.person("eve", None, false).await;
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    // Hers, the one that walks her inbox, and the one that people hear by.
    assert_eq!((report.jobs, report.rerouted, report.failed, report.more), (3, 120, 0, false));
    stage.drain().await;
    for id in &ids {
        let record = stage.load(id).await;
        assert_eq!(standing(&record), (StepPhase::Open, vec!["user:eve".to_owned(), admins()]));
        assert_eq!(rerouted(&record), 1);
    }
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.jobs, report.looked_at), (0, 0), "nothing is left to do");
    let record = stage.load(&ids[0]).await;
    stage.vote("boss", &record, "s", Decision::Approve, "v").await.unwrap();
}

#[tokio::test]
async fn a_blocked_step_opens_when_somebody_joins() {
    let stage = stage(json!([{ "role": "finance" }])).await;
    stage.role("finance", "eve").await;
    let ids = submit(&stage, 2).await;
    stage.member("finance", "eve", false).await;
    stage.settle().await;
    for id in &ids {
        assert_eq!(standing(&stage.load(id).await).0, StepPhase::Blocked);
    }
    stage.member("finance", "boss", true).await;
    stage.settle().await;
    for id in &ids {
        assert_eq!(standing(&stage.load(id).await).0, StepPhase::Open);
    }
    // The administrators' role catches what is blocked as well.
    stage.member("finance", "boss", false).await;
    stage.settle().await;
    assert_eq!(standing(&stage.load(&ids[0]).await).0, StepPhase::Blocked);
    stage.role("approval_admin", "eve").await;
    stage.settle().await;
    assert_eq!(standing(&stage.load(&ids[0]).await).0, StepPhase::Open);
}

#[tokio::test]
async fn a_new_manager_reopens_what_waited_for_one() {
    let stage = Stage::new().await;
    stage.people("eve boss root1").await;
    stage.person("rita", Some("eve"), true).await;
    let steps = json!([{ "id": "s", "approvers": [{ "manager_of": "requester" }] }]);
    stage.template(json!({ "key": "t", "title": "T", "steps": steps })).await;
    let ids = submit(&stage, 1).await;
    stage.person("eve", None, false).await;
    stage.settle().await;
    assert_eq!(standing(&stage.load(&ids[0]).await).0, StepPhase::Blocked);
    stage.person("rita", Some("boss"), true).await;
    stage.settle().await;
    let (phase, candidates) = standing(&stage.load(&ids[0]).await);
    assert_eq!(phase, StepPhase::Open);
    assert!(candidates.contains(&"user:boss".to_owned()), "{candidates:?}");
}

/// Whoever is barred counts nowhere: a role that bars is no candidate, and yet its members matter.
#[tokio::test]
async fn barring_somebody_is_felt_where_they_were_needed() {
    let stage = Stage::new().await;
    stage.people("rita eve boss").await;
    let steps = json!([{ "id": "s", "approvers": [{ "user": "eve" }] }]);
    stage.template(json!({ "key": "t", "title": "T", "barred": [{ "role": "suppliers" }], "steps": steps })).await;
    let ids = submit(&stage, 1).await;
    stage.role("suppliers", "eve").await;
    stage.settle().await;
    assert_eq!(standing(&stage.load(&ids[0]).await).0, StepPhase::Blocked);
}

/// What changes nobody's rights makes no job, and costs the tick nothing.
#[tokio::test]
async fn a_new_name_makes_no_job() {
    let stage = stage(json!([{ "user": "eve" }])).await;
    stage.settle().await;
    let eve = PersonId::new("eve").unwrap();
    let before = stage.app.directory.person(&TenantId::new("default").unwrap(), &eve, Freshness::Strong).await.unwrap().unwrap();
    let user = approvals::store::directory::User { name: "Eve the second".to_owned(), ..before.user };
    stage.put_user("eve", &user).await;
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!(report.due, 0);
}

/// A request that cannot be looked at gets a job of its own, which waits longer each time, and holds up none of its neighbours.
#[tokio::test]
async fn a_damaged_request_holds_up_nobody() {
    let stage = stage(json!([{ "user": "eve" }])).await;
    stage.role("approval_admin", "boss").await;
    let ids = submit(&stage, 3).await;
    stage.damage(&ids[1]).await;
    stage.person("eve", None, false).await;
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.jobs, report.rerouted, report.failed), (2, 2, 1), "hers, and the one that people hear by");
    for wait in [30, 30, 60, 120] {
        let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
        assert_eq!(report.failed, 0, "not due yet");
        stage.advance_seconds(wait);
        let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
        assert_eq!((report.jobs, report.failed), (0, 1), "after {wait} s");
    }
}

/// A tick without time takes nothing, says that there is more, and the next one does it.
#[tokio::test]
async fn what_a_tick_has_no_time_for_the_next_one_takes() {
    let stage = stage(json!([{ "user": "eve" }])).await;
    stage.role("approval_admin", "boss").await;
    let ids = submit(&stage, 2).await;
    stage.person("eve", None, false).await;
    let report = tick(&stage.app, Duration::ZERO).await.unwrap();
    assert!(report.more && report.looked_at == 0, "{report:?}");
    let report = tick(&stage.app, Duration::from_secs(60)).await.unwrap();
    assert_eq!((report.jobs, report.rerouted), (2, 2));
    assert_eq!(rerouted(&stage.load(&ids[1]).await), 1);
}

/// Two who work on one job at once: one of them finds it taken.
#[tokio::test]
async fn a_job_is_one_worker_s_at_a_time() {
    let stage = stage(json!([{ "user": "eve" }])).await;
    stage.role("approval_admin", "boss").await;
    let ids = submit(&stage, 20).await;
    stage.person("eve", None, false).await;
    stage.seam.latency(Duration::from_millis(1));
    let ticks = tokio::join!(tick(&stage.app, Duration::from_secs(60)), tick(&stage.app, Duration::from_secs(60)));
    let (one, two) = (ticks.0.unwrap(), ticks.1.unwrap());
    // What people hear by may be filed by both: it is the same notice.
    let hers = one.jobs + two.jobs - 1;
    assert!((1..=2).contains(&hers), "{hers}");
    assert_eq!((one.rerouted + two.rerouted, one.failed + two.failed), (20, 0));
    for id in &ids {
        assert_eq!(rerouted(&stage.load(id).await), 1);
    }
}

/// Whoever lost the answer to a write of their own recognises it.
#[tokio::test]
async fn a_job_s_write_whose_answer_is_lost_is_one_s_own() {
    let stage = Stage::new().await;
    let tenant = TenantId::new("default").unwrap();
    let now = stage.app.clock.now();
    let job = Job::new(&tenant, "one".to_owned(), About::Person { person: PersonId::new("eve").unwrap(), manager: false }, now);
    let jobs = &stage.app.stores.jobs;
    jobs.file(&job).await.unwrap();
    let job = Job { worker: "w".to_owned(), ..job };
    let next = jobs.save(job.clone()).await.unwrap().unwrap();
    assert_eq!(jobs.save(job.clone()).await.unwrap(), Some(next.clone()), "the same write again");
    assert_eq!(jobs.save(Job { worker: "other".to_owned(), ..job.clone() }).await.unwrap(), None, "somebody else's");
    jobs.end(&job).await.unwrap();
    let mut found = Vec::new();
    for shard in 0..approvals::store::keys::JOB_SHARDS {
        found.extend(jobs.due(&approvals::store::keys::job_partition(shard), now, None, 10).await.unwrap().items);
    }
    assert_eq!(found.len(), 1, "a stale worker ends nothing");
    let Due::Job(key) = &found[0].0 else { panic!("{found:?}") };
    assert_eq!(jobs.get(key).await.unwrap(), Some(next.clone()));
    jobs.end(&next).await.unwrap();
    assert_eq!(jobs.get(key).await.unwrap(), None);
}
