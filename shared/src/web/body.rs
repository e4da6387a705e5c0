//! Bodies: bounded before they are read, strict when they are.

use axum::extract::FromRequest;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::json;
use crate::wire::fault::Fault;
use approvals_domain::limits;

/// A JSON body, and its bytes.
#[derive(Debug)]
pub struct Body<T>(pub T, pub Bytes);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, _: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = read(request).await?;
        if !json && !bytes.is_empty() {
            return Err(Problem::new(415, "unsupported_media_type", "send the body as `application/json`"));
        }
        let given: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        Ok(Self(body(given, "")?, bytes))
    }
}

/// A body as it came, with its media type in lower case.
#[derive(Debug)]
pub struct Raw(pub String, pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, _: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        Ok(Self(media_type, read(request).await?))
    }
}

async fn read(request: axum::extract::Request) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(413, "too_large", format!("a body has at most {} bytes", limits::BODY_BYTES));
    match Limited::new(request.into_body(), limits::BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Err(error) => Err(Problem::new(400, "invalid_body", format!("the body was cut short: {error}"))),
    }
}

fn media_type(headers: &http::HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(headers: &http::HeaderMap) -> bool {
    let media_type = media_type(headers);
    media_type == "application/json" || media_type.ends_with("+json")
}

/// Reads strict JSON into a shape; every fault names its place below `at`.
pub fn body<T: DeserializeOwned>(bytes: &[u8], at: &str) -> Result<T, Problem> {
    let value = json::parse_strict(bytes).map_err(|error| {
        let fault = Fault::new(format!("{at}{}", error.pointer), error.code, error.to_string());
        Problem::new(400, "invalid_json", error.to_string()).at([fault])
    })?;
    shape(value, at)
}

/// Reads a value into a shape.
pub fn shape<T: DeserializeOwned>(value: serde_json::Value, at: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(json::Objects(value)).map_err(|error| {
        let mut pointer = at.to_owned();
        for segment in error.path() {
            match segment {
                serde_path_to_error::Segment::Seq { index } => json::push_pointer(&mut pointer, &index.to_string()),
                serde_path_to_error::Segment::Map { key } => json::push_pointer(&mut pointer, key),
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => {}
            }
        }
        let detail = error.inner().to_string();
        let code =
            ["unknown field", "missing field"].into_iter().find(|kind| detail.starts_with(kind)).map_or("invalid", |kind| match kind {
                "unknown field" => "unknown_field",
                _ => "required",
            });
        Problem::new(400, "invalid_body", detail.clone()).at([Fault::new(pointer, code, detail)])
    })
}
