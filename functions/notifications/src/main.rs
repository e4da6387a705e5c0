//! The Lambda function `notifications`: wires the library and runs it.

use approvals::runtime::{deadline, telemetry};
use approvals::wiring::Config;
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};
use notifications::{Desk, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let desk = Desk::from_config(&Config::from_env()?)?;
    let desk = &desk;
    let run = |event: LambdaEvent<SqsEvent>| async move {
        let time = deadline::left(event.context.deadline, desk.now());
        Ok::<_, lambda_runtime::Error>(handle(desk, event.payload, time).await.response)
    };
    lambda_runtime::run(service_fn(run)).await
}
