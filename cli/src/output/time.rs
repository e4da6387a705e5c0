//! Times for people: how far from now, and when exactly.
//!
//! `now` is what the service says it is (the `Date` of its answer), so that a virtual clock, or a wrong one here, misleads nobody.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// The present time as the service sees it; none if it did not say.
pub type Now = Option<DateTime<Utc>>;

/// `Tue 2026-01-06 09:00Z`.
pub fn absolute(at: DateTime<Utc>) -> String {
    at.format("%a %Y-%m-%d %H:%MZ").to_string()
}

/// `in 5 h, Tue 2026-01-06 09:00Z`, or `3 d ago, …`.
pub fn when(at: DateTime<Utc>, now: Now) -> String {
    match now {
        Some(now) => format!("{}, {}", relative(at, now), absolute(at)),
        None => absolute(at),
    }
}

/// The same for a deadline: `due in 5 h, …`, or `overdue by 2 h, …`.
pub fn due(at: DateTime<Utc>, now: Now) -> String {
    match now {
        Some(now) if at < now => format!("overdue by {}, {}", span(now - at), absolute(at)),
        Some(now) => format!("in {}, {}", span(at - now), absolute(at)),
        None => absolute(at),
    }
}

/// A zone with its name.
pub type Zone = Tz;

/// The zone of this machine, as `TZ` or the system says.
pub(super) fn local_zone() -> Option<Zone> {
    let named = std::env::var("TZ").ok().filter(|name| !name.is_empty()).or_else(|| iana_time_zone::get_timezone().ok());
    named.and_then(|name| name.trim_start_matches(':').parse().ok())
}

/// What comes, on the wall clock of a zone: `in 5 h (Tue 09:00 Europe/Amsterdam)`, beyond a week with its date; `now` once it is due.
pub fn soon(at: DateTime<Utc>, now: Now, zone: Option<Zone>) -> String {
    let zone = zone.unwrap_or(Tz::UTC);
    let local = at.with_timezone(&zone);
    let far = now.is_none_or(|now| at - now > TimeDelta::days(6) || at < now);
    let shown = local.format(if far { "%a %Y-%m-%d %H:%M" } else { "%a %H:%M" });
    let how = match now {
        Some(now) if at <= now => "now".to_owned(),
        Some(now) => format!("in {}", span(at - now)),
        None => "at".to_owned(),
    };
    format!("{how} ({shown} {zone})")
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - at;
    if passed.abs() < TimeDelta::minutes(1) {
        "just now".to_owned()
    } else if passed < TimeDelta::zero() {
        format!("in {}", span(-passed))
    } else {
        format!("{} ago", span(passed))
    }
}

/// A span in its largest fitting unit, rounded: `50 s`, `5 min`, `5 h`, `3 d`. Units change where the smaller one is still easy to read.
fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    match seconds {
        ..=90 => format!("{seconds} s"),
        91..=5_400 => format!("{} min", (seconds + 30) / 60),
        5_401..=172_800 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_says_how_far_and_when() {
        let now = Some(at("2026-01-06T04:00:00Z"));
        assert_eq!(when(at("2026-01-06T09:00:00.000Z"), now), "in 5 h, Tue 2026-01-06 09:00Z");
        assert_eq!(when(at("2026-01-03T04:00:00Z"), now), "3 d ago, Sat 2026-01-03 04:00Z");
        assert_eq!(when(at("2026-01-06T03:59:30Z"), now), "just now, Tue 2026-01-06 03:59Z");
        assert_eq!(when(at("2026-01-06T03:50:00Z"), None), "Tue 2026-01-06 03:50Z");
    }

    #[test]
    fn what_comes_is_told_on_the_clock_of_the_wall() {
        let now = Some(at("2026-03-31T02:00:00Z"));
        let amsterdam = Some(Tz::Europe__Amsterdam);
        assert_eq!(soon(at("2026-03-31T07:00:00Z"), now, amsterdam), "in 5 h (Tue 09:00 Europe/Amsterdam)");
        assert_eq!(soon(at("2026-04-10T07:00:00Z"), now, amsterdam), "in 10 d (Fri 2026-04-10 09:00 Europe/Amsterdam)");
        assert_eq!(soon(at("2026-03-31T01:59:00Z"), now, amsterdam), "now (Tue 2026-03-31 03:59 Europe/Amsterdam)");
        assert_eq!(soon(at("2026-01-06T07:00:00Z"), None, None), "at (Tue 2026-01-06 07:00 UTC)");
    }

    #[test]
    fn a_deadline_says_if_it_has_passed() {
        let now = Some(at("2026-01-06T04:00:00Z"));
        assert_eq!(due(at("2026-01-06T04:01:00Z"), now), "in 60 s, Tue 2026-01-06 04:01Z");
        assert_eq!(due(at("2026-01-06T05:00:00Z"), now), "in 60 min, Tue 2026-01-06 05:00Z");
        assert_eq!(due(at("2026-01-06T02:00:00Z"), now), "overdue by 2 h, Tue 2026-01-06 02:00Z");
        assert_eq!(due(at("2026-01-08T04:00:00Z"), now), "in 48 h, Thu 2026-01-08 04:00Z");
    }
}
