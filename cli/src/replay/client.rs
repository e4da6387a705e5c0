//! The HTTP side of a replay: one keep-alive agent, tokens by person and scopes, and retries where a retry is harmless.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::{Request, Response};

/// Tries of one call while the service answers 503 or 429.
const BUSY_TRIES_MAX: u32 = 30;
/// Tries of one call while no answer comes at all; every command carries a key, so a second delivery is harmless.
const LOST_TRIES_MAX: u32 = 4;
/// The longest wait before a retry, whatever `Retry-After` says.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// A request in an answer holds at most its 64 kB of metadata and its steps; this is far above.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Who sets up the directory and the template.
pub const ADMINISTRATOR: &str = "replay-administrator";

/// Why the service could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{base}` does not answer: {cause}")]
    Unreachable { base: String, cause: Box<ureq::Error> },
    #[error("{method} {path} answered {status} {code}: {detail}")]
    Unexpected { method: &'static str, path: String, status: u16, code: String, detail: String },
    #[error("the answer to {path} is not what the API promises: {cause}")]
    Shape { path: String, cause: serde_json::Error },
    #[error(
        "`{base}` has no development endpoints (POST /_dev/token answered {status}); a replay makes up people and moves the clock, \
         so it needs `approvals dev`"
    )]
    NotForDevelopment { base: String, status: u16 },
}

/// An answer of any status, its body read.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    body: Vec<u8>,
    path: String,
    method: &'static str,
}

/// What an RFC 9457 problem says.
#[derive(serde::Deserialize, Default)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Reply {
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON of a known shape.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|cause| Error::Shape { path: self.path.clone(), cause })
    }

    /// The stable code of a problem body, or `unknown`.
    #[must_use]
    pub fn code(&self) -> String {
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        if problem.code.is_empty() { "unknown".to_owned() } else { problem.code }
    }

    /// This reply, if it is a success.
    ///
    /// # Errors
    /// [`Error::Unexpected`] otherwise.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() { Ok(self) } else { Err(self.unexpected()) }
    }

    /// The error of a reply that nothing was prepared for.
    #[must_use]
    pub fn unexpected(self) -> Error {
        let code = self.code();
        let problem: Problem = serde_json::from_slice(&self.body).unwrap_or_default();
        Error::Unexpected { method: self.method, path: self.path, status: self.status, code, detail: problem.detail }
    }
}

/// One call, before it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    pub method: &'static str,
    pub path: &'c str,
    /// The person whose token is sent.
    pub person: Option<&'c str>,
    pub content_type: &'static str,
    pub body: &'c [u8],
    /// `Idempotency-Key`.
    pub key: Option<&'c str>,
}

/// A client of one service.
pub struct Client {
    agent: ureq::Agent,
    base: String,
    /// Of each person the last token, and its scopes.
    tokens: RwLock<HashMap<String, (Vec<String>, String)>>,
    calls: AtomicU64,
}

