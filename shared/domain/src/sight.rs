//! Who may see a request, and up to which revision. Everything that shows one asks here, each time.

use crate::candidate::{Candidate, Placed};
use crate::context::{Context, Missing, No};
use crate::ids::{PersonId, RoleId};
use crate::route::resolve;
use crate::standing::{self, Ballot, Search};
use crate::state::Request;
use crate::template::Visibility;

/// The last revision that an active person may see; `None`: for them there is no such request.
///
/// Parties see all of it, whoever started its effect among them, and so does everybody active where the template says `visibility: tenant`. Whoever was asked keeps sight of what
/// they were asked about: by name, or as a present member of a role that was asked.
pub fn may_see(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<Option<u32>, No> {
    if !cx.evidence.active(person)? {
        return Ok(None);
    }
    if cx.template.visibility == Visibility::Tenant {
        return Ok(Some(request.revision));
    }
    connected(request, person, cx)
}

/// Whether a person is a party now: has to do with the revision that stands. Parties may comment.
pub fn is_party(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    Ok(connected(request, person, cx)? == Some(request.revision))
}

/// The last revision a person had to do with, active or not: what `may_see` rests on.
pub(crate) fn connected(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<Option<u32>, No> {
    let now = Some(request.revision);
    let voted = || request.votes().any(|vote| vote.involves(person)) || request.earlier_voters.contains(person);
    let named = || request.asked_by_name().any(|id| id == person);
    let started = || request.effect.as_ref().is_some_and(|effect| effect.was_started_by(person));
    if request.is_own(person) || voted() || named() || started() || cx.evidence.is_member(&RoleId::approval_admin(), person)? {
        return Ok(now);
    }
    for role in request.asked_roles() {
        if cx.evidence.is_member(role, person)? {
            return Ok(now);
        }
    }
    if stands_in(request, person, cx)? {
        return Ok(now);
    }
    if request.effect.is_some() && carries_out(request, person, cx)? {
        return Ok(now);
    }
    let mut last = request.earlier_asked.get(person).copied();
    for (role, revision) in &request.earlier_roles {
        if last < Some(*revision) && cx.evidence.is_member(role, person)? {
            last = Some(*revision);
        }
    }
    Ok(last)
}

/// Whether a person may start and finish the effect of a request: the submitter, and whoever the template names.
pub(crate) fn carries_out(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    if request.submitter() == Some(person) {
        return Ok(true);
    }
    let by = cx.template.confirms().map_or(&[][..], |effect| &effect.by);
    for candidate in resolve(by, "effect", request, cx)? {
        for member in candidate.members() {
            let is = match member {
                Candidate::User(id) => id == person,
                Candidate::Role(role) => cx.evidence.is_member(role, person)?,
                Candidate::AnyOf(_) => false,
            };
            if is {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Acts on a live step for somebody who is asked there: whether or not a vote of theirs is still wanted, as a reserve's may not be.
fn stands_in(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    let mut missing = Missing::default();
    for (step, opening) in request.live_steps() {
        let Some(rules) = cx.template.step(&step.id) else { continue };
        let asked: Vec<Placed> = opening.candidates.iter().map(|placed| Placed { reserve: false, ..placed.clone() }).collect();
        let ballot = Ballot { candidates: &asked, ..Ballot::of(request, rules, step, opening) };
        if let Some(Ok(_)) = missing.take(standing::seats(ballot, person, Search::Nearest, cx))? {
            return Ok(true);
        }
    }
    missing.none()?;
    Ok(false)
}
