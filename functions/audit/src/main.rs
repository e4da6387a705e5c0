//! The Lambda function `audit`: wires the library and runs it.

use approvals::runtime::telemetry;
use approvals::wiring::Config;
use audit::Audit;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let audit = Audit::from_config(&Config::from_env()?)?;
    let audit = &audit;
    let run = |event: LambdaEvent<Value>| async move {
        let until = audit.until(event.context.deadline);
        Ok::<_, lambda_runtime::Error>(audit.run(event.payload, until).await?)
    };
    lambda_runtime::run(service_fn(run)).await
}
