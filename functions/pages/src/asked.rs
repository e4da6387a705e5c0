//! What an address says. Whatever of it cannot be read is a page too, with the headers of each page.

use approvals::web::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::html;
use crate::site::Pages;
use crate::visit::bare;

/// Query parameters.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Pages> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let wrong = |_| {
            html::problem(
                bare(pages, ""),
                &Problem::new(400, "invalid_query", "The address says one thing twice, or nothing that is known here."),
            )
        };
        read.map(|axum::extract::Query(query)| Self(query)).map_err(wrong)
    }
}

/// The one parameter of a path. One that is no text is nothing that exists.
#[derive(Debug)]
pub(crate) struct Path(pub(crate) String);

impl FromRequestParts<Pages> for Path {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let read = axum::extract::Path::<String>::from_request_parts(parts, pages).await;
        read.map(|axum::extract::Path(text)| Self(text)).map_err(|_| html::problem(bare(pages, ""), &Problem::not_found()))
    }
}
