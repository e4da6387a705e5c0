//! A working calendar. Calendars are never removed.

use super::{Amendment, Attempt, Document, differs_in_letters};
use crate::ids::CalendarId;
use crate::refusal::Refusal;

/// What the rules of calendars look at.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The calendar as it is.
    pub document: Document,
    /// Another calendar of the same letters but for case.
    pub same_letters: Option<CalendarId>,
}

/// Writes a calendar whole. Calendar changes do not affect open steps.
///
/// # Errors
/// [`Refusal::PreconditionFailed`], then [`Refusal::IdCaseConflict`].
pub fn decide(view: &View, content: &serde_json::Value, attempt: &Attempt) -> Result<Amendment, Refusal> {
    let amendment = view.document.write(content, attempt)?;
    if matches!(amendment, Amendment::Change(_)) {
        differs_in_letters(view.same_letters.as_ref())?;
    }
    Ok(amendment)
}
