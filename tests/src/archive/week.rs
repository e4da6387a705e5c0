//! The whole service with its archive: what people did is in the log, twice is no harm, and what no command did is told.

use std::path::Path;
use std::process::Command;

use approvals::store::{Freshness, keys};
use approvals_domain::ids::{RequestId, TenantId};
use audit_log::folder::Disk;
use audit_log::verify::{Code, Options, Report, verify};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::api::Api;

pub(super) const START: &str = "2026-03-02T09:00:00.000Z";

pub(super) fn report(folder: &Path) -> Report {
    let keys = cli::dev::archive_keys(folder, &TenantId::new("default").unwrap()).unwrap();
    verify(&Disk::new(&folder.join("archive/default")), &Options { keys: &keys, ..Options::default() }, &mut |_| {})
}

/// A week of a company: votes, a return, a delegation, a leaver, an escalation by the clock and by a calendar, another template.
pub(super) async fn week(api: &Api) -> usize {
    api.people("ann ben<ann cleo rita<ann").await;
    api.role("finance", "ann ben").await;
    api.role("approval_admin", "cleo").await;
    let day = json!([{ "from": "09:00", "to": "17:00" }]);
    let office = json!({ "time_zone": "Europe/Amsterdam", "weekly": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day } });
    api.done("root", "PUT /v1/calendars/office", Some(&office)).await;
    api.done("root", "PUT /v1/settings", Some(&json!({ "calendar": "office" }))).await;
    let steps = json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }], "on_reject": "return", "sla": { "hours": 8 },
            "remind": [0.5], "escalate": [{ "after": 1.0, "to": [{ "manager_of": "approver" }] }] },
        { "id": "finance", "approvers": [{ "role": "finance" }], "distinct_from": ["manager"], "on_timeout": "expire" },
    ]);
    api.template(&json!({ "key": "t", "title": "T", "steps": steps })).await;
    let mut all = Vec::new();
    for entity in ["1", "2", "3", "4"] {
        all.push(api.submit("rita", "t", entity, json!({})).await);
    }
    let path = |request: &Value| format!("/v1/requests/{}", request["id"].as_str().unwrap());
    assert_eq!(api.vote("ann", &all[0], "manager", "approve", None).await.status, 200);
    assert_eq!(api.vote("ben", &all[0], "finance", "approve", None).await.status, 200);
    assert_eq!(api.vote("ann", &all[1], "manager", "reject", None).await.status, 200);
    let again = api
        .done("rita", &format!("POST {}/resubmit", path(&all[1])), Some(&json!({ "metadata": { "amount": 5 }, "comment": "better" })))
        .await;
    let away = json!({ "to": "cleo", "starts_at": START, "ends_at": "2026-03-09T00:00:00Z", "reason": "Away" });
    api.done("ann", "POST /v1/delegations", Some(&away)).await;
    assert_eq!(api.vote("cleo", &again, "manager", "approve", Some("ann")).await.status, 200);
    api.clock("2026-03-03T18:00:00.000Z").await;
    api.done("root", "PUT /v1/users/ben", Some(&json!({ "name": "ben", "email": "ben@example.com", "active": false }))).await;
    api.drain().await;
    api.done("rita", &format!("POST {}/cancel", path(&all[3])), Some(&json!({ "reason": "no longer" }))).await;
    api.clock("2026-03-20T18:00:00.000Z").await;
    api.drain().await;
    let mut commits = 0;
    for request in &all {
        let shown = api.done("rita", &format!("GET {}", path(request)), None).await;
        commits += usize::try_from(shown["version"].as_u64().unwrap()).unwrap();
    }
    commits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_people_did_is_in_the_log_and_could_have_happened() {
    let folder = TempDir::new().unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    let commits = week(&api).await;
    let first = report(folder.path());
    assert!(first.ok && first.replayed, "{:#?}", first.faults);
    assert_eq!((first.commits, first.requests, first.templates), (commits as u64, 4, 1));
    assert!(commits >= 14, "only {commits} commits in a week");

    let files = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let narrow = folder.path().join("archive/default/tile/entries/000.p");
    assert_eq!(files(narrow.to_str().unwrap()), 1, "of narrow files only the widest stays on this machine");

    // The second verifier, in another language.
    let key = cli::dev::archive_keys(folder.path(), &TenantId::new("default").unwrap()).unwrap()[0].to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_log.py");
    let python = Command::new("python3").arg(script).args(["--key", &key]).arg(folder.path().join("archive/default")).output().unwrap();
    let told: Value = serde_json::from_slice(&python.stdout).unwrap();
    assert_eq!((&told["ok"], &told["commits"]), (&json!(true), &json!(commits)), "{told}");

    // Everything is delivered again, from the stream's beginning.
    drop(api);
    std::fs::remove_file(folder.path().join("positions/archive.json")).unwrap();
    let api = Api::at_time(folder.path(), None).await;
    api.drain().await;
    let delivered_again = async {
        while report(folder.path()).duplicates == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), delivered_again).await.expect("the stream is delivered again");
    api.drain().await;
    let twice = report(folder.path());
    assert!(twice.ok, "{:#?}", twice.faults);
    assert_eq!((twice.commits, twice.directory), (first.commits, first.directory));
}

