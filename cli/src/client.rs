//! Calls to the service: blocking, with a bound on every wait, and repeated only where a repeat is harmless.

use std::io::ErrorKind;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, Request, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;

use crate::failure::Failure;
use crate::output::Now;
use crate::problem::Problem;

/// Tries of one call in all.
const TRIES: u32 = 5;
/// The longest wait between two tries, whatever `Retry-After` says.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// One try, from connecting to the last byte.
const CALL_MAX: Duration = Duration::from_secs(30);
/// The largest answer read: far above a page of a hundred requests.
const ANSWER_BYTES_MAX: u64 = 32 << 20;

/// A text that is never printed, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A service and the right to call it.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<Secret>,
}

/// One call.
#[derive(Debug)]
pub struct Call<'a> {
    method: Method,
    path: String,
    key: Option<&'a str>,
    body: Option<(&'static str, String)>,
}

impl<'a> Call<'a> {
    /// Reads; `path` begins with `/` and is ready for the wire.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), key: None, body: None }
    }

    /// Removes.
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// Replaces, with a body of this content type.
    pub fn put(path: impl Into<String>, content_type: &'static str, body: String) -> Self {
        Self { method: Method::PUT, body: Some((content_type, body)), ..Self::get(path) }
    }

    /// Does something once: `key` is the `Idempotency-Key`, the same on every try; none for a call that writes nothing.
    pub fn post(path: impl Into<String>, key: Option<&'a str>, body: &Value) -> Self {
        Self { method: Method::POST, path: path.into(), key, body: Some(("application/json", body.to_string())) }
    }

    /// Asks with a text of this content type; writes nothing.
    pub fn question(path: impl Into<String>, content_type: &'static str, body: String) -> Self {
        Self { method: Method::POST, path: path.into(), key: None, body: Some((content_type, body)) }
    }

    /// Twice is as good as once.
    fn repeatable(&self) -> bool {
        self.method != Method::POST || self.key.is_some()
    }
}

/// A good answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status, below 400.
    pub status: u16,
    /// As it came; may be empty.
    pub body: String,
    /// The service's clock.
    pub now: Now,
    /// This is the answer of an earlier call with the same key.
    pub replayed: bool,
}

impl Answer {
    /// The body in a shape.
    pub fn read<T: DeserializeOwned>(&self, client: &Client) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(|error| client.not_understood(&error))
    }
}

/// One answer of any status.
struct Raw {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Client {
    /// For the service at `url`.
    ///
    /// # Errors
    /// If `url` is no `http` or `https` address, or would carry the token in clear over a network.
    pub fn new(url: &str, token: Option<Secret>) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/');
        let place = Place::of(url).ok_or_else(|| Failure::usage(format!("`{url}` is no http or https address")))?;
        if token.is_some() && place == Place::Clear {
            return Err(Failure::usage(format!("{url} would carry the token in clear over the network: use https")));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(CALL_MAX))
            .timeout_connect(Some(Duration::from_secs(5)))
            .user_agent(concat!("approvals-cli/", env!("CARGO_PKG_VERSION")));
        if place == Place::Loopback {
            config = config.proxy(None);
        }
        Ok(Self { agent: config.build().into(), url: url.to_owned(), token })
    }

    /// The same service, called by somebody else.
    pub fn with_token(self, token: Secret) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Where the service is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An answer that is not in the shape it should have.
    pub fn not_understood(&self, error: &serde_json::Error) -> Failure {
        Failure::Unreachable { url: self.url.clone(), cause: format!("the answer is not understood: {error}") }
    }

    /// Only this machine answers there.
    pub fn is_loopback(&self) -> bool {
        Place::of(&self.url) == Some(Place::Loopback)
    }

