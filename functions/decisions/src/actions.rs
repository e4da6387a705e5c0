//! Action links: a page that shows, and a form that acts.
//!
//! INVARIANT (no press by a machine): `GET` and `HEAD` write nothing, whatever follows links in mails. `POST` acts only with what the page
//! gave it a quarter of an hour ago at most.
//!
//! A vote by link is the same command as any other: it is judged by the same function, and refused by it. Its id names the link, so the
//! commit says which one was used, and the same link never makes two.

use approvals::app;
use approvals::app::commands::execute::{Order, Outcome};
use approvals::app::commands::idempotency::Tag;
use approvals::identity::{self, Identity, Scope};
use approvals::link::{self, FORM_MILLIS, Link, Token};
use approvals::store::requests::Text;
use approvals::web::form::Fields;
use approvals::web::problem::Problem;
use approvals::web::{Body, Decides, Ids, answer};
use approvals::wire::api::{LinkDecisionBody, check_words};
use approvals::wire::view::RequestView;
use approvals_domain::actor::{Caller, Channel};
use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::ids::PersonId;
use approvals_domain::payload::is_blank;
use approvals_domain::template::Assurance;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use lambda_http::http::StatusCode;

use crate::Service;
use crate::page::{self, Found, Page};
use crate::reader::Reader;

/// How somebody is known who has nothing but the link.
const BARE: &str = "link";

/// What the page's form sent. What cannot be taken still has its words.
#[derive(Debug)]
struct Pressed {
    form: String,
    decision: Option<Decision>,
    comment: String,
    /// The reader was asked once more, and rejects.
    confirmed: bool,
}

impl Pressed {
    const NAMES: [&str; 4] = ["form", "decision", "comment", "confirm"];

    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let fields = Fields::read(body);
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
        let ours = media_type.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let sound = ours && fields.fault().is_none() && fields.without(&Self::NAMES).is_empty() && fields.has("form");
        let decision = match fields.get("decision") {
            "approve" => Some(Decision::Approve),
            "reject" => Some(Decision::Reject),
            "return" => Some(Decision::Return),
            _ => None,
        };
        Self {
            form: fields.get("form").to_owned(),
            decision: decision.filter(|_| sound),
            comment: fields.get("comment").to_owned(),
            confirmed: fields.get("confirm") == "reject",
        }
    }
}

/// The token in an address; empty, which is none, if what stands there is no text.
fn named(token: Result<Path<String>, PathRejection>) -> String {
    token.map(|Path(token)| token).unwrap_or_default()
}

/// Shows what a link is for. Writes nothing.
#[utoipa::path(get, path = "/v1/actions/{token}", tag = "decisions", params(("token" = String, Path)),
    responses((status = 200, content_type = "text/html"), (status = "4XX", content_type = "text/html")), security(()))]
pub(crate) async fn show(State(service): State<Service>, token: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    shown(&service, &named(token), &headers).await
}

/// The same without the page.
#[utoipa::path(head, path = "/v1/actions/{token}", tag = "decisions", params(("token" = String, Path)),
    responses((status = 200), (status = "4XX")), security(()))]
pub(crate) async fn look(State(service): State<Service>, token: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    shown(&service, &named(token), &headers).await
}

/// Answers by the page's form.
#[utoipa::path(post, path = "/v1/actions/{token}", tag = "decisions", params(("token" = String, Path)),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html"), (status = "4XX", content_type = "text/html")), security(()))]
pub(crate) async fn press(
    State(service): State<Service>,
    token: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let pressed = Pressed::read(&headers, &body.unwrap_or_default());
    // INVARIANT (no word lost): whatever does not count comes back with the words in place.
    let page = match pressed_on(&service, &named(token), &headers, &pressed).await {
        Ok((page, true)) => page,
        Ok((page, false)) => page.with_words(pressed.comment),
        Err(error) => Page::of(error).with_words(pressed.comment).trying_again(&pressed.form, pressed.decision),
    };
    page.response(&service.app.entropy)
}

/// Answers as oneself, with one's own token: for steps that demand a login.
#[utoipa::path(post, path = "/v1/actions/{token}/decide", tag = "decisions", params(("token" = String, Path)), request_body = LinkDecisionBody,
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:decide"])))]
pub(crate) async fn decide_by_link(
    State(service): State<Service>,
    Decides(identity): Decides,
    Ids(token): Ids<String>,
    Body(body, _): Body<LinkDecisionBody>,
) -> Result<Response, Problem> {
    let (token, link) = opened(&service, &token).await?.ok_or_else(Problem::not_found)?;
    if link.tenant != identity.tenant || link.recipient != identity.caller.id {
        return Err(Problem::new(403, "not_your_link", "this link was sent to somebody else"));
    }
    if service.app.clock.now() >= link.expires_at {
        return Err(Problem::new(410, "link_expired", format!("this link worked until {}", link.expires_at)));
    }
    let found = Found::look(&service.app, &link).await?;
    if found.ended {
        return Err(Problem::new(410, "link_expired", "this link ended with your address, your account, or by an administrator"));
    }
    let LinkDecisionBody { decision, comment, on_behalf_of } = body;
    let on_behalf_of = on_behalf_of.or_else(|| found.stands_in_for(&link));
    let given = Given { decision, comment, on_behalf_of };
    answer(&service.app, &identity, StatusCode::OK, vote(&service, &identity, (&token, &link, &found), given).await?).await
}

/// The link behind an address; none: there is no such link, or not any more.
async fn opened(service: &Service, token: &str) -> Result<Option<(Token, Link)>, app::Error> {
    let Some(token) = Token::parse(token) else { return Ok(None) };
    let link = Link::of(&service.links, &token, service.app.clock.now()).await?;
    Ok(link.map(|link| (token, link)))
}

