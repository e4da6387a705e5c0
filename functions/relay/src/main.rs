//! The Lambda function `relay`: wires the library and runs it.

use approvals::runtime::{deadline, telemetry};
use approvals::wiring::Config;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (app, queue) = (config.app()?, config.queue()?);
    let (app, queue) = (&app, &queue);
    let run = |event: LambdaEvent<Value>| async move {
        let time = deadline::left(event.context.deadline, app.clock.now());
        Ok::<_, lambda_runtime::Error>(relay::run(app, queue, event.payload, time).await?)
    };
    lambda_runtime::run(service_fn(run)).await
}
