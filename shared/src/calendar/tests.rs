//! The oracle walks minute by minute and asks of each whether it is worked.

use chrono::Timelike;
use serde_json::{Value, json};

use super::*;

/// Zones with changes by a whole hour, by half of one, at midnight, over the date line, in both halves of the world, and none at all.
const ZONES: [&str; 30] = [
    "UTC",
    "Europe/Amsterdam",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Atlantic/Azores",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Havana",
    "America/Nuuk",
    "America/Caracas",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Auckland",
];

fn calendar(zone: &str, weekly: Value, holidays: Value) -> Calendar {
    serde_json::from_value(json!({ "time_zone": zone, "weekly": weekly, "holidays": holidays })).unwrap()
}

fn office() -> Value {
    let day = json!([{ "from": "09:00", "to": "12:30" }, { "from": "13:15", "to": "17:00" }]);
    json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day })
}

/// Over midnight, and over the hours at which clocks change.
fn night() -> Value {
    let day = json!([{ "from": "00:00", "to": "03:30" }, { "from": "22:00", "to": "24:00" }]);
    json!({ "mon": day, "wed": day, "fri": day, "sat": day, "sun": day })
}

fn always() -> Value {
    let day = json!([{ "from": "00:00", "to": "24:00" }]);
    json!({ "mon": day, "tue": day, "wed": day, "thu": day, "fri": day, "sat": day, "sun": day })
}

fn is_worked(calendar: &Calendar, zone: Tz, minute: i64) -> bool {
    let local = zone.from_utc_datetime(&DateTime::<Utc>::from_timestamp_millis(minute).unwrap().naive_utc());
    if calendar.holidays.contains(&local.format("%Y-%m-%d").to_string()) {
        return false;
    }
    let days = calendar.weekly.days();
    let now = format!("{:02}:{:02}", local.hour(), local.minute());
    days[local.weekday().num_days_from_monday() as usize].1.iter().any(|hours| hours.from <= now && now < hours.to)
}

/// Walks from a whole minute, and holds each amount asked for against the minute at which it is over.
fn hold(calendar: &Calendar, from: &str, days: i64) {
    let start = Timestamp::parse(from).unwrap();
    let zone: Tz = calendar.time_zone.parse().unwrap();
    let hours = WorkingHours::new(calendar).unwrap();
    let mut worked = 0;
    for minute in 0..days * 24 * 60 {
        let at = start.millis() + minute * MINUTE;
        if is_worked(calendar, zone, at) {
            worked += 1;
            if worked % 29 == 0 || worked < 40 {
                let seen = hours.after(start, worked * MINUTE);
                assert_eq!(seen, Timestamp::from_millis(at + MINUTE), "{worked} minutes from {from} in {zone}");
                let half = hours.after(start, worked * MINUTE - MINUTE / 2);
                assert_eq!(half, Timestamp::from_millis(at + MINUTE / 2), "{worked} minutes less a half from {from} in {zone}");
            }
        }
    }
    assert!(worked > 0, "nothing was worked from {from} in {zone}");
}

#[test]
fn counted_by_calendar_is_counted_minute_by_minute() {
    // Before the changes of spring and autumn, the leap day, and new year; 2011-12-29 is the day before the one that Apia skipped.
    let starts = ["2026-03-05T10:10:00Z", "2026-03-26T23:59:00Z", "2026-10-22T00:00:00Z", "2028-02-26T12:00:00Z", "2026-12-29T21:30:00Z"];
    let more = ["2011-12-28T06:00:00Z", "2026-04-02T13:00:00Z", "2026-09-03T03:30:00Z", "2024-04-24T00:15:00Z"];
    for zone in ZONES {
        for (weekly, holidays) in
            [(office(), json!(["2026-03-30", "2026-04-03", "2028-02-29", "2026-12-31", "2027-01-01"])), (night(), json!(["2026-10-25"]))]
        {
            let calendar = calendar(zone, weekly, holidays);
            starts.iter().chain(&more).for_each(|from| hold(&calendar, from, 9));
        }
        hold(&calendar(zone, always(), json!([])), "2026-03-01T00:00:00Z", 40);
    }
}

#[test]
fn a_calendar_without_gaps_is_the_wall_clock() {
    for zone in ZONES {
        let hours = WorkingHours::new(&calendar(zone, always(), json!([]))).unwrap();
        for (from, millis) in
            [("2026-01-01T00:00:00Z", 1), ("2026-03-29T00:30:00.123Z", 48 * 3_600_000), ("2026-10-01T05:00:00Z", 90 * DAY + 17)]
        {
            let from = Timestamp::parse(from).unwrap();
            assert_eq!(hours.after(from, millis), from.plus_millis(millis), "{zone}");
        }
    }
}

#[test]
fn the_last_hour_of_a_friday_ends_then_and_the_next_begins_on_monday() {
    let hours = WorkingHours::new(&calendar("Europe/Amsterdam", office(), json!(["2026-03-30"]))).unwrap();
    let after = |from: &str, minutes: i64| hours.after(Timestamp::parse(from).unwrap(), minutes * MINUTE).to_string();
    assert_eq!(after("2026-03-27T15:00:00Z", 60), "2026-03-27T16:00:00.000Z", "17:00 in winter time");
    assert_eq!(after("2026-03-27T15:00:00Z", 61), "2026-03-31T07:01:00.000Z", "Monday is a holiday, and summer time has come");
    assert_eq!(after("2026-03-28T09:00:00Z", 0), "2026-03-28T09:00:00.000Z");
}

#[test]
fn hours_that_never_come_end_at_the_end_of_time() {
    let nothing = WorkingHours::new(&calendar("UTC", json!({}), json!([]))).unwrap();
    assert_eq!(nothing.after(Timestamp::from_millis(0), 1), Timestamp::MAX);
    let office = WorkingHours::new(&calendar("UTC", office(), json!([]))).unwrap();
    assert_eq!(office.after(Timestamp::MAX, 1), Timestamp::MAX);
    assert!(WorkingHours::new(&calendar("Mars/Olympus", json!({}), json!([]))).is_none());
}
