//! Working calendars.

use std::collections::BTreeSet;

use approvals::app::commands::amend;
use approvals::app::commands::documents::PutCalendar;
use approvals::calendar::{Calendar, Hours, Week};
use approvals::store::keys;
use approvals::web::problem::Problem;
use approvals::web::{Body, Ids, IfMatch, Query, etag};
use approvals_domain::ids::CalendarId;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Service;
use crate::caller::{Reader, Registrar};
use crate::faults::Faults;
use crate::history::{self, DirectoryHistory};
use crate::path::Named;
use crate::written::status;
use crate::zone;
use approvals::web::{List, Paging};

/// Stretches of one day.
const STRETCHES: usize = 12;
/// Holidays: fifty a year for twenty years; 1,000 × 13 bytes stay far below an item's 400 kB.
const HOLIDAYS: usize = 1_000;

pub(crate) fn router() -> Router<Service> {
    Router::new()
        .route("/v1/calendars", get(calendars))
        .route("/v1/calendars/{id}", put(put_calendar).get(calendar))
        .route("/v1/calendars/{id}/history", get(calendar_history))
}

#[derive(OpenApi)]
#[openapi(paths(calendars, put_calendar, calendar, calendar_history))]
pub(crate) struct Api;

/// A calendar in an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CalendarRecord)]
struct CalendarView {
    id: String,
    time_zone: String,
    weekly: Week,
    holidays: BTreeSet<String>,
    /// The number in the ETag.
    version: u64,
}

impl CalendarView {
    fn new(id: &CalendarId, calendar: Calendar, version: u64) -> Self {
        let Calendar { time_zone, weekly, holidays } = calendar;
        Self { id: id.to_string(), time_zone, weekly, holidays, version }
    }
}

