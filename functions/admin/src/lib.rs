//! Admin: templates, and the directory with its persons, roles, calendars, settings and endpoints.

mod calendars;
mod endpoints;
mod faults;
mod history;
mod paging;
mod path;
mod preferences;
mod roles;
mod settings;
mod templates;
mod users;
mod written;
mod zone;

use approvals::runtime::actor::Scope;
use approvals::web::Service;
use axum::Router;
use utoipa::OpenApi;

/// Scopes that read the directory. Writing needs `admin`; the person need not be in the directory, or nobody could write the first one.
const READERS: &[Scope] = &[Scope::Read, Scope::Admin, Scope::Audit];

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
    api
}
