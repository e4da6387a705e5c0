//! Forms of a request's page: decide, comment, cancel, reassign. What is typed is never lost: whatever is not taken comes back in its form,
//! or stands on the page where that form is gone.

use approvals::app::commands::execute::{How, Order};
use approvals::store::requests::Text;
use approvals::web::problem::Problem;
use approvals::wire::api::{DecisionBody, check_words};
use approvals_domain::actor::Channel;
use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId, StepId};
use approvals_domain::template::{OnReject, Reasoned};
use axum::response::Response;
use page_views::Tab;
use page_views::parts::Trouble;
use page_views::request::Confirm;

use crate::asked::Path;
use crate::html::{self, sentence};
use crate::post::Post;
use crate::request::{self, Found, Typed};
use crate::visit::Visit;
use crate::{people, say};
use approvals::web::form::{Fields, encoded};

/// The page of a request.
pub(crate) fn page_of(id: &str) -> String {
    format!("/requests/{id}")
}

/// GET on a form's address.
pub(crate) async fn to_page(Path(id): Path) -> Response {
    html::see_other(&page_of(&encoded(&id)))
}

/// `POST /requests/{id}/decide`.
pub(crate) async fn decide(Path(id): Path, post: Post) -> Response {
    let made = decided(&post, &id).await;
    post.answer(made)
}

async fn decided(post: &Post, id: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let found = request::find(visit, id).await?;
    let step = fields.get("step");
    let typed = || Typed { step: step.to_owned(), comment: fields.get("comment").to_owned(), ..Typed::default() };
    let decision = match fields.get("decision") {
        "approve" => Decision::Approve,
        "reject" => Decision::Reject,
        "return" => Decision::Return,
        _ => return Ok(refused(visit, &found, typed(), "comment", &wrong("Press one of the buttons: approve, send back or reject."))),
    };
    if found.needs_login(step, visit) {
        let problem = Problem::new(403, "login_required", "This step needs a login of the last hours: log in again, then answer.");
        return Ok(refused(visit, &found, typed(), "", &problem));
    }
    let id = found.record.state.id.clone();
    let body = match body(fields, decision) {
        Ok(body) => body,
        Err(problem) => return Ok(refused(visit, &found, typed(), "comment", &problem)),
    };
    let wordless = || {
        Problem::new(
            409,
            "already_applied",
            "You have given this answer already, so these words were not sent. Say them below, if they are still wanted.",
        )
    };
    let done = if decision == Decision::Reject && fields.get("confirm") != "reject" {
        // Whoever could not reject now is not asked whether they are sure.
        let vote = asked_for(&body);
        match visit.pages.app.weigh(&visit.identity, &found.record, vote).await {
            Ok(true) => return Ok(html::page(200, &confirm(visit, &found, post))),
            Ok(false) => Ok(How::Unchanged),
            Err(error) => Err(error),
        }
    } else {
        let tag = post.tag(&format!("page decide {id}"));
        visit.pages.app.vote(&visit.identity, id.clone(), body, tag, Channel::Page).await.map(|outcome| outcome.how)
    };
    match done {
        Ok(How::Unchanged) if fields.words("comment").is_some() => again(visit, id.as_str(), typed(), "", &wordless()).await,
        Ok(_) => Ok(html::see_other(&page_of(id.as_str()))),
        Err(error) => {
            let problem = say::told(visit, Some(&found.template), error).await;
            again(visit, id.as_str(), typed(), "comment", &problem).await
        }
    }
}

/// The vote that a body asks for, as if it said why.
fn asked_for(body: &DecisionBody) -> Vote {
    let DecisionBody { step, decision, payload_hash, revision, round, on_behalf_of, .. } = body.clone();
    Vote { step, decision, payload_hash, revision, round, on_behalf_of, comment: Some(Hash::ZERO) }
}

fn body(fields: &Fields, decision: Decision) -> Result<DecisionBody, Problem> {
    let stale = || wrong("Load the page again, and answer there.");
    Ok(DecisionBody {
        step: StepId::new(fields.get("step")).map_err(|_| wrong("The step is not known. Load the page again."))?,
        decision,
        payload_hash: fields.given("payload_hash").map(str::parse).transpose().map_err(|_| stale())?,
        revision: None,
        round: round(fields).map(str::parse).transpose().map_err(|_| stale())?,
        comment: fields.words("comment"),
        on_behalf_of: fields.given("on_behalf_of").map(PersonId::new).transpose().map_err(|_| wrong("That is no person."))?,
    })
}

/// The round of the seat that is chosen: where there is a choice, each seat has its own.
fn round(fields: &Fields) -> Option<&str> {
    let own = format!("round.{}", fields.get("on_behalf_of"));
    fields.given(&own).or_else(|| fields.given("round"))
}

fn confirm(visit: &Visit, found: &Found, post: &Post) -> Confirm {
    let (state, fields) = (&found.record.state, &post.fields);
    let requester = found.names.of(&state.requester);
    let rules = found.rules(fields.get("step"));
    let consequence = match rules.map(|rules| rules.on_reject) {
        Some(OnReject::Return) => format!("It goes back to {requester}, who may change it and submit it again."),
        Some(OnReject::Majority) => "It counts against this step. The request ends once enough have rejected it.".to_owned(),
        Some(OnReject::Reject) | None => format!("The request ends here, and {requester} is told. This cannot be undone."),
    };
    Confirm {
        frame: visit.frame("Reject this?", Tab::None),
        id: state.id.to_string(),
        title: found.title(),
        requester,
        amount: state.amount.as_ref().map(crate::words::money).unwrap_or_default(),
        consequence,
        step: fields.get("step").to_owned(),
        payload_hash: fields.get("payload_hash").to_owned(),
        round: round(fields).unwrap_or_default().to_owned(),
        on_behalf_of: fields.get("on_behalf_of").to_owned(),
        comment: fields.get("comment").to_owned(),
        reason: rules.is_some_and(|rules| found.template.wants_reason(rules, Reasoned::Reject)),
        trouble: None,
    }
}

