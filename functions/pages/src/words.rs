//! Moments, sums and sizes in the reader's words.

use approvals_domain::time::Timestamp;
use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use page_views::parts::{Due, Moment};

pub(crate) use approvals::wire::words::{money, text};

/// Now, where the reader is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    pub(crate) now: Timestamp,
    pub(crate) zone: Tz,
}

impl Here {
    fn local(self, at: Timestamp) -> DateTime<Tz> {
        DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().with_timezone(&self.zone)
    }

    /// `Tue 6 Jan, 10:00`, with the year if it is another.
    pub(crate) fn moment(self, at: Timestamp) -> Moment {
        let (then, now) = (self.local(at), self.local(self.now));
        let form = if then.year() == now.year() { "%a %-d %b, %H:%M" } else { "%a %-d %b %Y, %H:%M" };
        Moment { iso: at.to_string(), words: then.format(form).to_string() }
    }

    /// By when, and how far that is.
    pub(crate) fn due(self, at: Timestamp) -> Due {
        let late = at <= self.now;
        let far = far((at.millis() - self.now.millis()).unsigned_abs());
        Due { at: self.moment(at), far: if late { format!("{far} late") } else { format!("in {far}") }, late }
    }

    /// The day it is here, `YYYY-MM-DD`.
    pub(crate) fn today(self) -> NaiveDate {
        self.local(self.now).date_naive()
    }

    /// The day a moment falls on here.
    pub(crate) fn day_of(self, at: Timestamp) -> NaiveDate {
        self.local(at).date_naive()
    }

    /// When a day begins here.
    pub(crate) fn begin_of(self, day: NaiveDate) -> Option<Timestamp> {
        // Where a day begins with a change of the clock, it begins when the clock is past it.
        let begins = (0..4).find_map(|hour| day.and_hms_opt(hour, 0, 0)?.and_local_timezone(self.zone).earliest())?;
        Some(Timestamp::from_millis(begins.timestamp_millis()))
    }
}

/// `3 hours`, `2 days`.
fn far(millis: u64) -> String {
    let minutes = millis / 60_000;
    let (count, unit) = match minutes {
        0 => return "less than a minute".to_owned(),
        1..=119 => (minutes, "minute"),
        120..=2_879 => (minutes / 60, "hour"),
        _ => (minutes / 1_440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `Friday 30 January 2026`, from `2026-01-30`.
pub(crate) fn day(text: &str) -> Option<Moment> {
    Some(Moment { iso: text.to_owned(), words: approvals::wire::words::day(text)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(at: &str, zone: Tz) -> Here {
        Here { now: Timestamp::parse(at).unwrap(), zone }
    }

    #[test]
    fn moments_are_said_where_the_reader_is() {
        let here = here("2026-01-05T09:00:00Z", Tz::Europe__Amsterdam);
        assert_eq!(here.moment(Timestamp::parse("2026-01-06T09:00:00Z").unwrap()).words, "Tue 6 Jan, 10:00");
        assert_eq!(here.moment(Timestamp::parse("2025-12-31T23:30:00Z").unwrap()).words, "Thu 1 Jan, 00:30");
        assert_eq!(here.due(Timestamp::parse("2026-01-05T15:30:00Z").unwrap()).far, "in 6 hours");
        let late = here.due(Timestamp::parse("2026-01-02T09:00:00Z").unwrap());
        assert!(late.late && late.far == "3 days late", "{late:?}");
    }

    #[test]
    fn a_day_begins_where_the_clock_lets_it() {
        let here = here("2026-01-05T09:00:00Z", Tz::America__Santiago);
        // On this day midnight does not exist in Santiago.
        let day = NaiveDate::from_ymd_opt(2026, 9, 6).unwrap();
        assert_eq!(here.begin_of(day).unwrap().to_string(), "2026-09-06T04:00:00.000Z");
        assert_eq!(here.begin_of(here.today()).unwrap().to_string(), "2026-01-05T03:00:00.000Z");
    }
}
