//! A log beside the live service: `approvals audit verify --against`.

use std::path::Path;

use approvals::store::{Freshness, keys};
use approvals_domain::ids::{RequestId, TenantId};
use audit_log::checkpoint::{Checkpoint, origin};
use audit_log::note::SignerKey;
use cli::fence::Allowed;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::reconcile::copy;
use super::week::{START, week};
use crate::stage::api::Api;

/// What the command says of a log beside a service: the report, and how it ends.
async fn compared(log: &Path, folder: &Path, url: &str, tenant: &str) -> (Value, u8) {
    let key = cli::dev::archive_keys(folder, &TenantId::new(tenant).unwrap()).unwrap().remove(0).to_string();
    let words = ["approvals", "audit", "verify", log.to_str().unwrap(), "--key", &key, "--against", url, "--as", "eve", "--json"];
    let cli = <cli::args::Cli as clap::Parser>::parse_from(words);
    tokio::task::spawn_blocking(move || {
        let cli::args::Command::Local(cli::local::Local::Audit(action)) = cli.command else { panic!("only audit") };
        let mut out = Vec::new();
        let code = cli::audit::run(&action, &cli.shared, &mut out).map_or_else(|error| error.exit(), |()| 0);
        (serde_json::from_slice(&out).unwrap_or_default(), code)
    })
    .await
    .unwrap()
}

fn told(report: &Value) -> Vec<(String, String, Option<u64>)> {
    let of = |fault: &Value| {
        let text = |name: &str| fault[name].as_str().unwrap().to_owned();
        (text("code"), text("request"), fault["version"].as_u64())
    };
    let mut told: Vec<_> = report["against"]["differences"].as_array().unwrap().iter().map(of).collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_shows_something_else_than_the_log_is_told() {
    let folder = TempDir::new().unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    let (listener, address) = api.local.listen(0).await.unwrap();
    let router = api.local.fenced(address, &Allowed::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}");
    let commits = week(&api).await;
    // Who checks a service against its log is an auditor by role, not by scope alone.
    api.people("eve").await;
    api.role("approval_audit", "eve").await;
    api.drain().await;
    let log = folder.path().join("archive/default");
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, &report["ok"], told(&report)), (0, &json!(true), Vec::new()), "{report}");
    assert_eq!((&report["against"]["commits"], &report["against"]["requests"]), (&json!(commits), &json!(4)));

    // A log that was kept while the service went on: what is fresh, is fresh.
    let old = folder.path().join("old");
    copy(&log, &old);
    let voted = api.submit("rita", "t", "5", json!({})).await;
    let later = api.submit("rita", "t", "6", json!({})).await;
    assert_eq!(api.vote("ann", &voted, "manager", "approve", None).await.status, 200);
    api.drain().await;
    let (report, code) = compared(&old, folder.path(), &url, "default").await;
    assert_eq!((code, &report["against"]["fresh"]), (0, &json!(2)), "{report}");
    // The same log, signed two minutes later without them: they were left out.
    let seed: [u8; 32] = std::fs::read(folder.path().join("archive.key")).unwrap()[..32].try_into().unwrap();
    let signer = SignerKey::new(&origin("approvals.local", &TenantId::new("default").unwrap()), &seed).unwrap();
    let opened = Checkpoint::open(&std::fs::read(old.join("checkpoint")).unwrap(), &[signer.verifier()]).unwrap();
    let signed = opened.checkpoint.sign(&[signer], opened.at_seconds.unwrap() + 120);
    std::fs::write(old.join("checkpoint"), signed).unwrap();
    let (report, code) = compared(&old, folder.path(), &url, "default").await;
    let id = |request: &Value| request["id"].as_str().unwrap().to_owned();
    let mut left_out = vec![("omitted".to_owned(), id(&voted), None), ("omitted".to_owned(), id(&later), None)];
    left_out.sort();
    assert_eq!((code, told(&report)), (1, left_out), "{report}");

    // The service is set back, or shows another one's commits.
    let keep = folder.path().join("keep");
    copy(&log, &keep);
    let (store, tenant) = (&api.local.stores.table, TenantId::new("default").unwrap());
    let key = |request: &Value| keys::request(&tenant, &RequestId::new(request["id"].as_str().unwrap()).unwrap());
    let first = store.get(&key(&later), Freshness::Strong).await.unwrap().unwrap();
    assert_eq!(api.vote("ann", &later, "manager", "approve", None).await.status, 200);
    api.drain().await;
    std::fs::remove_dir_all(&keep).unwrap();
    copy(&log, &keep);
    store.put(first, None).await.unwrap();
    store.delete(&key(&voted), approvals::store::Condition::version(2)).await.unwrap();
    let (report, code) = compared(&keep, folder.path(), &url, "default").await;
    let mut wanted = vec![("behind".to_owned(), id(&later), Some(2)), ("unknown".to_owned(), id(&voted), None)];
    wanted.sort();
    assert_eq!((code, told(&report)), (1, wanted), "{report}");
    assert_eq!(api.vote("ann", &later, "manager", "reject", None).await.status, 200);
    let (report, _) = compared(&keep, folder.path(), &url, "default").await;
    assert!(told(&report).contains(&("differs".to_owned(), id(&later), Some(2))), "{report}");

    let (_, code) = compared(&keep, folder.path(), "http://127.0.0.1:9", "default").await;
    assert_eq!(code, 69, "no service, no verdict");
}

