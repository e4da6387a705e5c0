//! HTTP for all functions: bodies, keys, ids, and how errors look. The same routers serve on Lambda and in the embedded engine.

mod actor;
pub mod address;
mod body;
pub mod form;
mod headers;
mod paging;
pub mod preview;
pub mod problem;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::de::DeserializeOwned;

pub use actor::{Administers, CarriesOut, Decides, Delegator, Names, Speaks, Submits, Worker};
pub use body::{Body, Raw, body, shape};
pub use headers::{IdempotencyKey, IfMatch, Quiet, Via, etag};
pub use paging::{List, Paging};

use crate::app::App;
use crate::app::commands::execute::{How, Outcome};
use crate::identity::{ClaimNames, Identity};
use crate::runtime::clock::Clock;
use crate::runtime::metrics::refused;
use crate::store::requests::Record;
use problem::{Code, Problem};

/// What the handlers of a function are given: its parts, `F`, and which claims say what.
#[derive(Debug)]
pub struct Service<F>(Arc<Given<F>>);

#[derive(Debug)]
struct Given<F> {
    parts: F,
    claims: ClaimNames,
}

impl<F> Clone for Service<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Service<F> {
    /// Over a function's parts.
    pub fn new(parts: F, claims: ClaimNames) -> Self {
        Self(Arc::new(Given { parts, claims }))
    }
}

impl<F> std::ops::Deref for Service<F> {
    type Target = F;
    fn deref(&self) -> &F {
        &self.0.parts
    }
}

impl<F> Names for Service<F> {
    fn names(&self) -> &ClaimNames {
        &self.0.claims
    }
}

/// Path parameters. One that is no id is nothing that exists: the same 404.
#[derive(Debug)]
pub struct Ids<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, state).await.map(|Path(ids)| Self(ids)).map_err(|_| Problem::not_found())
    }
}

/// Query parameters; unknown ones are refused.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(query)| Self(query)).map_err(|error| Problem::new(400, "invalid_query", error.body_text()))
    }
}

/// Gives a router its answers for what it does not serve. Refusals are counted on their way out.
pub fn finish(router: Router, clock: Clock) -> Router {
    router
        .fallback(|| async { Problem::not_found().into_response() })
        .method_not_allowed_fallback(|| async {
            Problem::new(405, "method_not_allowed", "this address does not take this method").into_response()
        })
        .layer(map_response(move |response: Response| {
            if let Some(Code(code)) = response.extensions().get() {
                refused(clock.now(), code);
            }
            std::future::ready(response)
        }))
}

/// The request as it is now. A replayed call says so; one that changed nothing carries `already_applied`.
///
/// INVARIANT (sight): a replay is answered before any right is asked, so what it shows is asked for here: whoever may see nothing now hears
/// no more than that the call was carried out, on which request.
pub async fn answer(app: &App, identity: &Identity, status: StatusCode, outcome: Outcome) -> Result<Response, Problem> {
    if outcome.how == How::Replayed
        && let Some(blind) = blind(app, identity, &outcome.record, status).await?
    {
        return Ok(blind);
    }
    let already = matches!(outcome.how, How::Unchanged) || outcome.how == How::Replayed && status == StatusCode::OK;
    let view = app.view(&outcome.record).await?.already_applied(already);
    let mut response = (status, axum::Json(view)).into_response();
    if outcome.how == How::Replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The answer to the replay of a command by somebody who may see nothing of the request now; none: they may.
///
/// # Errors
/// [`Problem`]: the caller is no active person, or the store does not answer.
pub async fn blind(app: &App, identity: &Identity, record: &Record, status: StatusCode) -> Result<Option<Response>, Problem> {
    let mut known = app.reading(identity).await?;
    if app.may_see(identity, record, &mut known).await? {
        return Ok(None);
    }
    let blind = serde_json::json!({ "id": record.state.id, "code": "not_visible" });
    let mut response = (status, axum::Json(blind)).into_response();
    response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    Ok(Some(response))
}
