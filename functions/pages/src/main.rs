//! The Lambda function `pages`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::wiring::{Config, connected};
use pages::{Pages, Parts, Site};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let stores = connected(config.stores_with_tags()?).await?;
    let app = App::new(&stores, Clock::system(), Entropy::system()).paced(config.pace(&stores)?);
    let site = Site::deployed(&config)?;
    lambda_http::run(pages::router(Pages::new(Parts::new(&stores, app, (config.cursors()?, config.links()?), site)))).await
}
