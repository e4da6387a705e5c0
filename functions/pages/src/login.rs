//! Login and logout. Deployed, people log in at the issuer; on a development server by a button with their name.

use approvals::identity::Identity;
use approvals::store::Freshness;
use approvals::store::sessions::{Secret, Session};
use approvals::web::problem::Problem;
use approvals_domain::actor::Caller;
use approvals_domain::ids::{PersonId, TenantId};
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use page_views::login::{First, Login, Person, Said};
use page_views::parts::Trouble;
use serde::{Deserialize, Serialize};

use crate::asked::Query;
use crate::inputs::Wrongs;
use crate::next::{ascii, own_path};
use crate::oidc::{self, LOGIN_MILLIS, LoggedIn, Oidc};
use crate::post::{Post, own_form};
use crate::site::{self, Pages};
use crate::visit::{self, bare};
use crate::{first, html};
use approvals::web::form::{Fields, encoded};

/// People with a button on a development server.
const BUTTONS: usize = 100;
/// Logins under way in one browser.
const SIDE_BY_SIDE: usize = 5;
/// The cookie that says that somebody has logged out: until they log in again of their own will, the issuer is not asked who they are.
const LEFT: &str = "left";
/// What the form of the first administrator is sealed for.
const FIRST: &[u8] = b"first";
/// That form is good for so long.
const FIRST_MILLIS: i64 = 10 * 60_000;

/// Where to go after a login, and how.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
    #[serde(default)]
    fresh: String,
    #[serde(default)]
    again: String,
}

/// What the issuer sends somebody back with.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
}

/// `GET /login`.
pub(crate) async fn show(State(pages): State<Pages>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let left = visit::cookies(&headers, &pages.site.cookie_of(LEFT)).next().is_some();
    let made = async {
        match &pages.site.login {
            site::Login::Oidc(oidc) if !left || asked.again == "1" => begin_at_issuer(&pages, oidc, &headers, &asked).await,
            _ => Ok(html::page(200, &shown(&pages, &headers, &asked, left).await?)),
        }
    };
    made.await.unwrap_or_else(|problem| html::problem(bare(&pages, ""), &problem))
}

async fn shown(pages: &Pages, headers: &HeaderMap, asked: &Asked, left: bool) -> Result<Login, Problem> {
    let next = own_path(&asked.next).to_owned();
    let (people, buttons) = match &pages.site.login {
        site::Login::Buttons { tenant } => (people(pages, tenant).await?, true),
        site::Login::Oidc(_) | site::Login::Nobody => (Vec::new(), false),
    };
    let end_session = match (&pages.site.login, pages.site.address.of(headers)) {
        (site::Login::Oidc(oidc), Some(origin)) if left => oidc.end_session(&format!("{origin}/login")).await,
        _ => String::new(),
    };
    let (first, login) = (buttons && people.is_empty(), format!("/login?again=1&next={}", encoded(&next)));
    let frame = bare(pages, "Log in");
    Ok(Login { frame, next, login, people, first, left, end_session, ..Login::default() })
}

/// Who can be a development server's reader.
async fn people(pages: &Pages, tenant: &TenantId) -> Result<Vec<Person>, Problem> {
    let directory = &pages.app.directory;
    let active: Vec<_> = directory.people(tenant, "", BUTTONS).await?.into_iter().filter(|(_, user)| user.active).collect();
    let name = |id: &PersonId| active.iter().find(|(known, _)| known == id).map_or_else(|| id.to_string(), |(_, user)| user.name.clone());
    let mut people = Vec::new();
    for (id, user) in &active {
        let held = directory.person(tenant, id, Freshness::Eventual).await?;
        let held = held.iter().flat_map(|record| record.memberships.iter()).filter(|(_, (_, holds))| *holds);
        let roles = held.map(|(role, _)| role.to_string()).collect::<Vec<_>>().join(", ");
        let reports = user.manager.as_ref().map(|manager| format!("reports to {}", name(manager))).unwrap_or_default();
        let words = [reports, roles].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" · ");
        people.push(Person { id: id.to_string(), name: user.name.clone(), words });
    }
    Ok(people)
}