impl Client {
    /// A client of the service at `base`, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .max_idle_connections_per_host(8)
            // On loopback compression only costs time.
            .accept_encoding("identity")
            .user_agent("approvals-replay")
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            base: base.trim_end_matches('/').to_owned(),
            tokens: RwLock::new(HashMap::new()),
            calls: AtomicU64::new(0),
        }
    }

    /// HTTP calls sent so far, retries included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Gets a token for each person, so that later calls need none.
    ///
    /// # Errors
    /// [`Error::NotForDevelopment`] when the service makes no tokens.
    pub fn sign_in(&self, person: &str, scopes: &[&str]) -> Result<(), Error> {
        #[derive(serde::Deserialize)]
        struct Token {
            token: String,
        }
        let body = json!({ "user": person, "scopes": scopes });
        let reply = self.send(Call { method: "POST", path: "/_dev/token", person: None, ..Call::json(&bytes(&body)) })?;
        if !reply.is_success() {
            return Err(Error::NotForDevelopment { base: self.base.clone(), status: reply.status });
        }
        let Token { token } = reply.json()?;
        self.tokens
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(person.to_owned(), (scopes.iter().map(ToString::to_string).collect(), format!("Bearer {token}")));
        Ok(())
    }

    /// As [`Client::send`], with a new token when the old one has run out.
    ///
    /// # Errors
    /// As [`Client::send`] and [`Client::sign_in`].
    pub fn send_signed(&self, call: Call<'_>, scopes: &[&str]) -> Result<Reply, Error> {
        let Some(person) = call.person else {
            return self.send(call);
        };
        if !self.has_token(person, scopes) {
            self.sign_in(person, scopes)?;
        }
        let reply = self.send(call)?;
        if reply.status != 401 {
            return Ok(reply);
        }
        self.sign_in(person, scopes)?;
        self.send(call)
    }

    /// Sends a call; a busy service (503, 429) is asked again after the time it names, a lost answer at once.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when no answer comes.
    pub fn send(&self, call: Call<'_>) -> Result<Reply, Error> {
        let (mut busy, mut lost) = (0, 0);
        loop {
            self.calls.fetch_add(1, Ordering::Relaxed);
            match self.once(call) {
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 503) && busy < BUSY_TRIES_MAX => {
                    busy += 1;
                    std::thread::sleep(retry_after(&answer));
                }
                Ok(answer) => match read(answer, call) {
                    Ok(reply) => return Ok(reply),
                    Err(_) if lost < LOST_TRIES_MAX => lost += 1,
                    Err(cause) => return Err(self.unreachable(cause)),
                },
                Err(_) if lost < LOST_TRIES_MAX => {
                    lost += 1;
                    std::thread::sleep(Duration::from_millis(100 << lost));
                }
                Err(cause) => return Err(self.unreachable(cause)),
            }
        }
    }

    fn once(&self, call: Call<'_>) -> Result<Response<ureq::Body>, ureq::Error> {
        let mut request = Request::builder().method(call.method).uri(format!("{}{}", self.base, call.path));
        if let Some(token) = call.person.and_then(|person| self.token(person)) {
            request = request.header("authorization", token);
        }
        if let Some(key) = call.key {
            request = request.header("idempotency-key", key);
        }
        if call.method == "GET" {
            return self.agent.run(request.body(())?);
        }
        self.agent.run(request.header("content-type", call.content_type).body(call.body)?)
    }

    fn token(&self, person: &str) -> Option<String> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(person).map(|(_, token)| token.clone())
    }

    fn has_token(&self, person: &str, scopes: &[&str]) -> bool {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(person).is_some_and(|(held, _)| scopes.iter().all(|scope| held.iter().any(|held| held == scope)))
    }

    fn unreachable(&self, cause: ureq::Error) -> Error {
        Error::Unreachable { base: self.base.clone(), cause: Box::new(cause) }
    }
}

impl<'c> Call<'c> {
    /// A JSON POST by the administrator; callers change what differs.
    #[must_use]
    pub fn json(body: &'c [u8]) -> Self {
        Self { method: "POST", path: "", person: Some(ADMINISTRATOR), content_type: "application/json", body, key: None }
    }

    #[must_use]
    pub fn get(path: &'c str, person: &'c str) -> Self {
        Self { method: "GET", path, person: Some(person), ..Self::json(&[]) }
    }
}

/// A JSON value as the bytes of a body.
#[must_use]
pub fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn retry_after(answer: &Response<ureq::Body>) -> Duration {
    let named = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let seconds = named.filter(|seconds| seconds.is_finite() && *seconds >= 0.0).unwrap_or(1.0);
    Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX.as_secs_f64())).max(Duration::from_millis(20))
}

fn read(answer: Response<ureq::Body>, call: Call<'_>) -> Result<Reply, ureq::Error> {
    let status = answer.status().as_u16();
    let body = answer.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
    Ok(Reply { status, body, path: call.path.to_owned(), method: call.method })
}
