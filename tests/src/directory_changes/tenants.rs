//! Tenants share the tick: what one has to do holds no other up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use approvals::store::jobs::{About, Job};
use approvals::store::keys;
use approvals_domain::ids::TenantId;

use crate::stage::seam::Fault;
use crate::stage::{Stage, person_id, tenant, tick};

/// Ids of jobs that stand in one shard, so that they wait for each other.
fn in_one_shard(of: &str, count: usize) -> Vec<String> {
    let ids = (0..).map(|n| format!("{of}{n}")).filter(|id| keys::job_shard(id) == keys::job_partition(0));
    ids.take(count).collect()
}

/// M7: an administrator who flips memberships all day puts hundreds of walks before the one of another tenant's leaver.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_one_tenant_s_jobs_never_hold_up_another_s() {
    let stage = Stage::new().await;
    stage.people("rita eve").await;
    stage.settle().await;
    let (busy, other, now) = (tenant(), TenantId::new("other").unwrap(), stage.app.clock.now());
    let about = || About::Person { person: person_id("eve"), manager: true };
    for id in in_one_shard("flip", 50) {
        stage.aside.stores.jobs.file(&Job::new(&busy, id, about(), now)).await.unwrap();
    }
    stage.advance_seconds(30);
    let id = in_one_shard("leaver", 1).remove(0);
    stage.aside.stores.jobs.file(&Job::new(&other, id.clone(), about(), stage.app.clock.now())).await.unwrap();
    stage.advance_seconds(30);

    // A tick that dies when it is through with a few of the fifty: two are worked on side by side, and short ones end sooner.
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ended);
    stage.seam.script(move |operation| {
        let through = counted.fetch_add(usize::from(operation == "DeleteItem"), Ordering::Relaxed);
        if through + usize::from(operation == "DeleteItem") > 10 { Fault::DropBefore } else { Fault::None }
    });
    let _ = tick(&stage.app, Duration::from_secs(60)).await;
    stage.seam.heal();
    assert!(stage.aside.stores.jobs.get(&keys::job(&other, &id)).await.unwrap().is_none(), "the other tenant's had its turn");

    // What is left is done by the next ones.
    stage.advance_seconds(3_600);
    stage.settle().await;
    for id in in_one_shard("flip", 50) {
        assert!(stage.aside.stores.jobs.get(&keys::job(&busy, &id)).await.unwrap().is_none(), "{id}");
    }
}