/// `POST /login`: on a development server only.
pub(crate) async fn press(State(pages): State<Pages>, request: Request) -> Response {
    let (parts, fields) = match own_form(request, &pages).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let made = pressed(&pages, &parts.headers, &fields).await;
    made.unwrap_or_else(|problem| html::problem(bare(&pages, ""), &problem))
}

async fn pressed(pages: &Pages, headers: &HeaderMap, fields: &Fields) -> Result<Response, Problem> {
    let site::Login::Buttons { tenant } = &pages.site.login else { return Err(Problem::not_found()) };
    let asked = Asked { next: fields.get("next").to_owned(), ..Asked::default() };
    let now = pages.app.clock.now();
    let refused = async |status: u16, items: Wrongs| {
        let trouble = Some(Trouble { heading: "You are not logged in".to_owned(), items, way: None });
        let text = |name: &str| fields.get(name).to_owned();
        let page = shown(pages, headers, &asked, false).await?;
        Ok(html::page(status, &Login { trouble, user: text("user"), name: text("name"), email: text("email"), ..page }))
    };
    let Ok(id) = PersonId::new(fields.get("user").trim()) else {
        let said = "Id: letters, digits and _ . : @ + | ' -, and no blanks.".to_owned();
        return refused(400, vec![("user".to_owned(), said)]).await;
    };
    let caller =
        Caller { id, method: "development".to_owned(), client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false };
    // Whoever is a button has no name to say.
    if fields.has("name") || fields.has("email") {
        let identity = Identity { tenant: tenant.clone(), caller: caller.clone(), scopes: [].into() };
        let (name, email) = (fields.get("name").trim(), fields.get("email").trim());
        if let Err(items) = first::administrator(pages, &identity, name, email).await? {
            return refused(409, items).await;
        }
    }
    let person = pages.app.directory.person(tenant, &caller.id, Freshness::Strong).await?;
    if !person.is_some_and(|person| person.user.active) {
        return refused(403, vec![(String::new(), "Nobody here has this id, or they have left.".to_owned())]).await;
    }
    let session = Session {
        tenant: tenant.clone(),
        person: caller.id,
        epoch: 0,
        since: now,
        auth_time: now.millis() / 1_000,
        acr: None,
        amr: Vec::new(),
    };
    begin(pages, headers, &session, &asked.next).await
}

/// A new session, and on to a path.
///
/// INVARIANT (no fixation): a login makes a new session, and the browser's old one ends.
async fn begin(pages: &Pages, headers: &HeaderMap, session: &Session, next: &str) -> Result<Response, Problem> {
    if let Some((secret, old)) = visit::session(pages, headers).await? {
        pages.sessions.end(&secret.hash(), &old.tenant, &old.person, pages.app.clock.now()).await?;
    }
    let secret = Secret::new(&pages.app.entropy);
    let reachable = pages.app.directory.reachable(&session.tenant, &session.person, session.since, Freshness::Strong).await?;
    let epoch = reachable.map_or(0, |reachable| reachable.link_epoch);
    pages.sessions.begin(&secret, &Session { epoch, ..session.clone() }).await?;
    let mut response = html::see_other(&ascii(own_path(next)));
    set_cookie(pages, &mut response, &pages.site.cookie, &secret.reveal(), "");
    set_cookie(pages, &mut response, &pages.site.cookie_of(LEFT), "", "; Max-Age=0");
    Ok(response)
}

