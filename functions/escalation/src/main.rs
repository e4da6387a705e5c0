//! The Lambda function `escalation`: wires the library and runs it.

use approvals::app::App;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::{deadline, telemetry};
use approvals::wiring::Config;
use escalation::{Escalation, Report, tick};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (config.stores()?, Clock::system());
    let parts = &Escalation::new(&stores, App::new(&stores, clock.clone(), Entropy::system()), config.queue()?);
    let clock = &clock;
    let run = |event: LambdaEvent<serde_json::Value>| async move {
        let time = deadline::left(event.context.deadline, clock.now());
        Ok::<Report, lambda_runtime::Error>(tick(parts, time).await?)
    };
    lambda_runtime::run(service_fn(run)).await
}