async fn shown(service: &Service, token: &str, headers: &HeaderMap) -> Response {
    let page = async {
        let Some((token, link)) = opened(service, token).await? else { return Ok(Page::unknown()) };
        let reader = Reader::find(service, headers, &link).await?;
        if let Reader::Other(session) = &reader {
            return page::somebody_elses(&service.app, &link, &session.person).await;
        }
        let found = Found::look(&service.app, &link).await?;
        page_of(service, (&token, &reader), &found, None).await
    };
    page.await.unwrap_or_else(Page::of).response(&service.app.entropy)
}

/// The page of a link as things stand, with a fresh form if it can still be used.
async fn page_of(service: &Service, (token, reader): (&Token, &Reader), found: &Found, first: Option<&str>) -> Result<Page, app::Error> {
    let now = service.app.clock.now();
    let Some(seat) = found.seat() else { return Ok(found.page(None, first, false)) };
    if found.hides() {
        return Ok(found.page(None, first, true));
    }
    let login = found.assurance == Some(Assurance::Login) && reader.login(now).is_none();
    let form = link::form(&service.links, token, &seat.key(), now.plus_millis(FORM_MILLIS)).await?;
    Ok(found.page(Some(form), first, login))
}

/// The page after a press, and whether it counted.
async fn pressed_on(service: &Service, token: &str, headers: &HeaderMap, pressed: &Pressed) -> Result<(Page, bool), app::Error> {
    let Some((token, link)) = opened(service, token).await? else { return Ok((Page::unknown(), false)) };
    let reader = Reader::find(service, headers, &link).await?;
    if let Reader::Other(session) = &reader {
        return Ok((page::somebody_elses(&service.app, &link, &session.person).await?, false));
    }
    let found = Found::look(&service.app, &link).await?;
    let refused = async |status: u16, said: Option<&str>| {
        let page = page_of(service, (&token, &reader), &found, said).await?;
        Ok((page.with_status(status), false))
    };
    let Some(seat) = found.seat() else { return refused(409, None).await };
    if found.hides() {
        return refused(403, Some("Nothing was decided: answer on the request’s page, which shows what this page does not.")).await;
    }
    let Some(decision) = pressed.decision else { return refused(400, Some("Nothing was decided: use the buttons below.")).await };
    if !link::form_holds(&service.links, &token, &seat.key(), &pressed.form, service.app.clock.now()).await? {
        let said = "Nothing was decided: the page was open for too long, or things have changed. Look again, and press again.";
        return refused(409, Some(said)).await;
    }
    let bare = Caller { method: BARE.to_owned(), ..Caller::bare(link.recipient.clone()) };
    let caller = match (found.assurance, reader.login(service.app.clock.now())) {
        (Some(Assurance::Login), Some(caller)) => caller,
        (Some(Assurance::Login), None) => return refused(403, Some("Nothing was decided: your own login is needed here.")).await,
        (Some(Assurance::Link) | None, _) => bare,
    };
    if decision == Decision::Reject && !pressed.confirmed {
        return Ok((page_of(service, (&token, &reader), &found, None).await?.confirming(), false));
    }
    let identity = Identity { tenant: link.tenant.clone(), caller, scopes: [Scope::Decide].into() };
    let given = Given { decision, comment: Some(pressed.comment.clone()), on_behalf_of: found.stands_in_for(&link) };
    match vote(service, &identity, (&token, &link, &found), given).await {
        Ok(_) => {
            let found = Found::look(&service.app, &link).await?;
            Ok((page_of(service, (&token, &reader), &found, Some(page::THANKS)).await?, true))
        }
        Err(error) => {
            // What happened meanwhile explains it better, if something did.
            let found = Found::look(&service.app, &link).await?;
            let problem = Problem::from(error);
            let said = found.seat().map(|_| format!("Nothing was decided: {}.", problem.detail));
            Ok((page_of(service, (&token, &reader), &found, said.as_deref()).await?.with_status(problem.status), false))
        }
    }
}

/// An answer by link.
#[derive(Debug)]
struct Given {
    decision: Decision,
    comment: Option<String>,
    on_behalf_of: Option<PersonId>,
}

/// INVARIANT (assurance): where a step demands a login, nobody votes by the bare link. A request keeps its template's version, so what
/// was found when it was looked at holds when the vote is written.
async fn vote(
    service: &Service,
    identity: &Identity,
    (token, link, found): (&Token, &Link, &Found),
    given: Given,
) -> Result<Outcome, app::Error> {
    if found.assurance == Some(Assurance::Login) && identity.caller.method == BARE {
        return Err(identity::Error::LoginNeeded.into());
    }
    let Given { decision, comment, on_behalf_of } = given;
    let comment = comment.filter(|words| !is_blank(words));
    comment.as_deref().map_or(Ok(()), |words| check_words("/comment", words))?;
    let text = comment.map(|words| Text::new(service.app.entropy.salt(), &words));
    let vote = Vote {
        step: link.step.clone(),
        decision,
        payload_hash: Some(found.payload_hash),
        revision: None,
        round: Some(link.round).filter(|round| *round > 1),
        on_behalf_of,
        comment: text.as_ref().map(Text::hash),
    };
    let tag = Tag::new(&service.app.entropy, identity, "link", None, &[]);
    let order = Order::new(identity, link.request.clone(), tag, Channel::Link, Command::Vote(vote), text);
    // The same answer again is the same command; another one is judged for itself, and comes too late.
    let id = match found.answered {
        Some(before) if before != decision => format!("link|{}|{decision:?}", token.hash()),
        _ => format!("link|{}", token.hash()),
    };
    service.app.execute(Order { id, ..order }).await
}