/// A cookie of this host only, out of reach of scripts; without `Max-Age` it goes with the browser.
fn set_cookie(pages: &Pages, response: &mut Response, name: &str, value: &str, more: &str) {
    let secure = if pages.site.address.tls() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// `POST /logout`.
pub(crate) async fn logout(State(pages): State<Pages>, post: Post) -> Response {
    let visit = &post.visit;
    let ended = pages.sessions.end(&visit.secret.hash(), &visit.identity.tenant, &visit.identity.caller.id, visit.here.now).await;
    let made = ended.map_err(Problem::from).map(|()| {
        let mut response = html::see_other("/login");
        set_cookie(&pages, &mut response, &pages.site.cookie, "", "; Max-Age=0");
        set_cookie(&pages, &mut response, &pages.site.cookie_of(LEFT), "1", "");
        response
    });
    visit.answer(made)
}

/// GET on a form's address.
pub(crate) async fn to_login() -> Response {
    html::see_other("/login")
}

/// Sends somebody to the issuer, with a sealed cookie of their login.
async fn begin_at_issuer(pages: &Pages, oidc: &Oidc, headers: &HeaderMap, asked: &Asked) -> Result<Response, Problem> {
    let fresh = asked.fresh == "1";
    if !fresh && visit::session(pages, headers).await?.is_some() {
        return Ok(html::see_other(&ascii(own_path(&asked.next))));
    }
    let origin = pages.site.address.of(headers).ok_or_else(Problem::not_found)?;
    let begun = match oidc.begin(&pages.links, &pages.app.entropy, &origin, (own_path(&asked.next), fresh)).await {
        Ok(begun) => begun,
        Err(error) => return failed(pages, error),
    };
    let mut response = html::see_other(&begun.address);
    let prefix = pages.site.cookie_of("login-");
    // A browser names its cookies in the order in which it got them.
    let open: Vec<&str> = visit::names(headers).filter(|name| name.starts_with(&prefix)).collect();
    for old in open.iter().take((open.len() + 1).saturating_sub(SIDE_BY_SIDE)) {
        set_cookie(pages, &mut response, old, "", "; Max-Age=0");
    }
    let age = format!("; Max-Age={}", LOGIN_MILLIS / 1_000);
    set_cookie(pages, &mut response, &format!("{prefix}{}", begun.state), &begun.cookie, &age);
    Ok(response)
}

/// Why nobody is logged in, as a page.
fn failed(pages: &Pages, error: oidc::Error) -> Result<Response, Problem> {
    let (status, line) = match error {
        oidc::Error::Again(said) => (400, said),
        oidc::Error::Stranger(subject) => return Ok(stranger(pages, &subject)),
        oidc::Error::Issuer(what) => {
            tracing::error!(what, "a login failed at the issuer");
            (502, "The login service did not answer as it must. Try again in a minute; if it stays so, tell an administrator.")
        }
        oidc::Error::Secret(error) => return Err(Problem::busy(&error.to_string())),
    };
    let heading = "You are not logged in";
    let (lines, ways) = (vec![line.to_owned()], vec![("/login".to_owned(), "Log in".to_owned())]);
    Ok(html::page(status, &Said { frame: bare(pages, heading), heading: heading.to_owned(), lines, ways, ..Said::default() }))
}

/// `GET /login/callback`.
pub(crate) async fn callback(State(pages): State<Pages>, headers: HeaderMap, Query(back): Query<Back>) -> Response {
    let made = called_back(&pages, &headers, &back).await;
    made.unwrap_or_else(|problem| html::problem(bare(&pages, ""), &problem))
}

async fn called_back(pages: &Pages, headers: &HeaderMap, back: &Back) -> Result<Response, Problem> {
    let site::Login::Oidc(oidc) = &pages.site.login else { return Err(Problem::not_found()) };
    if !back.error.is_empty() || back.code.is_empty() {
        return failed(pages, oidc::Error::Again("The login was not finished. Begin it once more, or leave it."));
    }
    let name = pages.site.cookie_of(&format!("login-{}", back.state));
    let cookie = visit::cookies(headers, &name).next().unwrap_or_default();
    let who = match oidc.finish(&pages.links, &back.state, &back.code, cookie).await {
        Ok(who) => who,
        Err(error) => return failed(pages, error),
    };
    let Identity { tenant, caller, .. } = &who.identity;
    let person = pages.app.directory.person(tenant, &caller.id, Freshness::Strong).await?;
    let mut response = if person.is_some_and(|person| person.user.active) {
        begin(pages, headers, &session_of(pages, &who.identity, who.age_seconds), &who.next).await?
    } else {
        unknown(pages, &who).await?
    };
    set_cookie(pages, &mut response, &name, "", "; Max-Age=0");
    Ok(response)
}

/// The session of somebody who proved so many seconds ago who they are.
fn session_of(pages: &Pages, identity: &Identity, age_seconds: i64) -> Session {
    let now = pages.app.clock.now();
    let auth_time = now.millis() / 1_000 - age_seconds;
    let Identity { tenant, caller, .. } = identity;
    let Caller { id, acr, amr, .. } = caller.clone();
    Session { tenant: tenant.clone(), person: id, epoch: 0, since: now, auth_time, acr, amr }
}

/// What the form of the first administrator carries, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    tenant: TenantId,
    caller: Caller,
    age_seconds: i64,
    until: approvals_domain::time::Timestamp,
}

