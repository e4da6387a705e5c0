//! Logs: one JSON object a line on AWS. No token, secret or personal text is ever logged.

/// JSON logs for a Lambda function; level from `LOG_LEVEL`, `info` by default.
pub fn init() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    let logs = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).with_target(false).without_time();
    // A second call, as in tests, keeps the first subscriber.
    let _ = logs.try_init();
    super::metrics::on();
}
