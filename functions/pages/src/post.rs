//! A form as it was pressed: from which page, in whose session.
//!
//! INVARIANT (own forms): a form acts only if it came from a page of this site (`Origin`), of this session (`csrf`).

use approvals::app::commands::idempotency::Tag;
use approvals::web::problem::Problem;
use approvals_domain::limits;
use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::request::Parts;
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use page_views::Tab;
use page_views::login::Said;

use crate::site::Pages;
use crate::visit::{Visit, bare, visit};
use crate::{again, csrf, html};
use approvals::web::form::Fields;

/// A form of somebody with a session.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) visit: Visit,
    pub(crate) fields: Fields,
    nonce: String,
}

impl Post {
    /// A page, or the problem in words: with what was typed, since no form holds it any more.
    pub(crate) fn answer(&self, made: Result<Response, Problem>) -> Response {
        made.unwrap_or_else(|problem| html::problem_keeping(self.visit.frame("", Tab::None), &problem, self.fields.typed()))
    }

    /// What names the command that this form gives.
    pub(crate) fn tag(&self, call: &str) -> Tag {
        Tag::new(&self.visit.pages.app.entropy, &self.visit.identity, call, Some(&self.nonce), &self.fields.bytes())
    }
}

/// A form, whoever sent it, from a page of this site.
pub(crate) async fn own_form(request: Request, pages: &Pages) -> Result<(Parts, Fields), Response> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let origin = pages.site.address.of(&parts.headers);
    if parts.method != Method::POST || origin.is_none() || header(ORIGIN) != origin.as_deref() {
        let said = "The form came from another site, and was not taken. Nothing was changed.";
        return Err(words(403, pages, "That was not our form", said));
    }
    let media_type =
        header(CONTENT_TYPE).and_then(|value| value.split(';').next()).map(|media_type| media_type.trim().to_ascii_lowercase());
    if media_type.as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(words(415, pages, "That was no form", "It did not come as a form of these pages does. Nothing was changed."));
    }
    match Limited::new(body, limits::BODY_BYTES).collect().await {
        Ok(body) => {
            let fields = Fields::read(&body.to_bytes());
            let fault = |fault| Problem::new(400, "invalid_form", format!("The form could not be taken. {fault}"));
            let refused = |why| html::problem_keeping(bare(pages, ""), &fault(why), fields.typed());
            match fields.fault() {
                None => Ok((parts, fields)),
                Some(why) => Err(refused(why)),
            }
        }
        Err(_) => Err(words(413, pages, "That was too much", "The form was too long, or was cut short. Nothing was changed.")),
    }
}

fn words(status: u16, pages: &Pages, heading: &str, said: &str) -> Response {
    let ways = vec![("/".to_owned(), "See what waits for you".to_owned())];
    let said = Said { frame: bare(pages, heading), heading: heading.to_owned(), lines: vec![said.to_owned()], ways, ..Said::default() };
    html::page(status, &said)
}

impl FromRequest<Pages> for Post {
    type Rejection = Response;

    async fn from_request(request: Request, pages: &Pages) -> Result<Self, Response> {
        let (parts, fields) = own_form(request, pages).await?;
        let busy = |problem: Problem| html::problem_keeping(bare(pages, ""), &problem, fields.typed());
        let found = visit(pages, &parts.headers).await.map_err(busy)?;
        let path = parts.uri.path();
        let Some(visit) = found else {
            let proof = again::proof(pages, &parts.headers, (path, &fields)).await.map_err(busy)?;
            return Err(again::page(pages, None, path, &fields, proof));
        };
        let nonce = match csrf::nonce(&visit.secret, fields.get("csrf")) {
            Some(nonce) => Some(nonce.to_owned()),
            None => again::nonce(&visit, (path, &fields)).await.map_err(busy)?,
        };
        let Some(nonce) = nonce else { return Err(again::page(pages, Some(&visit), path, &fields, None)) };
        Ok(Self { nonce, visit, fields })
    }
}