/// A page of calendars.
#[derive(Debug, Serialize, ToSchema)]
struct Calendars {
    /// By id.
    items: Vec<CalendarView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Calendars, by id.
#[utoipa::path(get, path = "/v1/calendars", tag = "directory", params(Paging),
    responses((status = 200, body = Calendars), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn calendars(
    State(service): State<Service>,
    Reader(identity): Reader,
    Query(paging): Query<Paging>,
) -> Result<Json<Calendars>, Problem> {
    let list = List::new(&service.cursors, &identity, "calendars");
    let (after, limit) = list.start::<String>(&paging).await?;
    let (found, next) = service.directory.calendars_page(&identity.tenant, after.as_deref(), limit).await?;
    let next_cursor = list.next(next).await?;
    let items = found.into_iter().map(|(id, calendar, version)| CalendarView::new(&id, calendar, version)).collect();
    Ok(Json(Calendars { items, next_cursor }))
}

/// Writes a calendar whole: 201 for a new one, else 200. Hours over midnight are two stretches, one up to `24:00`.
#[utoipa::path(put, path = "/v1/calendars/{id}", tag = "directory", request_body = Calendar,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "the ETag of the version you read")),
    responses((status = 201, body = CalendarView), (status = 200, body = CalendarView),
        (status = 412, body = Problem, description = "`precondition_failed`", content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:admin"])))]
async fn put_calendar(
    State(service): State<Service>,
    Registrar(identity): Registrar,
    Named(id): Named<CalendarId>,
    IfMatch(seen): IfMatch,
    Body(calendar, _): Body<Calendar>,
) -> Result<Response, Problem> {
    check(&calendar).done()?;
    let actor = identity.actor();
    let put = amend(&service.directory, &identity.author(&service, &actor), seen, PutCalendar::new(&id, &calendar)).await?;
    let view = CalendarView::new(&id, calendar, put.version);
    Ok((status(&put), [(ETAG, etag(put.version))], Json(view)).into_response())
}

/// A calendar.
#[utoipa::path(get, path = "/v1/calendars/{id}", tag = "directory", params(("id" = String, Path)),
    responses((status = 200, body = CalendarView), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn calendar(State(service): State<Service>, Reader(identity): Reader, Ids(id): Ids<CalendarId>) -> Result<Response, Problem> {
    let found = service.directory.document(&keys::calendar(&identity.tenant, id.as_str())).await?;
    let (calendar, version) = found.ok_or_else(Problem::not_found)?;
    Ok(([(ETAG, etag(version))], Json(CalendarView::new(&id, calendar, version))).into_response())
}

/// A calendar's commits, newest first.
#[utoipa::path(get, path = "/v1/calendars/{id}/history", tag = "directory", params(("id" = String, Path), Paging),
    responses((status = 200, body = DirectoryHistory), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:admin"]), ("bearer" = ["approvals:audit"])))]
async fn calendar_history(
    State(service): State<Service>,
    Reader(identity): Reader,
    Ids(id): Ids<CalendarId>,
    Query(paging): Query<Paging>,
) -> Result<Json<DirectoryHistory>, Problem> {
    history::page(&service, &identity, &format!("calendar/{id}"), &paging).await
}

fn check(calendar: &Calendar) -> Faults {
    let mut faults = Faults::default();
    if !zone::is_known(&calendar.time_zone) {
        faults.add("/time_zone", "unknown_time_zone", zone::WANTED);
    }
    for (day, stretches) in calendar.weekly.days() {
        check_day(&format!("/weekly/{day}"), stretches, &mut faults);
    }
    if calendar.weekly.days().iter().all(|(_, stretches)| stretches.is_empty()) {
        faults.add("/weekly", "no_hours", "a week without hours would never let an SLA end; name some");
    }
    if calendar.holidays.len() > HOLIDAYS {
        faults.add("/holidays", "too_many", format!("at most {HOLIDAYS} holidays are allowed"));
    }
    if let Some(bad) = calendar.holidays.iter().find(|day| !zone::is_day(day)) {
        faults.add("/holidays", "bad_date", format!("`{bad:.40}` is no day such as `2026-03-30`"));
    }
    faults
}

fn check_day(pointer: &str, stretches: &[Hours], faults: &mut Faults) {
    if stretches.len() > STRETCHES {
        return faults.add(pointer, "too_many", format!("at most {STRETCHES} stretches a day are allowed"));
    }
    let mut taken: Vec<(u32, u32)> = Vec::new();
    for (index, Hours { from, to }) in stretches.iter().enumerate() {
        let at = |field: &str| format!("{pointer}/{index}{field}");
        match (minute(from).filter(|from| *from < 24 * 60), minute(to)) {
            (None, _) => faults.add(at("/from"), "bad_time", "`HH:MM` from `00:00` to `23:59` is wanted"),
            (_, None) => faults.add(at("/to"), "bad_time", "`HH:MM` up to `24:00` is wanted"),
            (Some(from), Some(to)) if from >= to => {
                let detail = "`to` is later than `from`; write hours over midnight as two stretches, one up to `24:00`";
                faults.add(at("/to"), "not_after_from", detail);
            }
            (Some(from), Some(to)) if taken.iter().any(|(f, t)| from < *t && *f < to) => {
                faults.add(at(""), "overlap", "it overlaps an earlier stretch of the day");
            }
            (Some(from), Some(to)) => taken.push((from, to)),
        }
    }
}

/// Minutes since midnight of `HH:MM`, up to `24:00`.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| Some(digits).filter(|d| d.len() == 2 && d.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn codes(calendar: Value) -> Vec<(String, String)> {
        let faults = check(&serde_json::from_value(calendar).unwrap());
        faults.codes().into_iter().map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).collect()
    }

    #[test]
    fn office_hours_nights_and_split_days_are_taken() {
        let office = json!([{ "from": "09:00", "to": "12:00" }, { "from": "12:00", "to": "17:00" }]);
        let night = json!([{ "from": "22:00", "to": "24:00" }, { "from": "00:00", "to": "06:00" }]);
        for weekly in [json!({ "mon": office, "fri": office }), json!({ "sat": night, "sun": night })] {
            let holidays = json!(["2026-03-30", "2028-02-29"]);
            assert_eq!(codes(json!({ "time_zone": "Europe/Amsterdam", "weekly": weekly, "holidays": holidays })), []);
        }
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let day = |stretches: Value| json!({ "time_zone": "UTC", "weekly": { "mon": stretches } });
        let stretch = |from: &str, to: &str| json!({ "from": from, "to": to });
        for (calendar, pointer, code) in [
            (json!({ "time_zone": "CEST?", "weekly": { "mon": [stretch("09:00", "17:00")] } }), "/time_zone", "unknown_time_zone"),
            (json!({ "time_zone": "UTC", "weekly": {} }), "/weekly", "no_hours"),
            (day(json!([stretch("9:00", "17:00")])), "/weekly/mon/0/from", "bad_time"),
            (day(json!([stretch("24:00", "24:00")])), "/weekly/mon/0/from", "bad_time"),
            (day(json!([stretch("+9:00", "17:00")])), "/weekly/mon/0/from", "bad_time"),
            (day(json!([stretch("09:00", "24:01")])), "/weekly/mon/0/to", "bad_time"),
            (day(json!([stretch("09:00", "17:60")])), "/weekly/mon/0/to", "bad_time"),
            (day(json!([stretch("09:00", "09:00")])), "/weekly/mon/0/to", "not_after_from"),
            (day(json!([stretch("22:00", "06:00")])), "/weekly/mon/0/to", "not_after_from"),
            (day(json!([stretch("09:00", "13:00"), stretch("12:59", "17:00")])), "/weekly/mon/1", "overlap"),
            (day(json!([stretch("12:00", "13:00"), stretch("09:00", "17:00")])), "/weekly/mon/1", "overlap"),
            (day(json!(vec![stretch("09:00", "10:00"); 13])), "/weekly/mon", "too_many"),
        ] {
            assert_eq!(codes(calendar.clone()), [(pointer.to_owned(), code.to_owned())], "{calendar}");
        }
        for bad in ["2026-02-29", "2026-1-05", "30.03.2026", ""] {
            let weekly = json!({ "mon": [stretch("09:00", "17:00")] });
            let calendar = json!({ "time_zone": "UTC", "weekly": weekly, "holidays": [bad] });
            assert_eq!(codes(calendar), [("/holidays".to_owned(), "bad_date".to_owned())], "{bad}");
        }
    }
}
