//! Somebody who has the table: a reader of it, and a writer, through the embedded engine's own DynamoDB port. Whatever they try is refused, not
//! shown, or stands in the archive as a violation with its place; docs/security.md says what they can do all the same.

mod erasure;
mod facts;
mod folders;
mod logged;
mod putback;
mod reading;
mod requests;
mod strangers;

use std::path::Path;
use std::sync::Arc;

use approvals_domain::ids::TenantId;
use audit_log::folder::Disk;
use audit_log::verify::{Code, Options, Report, verify};
use cli::engine::Loopback;
use cli::fence::Allowed;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::api::Api;

/// A Monday.
const START: &str = "2026-01-05T09:00:00.000Z";

/// A service with a table that somebody else reads and writes too.
struct Insider {
    api: Api,
    port: Arc<Loopback>,
    folder: TempDir,
}

impl Insider {
    /// Persons as [`Api::people`] takes them, a role `finance`, and a template `t`: the manager, then finance.
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let api = Api::at_time(folder.path(), Some(START)).await;
        api.people("rita<ann ann fred eve").await;
        api.role("finance", "fred").await;
        let steps = json!([
            { "id": "manager", "approvers": [{ "manager_of": "requester" }] },
            { "id": "finance", "approvers": [{ "role": "finance" }] },
        ]);
        api.template(&json!({ "key": "t", "title": "Order", "unique_entity": false, "steps": steps })).await;
        let port = Arc::new(api.local.engine.listen(0, &Allowed::default()).await.unwrap());
        api.drain().await;
        Self { api, port, folder }
    }

    async fn submitted(&self) -> (Value, String) {
        let shown = self.api.submit("rita", "t", "1", json!({ "iban": "NL-GOOD" })).await;
        let id = shown["id"].as_str().unwrap().to_owned();
        (shown, id)
    }

    /// One call of DynamoDB, as any program on this machine makes it.
    async fn call(&self, operation: &str, mut body: Value) -> Value {
        body["TableName"] = json!("approvals");
        let (url, target) = (format!("http://{}/", self.port.address()), format!("DynamoDB_20120810.{operation}"));
        let call = move || {
            let sent = ureq::post(&url).header("x-amz-target", &target).header("content-type", "application/x-amz-json-1.0");
            sent.send(body.to_string()).unwrap().body_mut().read_to_string().unwrap()
        };
        serde_json::from_str(&tokio::task::spawn_blocking(call).await.unwrap()).unwrap()
    }

    async fn get(&self, pk: &str, sk: &str) -> Value {
        let key = json!({ "PK": { "S": pk }, "SK": { "S": sk } });
        self.call("GetItem", json!({ "Key": key, "ConsistentRead": true })).await["Item"].clone()
    }

    async fn put(&self, item: &Value) {
        self.call("PutItem", json!({ "Item": item })).await;
    }

    async fn delete(&self, pk: &str, sk: &str) {
        self.call("DeleteItem", json!({ "Key": { "PK": { "S": pk }, "SK": { "S": sk } } })).await;
    }

    /// Changes one attribute of an item; gives it as it was.
    async fn swap(&self, (pk, sk): (&str, &str), attribute: &str, value: Value) -> Value {
        let before = self.get(pk, sk).await;
        let mut item = before.clone();
        assert!(!item[attribute].is_null(), "{pk} {sk} has no `{attribute}`: {item}");
        item[attribute] = value;
        self.put(&item).await;
        before
    }

    /// Everything that lies in the table.
    async fn everything(&self) -> Vec<Value> {
        self.call("Scan", json!({})).await["Items"].as_array().unwrap().clone()
    }

    /// The status and code of a call.
    async fn told(&self, who: &str, what: &str, body: Option<&Value>) -> (u16, String) {
        let answer = self.api.call(who, what, body).await;
        assert!(answer.status != 500 || !answer.headers.contains_key("retry-after"), "no retry helps: {what}");
        (answer.status, answer.code().to_owned())
    }

    /// Lets the archive see all there is. A request that is damaged keeps the tick from nothing else.
    async fn archived(&self) -> Report {
        self.api.drain().await;
        report(self.folder.path())
    }

    /// Fails unless the archive tells of a thing, in these words, and the verifier says so.
    async fn is_told_of(&self, of: &str, words: &str) {
        let report = self.archived().await;
        assert!(!report.ok && report.violations > 0, "{of}: nothing is told");
        let told: Vec<(&str, &str)> = report
            .faults
            .iter()
            .filter(|fault| [Code::Violation, Code::Time].contains(&fault.code))
            .map(|fault| (fault.place.request.as_deref().or(fault.place.object.as_deref()).unwrap_or_default(), fault.what.as_str()))
            .collect();
        assert!(told.iter().any(|(at, what)| at.contains(of) && what.contains(words)), "`{of}` and `{words}` in none of {told:#?}");
        let second = second_opinion(self.folder.path());
        let named = |one: &Value| one["of"].as_str().unwrap().contains(of) && one["what"].as_str().unwrap().contains(words);
        let told = second["violations"].as_array().cloned().unwrap_or_default();
        assert!(second["ok"] == json!(false) && told.iter().any(named), "`{of}` and `{words}` not told by the second verifier: {second}");
    }
}

