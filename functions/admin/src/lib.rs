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

use approvals::app::Pace;
use approvals::destinations::Destinations;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::secrets::{Cursors, Links};
use approvals::store::{Deliveries, Directory, Jobs, Stores};
use approvals::web;
use approvals_domain::directory::authority::FirstAdmin;
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
    /// Seals where lists go on.
    pub cursors: Cursors,
    /// Wraps the secrets of endpoints.
    pub links: Links,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Where webhooks may go.
    pub destinations: Destinations,
    /// How fast one person's commands may come. What an office writes is not counted: a directory is loaded at once.
    pub pace: Pace,
    /// Who may set up the installation before anybody administers it.
    pub first_admin: FirstAdmin,
}

impl Admin {
    /// Over a table's rooms.
    pub fn new(
        stores: &Stores,
        (cursors, links): (Cursors, Links),
        (clock, entropy): (Clock, Entropy),
        (destinations, first_admin): (Destinations, FirstAdmin),
    ) -> Self {
        let Stores { directory, deliveries, jobs, .. } = stores.clone();
        Self { directory, deliveries, jobs, cursors, links, clock, entropy, destinations, pace: Pace::Free, first_admin }
    }

    /// The same with a limit of how fast one person's commands may come.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
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
