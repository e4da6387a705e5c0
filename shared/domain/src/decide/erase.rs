//! Erase: what people wrote in a request goes; its commits, hashes and proofs stay.

use super::draft::Draft;
use super::guards::{caller, is_admin};
use crate::context::{Context, No};
use crate::event::Event;
use crate::hash::Hash;
use crate::limits;
use crate::refusal::Refusal;
use crate::state::Request;

/// By an administrator, of a request that nothing can change any more.
///
/// INVARIANT (erased): title, metadata and attachments go together, and never while somebody may still vote on them.
pub(super) fn erase(request: &Request, reason: Hash, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    if !is_admin(by, cx)? {
        return Err(Refusal::NotAllowed { who: "a member of `approval_admin`" }.into());
    }
    if request.may_change() {
        return Err(Refusal::NotClosed(request.status()).into());
    }
    // Nobody wrote anything since: what was asked holds already.
    if request.erased == Some(request.version) {
        return Ok(Vec::new());
    }
    if request.version >= limits::COMMITS {
        return Err(Refusal::RequestFull("it has too many commits").into());
    }
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Erased { reason });
    Ok(draft.events)
}
