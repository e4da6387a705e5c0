//! Time zones by their IANA names, and days.

use chrono::NaiveDate;

/// What is wanted of a time zone.
pub(crate) const WANTED: &str = "an IANA name such as `Europe/Amsterdam` is wanted";

/// Whether the tz database has the name, letter by letter.
pub(crate) fn is_known(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}

/// Whether it is `YYYY-MM-DD`, a day that exists.
pub(crate) fn is_day(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|day| day.format("%Y-%m-%d").to_string() == text)
}
