//! Logs: one JSON object a line on AWS. No token, secret or personal text is ever logged.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Libraries that tell below `info` what they send and receive.
const TALKATIVE: &[&str] = &["aws_", "h2", "hyper", "lambda_", "rustls", "tower"];

/// JSON logs and metrics of a Lambda function; level from `LOG_LEVEL`, `info` by default; below `info` only our own code speaks. Metrics are in
/// `METRICS_NAMESPACE`, one for each stack.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let quiet = TALKATIVE.iter().map(|library| (*library, level.min(LevelFilter::INFO)));
    let filter = Targets::new().with_default(level).with_targets(quiet);
    let logs = tracing_subscriber::fmt::layer().json().with_current_span(false).with_target(false).without_time();
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(logs).with(filter).try_init();
    super::metrics::on(std::env::var("METRICS_NAMESPACE").ok());
}
