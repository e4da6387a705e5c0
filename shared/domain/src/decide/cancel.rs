//! Cancel: the requester, the submitter or an administrator ends it, until it has ended or its effect is started.

use super::draft::Draft;
use super::guards::{caller, effect_not_started, own_or_admin, still_open};
use crate::context::{Context, No};
use crate::event::{Event, StepEnd};
use crate::hash::Hash;
use crate::ids::StepId;
use crate::state::Request;

pub(super) fn cancel(request: &Request, reason: Option<Hash>, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    own_or_admin(request, by, cx)?;
    effect_not_started(request)?;
    still_open(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    close_live(&mut draft, None)?;
    draft.push(Event::Cancelled { reason });
    Ok(draft.events)
}

/// Closes what is open or blocked, but for one step that ends in its own way.
pub(super) fn close_live(draft: &mut Draft<'_, '_>, but: Option<&StepId>) -> Result<(), No> {
    let live: Vec<StepId> = draft.request()?.live_steps().map(|(step, _)| step.id.clone()).filter(|id| Some(id) != but).collect();
    for step in live {
        draft.push(Event::Closed { step, how: StepEnd::Closed });
    }
    Ok(())
}
