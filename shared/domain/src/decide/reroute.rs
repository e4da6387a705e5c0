//! Reroute: the directory changed. It never closes a step.

use super::draft::Draft;
use super::guards::has_room;
use super::steps::review;
use crate::context::{Context, No};
use crate::event::Event;
use crate::state::Request;

pub(super) fn reroute(request: &Request, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let mut draft = Draft::new(Some(request.clone()), cx);
    review(&mut draft, |_, _| true)?;
    if !draft.events.is_empty() {
        // A directory that flaps must not fill the request.
        has_room(request)?;
    }
    Ok(draft.events)
}
