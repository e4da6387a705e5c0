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

use approvals::destinations::Destinations;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::store::{Cursors, Deliveries, Directory, Jobs, Stores};
use approvals::web;
use axum::Router;
use utoipa::OpenApi;

/// What this function may touch.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Read and written.
    pub directory: Directory,
    /// Endpoints' logs, read alone.
    pub deliveries: Deliveries,
    /// Replays are filed as jobs.
    pub jobs: Jobs,
    /// Signs where lists go on.
    pub cursors: Cursors,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Where webhooks may go.
    pub destinations: Destinations,
}

impl Admin {
    /// Over a table's rooms.
    pub fn new(stores: &Stores, clock: Clock, entropy: Entropy, destinations: Destinations) -> Self {
        let Stores { table, directory, deliveries, jobs, .. } = stores.clone();
        let cursors = Cursors::new(table, entropy.clone());
        Self { directory, deliveries, jobs, cursors, clock, entropy, destinations }
    }
}

/// What its handlers are given.
pub type Service = web::Service<Admin>;

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
