//! How fast commands may come: a bucket that fills with commands and drains with time.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What one command adds: thousandths, so that a slow drain loses nothing to rounding.
const COMMAND: u64 = 1_000;
/// Within so long a full bucket is empty again.
const EMPTY_MILLIS: i64 = 60_000;

/// The commands of a person, or of a tenant, that still count, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// How full it is: thousandths of a command.
    #[serde(rename = "l")]
    level: u64,
    /// When it was so full.
    #[serde(rename = "t")]
    at: Timestamp,
}

impl Bucket {
    /// An empty one.
    pub const fn empty(now: Timestamp) -> Self {
        Self { level: 0, at: now }
    }

    /// Puts commands in, of which it holds `per_minute`. A clock that goes back drains nothing.
    ///
    /// # Errors
    /// Seconds after which they fit, at least 1. Nothing is put in.
    pub fn take(self, commands: u32, per_minute: u32, now: Timestamp) -> Result<Self, u32> {
        let rate = u64::from(per_minute.max(1));
        let elapsed = now.millis().saturating_sub(self.at.millis()).clamp(0, EMPTY_MILLIS);
        let drained = u64::try_from(elapsed).unwrap_or(0) * rate / 60;
        let level = self.level.saturating_sub(drained).saturating_add(u64::from(commands) * COMMAND);
        let over = level.saturating_sub(rate * COMMAND);
        if over == 0 {
            return Ok(Self { level, at: self.at.max(now) });
        }
        let seconds = (over * 60).div_ceil(rate * COMMAND).max(1);
        Err(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_minute_s_commands_fit_at_once_and_then_as_many_as_drain() {
        let full = Bucket::empty(at(0)).take(120, 120, at(0)).unwrap();
        assert_eq!(full.take(1, 120, at(0)), Err(1));
        assert_eq!(full.take(20, 120, at(0)), Err(10), "two drain each second");
        let later = full.take(20, 120, at(10)).unwrap();
        assert_eq!(later.take(1, 120, at(10)), Err(1));
        assert!(full.take(120, 120, at(60)).is_ok());
        assert!(full.take(120, 120, at(3_600)).is_ok());
    }

    #[test]
    fn neither_a_clock_that_goes_back_nor_a_limit_of_nothing_opens_or_breaks_it() {
        let full = Bucket::empty(at(100)).take(10, 10, at(100)).unwrap();
        assert!(full.take(1, 10, at(0)).is_err());
        assert!(Bucket::empty(at(0)).take(5, 0, at(0)).is_err());
        assert_eq!(Bucket::empty(at(0)).take(u32::MAX, 1, at(0)).map_err(|seconds| seconds > 1), Err(true));
    }
}
