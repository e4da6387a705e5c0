//! Values as people read them, in one form wherever they stand: numbers, sums, sizes, days, moments, texts.

use approvals_domain::amount::Amount;
use approvals_domain::ids::Entity;
use approvals_domain::time::Timestamp;
use chrono::{DateTime, NaiveDate, Timelike};
use chrono_tz::Tz;
use serde_json::Number;

use super::plain::{line, lines};

/// Currencies of ISO 4217 whose smallest unit is not a hundredth.
const UNITS: &[(usize, &[&str])] = &[
    (0, &["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

/// Characters of an entity's id that are shown: more than any may have, with what acts made visible.
const ENTITY_CHARS: usize = 2_000;

/// `EUR 12,500.50`: thousands apart, as many digits as the currency has, or more if the number has more.
pub fn money(amount: &Amount) -> String {
    sum(&plain(amount.value), &amount.currency)
}

/// A number of the metadata in a currency.
pub fn money_of(number: &Number, currency: &str) -> String {
    sum(&number.to_string(), currency)
}

fn sum(digits: &str, currency: &str) -> String {
    let units = UNITS.iter().find(|(_, codes)| codes.contains(&currency)).map_or(2, |(units, _)| *units);
    format!("{} {}", line(currency, 10), grouped(digits, units))
}

/// `1,234,567.5`.
pub fn number(number: &Number) -> String {
    grouped(&number.to_string(), 0)
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value}") }
}

/// Digits of a number that somebody can read.
const LEGIBLE: usize = 30;

/// Digits with thousands apart and at least so many after the point.
fn grouped(digits: &str, least: usize) -> String {
    if digits.contains(['e', 'E']) {
        // Written out, unless nobody could read it.
        let whole = digits.parse::<f64>().map(|value| format!("{value}")).ok().filter(|whole| whole.len() <= LEGIBLE);
        return whole.map_or_else(|| digits.to_owned(), |whole| grouped(&whole, least));
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut apart = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            apart.push(',');
        }
        apart.push(digit);
    }
    if fraction.is_empty() && least == 0 { format!("{sign}{apart}") } else { format!("{sign}{apart}.{fraction:0<least$}") }
}

/// `182 kB`, in units of a thousand.
pub fn size(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..=999 => format!("{bytes} bytes"),
        1_000..=999_999 => format!("{} kB", bytes / 1_000),
        1_000_000..=999_999_999 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// `Friday 30 January 2026`, from `2026-01-30`.
pub fn day(text: &str) -> Option<String> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text)?;
    Some(day.format("%A %-d %B %Y").to_string())
}

/// A time for people, such as `Monday 5 January 2026, 10:00 (Europe/Amsterdam)`.
pub fn moment(at: Timestamp, zone: Tz) -> String {
    in_zone(DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().with_timezone(&zone), "%H:%M")
}

/// A moment of RFC 3339 in somebody's zone; none: the text is none, or says more than a second.
pub fn date_time(text: &str, zone: Tz) -> Option<String> {
    if text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text).ok().filter(|time| time.nanosecond() == 0)?.with_timezone(&zone);
    Some(in_zone(time, if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" }))
}

fn in_zone(time: DateTime<Tz>, clock: &str) -> String {
    format!("{}, {} ({})", time.format("%A %-d %B %Y"), time.format(clock), time.timezone().name())
}

/// A person's words, with their line breaks; what acts on a screen is made visible.
pub fn text(words: &str) -> String {
    lines(words, usize::MAX).join("\n")
}

/// What a request is about, on one line: `order PO-1`. An id is a text of people.
pub fn entity(entity: &Entity) -> String {
    format!("{} {}", line(entity.kind.as_str(), ENTITY_CHARS), entity_id(entity))
}

/// The same without its type.
pub fn entity_id(entity: &Entity) -> String {
    line(entity.id.as_str(), ENTITY_CHARS)
}

/// What stands before the time by which an answer is wanted: whether it is over.
pub const fn due_label(late: bool) -> &'static str {
    if late { "Was due" } else { "Answer by" }
}

/// `yes` or `no`.
pub fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t11_sums_have_the_digits_of_their_currency() {
        for (value, currency, text) in [
            (0.0, "EUR", "EUR 0.00"),
            (12_500.5, "EUR", "EUR 12,500.50"),
            (480.0, "USD", "USD 480.00"),
            (1_200.0, "JPY", "JPY 1,200"),
            (3.5, "KWD", "KWD 3.500"),
            (1_234.567_8, "BHD", "BHD 1,234.5678"),
            (0.125, "EUR", "EUR 0.125"),
            (-1_000.0, "EUR", "EUR -1,000.00"),
            (1e15, "points", "points 1,000,000,000,000,000.00"),
        ] {
            assert_eq!(money(&Amount { value, currency: currency.to_owned() }), text);
        }
    }

    #[test]
    fn t11_numbers_have_thousands_apart_and_keep_every_digit() {
        for (json, text) in [
            ("0", "0"),
            ("999", "999"),
            ("1234567.5", "1,234,567.5"),
            ("-1000", "-1,000"),
            ("480.0", "480"),
            ("1e-7", "0.0000001"),
            ("1e300", "1e+300"),
        ] {
            let value: Number = serde_json::from_str(json).unwrap();
            assert_eq!(number(&value), text);
        }
        let large: Number = serde_json::from_str("9007199254740991").unwrap();
        assert_eq!(number(&large), "9,007,199,254,740,991");
    }

    #[test]
    fn a_moment_is_said_in_the_readers_zone() {
        let at = Timestamp::parse("2026-07-01T22:30:00Z").unwrap();
        assert_eq!(moment(at, Tz::Europe__Amsterdam), "Thursday 2 July 2026, 00:30 (Europe/Amsterdam)");
        assert_eq!(moment(at, Tz::UTC), "Wednesday 1 July 2026, 22:30 (UTC)");
        let told = |text: &str| date_time(text, Tz::Europe__Amsterdam);
        assert_eq!(told("2026-07-01T22:30:00Z").unwrap(), "Thursday 2 July 2026, 00:30 (Europe/Amsterdam)");
        assert_eq!(told("2026-07-01T22:30:05-02:00").unwrap(), "Thursday 2 July 2026, 02:30:05 (Europe/Amsterdam)");
        for none in ["2026-07-01", "2026-07-01 22:30:00Z", "2026-07-01T22:30:00.5Z", "T", "2026-07-01T25:00:00Z"] {
            assert_eq!(told(none), None, "{none}");
        }
    }

    #[test]
    fn days_and_sizes_are_said_in_plain_form() {
        assert_eq!(day("2026-01-30").unwrap(), "Friday 30 January 2026");
        assert_eq!((day("2026-02-30"), day("2026-1-3")), (None, None));
        for (bytes, text) in [(1, "1 byte"), (999, "999 bytes"), (182_400, "182 kB"), (1_250_000, "1.2 MB"), (3_000_000_000, "3.0 GB")] {
            assert_eq!(size(bytes), text);
        }
    }
}
