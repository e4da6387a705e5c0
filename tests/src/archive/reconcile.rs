//! What the stream did not bring: records trimmed after a day, parked, or from before there was an archive. The table itself says it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use approvals::runtime::deadline::Deadline;
use approvals::store::keys::{self, Key};
use approvals::store::table::schema::{APPROVALS, LOCKS};
use approvals::store::{Freshness, Item, Table};
use approvals_domain::actor::{Actor, SystemPart};
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use archive::archiver::Archiver;
use archive::reconcile::{Ask, Report as Reconciled, reconcile};
use audit_log::leaf::Leaf;
use audit_log::verify::Code;
use serde_json::json;
use tempfile::TempDir;

use super::week::{START, report, week};
use super::{Vault, tenant, word, words};
use crate::stage::api::Api;
use crate::stage::seam::Fault;
use crate::stage::tags;

/// The item that tells a leaf of [`word`].
pub(super) fn row(n: usize) -> Item {
    let leaf = word(n);
    let Ok(Leaf::Directory { hash, bytes }) = Leaf::read(&leaf) else { panic!("not a word") };
    Item::new(&key(n)).bytes("c", bytes).bytes("h", hash.0)
}

fn key(n: usize) -> Key {
    keys::directory_log(&tenant(), &format!("user/u{n}"), 1)
}

pub(super) async fn fill(table: &Table, range: std::ops::Range<usize>) {
    table.batch_write(range.map(row).collect(), &[]).await.unwrap();
}

/// 60 versions of a long template: 3 MB, which are several pages.
pub(super) async fn fill_pages(table: &Table) {
    let title = "x".repeat(50_000);
    let version = |n: u32| {
        let text = json!({ "key": "t", "title": format!("{n} {title}"), "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] });
        let text = String::from_utf8(approvals_domain::hash::canonical(&text)).unwrap();
        let item = Item::new(&keys::template_version(&tenant(), &"t".parse().unwrap(), n));
        item.bytes("ch", Hash::of(&[text.as_bytes()]).0).text("y", text)
    };
    table.batch_write((1..=60).map(version).collect(), &[]).await.unwrap();
}

impl Vault {
    /// A table of words, and things beside them that are nobody's leaves.
    async fn table(&self, range: std::ops::Range<usize>) -> Table {
        self.engine.create_table(&APPROVALS, APPROVALS.name).await.unwrap();
        let table = Table::new(self.engine.clients().dynamodb, APPROVALS.name).with_tags(tags());
        fill(&table, range).await;
        let choices = Item::new(&keys::preferences(&tenant(), &"ann".parse().unwrap())).text("d", "{}").number("v", 1);
        let person = Item::new(&keys::person(&tenant(), &"ann".parse().unwrap())).text("d", "{}").number("v", 1);
        table.batch_write(vec![choices, person], &[]).await.unwrap();
        table
    }
}

const LONG: Duration = Duration::from_secs(3_600);

async fn whole(archiver: &Archiver, table: &Table) -> Reconciled {
    reconcile(archiver, table, Ask::default(), Deadline::after(LONG)).await.unwrap()
}

#[tokio::test]
async fn what_a_log_lacks_is_appended_once_and_nothing_else() {
    let vault = Vault::new().await;
    let table = vault.table(0..300).await;
    let (archiver, _, _) = vault.archiver();
    // Every third word came by the stream.
    let some: Vec<Vec<u8>> = (0..300).step_by(3).map(word).collect();
    archiver.append(&tenant(), &some).await.unwrap();
    let first = whole(&archiver, &table).await;
    assert_eq!((first.items, first.held, first.appended, first.violations, &first.next), (300, 100, 200, 0, &None));
    let again = whole(&vault.archiver().0, &table).await;
    assert_eq!((again.held, again.appended), (300, 0), "nothing is found twice");
    let report = vault.verify().await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!((report.directory, report.duplicates), (300, 0));
}

/// Two look at once, and the stream brings the same words besides: each stands there once, but for what the stream brings late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_append_no_leaf_twice() {
    let vault = Vault::new().await;
    let table = vault.table(0..400).await;
    let (one, other, stream) = (vault.archiver().0, vault.archiver().0, vault.archiver().0);
    let tenant = tenant();
    let later = words(1_000..1_300);
    let streamed = async {
        for batch in later.chunks(20) {
            stream.append(&tenant, batch).await.unwrap();
        }
    };
    let (a, b, ()) = tokio::join!(whole(&one, &table), whole(&other, &table), streamed);
    assert_eq!(a.appended + b.appended, 400, "{a:?} {b:?}");
    let report = vault.verify().await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!((report.directory, report.duplicates), (700, 0));
}

/// One has read what the log lacks, and stands still before its swap; another one appends all of it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_late_looks_again_at_the_log_it_swaps() {
    let vault = Vault::new().await;
    let table = vault.table(0..30).await;
    vault.archiver().0.append(&tenant(), &words(0..10)).await.unwrap();
    let ((late, seam, _), of_late) = (vault.archiver(), table.clone());
    seam.hold("PutItem");
    let slow = tokio::spawn(async move { whole(&late, &of_late).await });
    seam.somebody_waits().await;
    // And a word that the table does not know, so that the log is not what the late one would make of it.
    vault.archiver().0.append(&tenant(), &words(40..41)).await.unwrap();
    assert_eq!(whole(&vault.archiver().0, &table).await.appended, 20);
    seam.let_through();
    assert_eq!(slow.await.unwrap().appended, 0);
    let report = vault.verify().await;
    assert!(report.ok, "{:?}", report.faults);
    assert_eq!((report.directory, report.duplicates), (31, 0));
}

