//! A page as HTTP: never kept, never framed, told to no other site, and compressed if the browser takes it.

use std::io::Write;

use approvals::web::problem::Problem;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use page_views::login::Said;
use page_views::look::POLICY;
use page_views::{Frame, write};

/// Smaller ones are sent as they are.
const WORTH_COMPRESSING: usize = 1_000;

/// A page.
pub(crate) fn page(status: u16, view: &impl page_views::Template) -> Response {
    match write(view) {
        Ok(html) => (status_of(status), guards(), html).into_response(),
        Err(error) => Problem::internal(&error.to_string()).into_response(),
    }
}

/// Another address, to be read by GET.
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, guards()).into_response();
    response.headers_mut().extend(HeaderValue::try_from(to).map(|to| (LOCATION, to)));
    response
}

/// A problem in words, with a way on.
pub(crate) fn problem(frame: Frame, problem: &Problem) -> Response {
    problem_keeping(frame, problem, Vec::new())
}

/// The same, with the words that were typed and not taken.
pub(crate) fn problem_keeping(frame: Frame, problem: &Problem, kept: Vec<(String, String)>) -> Response {
    let said = |heading: &str, line: &str| (heading.to_owned(), line.to_owned());
    let (heading, line) = match problem.status {
        404 => said("There is nothing here", "Nothing is at this address, or nothing that you may see. It may have been mistyped."),
        403 => said("This is not for you to do", &sentence(&problem.detail)),
        409 => said("Things have changed", &sentence(&problem.detail)),
        500 => said("Something is wrong on our side", "It was logged, and somebody will look at it. Nothing was changed by this."),
        503 => said("Just a moment", "The service is busy. Nothing was changed. Load the page again in a few seconds."),
        _ => said("That did not work", &sentence(&problem.detail)),
    };
    let ways = vec![("/".to_owned(), "See what waits for you".to_owned())];
    let frame = Frame { title: heading.clone(), ..frame };
    let mut response = page(problem.status, &Said { frame, heading, lines: vec![line], ways, kept, ..Said::default() });
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The detail of a problem as a sentence. An id keeps its letters.
pub(crate) fn sentence(detail: &str) -> String {
    let plain = detail.replace('`', "");
    let mut chars = plain.chars();
    let first = chars.next().map(|first| if detail.starts_with('`') { first.to_string() } else { first.to_uppercase().to_string() });
    let first = first.unwrap_or_default();
    let end = if plain.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Headers of each page. `same-origin`: with `no-referrer` a browser says that forms come from nowhere.
fn guards() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::try_from(POLICY.as_str()).map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    headers
}

/// Compresses an answer for a browser that takes it. The secret of a page's forms is fresh on each page, so its length tells nothing.
pub(crate) async fn compressed(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let accepted = request.headers().get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzip = accepted.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"));
    let response = next.run(request).await;
    let html = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !gzip || !html {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::internal("a page could not be read back").into_response();
    };
    if bytes.len() < WORTH_COMPRESSING {
        return Response::from_parts(parts, bytes.into());
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
        Ok(small) => {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            parts.headers.remove(axum::http::header::CONTENT_LENGTH);
            Response::from_parts(parts, small.into())
        }
        Err(error) => Problem::internal(&error.to_string()).into_response(),
    }
}
