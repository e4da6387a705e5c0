//! Time as data: the clock is at the edge.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. In hashed bytes the number; for people RFC 3339 UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset; finer than a millisecond is cut.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|t| Self(t.timestamp_millis()))
    }

    /// The last one: JSON numbers beyond 2^53 − 1 do not survive their canonical form.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// So many hours later, to the millisecond; stays at the end of time.
    pub fn plus_hours(self, hours: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        self.plus_millis((hours * 3_600_000.0).round() as i64)
    }

    /// So many milliseconds later; stays at the end of time.
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis)).min(Self::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_any_offset_and_shows_utc_with_milliseconds() {
        let time = Timestamp::parse("2018-03-01T10:00:00.1239+01:00").unwrap();
        assert_eq!(time.to_string(), "2018-03-01T09:00:00.123Z");
        assert_eq!(time.plus_hours(0.5).to_string(), "2018-03-01T09:30:00.123Z");
        assert_eq!(Timestamp::from_millis(0).plus_hours(1e300), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(7).plus_hours(f64::NAN).millis(), 7);
    }
}
