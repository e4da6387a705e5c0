//! A working calendar. Calendars are never removed.

use super::{Amendment, Attempt, Document};
use crate::refusal::Refusal;

/// Writes a calendar whole. Calendar changes do not affect open steps.
///
/// # Errors
/// [`Refusal::PreconditionFailed`].
pub fn decide(state: &Document, content: &serde_json::Value, attempt: &Attempt) -> Result<Amendment, Refusal> {
    state.write(content, attempt)
}
