//! Comment: a party says something. And who is a party.

use super::draft::Draft;
use super::guards::{caller, has_room, is_admin, still_open};
use crate::context::{Context, Missing, No};
use crate::event::Event;
use crate::hash::Hash;
use crate::ids::PersonId;
use crate::limits;
use crate::refusal::Refusal;
use crate::standing::{self, Ballot, Search};
use crate::state::Request;

pub(super) fn comment(request: &Request, comment: Hash, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let by = caller(cx)?;
    if !is_party(request, by, cx)? {
        return Err(Refusal::NoRequest.into());
    }
    still_open(request)?;
    if request.comments >= limits::COMMENTS {
        return Err(Refusal::RequestFull("it has 200 comments").into());
    }
    has_room(request)?;
    let mut draft = Draft::new(Some(request.clone()), cx);
    draft.push(Event::Commented { comment });
    Ok(draft.events)
}

/// Requester, submitter, whoever voted or was voted for, members of `approval_admin`, present candidates and their delegates.
pub fn is_party(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    let voted = || request.votes().any(|vote| vote.involves(person));
    if request.is_own(person) || voted() || request.earlier_voters.contains(person) || is_admin(person, cx)? {
        return Ok(true);
    }
    let mut missing = Missing::default();
    for (step, opening) in request.live_steps() {
        let Some(rules) = cx.template.step(&step.id) else { continue };
        let ballot = Ballot { request, rules, candidates: &opening.candidates, released: &opening.released, votes: &step.votes };
        if let Some(Ok(_)) = missing.take(standing::seats(ballot, person, Search::Nearest, cx))? {
            return Ok(true);
        }
    }
    missing.none()?;
    Ok(false)
}
