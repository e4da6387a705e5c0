//! A person's own choices. They decide nothing and so have no commits; who may write them stands in [`super::authority`].

use super::{Amendment, Attempt, precondition};
use crate::refusal::Refusal;

/// Writes preferences whole. `holds`: they are so already.
///
/// # Errors
/// [`Refusal::PreconditionFailed`].
pub fn decide(version: u64, holds: bool, attempt: &Attempt) -> Result<Amendment<()>, Refusal> {
    Ok(precondition(version, holds, attempt)?.unwrap_or(Amendment::Change(())))
}
