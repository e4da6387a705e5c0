//! The service as callers see it: its routes behind the local gate, without a port.

use std::path::Path;

use axum::body::Body;
use cli::dev::{Local, Start};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) struct Api {
    pub(crate) local: Local,
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

    /// On a data folder that stays.
    pub(crate) async fn at(folder: &Path) -> Self {
        let local = Local::start(Start { data: folder, clock: None, clients: None }).await.unwrap();
        Self { local, _folder: None }
    }

    /// A token with every scope but `audit`.
    pub(crate) fn token(&self, user: &str) -> String {
        self.local.token(user, None, "default").unwrap()
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
        self.send(request.unwrap()).await
    }

    /// As [`Api::call`], for what must succeed.
    pub(crate) async fn done(&self, user: &str, what: &str, body: Option<&Value>) -> Value {
        let answer = self.call(user, what, body).await;
        assert!((200..300).contains(&answer.status), "{what}: {}", answer.body);
        answer.body
    }

    /// Active persons, parted by blanks; `name<manager` names a manager.
    pub(crate) async fn people(&self, people: &str) {
        for person in people.split(' ') {
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
