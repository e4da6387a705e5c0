//! Counts request units as the service reports them (`ReturnConsumedCapacity`). Budgets are asserted on these numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Units used, and calls made.
#[derive(Debug, Default)]
pub struct Meter {
    half_reads: AtomicU64,
    half_writes: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
}

/// A reading.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read request units.
    pub rru: f64,
    /// Write request units.
    pub wru: f64,
    /// Calls that were answered with units.
    pub calls: u64,
    /// Conditional puts refused: each also cost its write units, which the service does not report.
    pub refused: u64,
}

impl std::ops::Add for Units {
    type Output = Self;
    fn add(self, more: Self) -> Self {
        Self { rru: self.rru + more.rru, wru: self.wru + more.wru, calls: self.calls + more.calls, refused: self.refused + more.refused }
    }
}

impl std::ops::Sub for Units {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        Self {
            rru: self.rru - before.rru,
            wru: self.wru - before.wru,
            calls: self.calls - before.calls,
            refused: self.refused - before.refused,
        }
    }
}

impl Meter {
    pub(super) fn read(&self, units: Option<&ConsumedCapacity>) {
        self.add(&self.half_reads, units);
    }

    pub(super) fn write(&self, units: Option<&ConsumedCapacity>) {
        self.add(&self.half_writes, units);
    }

    pub(super) fn refused_write(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn add(&self, halves: &AtomicU64, units: Option<&ConsumedCapacity>) {
        let units = units.and_then(|u| u.capacity_units).unwrap_or(0.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "units are small multiples of a half")]
        halves.fetch_add((units * 2.0).round() as u64, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// All since the meter was made.
    pub fn units(&self) -> Units {
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let whole = |halves: &AtomicU64| halves.load(Ordering::Relaxed) as f64 / 2.0;
        Units {
            rru: whole(&self.half_reads),
            wru: whole(&self.half_writes),
            calls: self.calls.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
