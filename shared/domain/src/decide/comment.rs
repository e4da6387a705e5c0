//! Comment: a party says something, even after the end.

use super::draft::Draft;
use super::guards::{caller, has_room};
use crate::context::{Context, No};
use crate::event::Event;
use crate::hash::Hash;
use crate::limits;
use crate::refusal::Refusal;
use crate::sight::is_party;
use crate::state::Request;

pub(super) fn comment(request: &Request, comment: Hash, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    if !is_party(request, by, cx)? {
        return Err(Refusal::NotAllowed { who: "those who have to do with the present revision" }.into());
    }
    if request.comments >= limits::COMMENTS {
        return Err(Refusal::RequestFull("it has 200 comments").into());
    }
    if request.acts.get(by).is_some_and(|acts| acts.comments >= limits::COMMENTS_EACH) {
        return Err(Refusal::RequestFull("you wrote 50 comments on it").into());
    }
    has_room(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Commented { comment });
    Ok(draft.events)
}