/// It dies at its nth call, to the table, the locks or the objects; the next one makes good.
#[tokio::test]
async fn killed_anywhere_it_is_made_up_for_without_a_leaf_twice() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let mut at = 0;
        while dies(at, last).await {
            at += 1;
        }
        assert!(at > 10, "only {at} places to die at were tried");
    }
}

async fn dies(at: usize, last: Fault) -> bool {
    let vault = Vault::new().await;
    let table = vault.table(0..9).await;
    vault.archiver().0.append(&tenant(), &words(0..4)).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let script = || {
        let calls = Arc::clone(&calls);
        move |_: &str| match calls.fetch_add(1, Ordering::SeqCst) {
            n if n < at => Fault::None,
            n if n == at => last,
            _ => Fault::DropBefore,
        }
    };
    let (archiver, seam, objects) = vault.archiver();
    seam.script(script());
    objects.script(script());
    let _ = reconcile(&archiver, &table, Ask::default(), Deadline::after(LONG)).await;
    let crossed = calls.load(Ordering::SeqCst);
    whole(&vault.archiver().0, &table).await;
    let report = vault.verify().await;
    assert!(report.ok, "killed at call {at}, {last:?}: {:?}", report.faults);
    assert_eq!((report.directory, report.duplicates), (9, 0), "killed at call {at}, {last:?}");
    crossed > at
}

/// Near its end it says where it was, and goes on there.
#[tokio::test]
async fn it_stops_in_time_and_goes_on_from_its_place() {
    let vault = Vault::new().await;
    let table = vault.table(0..5).await;
    fill_pages(&table).await;
    let (archiver, _, _) = vault.archiver();
    let (mut place, mut shares, mut appended) = (None, 0, 0);
    loop {
        let ask = Ask { since: None, place: place.take() };
        let share = reconcile(&archiver, &table, ask, Deadline::after(Duration::ZERO)).await.unwrap();
        (shares, appended) = (shares + 1, appended + share.appended);
        place = share.next;
        if place.is_none() {
            break;
        }
    }
    assert!(shares >= 3, "3 MB are more than {shares} pages");
    assert_eq!(appended, 65);
    let report = vault.verify().await;
    assert!(report.ok && report.size == 65 && report.directory == 5, "{report:?}");
    assert_eq!(report.late, 65, "nobody saw when they were written");
}

#[tokio::test]
async fn what_is_older_than_asked_is_left_alone() {
    let vault = Vault::new().await;
    let table = vault.table(0..3).await;
    let actor = Actor::System { part: SystemPart::Directory };
    let event = DirectoryEvent::User { active: true, manager: None, details: Hash::ZERO, link_epoch: 0, term: 0 };
    let at = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    let (bytes, hash) = DirectoryCommit::next(&tenant(), "user/new", (0, Hash::ZERO), at, &actor, event).seal();
    let item = Item::new(&keys::directory_log(&tenant(), "user/new", 1)).bytes("c", bytes).bytes("h", hash.0);
    table.put(item, None).await.unwrap();
    let (archiver, _, _) = vault.archiver();
    let since = |text: &str| Ask { since: Timestamp::parse(text), place: None };
    let late = reconcile(&archiver, &table, since("2026-03-02T09:00:00.001Z"), Deadline::after(LONG)).await.unwrap();
    assert_eq!((late.items, late.appended), (4, 0));
    let in_time = reconcile(&archiver, &table, since("2026-03-02T09:00:00Z"), Deadline::after(LONG)).await.unwrap();
    assert_eq!(in_time.appended, 1);
}

