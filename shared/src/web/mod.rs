//! HTTP for all functions: bodies, keys, ids, and how errors look. The same routers serve on Lambda and in the embedded engine.

mod actor;
mod body;
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

pub use actor::Names;
pub use body::{Body, Raw, body, shape};
pub use headers::{IdempotencyKey, IfMatch, Via, etag};
pub use paging::{List, Paging};

use crate::app::App;
use crate::app::execute::{How, Outcome};
use crate::identity::ClaimNames;
use crate::runtime::metrics::refused;
use problem::{Code, Problem};

/// What handlers are given.
#[derive(Debug, Clone)]
pub struct Service(Arc<Deps>);

#[derive(Debug)]
struct Deps {
    app: App,
    claims: ClaimNames,
}

impl Service {
    /// Over the service's parts.
    pub fn new(app: App, claims: ClaimNames) -> Self {
        Self(Arc::new(Deps { app, claims }))
    }
}

impl std::ops::Deref for Service {
    type Target = App;
    fn deref(&self) -> &App {
        &self.0.app
    }
}

impl Names for Service {
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

/// Gives a router its state and its answers for what it does not serve. Refusals are counted on their way out.
pub fn finish(router: Router<Service>, service: Service) -> Router {
    let clock = service.clock.clone();
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
        .with_state(service)
}

/// The request as it is now. A replayed call says so; one that changed nothing carries `already_applied`.
pub async fn answer(service: &Service, status: StatusCode, outcome: Outcome) -> Result<Response, Problem> {
    let already = matches!(outcome.how, How::Unchanged) || outcome.how == How::Replayed && status == StatusCode::OK;
    let view = service.view(&outcome.record).await?.already_applied(already);
    let mut response = (status, axum::Json(view)).into_response();
    if outcome.how == How::Replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}
