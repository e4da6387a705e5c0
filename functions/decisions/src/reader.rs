//! Who looks at the page of a link, by the session of their browser. It is read here alone under `/v1/`, and can only take away: a link
//! opened by somebody else does nothing. Or it is the login that a step demands.

use approvals::app;
use approvals::store::sessions::{Secret, Session};
use approvals_domain::actor::Caller;
use approvals_domain::time::Timestamp;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::{Decisions, Link};

/// A login of the last so many seconds satisfies a step that demands one.
const LOGIN_SECONDS: i64 = 8 * 3_600;

/// Who looks.
#[derive(Debug)]
pub(crate) enum Reader {
    /// Somebody without a session.
    Nobody,
    /// The person whom the link was sent to.
    Recipient(Session),
    /// Another person.
    Other(Session),
}

impl Reader {
    /// By the cookies of a call.
    pub(crate) async fn find(service: &Decisions, headers: &HeaderMap, link: &Link) -> Result<Self, app::Error> {
        let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let ours = all.filter_map(|cookie| cookie.trim().strip_prefix(&*service.cookie)?.strip_prefix('='));
        for secret in ours.filter_map(Secret::parse) {
            if let Some(session) = service.sessions.look(&secret, service.app.clock.now()).await? {
                let own = session.tenant == link.tenant && session.person == link.recipient;
                return Ok(if own { Self::Recipient(session) } else { Self::Other(session) });
            }
        }
        Ok(Self::Nobody)
    }

    /// The recipient, as one who logged in lately; none: somebody else, or too long ago.
    pub(crate) fn login(&self, now: Timestamp) -> Option<Caller> {
        let Self::Recipient(session) = self else { return None };
        let Session { person, auth_time, acr, amr, .. } = session.clone();
        let (method, auth) = ("session".to_owned(), Some(auth_time));
        let lately = now.millis() / 1_000 - auth_time <= LOGIN_SECONDS;
        lately.then_some(Caller { id: person, method, client_id: None, auth_time: auth, acr, amr, submit_for: false })
    }
}
