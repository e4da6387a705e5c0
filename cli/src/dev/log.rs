//! The log of a service on this machine: lines on standard error, as the functions write theirs to CloudWatch.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Warnings and errors, unless `LOG_LEVEL` says otherwise. What libraries tell below them is left out.
pub(super) fn init() {
    let level = std::env::var("LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let ours = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OURS.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

/// Crates whose words count.
const OURS: [&str; 13] = [
    "admin",
    "approvals",
    "archive",
    "audit",
    "cli",
    "decisions",
    "escalation",
    "notifications",
    "page_views",
    "pages",
    "queries",
    "relay",
    "submission",
];
