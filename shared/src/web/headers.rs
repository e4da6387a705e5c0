//! Headers that mean something here.

use std::convert::Infallible;

use approvals_domain::actor::Channel;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::problem::Problem;

/// Longest Idempotency-Key, in characters.
const KEY_CHARS: usize = 255;

/// `Idempotency-Key`, if there is one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if (1..=KEY_CHARS).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::new(
                400,
                "invalid_idempotency_key",
                format!("an Idempotency-Key has 1 to {KEY_CHARS} visible ASCII characters"),
            )),
        }
    }
}

/// `If-Match`: the version the caller saw.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(http::header::IF_MATCH) else { return Ok(Self(None)) };
        let version = value.to_str().ok().and_then(|text| text.trim().trim_start_matches("W/").trim_matches('"').parse().ok());
        version
            .map(|version| Self(Some(version)))
            .ok_or_else(|| Problem::new(400, "invalid_if_match", "If-Match takes the ETag of an earlier answer"))
    }
}

/// The ETag of a version.
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// `notify=false` in the query of a command: no person is to hear of it.
#[derive(Debug, Clone, Copy)]
pub struct Quiet(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for Quiet {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let said: Vec<&str> = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("notify=")).collect();
        match said.as_slice() {
            [] | ["true"] => Ok(Self(false)),
            ["false"] => Ok(Self(true)),
            _ => Err(Problem::new(400, "invalid_query", "`notify` is `true` or `false`, once")),
        }
    }
}

/// The way a command came, as our own clients say; it is recorded and entitles nobody.
#[derive(Debug, Clone, Copy)]
pub struct Via(pub Channel);

impl<S: Send + Sync> FromRequestParts<S> for Via {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(channel(&parts.headers)))
    }
}

/// `Approvals-Channel: cli` or `page`; everything else is `api`.
fn channel(headers: &HeaderMap) -> Channel {
    match headers.get("approvals-channel").and_then(|value| value.to_str().ok()) {
        Some("cli") => Channel::Cli,
        Some("page") => Channel::Page,
        _ => Channel::Api,
    }
}
