//! Ids in the path of a call that would make what they name.

use approvals::web::problem::Problem;
use approvals::wire::fault::Fault;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Path parameters of a write. Where a read answers 404, a write says why this can be no id.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, state).await.map(|Path(ids)| Self(ids)).map_err(|error| {
            let detail = error.body_text();
            let detail = detail.trim_start_matches("Invalid URL: ");
            Problem::new(400, "invalid_id", detail).at([Fault::new("", "invalid_id", format!("in the path: {detail}"))])
        })
    }
}
