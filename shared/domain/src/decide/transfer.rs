//! Transfer: another person asks from the next revision on. An administrator's act, for when the requester has left or moved.

use super::cancel::close_live;
use super::draft::Draft;
use super::guards::{caller, has_room, is_admin, still_open};
use crate::context::{Context, No};
use crate::event::{Event, Resume, ReturnTo};
use crate::facts::Wanted;
use crate::hash::Hash;
use crate::ids::PersonId;
use crate::refusal::{Refusal, WhyNot};
use crate::state::{Phase, Request};

/// INVARIANT (I5): neither the old requester nor the new one ever votes on it.
pub(super) fn transfer(request: &Request, to: &PersonId, reason: Hash, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx).map_err(|no| no.along(|| [Wanted::Person(to.clone())].into()))?;
    if !is_admin(by, cx)? {
        return Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into());
    }
    still_open(request)?;
    let invalid = |why: String| No::from(Refusal::InvalidTarget { to: to.clone(), why });
    match cx.evidence.person(to)? {
        None => return Err(invalid(WhyNot::Unknown.to_string())),
        Some(person) if !person.active => return Err(invalid(WhyNot::Inactive.to_string())),
        Some(_) if request.asks() == to => return Err(invalid("is the requester already".to_owned())),
        Some(_) => {}
    }
    has_room(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Transferred { to: to.clone(), reason });
    // What waits for its effect goes back as well: nothing takes effect for a requester who may have approved it.
    if request.phase == Phase::Running || request.is_pending() {
        close_live(&mut draft, None)?;
        draft.push(Event::Returned { to: ReturnTo::Requester, resume: Resume::Restart });
    }
    Ok(draft.events)
}
