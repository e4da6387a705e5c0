//! A form whose session ended before it was sent: it stands on the answer, with every word, to be pressed once more after a login.
//!
//! INVARIANT (own forms): what is pressed again acts without a `csrf` value of the new session only if this service sealed it for the person
//! whose session had ended, and if it is the same form.

use approvals::store::sessions::{Secret, Session};
use approvals::web::problem::Problem;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::time::Timestamp;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use page_views::Tab;
use page_views::login::{Again, Said};
use serde::{Deserialize, Serialize};

use crate::site::Pages;
use crate::visit::{Visit, bare, cookies};
use crate::{csrf, html};
use approvals::web::form::{AGAIN, Fields};

/// What the proof is sealed for.
const PURPOSE: &[u8] = b"again";
/// It is good for so long.
const MILLIS: i64 = 60 * 60_000;

/// Whose form it was, and which.
#[derive(Debug, Serialize, Deserialize)]
struct Proof {
    tenant: TenantId,
    person: PersonId,
    nonce: String,
    form: Hash,
    until: Timestamp,
}

fn digest((path, fields): (&str, &Fields)) -> Hash {
    Hash::of(&[path.as_bytes(), &fields.bytes()])
}

/// That a form came from a page of a session that has ended, whose cookie the browser still has; none: it did not.
pub(crate) async fn proof(pages: &Pages, headers: &HeaderMap, form: (&str, &Fields)) -> Result<Option<String>, Problem> {
    for secret in cookies(headers, &pages.site.cookie).filter_map(Secret::parse) {
        let Some(nonce) = csrf::nonce(&secret, form.1.get("csrf")) else { continue };
        let Some(Session { tenant, person, .. }) = pages.sessions.last(&secret).await? else { continue };
        let until = pages.app.clock.now().plus_millis(MILLIS);
        let proof = Proof { tenant, person, nonce: nonce.to_owned(), form: digest(form), until };
        let content = serde_json::to_vec(&proof).map_err(|error| Problem::internal(&error.to_string()))?;
        return Ok(Some(URL_SAFE_NO_PAD.encode(pages.links.seal_form(&[PURPOSE], &content).await?)));
    }
    Ok(None)
}

/// What names the command of a form that is pressed again by the one whose it was; none: it is not that.
pub(crate) async fn nonce(visit: &Visit, form: (&str, &Fields)) -> Result<Option<String>, Problem> {
    let Ok(sealed) = URL_SAFE_NO_PAD.decode(form.1.get(AGAIN)) else { return Ok(None) };
    let content = visit.pages.links.open_form(&[PURPOSE], &sealed).await?;
    let proof = content.and_then(|content| serde_json::from_slice::<Proof>(&content).ok());
    let identity = &visit.identity;
    let holds = |proof: &Proof| {
        proof.tenant == identity.tenant && proof.person == identity.caller.id && proof.form == digest(form) && visit.here.now < proof.until
    };
    Ok(proof.filter(holds).map(|proof| proof.nonce))
}

/// The form once more, with the words typed: nothing was done, since the session is another one than the page's, or is over.
pub(crate) fn page(pages: &Pages, visit: Option<&Visit>, path: &str, fields: &Fields, proof: Option<String>) -> Response {
    let mut sent = fields.without(&["csrf", AGAIN]);
    let (status, heading, line, ways, frame) = match visit {
        None => {
            sent.extend(proof.map(|proof| (AGAIN.to_owned(), proof)));
            let heading = "Your session is over";
            let line = "Nothing was lost, and nothing was done. Log in in a new tab, then come back here and press again.";
            let ways = vec![("/login".to_owned(), "Log in in a new tab".to_owned())];
            (401, heading, line.to_owned(), ways, bare(pages, heading))
        }
        Some(visit) => {
            let (heading, frame) = ("Please press once more", visit.frame("Please press once more", Tab::None));
            sent.push(("csrf".to_owned(), frame.csrf().to_owned()));
            let line = format!("The page was of an earlier session. You are logged in as {} now. Nothing was done yet.", visit.user.name);
            (403, heading, line, vec![("/".to_owned(), "Leave it".to_owned())], frame)
        }
    };
    let again = Some(Again { action: path.to_owned(), fields: sent, button: "Press again".to_owned() });
    let said = Said { frame, heading: heading.to_owned(), lines: vec![line], ways, kept: fields.typed(), again };
    html::page(status, &said)
}
