//! Kill -9 under load: the service runs in a child process, which dies in the middle of everything. Nothing acknowledged is lost,
//! nothing is applied twice.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cli::dev::{Local, Start};
use cli::fence::Allowed;
use serde_json::{Value, json};

use crate::stage::api::Api;

/// Tells the child where its data is; without it the child's test does nothing.
const FOLDER: &str = "APPROVALS_CRASH_FOLDER";

/// Not a test: the service that is killed.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    cli::dev::runtime().unwrap().block_on(async {
        let local = Local::start(Start { data: Path::new(&folder), clock: None, clients: None }).await.unwrap();
        let (listener, address) = local.listen(0).await.unwrap();
        println!("\nlistening {address}");
        axum::serve(listener, local.fenced(address, &Allowed::default())).await.unwrap();
    });
}

pub(crate) struct Service {
    process: Child,
    pub(crate) base: String,
}

impl Service {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "races::crash::child", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening ").map(str::to_owned)).expect("the child listens");
        Self { process, base: format!("http://{address}") }
    }

    /// Kill -9.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// One call; `None` if the service died before it answered.
pub(crate) fn call(base: &str, token: &str, method: &str, path: &str, key: &str, body: &Value) -> Option<(u16, Value)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(20))).build().into();
    let url = format!("{base}{path}");
    let bearer = format!("Bearer {token}");
    let sent = match method {
        "GET" => agent.get(&url).header("authorization", &bearer).call(),
        _ => agent.post(&url).header("authorization", &bearer).header("idempotency-key", key).send_json(body),
    };
    let mut answer = sent.ok()?;
    let status = answer.status().as_u16();
    answer.body_mut().read_json().ok().map(|body| (status, body))
}

/// What a client was told: entity to request id, and whether its approval was acknowledged.
type Told = BTreeMap<String, (Value, bool)>;

struct Clients {
    requester: String,
    approver: String,
    told: Mutex<Told>,
}

impl Clients {
    /// Submits and approves one request, with the same keys however often.
    fn lifecycle(&self, base: &str, entity: &str) -> Option<()> {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": entity }, "title": "Two chairs", "metadata": {} });
        let (status, request) = call(base, &self.requester, "POST", "/v1/requests", &format!("submit {entity}"), &body)?;
        assert_eq!(status, 201, "{request}");
        let id = request["id"].clone();
        let before = self.told.lock().unwrap().insert(entity.to_owned(), (id.clone(), false));
        assert!(before.as_ref().is_none_or(|(told, _)| *told == id), "another request for the same key: {before:?}, {id}");
        let vote = json!({ "step": "one", "decision": "approve", "payload_hash": request["payload_hash"] });
        let path = format!("/v1/requests/{}/decisions", id.as_str().unwrap());
        let (status, request) = call(base, &self.approver, "POST", &path, &format!("vote {entity}"), &vote)?;
        assert_eq!((status, &request["status"]), (200, &json!("approved")), "{request}");
        self.told.lock().unwrap().insert(entity.to_owned(), (id, true));
        Some(())
    }
}

#[test]
fn kill_9_under_load_loses_nothing_acknowledged_and_applies_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (requester, approver) = cli::dev::runtime().unwrap().block_on(async {
        let api = Api::at(folder.path()).await;
        api.people("rita ann").await;
        api.role("all", "ann").await;
        api.template(&json!({ "key": "t", "title": "T", "steps": [{ "id": "one", "approvers": [{ "role": "all" }] }] })).await;
        (api.token("rita"), api.token("ann"))
    });
    let clients = Arc::new(Clients { requester, approver, told: Mutex::default() });
    for life in 0..3 {
        let service = Service::start(folder.path());
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let (clients, base) = (Arc::clone(&clients), service.base.clone());
                // Each life begins with what the life before may have left undone.
                std::thread::spawn(move || (0..).try_for_each(|n| clients.lifecycle(&base, &format!("{worker}-{}", n / 2 + life * 3))))
            })
            .collect();
        let (started, aim) = (Instant::now(), clients.told.lock().unwrap().len() + 12);
        while clients.told.lock().unwrap().len() < aim && started.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(5));
        }
        service.kill();
        workers.into_iter().for_each(|worker| assert!(worker.join().unwrap().is_none(), "a client outlived its service"));
    }

    let service = Service::start(folder.path());
    let told = std::mem::take(&mut *clients.told.lock().unwrap());
    assert!(told.values().any(|(_, approved)| *approved), "no approval was acknowledged in three lives");
    for (entity, (id, approved)) in &told {
        let path = format!("/v1/requests/{}/history", id.as_str().unwrap());
        let (status, history) = call(&service.base, &clients.requester, "GET", &path, "", &Value::Null).unwrap();
        let commits = history["items"].as_array().unwrap_or_else(|| panic!("{entity}: {status} {history}"));
        assert!(commits.len() <= 2 && (!approved || commits.len() == 2), "{entity}: {history}");
        // What was in doubt is settled by asking again.
        clients.lifecycle(&service.base, entity).unwrap();
        let (_, history) = call(&service.base, &clients.requester, "GET", &path, "", &Value::Null).unwrap();
        assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "{entity}: {history}");
    }
    service.kill();
}
