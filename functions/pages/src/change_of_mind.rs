//! Forms of a request's page: recall it, take an answer back.

use approvals::web::problem::Problem;
use approvals_domain::command::Command;
use approvals_domain::ids::{PersonId, RequestId, StepId};
use axum::response::Response;

use crate::act::{order, speak, wrong};
use crate::asked::Path;
use crate::post::Post;
use crate::request::Typed;

/// `POST /requests/{id}/recall`.
pub(crate) async fn recall(Path(id): Path, post: Post) -> Response {
    let made = recalled(&post, &id).await;
    post.answer(made)
}

async fn recalled(post: &Post, id: &str) -> Result<Response, Problem> {
    let typed = Typed { recall: post.fields.get("reason").to_owned(), ..Typed::default() };
    let words = post.fields.words("reason").ok_or_else(|| wrong("Say why."));
    let on_behalf_of = given_person(post)?;
    speak(post, id, "recall", typed, "recall", words, |reason| Command::Recall { reason, on_behalf_of }).await
}

/// `POST /requests/{id}/withdraw-vote`.
pub(crate) async fn withdraw_vote(Path(id): Path, post: Post) -> Response {
    let made = withdrawn(&post, &id).await;
    post.answer(made)
}

async fn withdrawn(post: &Post, id: &str) -> Result<Response, Problem> {
    let request = RequestId::new(id).map_err(|_| Problem::not_found())?;
    let step = StepId::new(post.fields.get("step")).map_err(|_| wrong("The step is not known. Load the page again."))?;
    let command = Command::WithdrawVote { step, on_behalf_of: given_person(post)? };
    order(post, request, "withdraw", Typed::default(), "", (command, None)).await
}

fn given_person(post: &Post) -> Result<Option<PersonId>, Problem> {
    post.fields.given("on_behalf_of").map(PersonId::new).transpose().map_err(|_| wrong("That is no person."))
}
