//! The Lambda function `escalation`: wires the library and runs it.

use approvals::runtime::telemetry;
use approvals::wiring::Config;
use escalation::{Report, tick, time_left};
use lambda_runtime::{Context, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let app = config.app()?.with_notices(config.queue()?);
    let app = &app;
    let handle = |event: LambdaEvent<serde_json::Value>| async move {
        let Context { deadline, .. } = event.context;
        Ok::<Report, lambda_runtime::Error>(tick(app, time_left(app, deadline)).await?)
    };
    lambda_runtime::run(service_fn(handle)).await
}
