//! The Lambda function `relay`: wires the library and runs it.

use approvals::runtime::{config::Config, telemetry};
use aws_lambda_events::event::dynamodb::Event;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let config = Config::from_env()?;
    let (app, queue) = (config.app()?, config.queue()?);
    let queue = &queue;
    let app = &app;
    let handle =
        |event: LambdaEvent<Event>| async move { Ok::<_, lambda_runtime::Error>(relay::handle_all(app, queue, event.payload).await) };
    lambda_runtime::run(service_fn(handle)).await
}
