//! Who looks or presses: the session behind a cookie, and the form that came with it.
//!
//! INVARIANT (own forms): a form acts only if it came from a page of this site (`Origin`), of this session (`csrf`).

use approvals::app::commands::idempotency::Tag;
use approvals::app::queries::brief;
use approvals::identity::{Identity, Scope};
use approvals::store::Freshness;
use approvals::store::directory::{PersonRecord, User, documents};
use approvals::store::sessions::{IDLE_MILLIS, Secret, Session};
use approvals::web::problem::Problem;
use approvals_domain::actor::Caller;
use approvals_domain::limits;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use page_views::login::Said;
use page_views::{Frame, Reader, Tab, Theme};

use crate::fields::{Fields, encoded};
use crate::site::Pages;
use crate::words::Here;
use crate::{again, csrf, html};

/// Minutes without a call after which a session ends.
const IDLE_MINUTES: u32 = 30;
const _: () = assert!(IDLE_MINUTES as i64 * 60_000 == IDLE_MILLIS);
/// A login of the last so many seconds satisfies a step that demands one.
const LOGIN_SECONDS: i64 = 8 * 3_600;

/// Somebody with a session.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) pages: Pages,
    pub(crate) identity: Identity,
    pub(crate) user: User,
    pub(crate) here: Here,
    pub(crate) secret: Secret,
    pub(crate) theme: Theme,
    auth_time: i64,
}

impl Visit {
    /// What stands around a page of theirs.
    pub(crate) fn frame(&self, title: &str, tab: Tab) -> Frame {
        let reader = Reader {
            name: approvals::wire::plain::line(&self.user.name, 100),
            csrf: csrf::make(&self.secret, &self.pages.app.entropy),
            waiting: String::new(),
            idle_minutes: IDLE_MINUTES,
            zone: self.here.zone.name().to_owned(),
        };
        let installation = self.pages.site.name.clone();
        Frame { title: title.to_owned(), tab, theme: self.theme, reader: Some(reader), installation }
    }

    /// Their login is recent enough for a step that demands one.
    pub(crate) fn logged_in_lately(&self) -> bool {
        self.here.now.millis() / 1_000 - self.auth_time <= LOGIN_SECONDS
    }

    /// A page, or the problem in words.
    pub(crate) fn answer(&self, made: Result<Response, Problem>) -> Response {
        made.unwrap_or_else(|problem| html::problem(self.frame("", Tab::None), &problem))
    }
}

/// The value of a cookie.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    all.filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The names of all cookies.
pub(crate) fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    all.filter_map(|cookie| cookie.trim().split_once('=').map(|(name, _)| name))
}

/// The session of a call, with its secret.
pub(crate) async fn session(pages: &Pages, headers: &HeaderMap) -> Result<Option<(Secret, Session)>, Problem> {
    for cookie in cookies(headers, &pages.site.cookie) {
        let Some(secret) = Secret::parse(cookie) else { continue };
        if let Some(session) = pages.sessions.find(&secret, pages.app.clock.now()).await? {
            return Ok(Some((secret, session)));
        }
    }
    Ok(None)
}

/// The visit of a call; none: there is no session, or its person has left.
async fn visit(pages: &Pages, headers: &HeaderMap) -> Result<Option<Visit>, Problem> {
    let Some((secret, session)) = session(pages, headers).await? else { return Ok(None) };
    let (tenant, person) = (&session.tenant, &session.person);
    let (record, preferences) =
        tokio::join!(pages.app.directory.person(tenant, person, Freshness::Eventual), pages.app.directory.preferences(tenant, person));
    let standing = |record: &PersonRecord| record.user.active && record.ties.link_epoch == session.epoch;
    let Some(record) = record?.filter(standing) else { return Ok(None) };
    let (preferences, _) = preferences?;
    let Session { tenant, person, auth_time, acr, amr, .. } = session;
    let (method, auth) = ("session".to_owned(), Some(auth_time));
    let caller = Caller { id: person, method, client_id: None, auth_time: auth, acr, amr, submit_for: false };
    let identity = Identity { tenant, caller, scopes: [Scope::Submit, Scope::Decide, Scope::Read].into() };
    let chosen = preferences.time_zone.as_deref().and_then(|zone| zone.parse().ok());
    let zone = chosen.unwrap_or_else(|| brief::zone(&record.user));
    let here = Here { now: pages.app.clock.now(), zone };
    let theme = match preferences.theme {
        Some(documents::Theme::Light) => Theme::Light,
        Some(documents::Theme::Dark) => Theme::Dark,
        Some(documents::Theme::System) | None => Theme::System,
    };
    Ok(Some(Visit { pages: pages.clone(), identity, user: record.user, here, secret, theme, auth_time }))
}

/// Around pages of nobody.
pub(crate) fn bare(pages: &Pages, title: &str) -> Frame {
    Frame { title: title.to_owned(), installation: pages.site.name.clone(), ..Frame::default() }
}

impl FromRequestParts<Pages> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let found = visit(pages, &parts.headers).await.map_err(|problem| html::problem(bare(pages, ""), &problem))?;
        found.ok_or_else(|| {
            let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            html::see_other(&if next == "/" { "/login".to_owned() } else { format!("/login?next={}", encoded(next)) })
        })
    }
}

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
        Ok(body) => Ok((parts, Fields::read(&body.to_bytes()))),
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
        let found = visit(pages, &parts.headers).await.map_err(|problem| html::problem(bare(pages, ""), &problem))?;
        let path = parts.uri.path();
        let busy = |problem: Problem| html::problem_keeping(bare(pages, ""), &problem, fields.typed());
        let Some(visit) = found else {
            let proof = again::proof(pages, &parts.headers, (path, &fields)).await.map_err(busy)?;
            return Err(again::page(pages, None, path, &fields, proof));
        };
        let nonce = match csrf::nonce(&visit.secret, fields.get("csrf")) {
            Some(nonce) => Some(nonce.to_owned()),
            None => again::nonce(&visit, (path, &fields)).await.map_err(busy)?,
        };
        let Some(nonce) = nonce else { return Err(again::page(pages, Some(&visit), path, &fields, None)) };
        let post = Self { nonce, visit, fields };
        match post.fields.fault() {
            None => Ok(post),
            Some(fault) => Err(post.answer(Err(Problem::new(400, "invalid_form", format!("The form could not be taken. {fault}"))))),
        }
    }
}
