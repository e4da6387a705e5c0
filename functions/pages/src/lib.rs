//! Pages: what waits, what was asked for, what was decided; a request with its forms; login. Server-rendered, every task without a script.

mod act;
mod again;
mod asked;
mod change_of_mind;
mod csrf;
mod delegations;
mod edit;
mod first;
mod html;
mod inputs;
mod lists;
mod login;
mod names;
mod next;
pub mod oidc;
mod people;
mod post;
mod preferences;
mod request;
mod say;
mod site;
mod story;
mod values;
mod visit;
mod words;

use approvals::web::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use page_views::Tab;

pub use site::{Login, Pages, Parts, Site};
use visit::Visit;

/// The routes.
pub fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(lists::inbox))
        .route("/mine", get(lists::mine))
        .route("/decided", get(lists::decided))
        .route("/find", get(lists::find))
        .route("/new", get(lists::kinds))
        .route("/new/{template}", get(edit::new).post(edit::submit))
        .route("/requests/{id}", get(request::show))
        .route("/requests/{id}/edit", get(edit::edit).post(edit::resubmit))
        .route("/requests/{id}/decide", post(act::decide).get(act::to_page))
        .route("/requests/{id}/comments", post(act::comment).get(act::to_page))
        .route("/requests/{id}/cancel", post(act::cancel).get(act::to_page))
        .route("/requests/{id}/recall", post(change_of_mind::recall).get(act::to_page))
        .route("/requests/{id}/withdraw-vote", post(change_of_mind::withdraw_vote).get(act::to_page))
        .route("/requests/{id}/reassign", post(act::reassign).get(act::to_page))
        .route("/delegations", get(delegations::show).post(delegations::make))
        .route("/delegations/{id}/end", post(delegations::end).get(delegations::to_page))
        .route("/preferences", get(preferences::show).post(preferences::save))
        .route("/preferences/sessions/{handle}/revoke", post(preferences::revoke).get(preferences::to_page))
        .route("/login", get(login::show).post(login::press))
        .route("/login/callback", get(login::callback))
        .route("/login/first", post(login::become_first).get(login::to_first))
        .route("/logout", post(login::logout).get(login::to_login))
        .route("/{*path}", any(nothing))
        .method_not_allowed_fallback(not_this_way)
        .layer(from_fn(html::compressed))
        .with_state(pages)
}

/// A page is at this address, and takes nothing that is sent to it in this way.
async fn not_this_way(State(pages): State<Pages>) -> Response {
    let problem = Problem::new(405, "method_not_allowed", "This page is only looked at: nothing can be sent to it. Nothing was changed.");
    html::problem(visit::bare(&pages, ""), &problem)
}

/// No page is at this address. Whoever is logged in keeps their navigation; who calls the API hears it in its own words.
async fn nothing(State(pages): State<Pages>, uri: Uri, visit: Result<Visit, Response>) -> Response {
    if uri.path().starts_with("/v1/") || uri.path().starts_with("/_dev/") {
        return Problem::not_found().into_response();
    }
    let frame = visit.map_or_else(|_| visit::bare(&pages, ""), |visit| visit.frame("", Tab::None));
    html::problem(frame, &Problem::not_found())
}
