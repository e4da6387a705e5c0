//! Working time: when so many hours of a calendar are over.
//!
//! An instant belongs to working time if its local time lies in one of its weekday's stretches and its local date is no holiday. So an hour
//! that a zone repeats in autumn counts twice, and one that it skips in spring not at all.

use std::collections::BTreeSet;

use approvals_domain::time::Timestamp;
use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Days walked at most: forty years. A calendar of holidays alone has no end within it.
const DAYS: i64 = 40 * 366;

/// Working hours. Times are local to the zone; outside of the hours and on holidays no SLA runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// IANA name, for example `Europe/Amsterdam`.
    pub time_zone: String,
    /// Hours of each day of the week.
    pub weekly: Week,
    /// Days without hours, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
}

/// Hours of each day of the week; a day left out has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the days of the week")]
pub struct Week {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mon: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tue: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wed: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thu: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fri: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sat: Vec<Hours>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sun: Vec<Hours>,
}

impl Week {
    /// Monday first, with the names on the wire.
    pub fn days(&self) -> [(&'static str, &[Hours]); 7] {
        [
            ("mon", &self.mon),
            ("tue", &self.tue),
            ("wed", &self.wed),
            ("thu", &self.thu),
            ("fri", &self.fri),
            ("sat", &self.sat),
            ("sun", &self.sun),
        ]
    }
}

/// A stretch of one day: from the first minute to just before the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// `HH:MM`, from `00:00`.
    pub from: String,
    /// `HH:MM`, later than `from`, up to `24:00`. Hours over midnight are two stretches.
    pub to: String,
}

/// A calendar, ready to count with.
#[derive(Debug, Clone)]
pub struct WorkingHours {
    zone: Tz,
    /// Monday first: stretches in milliseconds since local midnight, in their order.
    week: [Vec<(i64, i64)>; 7],
    holidays: BTreeSet<NaiveDate>,
}

impl WorkingHours {
    /// Of a calendar as stored. `None`: its zone is not known to this build.
    pub fn new(calendar: &Calendar) -> Option<Self> {
        let zone = calendar.time_zone.parse().ok()?;
        let week = calendar.weekly.days().map(|(_, hours)| {
            let mut stretches: Vec<(i64, i64)> = hours.iter().filter_map(stretch).collect();
            stretches.sort_unstable();
            stretches
        });
        let holidays = calendar.holidays.iter().filter_map(|day| day.parse().ok()).collect();
        Some(Self { zone, week, holidays })
    }

    /// The first instant at which so many milliseconds of working time have passed since `from`. The end of time if there is none.
    pub fn after(&self, from: Timestamp, millis: i64) -> Timestamp {
        let (mut at, mut left) = (from.millis(), millis);
        let horizon = at.saturating_add(DAYS * DAY);
        while left > 0 {
            let Some((until, offset)) = self.segment(at).filter(|_| at < horizon) else { return Timestamp::MAX };
            for (start, end) in self.working(at + offset, until + offset) {
                if end - start >= left {
                    return Timestamp::from_millis(start + left - offset).min(Timestamp::MAX);
                }
                left -= end - start;
            }
            at = until;
        }
        Timestamp::from_millis(at)
    }

    /// From an instant on: until when the zone's offset and the local date stay the same, and the offset. Milliseconds.
    fn segment(&self, at: i64) -> Option<(i64, i64)> {
        let offset = self.offset(at)?;
        let midnight = at + DAY - (at + offset).rem_euclid(DAY);
        if self.offset(midnight - 1)? == offset {
            return Some((midnight, offset));
        }
        // A zone that changes its offset within a day does so once.
        let (mut same, mut other) = (at, midnight - 1);
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            if self.offset(middle)? == offset { same = middle } else { other = middle }
        }
        Some((other, offset))
    }

    fn offset(&self, at: i64) -> Option<i64> {
        let utc = DateTime::<Utc>::from_timestamp_millis(at)?.naive_utc();
        Some(i64::from(self.zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1_000)
    }

    /// The stretches of one local day between two local times, in milliseconds.
    fn working(&self, from: i64, until: i64) -> impl Iterator<Item = (i64, i64)> {
        let midnight = from - from.rem_euclid(DAY);
        let date = DateTime::<Utc>::from_timestamp_millis(midnight).map(|midnight| midnight.date_naive());
        let day = date.filter(|date| !self.holidays.contains(date)).map(|date| date.weekday().num_days_from_monday() as usize);
        let stretches = day.and_then(|day| self.week.get(day)).map_or(&[][..], Vec::as_slice);
        stretches
            .iter()
            .map(move |(start, end)| ((midnight + start).max(from), (midnight + end).min(until)))
            .filter(|(start, end)| start < end)
    }
}

fn stretch(hours: &Hours) -> Option<(i64, i64)> {
    let millis = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some((hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * MINUTE)
    };
    Some((millis(&hours.from)?, millis(&hours.to)?))
}
