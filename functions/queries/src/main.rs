//! The Lambda function `queries`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::web::{Service, finish};
use approvals::wiring::{Config, connected};
use queries::Queries;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (connected(config.stores()?).await?, Clock::system());
    let parts = Queries::new(&stores, App::new(&stores, clock.clone(), Entropy::system()), config.cursors()?);
    lambda_http::run(finish(queries::router().with_state(Service::new(parts, config.claims)), clock)).await
}
