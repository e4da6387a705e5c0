//! Recall: what was approved goes back to the requester, until its effect is started.

use super::cancel::close_live;
use super::draft::Draft;
use super::guards::{caller, effect_not_started, is_admin, still_open};
use crate::context::{Context, No};
use crate::event::{Event, Resume, ReturnTo};
use crate::hash::Hash;
use crate::ids::PersonId;
use crate::limits;
use crate::refusal::Refusal;
use crate::state::{Phase, Request};
use crate::template::Template;

/// By whoever counted in an approval or an administrator; while steps are under way by the requester as well, if the template lets them.
pub(super) fn recall(request: &Request, reason: Hash, on_behalf_of: Option<&PersonId>, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    let own = || on_behalf_of.is_none() && request.recalled_by_its_own(by, cx.template);
    let admin = || if on_behalf_of.is_none() { is_admin(by, cx) } else { Ok(false) };
    if !request.counted(by, on_behalf_of) && !own() && !admin()? {
        return Err(Refusal::NotAllowed { who: who_recalls(cx.template) }.into());
    }
    effect_not_started(request)?;
    still_open(request)?;
    if matches!(request.phase, Phase::Returned { .. }) {
        return Err(Refusal::NotApproved(request.status()).into());
    }
    if request.acts.get(by).is_some_and(|acts| acts.recalls >= limits::RECALLS_EACH) {
        return Err(Refusal::RequestFull("you recalled it 20 times; it can be cancelled").into());
    }
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Recalled { on_behalf_of: on_behalf_of.cloned(), reason });
    close_live(&mut draft, None)?;
    draft.push(Event::Returned { to: ReturnTo::Requester, resume: Resume::Restart });
    Ok(draft.events)
}

/// In the words of a refusal.
const fn who_recalls(template: &Template) -> &'static str {
    if template.recall {
        "whoever counted in an approval, a member of `approval_admin`, or the requester while it is in progress"
    } else {
        "whoever counted in an approval or a member of `approval_admin`"
    }
}
