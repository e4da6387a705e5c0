//! Metrics: CloudWatch's embedded metric format, one JSON object a line on standard output. Numbers only; nobody's name.

use std::cell::RefCell;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use approvals_domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all of them, unless the stack names its own.
pub const NAMESPACE: &str = "Approvals";

/// Only a Lambda function prints them: on a laptop standard output belongs to the command line.
static ON: AtomicBool = AtomicBool::new(false);

/// The stack's: alarms of two stacks in one region must not ring for each other.
static OWN: OnceLock<String> = OnceLock::new();

pub(super) fn on(namespace: Option<String>) {
    // A second call, as in tests, keeps the first.
    let _ = namespace.filter(|name| !name.is_empty()).map(|name| OWN.set(name));
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

/// Values of one metric in one line, as CloudWatch allows.
const VALUES: usize = 100;

/// Prints metrics of one function, those that are not zero: a metric costs by the hours in which it is written, and a tick runs each minute.
pub fn emit(function: &str, now: Timestamp, metrics: &[(&str, u64, Unit)]) {
    emit_by(("function", function), now, metrics);
}

/// As [`emit`], of what a dimension names, such as a command or the code of a refusal.
pub fn emit_by(dimension: (&str, &str), now: Timestamp, metrics: &[(&str, u64, Unit)]) {
    let some = metrics.iter().filter(|(_, value, _)| *value > 0);
    let metrics: Vec<_> = some.map(|(name, value, unit)| (*name, json!(value), *unit)).collect();
    print(dimension, now, &metrics);
}

/// Counts a refusal by its code.
pub fn refused(now: Timestamp, code: &str) {
    emit_by(("code", code), now, &[("Refusals", 1, Unit::Count)]);
}

/// Prints one metric with each of its values, so that their distribution can be asked for.
pub fn emit_each(function: &str, now: Timestamp, (name, values, unit): (&str, &[u64], Unit)) {
    for some in values.chunks(VALUES) {
        print(("function", function), now, &[(name, json!(some), unit)]);
    }
}

fn print(dimension: (&str, &str), now: Timestamp, metrics: &[(&str, Value, Unit)]) {
    if metrics.is_empty() {
        return;
    }
    let line = || line(dimension, now, metrics).to_string();
    TAPE.with_borrow_mut(|tape| tape.iter_mut().for_each(|lines| lines.push(line())));
    if ON.load(Ordering::Relaxed) {
        // A metric that cannot be printed must not fail what it measures.
        let _ = writeln!(std::io::stdout(), "{}", line());
    }
}

fn line((dimension, of): (&str, &str), now: Timestamp, metrics: &[(&str, Value, Unit)]) -> Value {
    let unit = |unit: Unit| match unit {
        Unit::Count => "Count",
        Unit::Milliseconds => "Milliseconds",
    };
    let defined: Vec<Value> = metrics.iter().map(|(name, _, of)| json!({ "Name": name, "Unit": unit(*of) })).collect();
    let mut line = Map::from_iter(metrics.iter().map(|(name, value, _)| ((*name).to_owned(), value.clone())));
    line.insert(dimension.to_owned(), json!(of));
    let namespace = OWN.get().map_or(NAMESPACE, String::as_str);
    let directive = json!({ "Namespace": namespace, "Dimensions": [[dimension]], "Metrics": defined });
    line.insert("_aws".to_owned(), json!({ "Timestamp": now.millis(), "CloudWatchMetrics": [directive] }));
    Value::Object(line)
}

thread_local! {
    /// Lines that this thread would print, while somebody listens.
    static TAPE: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on keeps the lines that this thread would print.
pub fn listen() {
    TAPE.set(Some(Vec::new()));
}

/// The lines since [`listen`], and stops.
pub fn heard() -> Vec<String> {
    TAPE.take().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let now = Timestamp::from_millis(1_767_603_600_000);
        listen();
        emit("escalation", now, &[("EscalationLag", 1_500, Unit::Milliseconds), ("JobsDone", 2, Unit::Count)]);
        emit("escalation", now, &[("JobsDone", 0, Unit::Count)]);
        assert_eq!(
            heard().iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>(),
            [json!({
                "_aws": { "Timestamp": 1_767_603_600_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "Approvals", "Dimensions": [["function"]],
                    "Metrics": [{ "Name": "EscalationLag", "Unit": "Milliseconds" }, { "Name": "JobsDone", "Unit": "Count" }],
                }] },
                "function": "escalation", "EscalationLag": 1_500, "JobsDone": 2,
            })]
        );
    }
}
