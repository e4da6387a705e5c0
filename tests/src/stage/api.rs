//! The service as callers see it: its routes behind the local gate, without a port.

use std::path::Path;
use std::sync::Mutex;

use approvals_domain::time::Timestamp;
use axum::body::Body;
use cli::dev::{Local, Start};
use cli::engine::{Clients, Engine};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) struct Api {
    pub(crate) local: Local,
    /// The first to have become a member of `approval_admin`: from then on `root` stands for them.
    administrator: Mutex<Option<String>>,
    _folder: Option<TempDir>,
}

/// An answer, its body as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The stable code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Fails unless this is a problem as RFC 9457 and we ourselves want one.
    #[track_caller]
    pub(crate) fn is_problem(&self, of: &str) {
        assert_eq!(self.headers.get(CONTENT_TYPE).unwrap(), "application/problem+json", "{of}: {}", self.body);
        for field in ["type", "title", "code", "detail"] {
            assert!(self.body[field].as_str().is_some_and(|text| !text.is_empty()), "{of}: no `{field}` in {}", self.body);
        }
        assert_eq!(self.body["status"], json!(self.status), "{of}");
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let api = Self::at(folder.path()).await;
        Self { _folder: Some(folder), ..api }
    }

    /// A service that was started elsewhere, with its data folder.
    pub(crate) fn with(local: Local, folder: TempDir) -> Self {
        Self { local, administrator: Mutex::default(), _folder: Some(folder) }
    }

    /// With a clock that stands still until it is moved: RFC 3339.
    pub(crate) async fn start_at(time: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let api = Self::at_time(folder.path(), Some(time)).await;
        Self { _folder: Some(folder), ..api }
    }

    /// The same, over clients of the test's.
    pub(crate) async fn started_with(time: &str, clients: fn(&Engine) -> Clients) -> Self {
        let folder = TempDir::new().unwrap();
        let start = Start { data: folder.path(), clock: Timestamp::parse(time), clients: Some(clients) };
        Self::with(Local::start(start).await.unwrap(), folder)
    }

    /// On a data folder that stays.
    pub(crate) async fn at(folder: &Path) -> Self {
        Self::at_time(folder, None).await
    }

    /// The same, with a clock that stands still until it is moved; a folder that has one keeps it.
    pub(crate) async fn at_time(folder: &Path, time: Option<&str>) -> Self {
        let clock = time.and_then(Timestamp::parse);
        let local = Local::start(Start { data: folder, clock, clients: None }).await.unwrap();
        Self { local, administrator: Mutex::default(), _folder: None }
    }

    /// Moves the clock, which runs what is due.
    pub(crate) async fn clock(&self, now: &str) {
        self.done("root", "POST /_dev/clock", Some(&json!({ "now": now }))).await;
    }

    /// Returns when nothing is under way.
    pub(crate) async fn drain(&self) {
        self.done("root", "POST /_dev/drain", Some(&json!({}))).await;
    }

    /// Submits a request of a template about an entity; answers with the request.
    pub(crate) async fn submit(&self, who: &str, template: &str, entity: &str, metadata: Value) -> Value {
        let entity = json!({ "type": "order", "id": entity });
        let body = json!({ "template": template, "entity": entity, "title": format!("About {entity}"), "metadata": metadata });
        self.done(who, "POST /v1/requests", Some(&body)).await
    }

    /// Votes on a step of a request as it was shown.
    pub(crate) async fn vote(&self, who: &str, shown: &Value, step: &str, decision: &str, on_behalf_of: Option<&str>) -> Answer {
        let mut body = json!({ "step": step, "decision": decision, "payload_hash": shown["payload_hash"] });
        if let Some(person) = on_behalf_of {
            body["on_behalf_of"] = json!(person);
        }
        self.call(who, &format!("POST /v1/requests/{}/decisions", shown["id"].as_str().unwrap()), Some(&body)).await
    }

    /// What waits for somebody: `request step on_behalf_of`, soonest due first.
    pub(crate) async fn inbox(&self, who: &str) -> Vec<String> {
        let page = self.done(who, "GET /v1/inbox?limit=100", None).await;
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let task = |task: &Value| [&task["request"]["id"], &task["step"], &task["on_behalf_of"]].map(text).join(" ");
        page["items"].as_array().unwrap().iter().map(task).collect()
    }

    /// A token with every scope but `audit`. `root` is whoever administers: it writes by bootstrap until somebody does.
    pub(crate) fn token(&self, user: &str) -> String {
        let administrator = self.administrator.lock().unwrap().clone().filter(|_| user == "root");
        self.local.token(administrator.as_deref().unwrap_or(user), None, "default").unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.local.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Calls as a person. `what` is method and path, as in `GET /v1/inbox`.
    pub(crate) async fn call(&self, user: &str, what: &str, body: Option<&Value>) -> Answer {
        let request = asked(what, Some(&self.token(user)));
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let answer = self.send(request.unwrap()).await;
        if let Some(first) = what.strip_prefix("PUT /v1/roles/approval_admin/members/").filter(|_| answer.status == 201) {
            self.administrator.lock().unwrap().get_or_insert_with(|| first.to_owned());
        }
        answer
    }

    /// Puts a YAML document; what must succeed.
    pub(crate) async fn put_yaml(&self, user: &str, path: &str, yaml: String) -> Value {
        let request = asked(&format!("PUT {path}"), Some(&self.token(user))).header(CONTENT_TYPE, "application/yaml");
        let answer = self.send(request.body(Body::from(yaml)).unwrap()).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
        answer.body
    }

    /// As [`Api::call`], for what must succeed.
    pub(crate) async fn done(&self, user: &str, what: &str, body: Option<&Value>) -> Value {
        let answer = self.call(user, what, body).await;
        assert!((200..300).contains(&answer.status), "{what}: {}", answer.body);
        answer.body
    }

    /// Active persons, parted by blanks; `name<manager` names a manager.
    pub(crate) async fn people(&self, people: &str) {
        // Nobody reports to somebody who is not there yet.
        let (bosses, others): (Vec<&str>, Vec<&str>) = people.split(' ').partition(|person| !person.contains('<'));
        for person in bosses.into_iter().chain(others) {
            let (id, manager) = person.split_once('<').map_or((person, None), |(id, manager)| (id, Some(manager)));
            let mut user = json!({ "name": id, "email": format!("{id}@example.com"), "active": true });
            if let Some(manager) = manager {
                user["manager"] = json!(manager);
            }
            self.done("root", &format!("PUT /v1/users/{id}"), Some(&user)).await;
        }
    }

    /// Members of a role, parted by blanks.
    pub(crate) async fn role(&self, role: &str, ids: &str) {
        for id in ids.split(' ') {
            self.done("root", &format!("PUT /v1/roles/{role}/members/{id}"), None).await;
        }
    }

    /// Stores a template and makes it the current one.
    pub(crate) async fn template(&self, template: &Value) {
        let key = template["key"].as_str().unwrap();
        self.done("root", &format!("PUT /v1/templates/{key}"), Some(template)).await;
    }
}

/// The beginning of a call.
pub(crate) fn asked(what: &str, token: Option<&str>) -> http::request::Builder {
    let (method, path) = what.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path);
    match token {
        Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    }
}