/// What the second verifier says, in another language.
fn second_opinion(folder: &Path) -> Value {
    let key = cli::dev::archive_keys(folder, &TenantId::new("default").unwrap()).unwrap()[0].to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_log.py");
    let python =
        std::process::Command::new("python3").arg(script).args(["--key", &key]).arg(folder.join("archive/default")).output().unwrap();
    serde_json::from_slice(&python.stdout).unwrap()
}

fn report(folder: &Path) -> Report {
    let keys = cli::dev::archive_keys(folder, &TenantId::new("default").unwrap()).unwrap();
    verify(&Disk::new(&folder.join("archive/default")), &Options { keys: &keys, ..Options::default() }, &mut |_| {})
}

/// The service itself is told of by nobody: all it does, an erased row and an expired one included, is its own.
#[tokio::test]
async fn what_the_service_does_itself_is_no_violation() {
    let insider = Insider::new().await;
    let api = &insider.api;
    let (shown, id) = insider.submitted().await;
    assert_eq!(api.vote("ann", &shown, "manager", "approve", None).await.status, 200);
    let away = json!({ "to": "eve", "starts_at": "2026-01-05T00:00:00Z", "ends_at": "2026-01-09T00:00:00Z", "reason": "Away" });
    let given = api.done("fred", "POST /v1/delegations", Some(&away)).await;
    assert_eq!(api.vote("eve", &shown, "finance", "approve", Some("fred")).await.status, 200);
    api.done("fred", &format!("DELETE /v1/delegations/{}", given["id"].as_str().unwrap()), None).await;
    for active in [false, true] {
        let fred = json!({ "name": "fred", "email": "fred@example.com", "active": active });
        api.done("root", "PUT /v1/users/fred", Some(&fred)).await;
    }
    api.done("root", "DELETE /v1/roles/finance/members/fred", None).await;
    api.done("root", "PUT /v1/roles/finance/members/fred", None).await;
    let hook = json!({ "url": "https://hooks.example.com/", "events": ["approvals.request.approved.v1"], "active": true });
    api.done("root", "PUT /v1/endpoints/erp", Some(&hook)).await;
    api.done("root", "POST /v1/endpoints/erp/rotate", None).await;
    api.done("root", "DELETE /v1/endpoints/erp", None).await;
    let report = insider.archived().await;
    assert!(report.ok, "{:#?}", report.faults);
    assert_eq!(api.done("rita", &format!("GET /v1/requests/{id}"), None).await["status"], "approved");
}

/// Why a folder is not started on, once the engine of before has ended with its last task.
async fn refused(folder: &Path) -> String {
    loop {
        let start = cli::dev::Start { data: folder, clock: None, clients: None };
        match cli::dev::Local::start(start).await.unwrap_err() {
            cli::dev::Error::Engine(cli::engine::Error::InUse) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            error => return error.to_string(),
        }
    }
}

/// A folder of before there were tags, beside which somebody put secrets: it is refused at the start, and not item by item later.
#[tokio::test]
async fn a_data_folder_without_tags_is_refused_with_the_reason() {
    let insider = Insider::new().await;
    insider.submitted().await;
    insider.api.drain().await;
    for mut item in insider.everything().await {
        let fields = item.as_object_mut().unwrap();
        if fields.remove("tg").is_some() {
            fields.remove("ct");
            insider.put(&item).await;
        }
    }
    let Insider { api, port, folder } = insider;
    drop((api, port));
    let refused = refused(folder.path()).await;
    assert!(
        refused.contains("by a version that did not say who wrote what") && refused.contains("Start with another --data folder"),
        "{refused}"
    );
}

/// A copy without its secrets, or a folder of before there were any: nothing in it could be told from what somebody else wrote.
#[tokio::test]
async fn a_data_folder_without_its_secrets_is_refused_with_the_reason() {
    let Insider { api, port, folder } = Insider::new().await;
    drop((api, port));
    std::fs::remove_file(folder.path().join("tags.secret")).unwrap();
    let refused = refused(folder.path()).await;
    assert!(refused.contains("its secrets are lost"), "{refused}");
    assert!(!folder.path().join("tags.secret").exists(), "no new secret makes it look good");
}
