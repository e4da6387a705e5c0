//! A log beside the live service: `approvals audit verify --against`.

use std::path::Path;

use approvals::store::requests::{Addition, Record};
use approvals::store::{Freshness, keys};
use approvals_domain::event::Event;
use approvals_domain::hash::Salt;
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::payload::{Payload, TemplateRef};
use approvals_domain::time::Timestamp;
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
        let code = cli::audit::run(&action, &cli.shared, &mut out).map_or_else(
            |error| {
                println!("{error}");
                error.exit()
            },
            |()| 0,
        );
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

/// A service with its archive, an auditor `eve`, and its address.
async fn audited(folder: &Path) -> (Api, String) {
    let api = Api::at_time(folder, Some(START)).await;
    let (listener, address) = api.local.listen(0).await.unwrap();
    let router = api.local.fenced(address, &Allowed::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    api.people("ann ben rita ada eve").await;
    api.role("approval_audit", "eve").await;
    api.role("approval_admin", "ada").await;
    (api, format!("http://{address}"))
}

/// A template whose second step is for large amounts, and whose third for one person's requests.
fn conditional(limit: &str) -> Value {
    json!({ "key": "t", "title": "T", "unique_entity": false, "amount": { "value": "metadata.amount", "currency": "'EUR'" }, "steps": [
        { "id": "team", "approvers": [{ "user": "ann" }] },
        { "id": "cfo", "when": format!("metadata.amount > {limit}"), "approvers": [{ "user": "ben" }] },
        { "id": "peers", "when": "requester.id != 'rita'", "approvers": [{ "user": "ben" }] },
    ] })
}

/// What a submission with the secrets could write: a first commit like another one's, about another content, pinned to any version.
async fn forge(api: &Api, like: &Value, id: &str, amount: f64, version: u32, at: Timestamp) {
    let (tenant, requests) = (TenantId::new("default").unwrap(), &api.local.stores.requests);
    let twin = RequestId::new(like["id"].as_str().unwrap()).unwrap();
    let twin = requests.load(&tenant, &twin, Freshness::Strong).await.unwrap().unwrap();
    let mut commit = twin.commits[0].commit.clone();
    (commit.request, commit.command.id, commit.at) = (RequestId::new(id).unwrap(), format!("forged-{id}"), at);
    let state = &twin.state;
    let payload = Payload {
        salt: Salt([7; 16]),
        request: commit.request.clone(),
        revision: 1,
        template: TemplateRef { version, ..state.template.clone() },
        entity: state.entity.clone(),
        requester: state.requester.clone(),
        title: "Pay Evil".to_owned(),
        metadata: json!({ "amount": amount }),
        attachments: Vec::new(),
    };
    for event in &mut commit.events {
        if let Event::Submitted { revision, template, .. } = event {
            revision.payload_hash = payload.hash();
            revision.amount.as_mut().unwrap().value = amount;
            template.version = version;
        }
    }
    let addition = Addition { sealed: commit.seal(), texts: Vec::new(), content: Some(payload), digest: None, callback: None };
    let (record, beside) = Record::after(None, addition).unwrap();
    requests.write_beside(&tenant, &record.state.id, &beside).await.unwrap();
    requests.create(&record, false, None).await.unwrap();
    api.drain().await;
}

/// H2c: a lied condition is legal to the core, which takes results from the commit. The content that the service shows tells otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2c_a_step_skipped_by_a_lied_condition_is_found_beside_the_service() {
    let folder = TempDir::new().unwrap();
    let (api, url) = audited(folder.path()).await;
    api.template(&conditional("10000.0")).await;
    let small = api.submit("rita", "t", "1", json!({ "amount": 5 })).await;
    api.submit("rita", "t", "2", json!({ "amount": 50_000 })).await;
    api.drain().await;
    let log = folder.path().join("archive/default");
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, told(&report)), (0, Vec::new()), "{report}");
    let against = &report["against"];
    assert_eq!((&against["conditions"], &against["not_checked"]), (&json!(6), &json!(2)), "amount, currency and `cfo` of each: {report}");
    let forged = "0123456789abcdefghjkmnpqrs";
    forge(&api, &small, forged, 1_000_000.0, 1, Timestamp::parse(START).unwrap()).await;
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, told(&report)), (1, vec![("condition".to_owned(), forged.to_owned(), Some(1))]), "{report}");
    assert!(report.to_string().contains("when:cfo"), "{report}");
}