    /// Calls; repeats while the service is busy (429, 503), and where a repeat is harmless also when the answer was lost.
    ///
    /// # Errors
    /// A status from 300 on, or no answer after [`TRIES`].
    pub fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut tried = 0;
        loop {
            tried += 1;
            let last = tried >= TRIES;
            match self.once(call) {
                Ok(raw) if !last && worth_repeating(raw.status, call.repeatable()) => std::thread::sleep(wait(&raw.headers, tried)),
                Ok(raw) => return judge(raw),
                Err(error) if !last && call.repeatable() && is_lost(&error) => std::thread::sleep(wait(&HeaderMap::new(), tried)),
                Err(error) => return Err(Failure::Unreachable { url: self.url.clone(), cause: in_words(&error) }),
            }
        }
    }

    /// Calls, and reads the answer in a shape; the answer itself comes too, for `--json`.
    pub fn ask<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<(T, Answer), Failure> {
        let answer = self.send(call)?;
        Ok((answer.read(self)?, answer))
    }

    fn once(&self, call: &Call<'_>) -> Result<Raw, ureq::Error> {
        let mut parts = Request::builder().method(call.method.clone()).uri(format!("{}{}", self.url, call.path));
        parts = parts.header(header::ACCEPT, "application/json, application/problem+json");
        // Recorded with a vote; it entitles nobody.
        parts = parts.header("approvals-channel", "cli");
        if let Some(Secret(token)) = &self.token {
            parts = parts.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(key) = call.key {
            parts = parts.header("idempotency-key", key);
        }
        let mut answer = match &call.body {
            Some((content_type, body)) => self.agent.run(parts.header(header::CONTENT_TYPE, *content_type).body(body.as_str())?)?,
            None => self.agent.run(parts.body(())?)?,
        };
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
        Ok(Raw { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
    }
}

fn judge(raw: Raw) -> Result<Answer, Failure> {
    if raw.status >= 300 {
        return Err(Failure::Refused(Box::new(Problem::read(raw.status, raw.body))));
    }
    let text = |name: &str| raw.headers.get(name).and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: raw.status,
        now: text("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.with_timezone(&Utc)),
        replayed: text("idempotent-replayed").is_some_and(|value| value == "true"),
        body: raw.body,
    })
}

/// 429 and 503 say that nothing was done; after 502 and 504 nobody knows.
const fn worth_repeating(status: u16, repeatable: bool) -> bool {
    matches!(status, 429 | 503) || repeatable && matches!(status, 502 | 504)
}

/// The connection broke or stalled after it stood; if it never did, waiting a moment changes nothing.
fn is_lost(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(cause) => cause.kind() != ErrorKind::ConnectionRefused,
        ureq::Error::Timeout(which) => *which != ureq::Timeout::Connect,
        _ => false,
    }
}

fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(cause) if cause.kind() == ErrorKind::ConnectionRefused => {
            "nothing listens there; `approvals dev` starts a local service".to_owned()
        }
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        other => other.to_string(),
    }
}

/// As long as `Retry-After` says (in seconds), else twice as long each time; never longer than [`WAIT_MAX`].
fn wait(headers: &HeaderMap, tried: u32) -> Duration {
    let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|value| value.trim().parse().ok());
    asked.map_or_else(|| Duration::from_millis(100) * 2_u32.saturating_pow(tried), Duration::from_secs).min(WAIT_MAX)
}

/// Who can listen on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Loopback,
    Encrypted,
    Clear,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let uri: http::Uri = url.parse().ok()?;
        let host = uri.host()?.trim_matches(['[', ']']);
        let loopback = host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match uri.scheme_str()? {
            "http" | "https" if loopback => Some(Self::Loopback),
            "https" => Some(Self::Encrypted),
            "http" => Some(Self::Clear),
            _ => None,
        }
    }
}

/// A piece of a path: everything but letters, digits and `-._~` in percent form.
pub fn segment(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    // A path of dots alone would be taken for a way up.
    if matches!(safe.as_str(), "." | "..") { safe.replace('.', "%2E") } else { safe }
}

/// `?a=1&b=2` of those that are given; empty if none is.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(&value?))));
    let joined = given.collect::<Vec<_>>().join("&");
    if joined.is_empty() { joined } else { format!("?{joined}") }
}

/// A new `Idempotency-Key`: 128 random bits.
pub fn fresh_key() -> String {
    format!("cli-{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests;
