//! Admin: templates, and the directory with its persons, roles, delegations, calendars, settings and endpoints.

mod calendars;
mod caller;
mod delegations;
mod endpoints;
mod faults;
mod history;
mod path;
mod preferences;
mod roles;
mod settings;
mod templates;
mod users;
mod written;
mod zone;

use approvals::web::Service;
use axum::Router;
use utoipa::OpenApi;

/// The routes.
pub fn router() -> Router<Service> {
    Router::new()
        .merge(templates::router())
        .merge(users::router())
        .merge(preferences::router())
        .merge(roles::router())
        .merge(calendars::router())
        .merge(settings::router())
        .merge(endpoints::router())
        .merge(delegations::router())
}

/// Its part of the API's description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = templates::Api::openapi();
    api.merge(users::Api::openapi());
    api.merge(preferences::Api::openapi());
    api.merge(roles::Api::openapi());
    api.merge(calendars::Api::openapi());
    api.merge(settings::Api::openapi());
    api.merge(endpoints::Api::openapi());
    api.merge(delegations::Api::openapi());
    api
}
