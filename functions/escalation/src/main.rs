//! The Lambda function `escalation`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::telemetry;
use approvals::wiring::Config;
use escalation::{Escalation, Report, tick, time_left};
use lambda_runtime::{Context, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let stores = config.stores()?;
    let app = App::new(&stores, Clock::system(), Entropy::system());
    let parts = &Escalation::new(&stores, app, config.queue()?);
    let handle = |event: LambdaEvent<serde_json::Value>| async move {
        let Context { deadline, .. } = event.context;
        Ok::<Report, lambda_runtime::Error>(tick(parts, time_left(parts, deadline)).await?)
    };
    lambda_runtime::run(service_fn(handle)).await
}
