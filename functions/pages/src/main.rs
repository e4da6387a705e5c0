//! The Lambda function `pages`: wires the library and runs it.

use approvals::runtime::telemetry;
use approvals::wiring::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    lambda_http::run(pages::router(pages::Pages::of(&config).await?)).await
}