/// A vote's answer is its receipt, alone and among many: the log holds a commit of that hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vote_s_answer_names_the_commit_that_the_log_holds() {
    let folder = TempDir::new().unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    api.people("ann rita").await;
    api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "s", "approvers": [{ "user": "ann" }] }] })).await;
    let (one, other) = (api.submit("rita", "t", "1", json!({})).await, api.submit("rita", "t", "2", json!({})).await);
    let alone = api.vote("ann", &one, "s", "approve", None).await.body["steps"][0]["votes"][0]["commit"].clone();
    let item = json!({ "request": other["id"], "step": "s", "decision": "approve", "payload_hash": other["payload_hash"] });
    let wrong = json!({ "request": other["id"], "step": "nowhere", "decision": "approve", "payload_hash": other["payload_hash"] });
    let many = json!({ "items": [item, wrong, item] });
    let many = api.done("ann", "POST /v1/decisions", Some(&many)).await["items"].clone();
    assert_eq!((&many[1]["commit"], &many[2]["commit"]), (&Value::Null, &many[0]["commit"]), "{many}");
    api.drain().await;
    let mut held = String::new();
    for file in walk(&folder.path().join("archive/default/tile/entries")) {
        held += &String::from_utf8_lossy(&std::fs::read(file).unwrap());
    }
    for receipt in [&alone, &many[0]["commit"]] {
        assert!(held.contains(&format!("approvals/commit/1 {}", receipt.as_str().unwrap())), "{receipt}");
    }
}

/// A copy for reading is made outside of the archive, and what is refused leaves nothing there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_leaves_the_archive_as_it_was() {
    let folder = TempDir::new().unwrap();
    let api = Api::at_time(folder.path(), Some(START)).await;
    api.people("ann").await;
    api.drain().await;
    let archive = folder.path().join("archive");
    let export = |out: &Path| {
        let words = ["approvals", "audit", "export", "--archive", archive.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let cli = <cli::args::Cli as clap::Parser>::parse_from(words);
        let cli::args::Command::Local(cli::local::Local::Audit(action)) = cli.command else { panic!("only audit") };
        cli::audit::run(&action, &cli.shared, &mut Vec::new()).map_or_else(|error| error.exit(), |()| 0)
    };
    let before = walk(&archive);
    for inside in ["", "x", "default/tile/y", "../archive/z"] {
        assert_eq!(export(&archive.join(inside)), 2, "{inside}");
    }
    assert_eq!((walk(&archive), archive.join("x").exists()), (before, false));
    assert_eq!(export(&folder.path().join("outside")), 0);
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}
