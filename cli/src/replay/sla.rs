//! `--sla`: how many steps of the log would have been reminded, escalated, timed out. The service says it, by what its clock did; and the log
//! says it, worked out again here from its acts alone, without the service's templates, timers or calendars.

use std::str::FromStr;

use approvals::calendar::{Calendar, Hours};
use approvals::template::{Syntax, parse};
use approvals_domain::ids::{CalendarId, RoleId};
use approvals_domain::template::{Approver, Group, Level, Sla as StepSla};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::Prepared;
use super::plan::{Deed, Plan, Route};
use super::template::{Error, Template};

/// Office hours, for a service that has no calendar of that name.
pub const OFFICE: &str = r#"{"time_zone":"Europe/Amsterdam","weekly":{
  "mon":[{"from":"09:00","to":"17:00"}],"tue":[{"from":"09:00","to":"17:00"}],"wed":[{"from":"09:00","to":"17:00"}],
  "thu":[{"from":"09:00","to":"17:00"}],"fri":[{"from":"09:00","to":"17:00"}]}}"#;

/// A reminder at half of the SLA, a level when it is over, and the time-out one more SLA later.
const REMIND: f64 = 0.5;
const LEVEL: f64 = 1.0;
/// A time-out would end the request and with it the replay, so it is played as a level that adds nobody.
const TIME_OUT: f64 = 2.0;
const MILLIS_PER_HOUR: f64 = 3_600_000.0;
/// Between two acts the service's clock stops at least so often within an SLA: a reminder is given in its time, not with the level.
const STOPS: f64 = 8.0;

/// Time for each step: `48h`, `2d`, `90m`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span(pub f64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("`{text}` is no time for a step: expected hours, days or minutes such as 48h, 2d, 90m");
        let unit = text.char_indices().next_back().map(|(at, unit)| (text.get(..at).unwrap_or_default(), unit));
        let (number, unit) = unit.ok_or_else(wanted)?;
        let number: f64 = number.parse().map_err(|_| wanted())?;
        let hours = match unit {
            'm' => number / 60.0,
            'h' => number,
            'd' => number * 24.0,
            _ => return Err(wanted()),
        };
        if hours.is_finite() && hours > 0.0 && hours <= 10_000.0 { Ok(Self(hours)) } else { Err(wanted()) }
    }
}

/// What is asked of each step.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    pub hours: f64,
    /// Working hours of this calendar; wall clock without one.
    pub calendar: Option<CalendarId>,
}

/// Steps that opened, and what the clock did to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub opened: u64,
    pub reminded: u64,
    pub escalated: u64,
    pub timed_out: u64,
}

/// Both opinions.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Beside {
    pub hours: f64,
    pub calendar: Option<String>,
    pub log: Counts,
    pub service: Counts,
}

impl Terms {
    /// The template with these terms on every step.
    ///
    /// # Errors
    /// [`Error::Yaml`] if the service would not read it either.
    pub fn on(&self, template: &Template) -> Result<Template, Error> {
        let unread = |what: String| Error::Yaml { line: 1, what };
        let mut parsed = parse(&template.text, Syntax::Yaml).map_err(|findings| unread(format!("{findings:?}")))?.template;
        let admin = || vec![Approver::Role(RoleId::approval_admin())];
        for step in parsed.steps.iter_mut().flat_map(|group| match group {
            Group::Parallel(steps) => steps.as_mut_slice(),
            Group::One(step) => std::slice::from_mut(step.as_mut()),
        }) {
            step.sla = StepSla { hours: self.hours, calendar: self.calendar.clone() };
            step.remind = vec![REMIND];
            step.escalate = [LEVEL, TIME_OUT].map(|after| Level { after, to: admin() }).to_vec();
        }
        // JSON is YAML.
        let text = serde_json::to_string(&parsed).map_err(|error| unread(error.to_string()))?;
        Ok(Template { text, ..template.clone() })
    }

    /// How long the clock may go at most without a stop, milliseconds.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "hours have an upper bound")]
    pub fn stride_ms(&self) -> i64 {
        (self.hours * MILLIS_PER_HOUR / STOPS) as i64
    }
}

impl Counts {
    /// Adds what one request's history says.
    pub fn add(&mut self, events: &Value) {
        for event in events.as_array().into_iter().flatten() {
            let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
            match (text("type"), event.get("level").and_then(Value::as_u64)) {
                ("step.opened" | "step.blocked", _) => self.opened += 1,
                ("step.reminded", _) => self.reminded += 1,
                ("step.escalated", Some(1)) => self.escalated += 1,
                ("step.escalated", Some(_)) => self.timed_out += 1,
                _ => {}
            }
        }
    }
}

/// From the log's acts alone. A step is due as soon as its working time has reached the hours: then, and not a millisecond later.
#[must_use]
pub fn expected(prepared: &Prepared, terms: &Terms, calendar: Option<&Calendar>, shift_ms: i64) -> Counts {
    let order: Vec<usize> =
        prepared.template.steps.iter().filter_map(|(id, _)| prepared.mapping.steps.iter().position(|pool| pool.role == *id)).collect();
    let mut counts = Counts::default();
    for (from, to) in waits(&prepared.plan, &order) {
        let (from, to) = (from + shift_ms, to + shift_ms);
        let worked = calendar.map_or(to - from, |calendar| worked_ms(calendar, from, to));
        #[allow(clippy::cast_precision_loss, reason = "spans of years in milliseconds stay far below 2^53")]
        let over = |fraction: f64| worked as f64 >= (terms.hours * fraction * MILLIS_PER_HOUR).round();
        counts.opened += 1;
        counts.reminded += u64::from(over(REMIND));
        counts.escalated += u64::from(over(LEVEL));
        counts.timed_out += u64::from(over(TIME_OUT));
    }
    counts
}