/// Somebody with rights on the table puts an old item back, edits one, deletes one: the archive says so, and where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_command_did_is_told_and_located() {
    let folder = TempDir::new().unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    api.people("ann rita").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] })).await;
    let (store, tenant) = (&api.local.stores.table, TenantId::new("default").unwrap());
    let mut wanted = Vec::new();
    for how in ["put back", "edited", "removed"] {
        let request = api.submit("rita", "t", &how.replace(' ', "-"), json!({})).await;
        let id = RequestId::new(request["id"].as_str().unwrap()).unwrap();
        let key = keys::request(&tenant, &id);
        let before = store.get(&key, Freshness::Strong).await.unwrap().unwrap();
        assert_eq!(api.vote("ann", &request, "s", "approve", None).await.status, 200);
        let now = store.get(&key, Freshness::Strong).await.unwrap().unwrap();
        match how {
            "put back" => drop(store.put(before, None).await.unwrap()),
            "edited" => drop(store.put(now.bytes("h", [7_u8; 32]), None).await.unwrap()),
            _ => {
                let version = approvals::store::Condition::version(2);
                store.delete(&key, version).await.unwrap();
            }
        }
        wanted.push(id.to_string());
    }
    // Relay cannot read the edited one and waits; the archive does not.
    while report(folder.path()).violations < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let report = report(folder.path());
    let told: Vec<String> =
        report.faults.iter().filter(|fault| fault.code == Code::Violation).filter_map(|fault| fault.place.request.clone()).collect();
    assert_eq!(told, wanted, "{:#?}", report.faults);
    assert_eq!(report.faults_total, 3, "{:#?}", report.faults);
}

/// A new key beside the old one, then alone: verifiers with either key follow, and no restart in between breaks the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_rotated_with_an_overlap() {
    let folder = TempDir::new().unwrap();
    let tenant = TenantId::new("default").unwrap();
    let keys = || cli::dev::archive_keys(folder.path(), &tenant).unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    api.people("ann").await;
    api.drain().await;
    let old = keys();
    assert!(cli::dev::finish_rotation(folder.path()).unwrap_err().contains("no rotation"));
    cli::dev::rotate_key(folder.path()).unwrap();
    assert!(cli::dev::rotate_key(folder.path()).unwrap_err().contains("under way"));
    assert!(cli::dev::finish_rotation(folder.path()).unwrap_err().contains("not signed with the new key"));
    drop(api);

    // Nothing is written: the start alone signs with both.
    let api = Api::at_time(folder.path(), None).await;
    let new = keys();
    assert_eq!((new.len(), &new[1]), (2, &old[0]));
    let by = |keys: &[audit_log::note::VerifierKey]| {
        let options = Options { keys, ignore_unknown_signatures: true, ..Options::default() };
        verify(&Disk::new(&folder.path().join("archive/default")), &options, &mut |_| {}).ok
    };
    assert!(by(&old) && by(&new[..1]) && report(folder.path()).ok);
    cli::dev::finish_rotation(folder.path()).unwrap();
    drop(api);

    let api = Api::at_time(folder.path(), None).await;
    api.people("ben").await;
    api.drain().await;
    assert_eq!(keys(), new[..1]);
    assert!(report(folder.path()).ok && !by(&old), "the old key signs no more");
}
