//! The Lambda function `pages`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::wiring::Config;
use pages::{Pages, Parts, Site};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (config.stores_connected().await?, Clock::system());
    let app = App::new(&stores, clock, Entropy::system());
    let parts = Parts::new(&stores, app, Site::deployed(config.public_address()?));
    lambda_http::run(pages::router(Pages::new(parts))).await
}
