//! Several archivers on one log at once.

use std::sync::Arc;

use super::{Vault, tenant, word, words};
use crate::stage::seam::Fault;

/// Two archivers append by turns and at once, on networks that lose an answer now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_archivers_never_fork_a_log_and_lose_no_leaf() {
    let vault = Vault::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..2 {
        let (archiver, seam, objects) = vault.archiver();
        let flaky = move || {
            let mut calls = writer * 3;
            move |_: &str| {
                calls += 1;
                if calls % 23 == 0 { Fault::DropAfter } else { Fault::None }
            }
        };
        seam.script(flaky());
        objects.script(flaky());
        writers.spawn(async move {
            for n in 0..40 {
                let leaf = [word(writer * 1_000 + n)];
                // As the stream does: what failed comes again.
                while archiver.append(&tenant(), &leaf).await.is_err() {}
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    vault.archiver().0.refresh(&tenant()).await.unwrap();
    let report = vault.verify().await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!(report.directory, 80);
}

/// One archiver stands still just before it publishes; another goes on. The late one must not set the log back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_checkpoint_does_not_set_the_log_back() {
    let vault = Vault::new().await;
    vault.archiver().0.append(&tenant(), &words(0..2)).await.unwrap();
    let (late, _, objects) = vault.archiver();
    let (reached, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let (tell, wait) = (Arc::clone(&reached), Arc::clone(&go));
    let mut puts = 0;
    objects.script(move |call| {
        puts += usize::from(call == "put");
        // Staged, entries, hashes; then the checkpoint.
        if call == "put" && puts == 4 {
            tell.notify_one();
            wait.wait();
        }
        Fault::None
    });
    let slow = tokio::spawn(async move { late.append(&tenant(), &words(2..4)).await });
    reached.notified().await;
    vault.archiver().0.append(&tenant(), &words(4..6)).await.unwrap();
    tokio::task::spawn_blocking(move || go.wait()).await.unwrap();
    slow.await.unwrap().unwrap();
    let report = vault.verify().await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!((report.size, report.directory), (6, 6));
}

/// Somebody with the right to write there put something else where a tile belongs: the archiver stops, and signs nothing over it.
#[tokio::test]
async fn a_file_that_is_not_ours_stops_the_archiver() {
    use object_store::{ObjectStoreExt, PutPayload};
    let vault = Vault::new().await;
    vault.archiver().0.append(&tenant(), &words(0..2)).await.unwrap();
    let path = object_store::path::Path::from("archive/default/tile/0/000.p/3");
    vault.objects.put(&path, PutPayload::from(vec![7; 96])).await.unwrap();
    let (archiver, _, _) = vault.archiver();
    let told = archiver.append(&tenant(), &words(2..3)).await.unwrap_err().to_string();
    assert!(told.contains("tile/0/000.p/3"), "{told}");
    let report = vault.verify().await;
    assert_eq!(report.size, 2, "nothing longer was signed");
    // A checkpoint by somebody else's key.
    vault.objects.put(&object_store::path::Path::from("archive/default/checkpoint"), PutPayload::from(b"x".to_vec())).await.unwrap();
    assert!(vault.archiver().0.append(&tenant(), &words(3..4)).await.is_err());
}

/// An hour without leaves: the same log, signed later.
#[tokio::test]
async fn a_quiet_log_is_signed_anew() {
    let vault = Vault::new().await;
    let (archiver, _, objects) = vault.archiver();
    archiver.refresh(&tenant()).await.unwrap();
    assert!(objects.files("archive/default/").await.is_empty(), "no log, no checkpoint");
    archiver.append(&tenant(), &words(0..3)).await.unwrap();
    let before = objects.files("archive/default/").await;
    archiver.refresh(&tenant()).await.unwrap();
    let after = objects.files("archive/default/").await;
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(vault.verify().await.ok);
    assert!(objects.files("staging/").await.is_empty(), "nothing staged is left behind");
}

/// A batch comes again because of a neighbour's log: the others do not grow each time.
#[tokio::test]
async fn what_was_just_appended_is_not_appended_again() {
    let vault = Vault::new().await;
    let (archiver, _, _) = vault.archiver();
    archiver.append(&tenant(), &words(0..3)).await.unwrap();
    for _ in 0..5 {
        archiver.append(&tenant(), &words(0..4)).await.unwrap();
    }
    let report = vault.verify().await;
    assert!(report.ok && report.size == 4, "{report:?}");
}