/// A service that somebody took over shows another content under the hash that was signed: the hash is made again from what it shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_a_service_that_shows_another_content_under_the_signed_hash_is_found() {
    let folder = TempDir::new().unwrap();
    let (api, _) = audited(folder.path()).await;
    api.template(&conditional("10000.0")).await;
    let shown = api.submit("rita", "t", "1", json!({ "amount": 5 })).await;
    api.drain().await;
    let id = shown["id"].as_str().unwrap().to_owned();
    let (log, path) = (folder.path().join("archive/default"), format!("/v1/requests/{id}"));
    let (listener, address) = api.local.listen(0).await.unwrap();
    let honest = api.local.fenced(address, &Allowed::default());
    let lie = std::sync::Arc::new(std::sync::Mutex::new(json!({})));
    let told_lie = std::sync::Arc::clone(&lie);
    let router = axum::Router::new().fallback(move |call: axum::extract::Request| {
        let (honest, lie, lied) = (honest.clone(), told_lie.lock().unwrap().clone(), call.uri().path() == path);
        async move {
            let answer = tower::ServiceExt::oneshot(honest, call).await.unwrap();
            if !lied {
                return answer;
            }
            let (mut parts, body) = answer.into_parts();
            let mut body: Value = serde_json::from_slice(&axum::body::to_bytes(body, usize::MAX).await.unwrap()).unwrap();
            body.as_object_mut().unwrap().extend(lie.as_object().unwrap().clone());
            parts.headers.remove("content-length");
            http::Response::from_parts(parts, axum::body::Body::from(body.to_string()))
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let url = format!("http://{address}");
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, told(&report)), (0, Vec::new()), "{report}");
    let file = json!({ "name": "offer.pdf", "media_type": "application/pdf", "size": 1, "sha256": "ab".repeat(32),
        "url": "https://files.example.com/offer" });
    for other in [
        json!({ "title": "Two pencils" }),
        json!({ "metadata": { "amount": 6 } }),
        json!({ "metadata": { "amount": 5, "iban": "NL-EVIL" } }),
        json!({ "attachments": [file] }),
        json!({ "requester": "ben" }),
        json!({ "entity": { "type": "order", "id": "2" } }),
        json!({ "salt": Salt([1; 16]) }),
        json!({ "title": null }),
    ] {
        *lie.lock().unwrap() = other.clone();
        let (report, code) = compared(&log, folder.path(), &url, "default").await;
        assert_eq!((code, told(&report)), (1, vec![("content".to_owned(), id.clone(), None)]), "{other}: {report}");
    }
}

/// H2e: with yesterday's template under today's request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h2e_a_request_pinned_to_a_version_that_was_not_current_is_found() {
    let folder = TempDir::new().unwrap();
    let (api, url) = audited(folder.path()).await;
    api.template(&conditional("10000.0")).await;
    let small = api.submit("rita", "t", "1", json!({ "amount": 5 })).await;
    api.template(&conditional("1.0")).await;
    let later = "2026-03-02T12:00:00.000Z";
    api.clock(later).await;
    forge(&api, &small, "0123456789abcdefghjkmnpqrs", 5.0, 1, Timestamp::parse(later).unwrap()).await;
    let log = folder.path().join("archive/default");
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, &report["faults"][0]["code"]), (1, &json!("template")), "{report}");
    let key = cli::dev::archive_keys(folder.path(), &TenantId::new("default").unwrap()).unwrap()[0].to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_log.py");
    let python = std::process::Command::new("python3").arg(script).args(["--key", &key]).arg(&log).output().unwrap();
    let second: Value = serde_json::from_slice(&python.stdout).unwrap();
    assert!(second["fault"].as_str().unwrap().contains("not what new requests started with"), "{second}");
}

/// What is erased is accepted as erased, and nothing less: not content that is merely gone, and not content that is still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erased_content_is_accepted_and_missing_content_is_not() {
    let folder = TempDir::new().unwrap();
    let (api, url) = audited(folder.path()).await;
    api.template(&conditional("10000.0")).await;
    let mut ids = Vec::new();
    for entity in ["1", "2"] {
        let shown = api.submit("rita", "t", entity, json!({ "amount": 5, "text": "x".repeat(1_000) })).await;
        assert_eq!(api.vote("ann", &shown, "team", "approve", None).await.status, 200);
        ids.push(shown["id"].as_str().unwrap().to_owned());
    }
    api.done("ada", &format!("POST /v1/requests/{}/erase", ids[0]), Some(&json!({ "reason": "asked" }))).await;
    api.drain().await;
    let log = folder.path().join("archive/default");
    let (report, code) = compared(&log, folder.path(), &url, "default").await;
    assert_eq!((code, told(&report)), (0, Vec::new()), "{report}");
    let against = &report["against"];
    assert_eq!((&against["erased"], &report["erased"], &against["not_checked"]), (&json!(1), &json!(1), &json!(5)), "{report}");
    let (store, tenant) = (&api.local.stores.table, TenantId::new("default").unwrap());
    let kept = folder.path().join("kept");
    copy(&log, &kept);
    let id = RequestId::new(&ids[1]).unwrap();
    let state = api.local.stores.requests.load(&tenant, &id, Freshness::Strong).await.unwrap().unwrap().state;
    let beside = keys::payload(&tenant, &id, &state.payload_hash);
    store.put(approvals::store::Item::new(&beside).number("er", 2), None).await.unwrap();
    let (report, code) = compared(&kept, folder.path(), &url, "default").await;
    assert_eq!((code, told(&report)), (1, vec![("content".to_owned(), ids[1].clone(), None)]), "{report}");
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