/// `POST /requests/{id}/comments`.
pub(crate) async fn comment(Path(id): Path, post: Post) -> Response {
    let typed = Typed { talk: post.fields.get("comment").to_owned(), ..Typed::default() };
    let words = post.fields.words("comment").ok_or_else(|| wrong("Write something first."));
    let made = speak(&post, &id, "comments", typed, "talk", words, |comment| Command::Comment { comment }).await;
    post.answer(made)
}

/// `POST /requests/{id}/cancel`.
pub(crate) async fn cancel(Path(id): Path, post: Post) -> Response {
    let made = cancelled(&post, &id).await;
    post.answer(made)
}

async fn cancelled(post: &Post, id: &str) -> Result<Response, Problem> {
    let typed = Typed { cancel: post.fields.get("reason").to_owned(), ..Typed::default() };
    match post.fields.words("reason") {
        Some(words) => speak(post, id, "cancel", typed, "cancel", Ok(words), |reason| Command::Cancel { reason: Some(reason) }).await,
        None => {
            let request = RequestId::new(id).map_err(|_| Problem::not_found())?;
            order(post, request, "cancel", typed, "cancel", (Command::Cancel { reason: None }, None)).await
        }
    }
}

/// `POST /requests/{id}/reassign`.
pub(crate) async fn reassign(Path(id): Path, post: Post) -> Response {
    let made = reassigned(&post, &id).await;
    post.answer(made)
}

async fn reassigned(post: &Post, id: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let typed = || Typed { to: fields.get("to").to_owned(), reason: fields.get("reason").to_owned(), ..Typed::default() };
    let to = match people::named(visit, fields.get("to")).await? {
        Ok(to) => to,
        Err(said) => return again(visit, id, typed(), "to", &wrong(&said)).await,
    };
    let Ok(from) = fields.given("from").map(PersonId::new).transpose() else {
        return again(visit, id, typed(), "", &wrong("That is no person.")).await;
    };
    let Ok(step) = StepId::new(fields.get("step")) else {
        return again(visit, id, typed(), "", &wrong("The step is not known. Look at the request as it is now.")).await;
    };
    let words = fields.words("reason").ok_or_else(|| wrong("Say why."));
    speak(post, id, "reassign", typed(), "reason", words, |reason| Command::Reassign { step, from, to, reason }).await
}

/// A command that carries words.
pub(crate) async fn speak(
    post: &Post,
    id: &str,
    call: &str,
    typed: Typed,
    field: &str,
    words: Result<String, Problem>,
    command: impl FnOnce(Hash) -> Command,
) -> Result<Response, Problem> {
    let request = RequestId::new(id).map_err(|_| Problem::not_found())?;
    let checked = words.and_then(|words| check_words("/comment", &words).map(|()| words).map_err(Problem::from));
    match checked.map_err(|problem| say::in_words(None, problem)) {
        Ok(words) => {
            let text = Text::new(post.visit.pages.app.entropy.salt(), &words);
            let command = command(text.hash());
            order(post, request, call, typed, field, (command, Some(text))).await
        }
        Err(problem) => again(&post.visit, id, typed, field, &problem).await,
    }
}

pub(crate) async fn order(
    post: &Post,
    request: RequestId,
    call: &str,
    typed: Typed,
    field: &str,
    (command, text): (Command, Option<Text>),
) -> Result<Response, Problem> {
    let visit = &post.visit;
    let tag = post.tag(&format!("page {call} {request}"));
    let spoken = text.is_some();
    let order = Order::new(&visit.identity, request.clone(), tag, Channel::Page, command, text);
    let problem = match visit.pages.app.execute(order).await {
        Ok(outcome) if spoken && outcome.how == How::Unchanged => Problem::new(
            409,
            "already_applied",
            "That was done already, so these words were not sent. Say them below, if they are still wanted.",
        ),
        Ok(_) => return Ok(html::see_other(&page_of(request.as_str()))),
        Err(error) => {
            let found = request::find(visit, request.as_str()).await.ok();
            say::told(visit, found.as_ref().map(|found| &*found.template).map(|pinned| &pinned.template), error).await
        }
    };
    again(visit, request.as_str(), typed, field, &problem).await
}

/// The page as things are now, with what was typed, and why it was not taken.
async fn again(visit: &Visit, id: &str, typed: Typed, field: &str, problem: &Problem) -> Result<Response, Problem> {
    if problem.status == 404 || problem.status == 500 {
        return Err(problem.clone());
    }
    let found = request::find(visit, id).await?;
    Ok(refused(visit, &found, typed, field, problem))
}

fn refused(visit: &Visit, found: &Found, typed: Typed, field: &str, problem: &Problem) -> Response {
    // A field is named only if its text is what must change.
    let its = problem.errors.iter().any(|fault| matches!(fault.pointer.as_str(), "/comment" | "/reason" | "/to"));
    let at = if problem.status == 400 || its { field } else { "" };
    let at = if at == "comment" { format!("comment-{}", typed.step) } else { at.to_owned() };
    let items = vec![(at, sentence(&problem.detail))];
    let trouble = Some(Trouble { heading: "That was not taken".to_owned(), items, way: None });
    html::page(problem.status, &found.page(visit, Typed { trouble, ..typed }))
}

/// Something in a form that its sender can mend.
pub(crate) fn wrong(said: &str) -> Problem {
    Problem::new(400, "invalid_form", said)
}
