//! The Lambda function `relay`: wires the library and runs it.
#![recursion_limit = "256"] // The compiler computes the layout of the whole handler as one future.

use approvals::app::App;
use approvals::outbox::Outbox;
use approvals::runtime::{clock::Clock, deadline, entropy::Entropy, telemetry};
use approvals::wiring::Config;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (stores, clock) = (config.stores()?, Clock::system());
    let outbox = Outbox::new(&stores, App::new(&stores, clock.clone(), Entropy::system()), config.queue()?);
    let outbox = &if config.event_bus().is_some() { outbox } else { outbox.without_bus() };
    let clock = &clock;
    let run = |event: LambdaEvent<Value>| async move {
        let time = deadline::left(event.context.deadline, clock.now());
        Ok::<_, lambda_runtime::Error>(relay::run(outbox, event.payload, time).await?)
    };
    lambda_runtime::run(service_fn(run)).await
}