async fn seal(pages: &Pages, content: &Sealed) -> Result<String, Problem> {
    let content = serde_json::to_vec(content).map_err(|error| Problem::internal(&error.to_string()))?;
    let sealed = pages.links.seal_form(&[FIRST], &content).await.map_err(|error| Problem::busy(&error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// What a form carries; none: it is not ours.
async fn open(pages: &Pages, sealed: &str) -> Result<Option<Sealed>, Problem> {
    let Ok(sealed) = URL_SAFE_NO_PAD.decode(sealed) else { return Ok(None) };
    let content = pages.links.open_form(&[FIRST], &sealed).await.map_err(|error| Problem::busy(&error.to_string()))?;
    Ok(content.and_then(|content| serde_json::from_slice(&content).ok()))
}

/// Somebody whom the issuer knows and the directory does not.
async fn unknown(pages: &Pages, who: &LoggedIn) -> Result<Response, Problem> {
    let Identity { tenant, caller, .. } = &who.identity;
    if first::may_be(pages, tenant, &caller.id).await? {
        let until = pages.app.clock.now().plus_millis(FIRST_MILLIS);
        let sealed = Sealed { tenant: tenant.clone(), caller: caller.clone(), age_seconds: who.age_seconds, until };
        let csrf = seal(pages, &sealed).await?;
        let (frame, next) = (bare(pages, "Become the administrator"), who.next.clone());
        let (name, email) = (who.name.clone(), who.email.clone());
        return Ok(html::page(200, &First { frame, next, subject: caller.id.to_string(), name, email, trouble: None, csrf }));
    }
    Ok(stranger(pages, caller.id.as_str()))
}

/// Somebody whom nobody here knows by what the issuer calls them.
fn stranger(pages: &Pages, subject: &str) -> Response {
    let heading = "You are not known here";
    let next = match PersonId::new(subject) {
        Ok(_) => "Ask an administrator of approvals to add you under exactly this id, then log in again.",
        Err(_) => "No id here can be written so: ask an administrator to have your login name you by another claim.",
    };
    let known =
        format!("Your login knows you as {}. Nobody here has this id, or they have left.", approvals::wire::plain::line(subject, 200));
    let (lines, ways) = (vec![known, next.to_owned()], vec![("/login".to_owned(), "Log in again".to_owned())]);
    html::page(403, &Said { frame: bare(pages, heading), heading: heading.to_owned(), lines, ways, ..Said::default() })
}

/// `POST /login/first`: whoever is named as the first administrator becomes it.
pub(crate) async fn become_first(State(pages): State<Pages>, request: Request) -> Response {
    let (parts, fields) = match own_form(request, &pages).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let made = became_first(&pages, &parts.headers, &fields).await;
    made.unwrap_or_else(|problem| html::problem(bare(&pages, ""), &problem))
}

async fn became_first(pages: &Pages, headers: &HeaderMap, fields: &Fields) -> Result<Response, Problem> {
    let now = pages.app.clock.now();
    let sealed = open(pages, fields.get("csrf")).await?;
    let Some(Sealed { tenant, caller, age_seconds, .. }) = sealed.filter(|sealed| now < sealed.until) else {
        return failed(pages, oidc::Error::Again("The page was open for too long. Log in once more."));
    };
    let identity = Identity { tenant, caller, scopes: [].into() };
    let (name, email) = (fields.get("name").trim(), fields.get("email").trim());
    match first::administrator(pages, &identity, name, email).await? {
        Ok(()) => begin(pages, headers, &session_of(pages, &identity, age_seconds), fields.get("next")).await,
        Err(items) => {
            let trouble = Some(Trouble { heading: "Nothing was changed".to_owned(), items, way: None });
            let text = |name: &str| fields.get(name).to_owned();
            let (frame, subject) = (bare(pages, "Become the administrator"), identity.caller.id.to_string());
            let (next, name, email, csrf) = (text("next"), text("name"), text("email"), text("csrf"));
            Ok(html::page(409, &First { frame, next, subject, name, email, trouble, csrf }))
        }
    }
}

/// GET on a form's address.
pub(crate) async fn to_first() -> Response {
    html::see_other("/login")
}
