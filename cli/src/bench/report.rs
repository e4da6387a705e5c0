//! The figures of a run, for people and for programs.

use std::fmt;
use std::time::Duration;

use approvals::store::table::meter::Units;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::cpu::Cpu;
use super::tags::Tags;
use super::{Args, CALLS};

/// All figures.
#[derive(Debug)]
pub(super) struct Report {
    lifecycles: u64,
    concurrency: u64,
    seconds: f64,
    /// Name, then 50th, 90th, 99th percentile and maximum in milliseconds.
    latencies: Vec<(&'static str, [f64; 4])>,
    /// Per lifecycle.
    rru: f64,
    wru: f64,
    calls: f64,
    /// Per lifecycle, milliseconds.
    cpu: Option<Cpu>,
    tags: Option<Tags>,
    synchronous: &'static str,
}

#[allow(clippy::cast_precision_loss, reason = "counts and microseconds of one run")]
fn float(number: u64) -> f64 {
    number as f64
}

impl Report {
    pub(super) fn new(
        args: &Args,
        elapsed: Duration,
        latencies: &[Histogram<u64>],
        units: Units,
        (cpu, tags): (Option<Cpu>, Option<Tags>),
        synchronous: &'static str,
    ) -> Self {
        let count = float(args.lifecycles.max(1));
        let row = |histogram: &Histogram<u64>| [0.5, 0.9, 0.99, 1.0].map(|q| float(histogram.value_at_quantile(q)) / 1_000.0);
        Self {
            lifecycles: args.lifecycles,
            concurrency: args.concurrency,
            seconds: elapsed.as_secs_f64(),
            latencies: CALLS.iter().copied().zip(latencies.iter().map(row)).collect(),
            rru: units.rru / count,
            wru: units.wru / count,
            calls: float(units.calls) / count,
            cpu: cpu.map(|cpu| Cpu { engine: cpu.engine * 1_000.0 / count, ours: cpu.ours * 1_000.0 / count }),
            tags,
            synchronous,
        }
    }

    fn per_second(&self) -> f64 {
        float(self.lifecycles) / self.seconds.max(f64::EPSILON)
    }

    pub(super) fn json(&self) -> Value {
        let latencies: serde_json::Map<String, Value> = self
            .latencies
            .iter()
            .map(|(name, [p50, p90, p99, max])| ((*name).to_owned(), json!({ "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max })))
            .collect();
        json!({
            "lifecycles": self.lifecycles, "concurrency": self.concurrency, "seconds": self.seconds,
            "lifecycles_per_second": self.per_second(), "commands_per_second": self.per_second() * 3.0, "http_requests_per_second": self.per_second() * 4.0,
            "latencies": latencies,
            "per_lifecycle": {
                "rru": self.rru, "wru": self.wru, "store_calls": self.calls,
                "cpu_ms_ours": self.cpu.map(|cpu| cpu.ours), "cpu_ms_engine": self.cpu.map(|cpu| cpu.engine),
                "cpu_us_tags_and_hashes_at_most": self.tags.map(|tags| tags.of_lifecycle(self.calls)),
            },
            "tags_us": self.tags.map(|tags| {
                json!({ "made": tags.made, "checked": tags.checked, "read_with_hashes": tags.read, "archived": tags.archived })
            }),
            "synchronous": self.synchronous,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.per_second();
        writeln!(
            f,
            "{} two-step lifecycles, {} at a time, in {:.2} s until stream and hints were quiet",
            self.lifecycles, self.concurrency, self.seconds
        )?;
        writeln!(f, "\n  {rate:.0} lifecycles/s   {:.0} commands/s   {:.0} HTTP requests/s\n", rate * 3.0, rate * 4.0)?;
        writeln!(f, "  latency, ms        p50      p90      p99      max")?;
        for (name, [p50, p90, p99, max]) in &self.latencies {
            writeln!(f, "  {name:<12} {p50:>9.1}{p90:>9.1}{p99:>9.1}{max:>9.1}")?;
        }
        writeln!(f, "\n  per lifecycle: {:.1} write units, {:.1} read units, {:.1} calls to the store", self.wru, self.rru, self.calls)?;
        if let Some(cpu) = self.cpu {
            writeln!(f, "  processor per lifecycle: {:.2} ms ours, {:.2} ms the engine's", cpu.ours, cpu.engine)?;
        }
        if let Some(tags) = self.tags {
            let Tags { made, checked, read, archived } = tags;
            writeln!(f, "  tags and hashes per lifecycle: at most {:.0} µs on a processor", tags.of_lifecycle(self.calls))?;
            writeln!(
                f,
                "    for one request: {made:.1} µs to tag, {checked:.1} to check, {read:.1} to read with its hashes, {archived:.1} to archive"
            )?;
        }
        writeln!(f, "  durable before each answer: SQLite synchronous={}", self.synchronous)
    }
}
