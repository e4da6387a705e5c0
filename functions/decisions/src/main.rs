//! The Lambda function `decisions`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::web::{Service, finish};
use approvals::wiring::{COOKIE, Config, connected};
use decisions::Decisions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (connected(config.stores_with_tags()?).await?, Clock::system());
    let app = App::new(&stores, clock.clone(), Entropy::system()).paced(config.pace(&stores)?);
    let parts = Decisions::new(&stores, app, config.links()?, COOKIE);
    lambda_http::run(finish(decisions::router().with_state(Service::new(parts, config.claims)), clock)).await
}
