//! The Lambda function `decisions`: wires the library and runs it.

use approvals::runtime::telemetry;
use approvals::web::{Service, finish};
use approvals::wiring::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let service = Service::new(config.app_connected().await?, config.claims);
    lambda_http::run(finish(decisions::router(), service)).await
}
