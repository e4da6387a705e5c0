//! The tenant's settings.

use super::{Amendment, Attempt, Document};
use crate::ids::CalendarId;
use crate::refusal::Refusal;

/// What the rules of settings look at.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The settings as they are.
    pub settings: Document,
    /// The calendar that the new settings name is there. Calendars are never removed, so it stays.
    pub calendar_known: bool,
}

/// Settings as they shall be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Put<'a> {
    /// The calendar they name.
    pub calendar: Option<&'a CalendarId>,
    /// All of them.
    pub content: &'a serde_json::Value,
}

/// Writes the settings whole.
///
/// # Errors
/// [`Refusal::NoSuchCalendar`], then [`Refusal::PreconditionFailed`].
pub fn decide(view: &View, put: &Put<'_>, attempt: &Attempt) -> Result<Amendment, Refusal> {
    calendar_exists(view, put)?;
    view.settings.write(put.content, attempt)
}

fn calendar_exists(view: &View, put: &Put<'_>) -> Result<(), Refusal> {
    match put.calendar {
        Some(calendar) if !view.calendar_known => Err(Refusal::NoSuchCalendar(calendar.clone())),
        _ => Ok(()),
    }
}
