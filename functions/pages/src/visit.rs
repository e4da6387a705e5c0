//! Who looks or presses: the session behind a cookie.

use approvals::identity::{Identity, Scope};
use approvals::store::Freshness;
use approvals::store::directory::{PersonRecord, User, documents};
use approvals::store::sessions::{IDLE_MILLIS, Secret, Session};
use approvals::web::problem::Problem;
use approvals_domain::actor::Caller;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::response::Response;
use chrono_tz::Tz;
use page_views::{Frame, Reader, Tab, Theme};

use crate::site::Pages;
use crate::words::Here;
use crate::{csrf, html};
use approvals::web::form::encoded;

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
pub(crate) async fn visit(pages: &Pages, headers: &HeaderMap) -> Result<Option<Visit>, Problem> {
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
    let zone = pages.app.zone_of(&identity.tenant, preferences.time_zone.as_deref(), record.user.time_zone.as_deref()).await?;
    let zone = zone.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
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
