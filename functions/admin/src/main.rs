//! The Lambda function `admin`: wires the library and runs it.

use admin::Admin;
use approvals::destinations::Destinations;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::web::{Service, finish};
use approvals::wiring::{Config, connected};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (connected(config.stores_with_tags()?).await?, Clock::system());
    let reach = (Destinations::Internet, config.first_administrator()?);
    let parts =
        Admin::new(&stores, (config.cursors()?, config.links()?), (clock.clone(), Entropy::system()), reach).paced(config.pace(&stores)?);
    lambda_http::run(finish(admin::router().with_state(Service::new(parts, config.claims)), clock)).await
}
