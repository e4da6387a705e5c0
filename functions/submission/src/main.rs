//! The Lambda function `submission`: wires the library and runs it.

use approvals::app::App;
use approvals::receipt::Receipts;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::web::address::Address;
use approvals::web::{Service, finish};
use approvals::wiring::{Config, connected};
use submission::Submission;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (connected(config.stores_with_tags()?).await?, Clock::system());
    let app = App::new(&stores, clock.clone(), Entropy::system()).paced(config.pace(&stores)?);
    let receipts = Receipts::new(config.receipt_keys()?);
    let parts = Submission { app, receipts, address: Address::deployed(config.public_address()?) };
    lambda_http::run(finish(submission::router().with_state(Service::new(parts, config.claims)), clock)).await
}
