//! The Lambda function `admin`: wires the library and runs it.

use admin::Admin;
use approvals::destinations::Destinations;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::web::{Service, finish};
use approvals::wiring::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (config.stores_connected().await?, Clock::system());
    let parts = Admin::new(&stores, clock.clone(), Entropy::system(), Destinations::Internet);
    lambda_http::run(finish(admin::router().with_state(Service::new(parts, config.claims)), clock)).await
}