/// Where a docket stands.
#[derive(Clone, Copy)]
enum At {
    Nothing,
    /// On the step at this place of the order, since then; with its revision's route.
    Step {
        place: usize,
        since: i64,
        route: Route,
    },
    Returned,
    Over,
}

/// Each opening of a step, and when it ended; what is still open ends with the last act.
fn waits(plan: &Plan, order: &[usize]) -> Vec<(i64, i64)> {
    let next = |route: Route, from: usize| (from..order.len()).find(|place| order.get(*place).is_some_and(|step| route >> step & 1 == 1));
    let mut dockets = vec![At::Nothing; plan.dockets.len()];
    let (mut waits, mut last) = (Vec::new(), 0);
    for act in &plan.acts {
        let Some(docket) = dockets.get_mut(act.docket as usize) else { continue };
        let now = act.at_ms;
        if matches!(docket, At::Nothing) && !matches!(act.deed, Deed::Submit { .. }) {
            continue;
        }
        if !matches!((*docket, act.deed), (At::Returned, Deed::TakeBack { again: true })) {
            last = now;
        }
        *docket = match (*docket, act.deed) {
            (At::Nothing | At::Returned | At::Over, Deed::Submit { route }) => {
                next(route, 0).map_or(*docket, |place| At::Step { place, since: now, route })
            }
            (At::Step { place, since, route }, Deed::Approve { step, .. }) if order.get(place) == Some(&usize::from(step)) => {
                waits.push((since, now));
                next(route, place + 1).map_or(At::Over, |place| At::Step { place, since: now, route })
            }
            (At::Step { place, since, .. }, Deed::Reject { step, .. }) if order.get(place) == Some(&usize::from(step)) => {
                waits.push((since, now));
                At::Returned
            }
            (At::Step { since, .. }, Deed::TakeBack { .. }) => {
                waits.push((since, now));
                At::Over
            }
            (At::Returned, Deed::TakeBack { again: false }) => At::Over,
            (unmoved, _) => unmoved,
        };
    }
    waits.extend(dockets.into_iter().filter_map(|at| match at {
        At::Step { since, .. } => Some((since, last)),
        At::Nothing | At::Returned | At::Over => None,
    }));
    waits
}

/// Milliseconds of working time between two instants: day by day, how much of each stretch lies between them. Stretches in which the zone
/// changes its offset are not for this, and no office has them.
fn worked_ms(calendar: &Calendar, from: i64, to: i64) -> i64 {
    let Ok(zone) = calendar.time_zone.parse::<Tz>() else { return to - from };
    let instant = |date: NaiveDate, time: &str| {
        let (date, time) = match time {
            "24:00" => (date.checked_add_days(Days::new(1))?, "00:00"),
            time => (date, time),
        };
        let local = date.and_time(NaiveTime::parse_from_str(time, "%H:%M").ok()?);
        Some(zone.from_local_datetime(&local).earliest()?.timestamp_millis())
    };
    let day_of = |at: i64| DateTime::<Utc>::from_timestamp_millis(at).map(|at| at.with_timezone(&zone).date_naive());
    let (Some(first), Some(last)) = (day_of(from), day_of(to)) else { return 0 };
    let mut worked = 0;
    for date in first.iter_days().take_while(|date| *date <= last) {
        if calendar.holidays.contains(&date.format("%Y-%m-%d").to_string()) {
            continue;
        }
        let days = calendar.weekly.days();
        let stretches = days.get(date.weekday().num_days_from_monday() as usize).map_or(&[][..], |(_, hours)| hours);
        for Hours { from: start, to: end } in stretches {
            if let (Some(start), Some(end)) = (instant(date, start), instant(date, end)) {
                worked += (end.min(to) - start.max(from)).max(0);
            }
        }
    }
    worked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_in_three_units() {
        for (text, hours) in [("48h", 48.0), ("2d", 48.0), ("90m", 1.5), ("0.5h", 0.5)] {
            assert_eq!(text.parse(), Ok(Span(hours)));
        }
        for bad in ["", "h", "48", "-1h", "0h", "2w", "infh", "1e9h"] {
            assert!(bad.parse::<Span>().unwrap_err().contains("48h"), "{bad}");
        }
    }

    #[test]
    fn an_office_works_on_weekdays() {
        let office: Calendar = serde_json::from_str(OFFICE).unwrap();
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let hours = |from: &str, to: &str| worked_ms(&office, at(from), at(to)) as f64 / MILLIS_PER_HOUR;
        assert_eq!(hours("2017-03-24T15:00:00Z", "2017-03-27T08:30:00Z"), 2.5, "an hour of Friday; Monday in summer time");
        assert_eq!(hours("2017-03-25T08:00:00Z", "2017-03-26T20:00:00Z"), 0.0);
        assert_eq!(hours("2017-01-02T00:00:00Z", "2017-01-09T00:00:00Z"), 40.0);
    }
}
