//! Metrics: CloudWatch's embedded metric format, one JSON object a line on standard output. Numbers only; nobody's name.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use approvals_domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all of them.
pub const NAMESPACE: &str = "Approvals";

/// Only a Lambda function prints them: on a laptop standard output belongs to the command line.
static ON: AtomicBool = AtomicBool::new(false);

pub(super) fn on() {
    ON.store(true, Ordering::Relaxed);
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Milliseconds,
}

/// Prints metrics of one function. Nothing if there are none.
pub fn emit(function: &str, now: Timestamp, metrics: &[(&str, u64, Unit)]) {
    if ON.load(Ordering::Relaxed) && !metrics.is_empty() {
        // A metric that cannot be printed must not fail what it measures.
        let _ = writeln!(std::io::stdout(), "{}", line(function, now, metrics));
    }
}

fn line(function: &str, now: Timestamp, metrics: &[(&str, u64, Unit)]) -> Value {
    let unit = |unit: Unit| match unit {
        Unit::Count => "Count",
        Unit::Milliseconds => "Milliseconds",
    };
    let defined: Vec<Value> = metrics.iter().map(|(name, _, of)| json!({ "Name": name, "Unit": unit(*of) })).collect();
    let mut line = Map::from_iter(metrics.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))));
    line.insert("function".to_owned(), json!(function));
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": defined });
    line.insert("_aws".to_owned(), json!({ "Timestamp": now.millis(), "CloudWatchMetrics": [directive] }));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let now = Timestamp::from_millis(1_767_603_600_000);
        let line = line("escalation", now, &[("EscalationLag", 1_500, Unit::Milliseconds), ("JobsDone", 2, Unit::Count)]);
        assert_eq!(
            line,
            json!({
                "_aws": { "Timestamp": 1_767_603_600_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "Approvals", "Dimensions": [["function"]],
                    "Metrics": [{ "Name": "EscalationLag", "Unit": "Milliseconds" }, { "Name": "JobsDone", "Unit": "Count" }],
                }] },
                "function": "escalation", "EscalationLag": 1_500, "JobsDone": 2,
            })
        );
    }
}