/// The table says other words than the log, or words nobody can read: told and located, once, and the neighbours go on.
#[tokio::test]
async fn a_table_that_contradicts_its_log_is_told_once() {
    let vault = Vault::new().await;
    let table = vault.table(0..6).await;
    let (archiver, _, _) = vault.archiver();
    archiver.append(&tenant(), &words(0..5)).await.unwrap();
    // Another word in the place of one that is in the log: what it says of itself fits.
    let actor = Actor::System { part: SystemPart::Directory };
    let event = DirectoryEvent::User { active: false, manager: None, details: Hash::ZERO, link_epoch: 0, term: 0 };
    let (bytes, hash) = DirectoryCommit::next(&tenant(), "user/u3", (0, Hash::ZERO), Timestamp::from_millis(0), &actor, event).seal();
    table.put(Item::new(&key(3)).bytes("c", bytes).bytes("h", hash.0), None).await.unwrap();
    table.put(Item::new(&key(4)).bytes("c", b"{}".to_vec()).bytes("h", [0; 32]), None).await.unwrap();
    // A template whose content is not the one that the directory speaks of.
    let key = keys::template_version(&tenant(), &"t".parse().unwrap(), 1);
    table.put(Item::new(&key).text("y", "{}").bytes("ch", [7; 32]), None).await.unwrap();

    let first = whole(&archiver, &table).await;
    assert_eq!((first.violations, first.appended), (3, 6), "{first:?}");
    let again = whole(&vault.archiver().0, &table).await;
    assert_eq!((again.violations, again.appended), (0, 0), "it is said once: {again:?}");
    let report = vault.verify().await;
    let told = |code: Code| {
        let mut told: Vec<String> = report
            .faults
            .iter()
            .filter(|fault| fault.code == code)
            .filter_map(|fault| fault.place.object.clone().or(fault.place.request.clone()))
            .collect();
        told.sort();
        told
    };
    assert_eq!(told(Code::Violation), ["template/t", "user/u3", "user/u4"], "{:?}", report.faults);
    assert_eq!(told(Code::Fork), ["user/u3"], "{:?}", report.faults);
    assert_eq!(report.directory, 6);
}

/// A log whose files were tampered with is not written to; another tenant's goes on.
#[tokio::test]
async fn a_log_that_is_not_sound_is_passed_over() {
    use object_store::{ObjectStoreExt, PutPayload};
    let vault = Vault::new().await;
    let table = vault.table(0..4).await;
    let other = TenantId::new("other").unwrap();
    let actor = Actor::System { part: SystemPart::Directory };
    let event = DirectoryEvent::User { active: true, manager: None, details: Hash::ZERO, link_epoch: 0, term: 0 };
    let (bytes, hash) = DirectoryCommit::next(&other, "user/x", (0, Hash::ZERO), Timestamp::from_millis(0), &actor, event).seal();
    table.put(Item::new(&keys::directory_log(&other, "user/x", 1)).bytes("c", bytes).bytes("h", hash.0), None).await.unwrap();
    vault.archiver().0.append(&tenant(), &words(0..2)).await.unwrap();
    let tile = object_store::path::Path::from("archive/default/tile/0/000.p/2");
    vault.objects.put(&tile, PutPayload::from(vec![7; 64])).await.unwrap();
    let done = whole(&vault.archiver().0, &table).await;
    assert_eq!((done.passed_over, done.appended), (1, 1), "{done:?}");
}

/// A whole service that loses its stream: from before there was an archive, or in the middle. Every leaf is recovered, pages included, and
/// every decision is one that could have been made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trimmed_stream_loses_nothing() {
    for from_the_beginning in [true, false] {
        let folder = TempDir::new().unwrap();
        let api = Api::at_time(folder.path(), Some(START)).await;
        api.people("zoe").await;
        api.drain().await;
        let (archive, kept) = (folder.path().join("archive"), folder.path().join("kept"));
        let lock = keys::log(&tenant());
        let locks = Table::new(api.local.engine.clients().dynamodb, LOCKS.name);
        let then = locks.get(&lock, Freshness::Strong).await.unwrap().unwrap();
        copy(&archive, &kept);
        week(&api).await;
        let talk = api.submit("rita", "t", "talk", json!({})).await;
        for n in 0..20 {
            let path = format!("POST /v1/requests/{}/comments", talk["id"].as_str().unwrap());
            api.done("rita", &path, Some(&json!({ "comment": format!("{n}") }))).await;
        }
        api.drain().await;
        let whole = report(folder.path());
        assert!(whole.ok, "{:#?}", whole.faults);
        // As if the archive's consumer had slept through all of it: its position is at the end, and its log is what it was.
        if from_the_beginning {
            locks.batch_write(Vec::new(), &[lock]).await.unwrap();
        } else {
            locks.put(then, None).await.unwrap();
        }
        drop((api, locks));
        std::fs::remove_dir_all(&archive).unwrap();
        if !from_the_beginning {
            std::fs::rename(&kept, &archive).unwrap();
        }
        let api = Api::at_time(folder.path(), None).await;
        api.drain().await;
        let done = api.local.reconcile_archive(None).await.unwrap();
        let now = report(folder.path());
        assert!(now.ok && now.replayed, "{:#?}", now.faults);
        let figures = |report: &audit_log::verify::Report| (report.commits, report.requests, report.directory, report.templates);
        assert_eq!((figures(&now), now.duplicates), (figures(&whole), 0));
        assert_eq!((now.size, done.violations), (whole.size, 0), "{done:?}");
        assert!(done.appended > 40, "{done:?}");
        assert_eq!(api.local.reconcile_archive(None).await.unwrap().appended, 0);
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
