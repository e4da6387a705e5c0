//! Login and logout.

use approvals::store::Freshness;
use approvals::store::sessions::{Secret, Session};
use approvals::web::problem::Problem;
use approvals_domain::ids::{PersonId, TenantId};
use axum::extract::{Query, Request, State};
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use page_views::login::{Login, Person};
use page_views::parts::Trouble;
use serde::Deserialize;

use crate::fields::encoded;
use crate::html;
use crate::site::{self, Pages};
use crate::visit::{self, Post, bare, own_form};

/// People with a button on a development server.
const BUTTONS: usize = 100;

/// Where to go after a login, and how.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
    #[serde(default)]
    left: String,
}

/// A path of this site: it begins with one slash, and nothing in it can be taken for a host.
pub(crate) fn own_path(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if own && next.len() <= 2_000 && !next.chars().any(char::is_control) { next } else { "/" }
}

/// `GET /login`.
pub(crate) async fn show(State(pages): State<Pages>, Query(asked): Query<Asked>) -> Response {
    match shown(&pages, &asked, None).await {
        Ok(view) => html::page(200, &view),
        Err(problem) => html::problem(bare(&pages, ""), &problem),
    }
}

async fn shown(pages: &Pages, asked: &Asked, trouble: Option<Trouble>) -> Result<Login, Problem> {
    let next = own_path(&asked.next).to_owned();
    let people = match &pages.site.login {
        site::Login::Buttons { tenant } => people(pages, tenant).await?,
        site::Login::Nobody => Vec::new(),
    };
    let first = matches!(pages.site.login, site::Login::Buttons { .. }) && people.is_empty();
    let login = format!("/login?next={}", encoded(&next));
    let (left, end_session) = (asked.left == "1", String::new());
    Ok(Login { frame: bare(pages, "Log in"), next, login, people, first, left, end_session, trouble })
}

/// Who can be a development server's reader.
async fn people(pages: &Pages, tenant: &TenantId) -> Result<Vec<Person>, Problem> {
    let active: Vec<_> = pages.app.directory.people(tenant, "", BUTTONS).await?.into_iter().filter(|(_, user)| user.active).collect();
    let name = |id: &PersonId| active.iter().find(|(known, _)| known == id).map_or_else(|| id.to_string(), |(_, user)| user.name.clone());
    let mut people = Vec::new();
    for (id, user) in &active {
        let held = pages.app.directory.person(tenant, id, Freshness::Eventual).await?;
        let roles = held.iter().flat_map(|record| record.memberships.iter()).filter(|(_, (_, holds))| *holds).map(|(role, _)| role.to_string());
        let roles = roles.collect::<Vec<_>>().join(", ");
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
    let site::Login::Buttons { tenant } = &pages.site.login else { return html::problem(bare(&pages, ""), &Problem::not_found()) };
    let asked = Asked { next: fields.get("next").to_owned(), ..Asked::default() };
    let begun = async {
        let id = PersonId::new(fields.get("user")).map_err(|_| Problem::new(400, "invalid_form", "that is nobody"))?;
        let person = pages.app.directory.person(tenant, &id, Freshness::Strong).await?;
        if !person.is_some_and(|person| person.user.active) {
            let items = vec![(String::new(), "Nobody here has this id, or they have left.".to_owned())];
            let trouble = Trouble { heading: "You are not logged in".to_owned(), items, way: None };
            return Ok(html::page(403, &shown(&pages, &asked, Some(trouble)).await?));
        }
        // INVARIANT (no fixation): a login makes a new session, and the browser's old one ends.
        if let Some((secret, session)) = visit::session(&pages, &parts.headers).await? {
            pages.sessions.end(&secret.hash(), &session.tenant, &session.person).await?;
        }
        begin(&pages, tenant, id, own_path(&asked.next)).await
    };
    begun.await.unwrap_or_else(|problem| html::problem(bare(&pages, ""), &problem))
}

/// A new session, and on to a path.
async fn begin(pages: &Pages, tenant: &TenantId, person: PersonId, next: &str) -> Result<Response, Problem> {
    let now = pages.app.clock.now();
    let secret = Secret::new(&pages.app.entropy);
    let session = Session { tenant: tenant.clone(), person, since: now, auth_time: now.millis() / 1_000, acr: None, amr: Vec::new() };
    pages.sessions.begin(&secret, &session).await?;
    let mut response = html::see_other(next);
    set_cookie(pages, &mut response, &secret.reveal(), "");
    Ok(response)
}

/// The session's cookie: of this host only, out of reach of scripts, gone with the browser.
fn set_cookie(pages: &Pages, response: &mut Response, value: &str, more: &str) {
    let secure = if pages.site.secure() { "; Secure" } else { "" };
    let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", pages.site.cookie);
    response.headers_mut().extend(HeaderValue::try_from(cookie).map(|cookie| (SET_COOKIE, cookie)));
}

/// `POST /logout`.
pub(crate) async fn logout(State(pages): State<Pages>, post: Post) -> Response {
    let visit = &post.visit;
    let ended = pages.sessions.end(&visit.secret.hash(), &visit.identity.tenant, &visit.identity.caller.id).await;
    let made = ended.map_err(Problem::from).map(|()| {
        let mut response = html::see_other("/login?left=1");
        set_cookie(&pages, &mut response, "", "; Max-Age=0");
        response
    });
    visit.answer(made)
}

/// `GET /logout`.
pub(crate) async fn to_login() -> Response {
    html::see_other("/login")
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn after_a_login_nobody_is_led_elsewhere() {
        for own in ["/", "/requests/x", "/?template=a&cursor=b", "/new/purchase_order"] {
            assert_eq!(own_path(own), own);
        }
        for other in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "evil", "/a\r\nb", "\\/x"] {
            assert_eq!(own_path(other), "/", "{other:?}");
        }
    }
}
