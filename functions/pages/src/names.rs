//! People, roles and steps as they are called on pages.

use approvals::app::queries::brief::Names;
pub(crate) use approvals::app::queries::conversation::words::{candidate, listed};
use approvals_domain::candidate::Candidate;
use approvals_domain::decide::Prospect;
use approvals_domain::ids::PersonId;
use approvals_domain::refusal::WhyNot;
use approvals_domain::state::{Opening, Request, Step};
use approvals_domain::template::{self, Template};

/// Candidates that are named; the rest is counted.
const NAMED: usize = 5;

/// Whom an open step waits for; those who answered are left out.
pub(crate) fn awaited(step: &Step, opening: &Opening, names: &Names) -> String {
    let answered = |candidate: &Candidate| match candidate {
        Candidate::User(id) => step.votes.iter().any(|vote| vote.involves(id)) || opening.released.contains_key(id),
        Candidate::Role(_) => false,
        any_of @ Candidate::AnyOf(_) => step.votes.iter().any(|vote| vote.voted.any_of.as_ref() == Some(any_of)),
    };
    let open = opening.candidates.iter().map(|placed| &placed.candidate).filter(|candidate| !answered(candidate));
    let left = |candidate: &Candidate| candidate.person().is_some_and(|id| names.has_left(id));
    let named = |open: &Candidate| if left(open) { format!("{} (has left)", candidate(open, names)) } else { candidate(open, names) };
    let open: Vec<String> = open.map(named).collect();
    if open.is_empty() { "nobody who may answer".to_owned() } else { listed(&open, NAMED) }
}

/// Whom a request waits for, in one line; empty: nobody.
pub(crate) fn waits_for(request: &Request, names: &Names) -> String {
    let each: Vec<String> = request.live_steps().map(|(step, opening)| awaited(step, opening, names)).collect();
    if each.is_empty() { String::new() } else { format!("waits for {}", each.join("; and for ")) }
}

/// A step's name.
pub(crate) fn step<'t>(template: &'t Template, step: &'t approvals_domain::ids::StepId) -> &'t str {
    template.step(step).map_or(step.as_str(), |rules| rules.title())
}

/// Who would answer a step that is still to come, in words; and what is missing. Who can never answer it is left out.
pub(crate) fn prospect(
    prospect: &Prospect,
    request: &Request,
    rules: Option<&template::Step>,
    names: &Names,
) -> (String, Option<&'static str>) {
    let own = rules.is_some_and(|rules| rules.allow_self);
    let may = |candidate: &Candidate| if own { Some(candidate.clone()) } else { others(candidate, request) };
    let who: Vec<String> =
        prospect.candidates.iter().filter_map(|placed| may(&placed.candidate)).map(|other| candidate(&other, names)).collect();
    let need = if prospect.need > 1 { format!("{} of: ", prospect.need) } else { String::new() };
    let gap = match (prospect.later, prospect.routable) {
        (true, _) => Some("who decides depends on who decides an earlier step"),
        (false, false) => Some("too few people could answer"),
        (false, true) => None,
    };
    (if who.is_empty() { String::new() } else { format!("{need}{}", listed(&who, NAMED)) }, gap)
}

/// People whom prospects name.
pub(crate) fn prospective(prospects: &[Prospect]) -> impl Iterator<Item = PersonId> + '_ {
    let members = prospects.iter().flat_map(|prospect| &prospect.candidates).flat_map(|placed| placed.candidate.members());
    members.filter_map(|member| match member {
        Candidate::User(id) => Some(id.clone()),
        Candidate::Role(_) | Candidate::AnyOf(_) => None,
    })
}

/// A candidate without those whose own request it is; none: it is nobody else.
fn others(candidate: &Candidate, request: &Request) -> Option<Candidate> {
    match candidate {
        Candidate::User(id) if request.is_own(id) => None,
        Candidate::AnyOf(members) => {
            let rest: Vec<Candidate> = members.iter().filter_map(|member| others(member, request)).collect();
            (!rest.is_empty()).then_some(Candidate::AnyOf(rest))
        }
        other => Some(other.clone()),
    }
}

/// Why the reader may not answer.
pub(crate) fn why_not(reason: &WhyNot) -> &'static str {
    match reason {
        WhyNot::Released => "your place was passed on to somebody else",
        WhyNot::Unknown => "the directory does not know you",
        WhyNot::Inactive => "you are marked as having left",
        WhyNot::OwnRequest => "it is your own request, or that of somebody you stand in for: others answer it",
        WhyNot::Barred => "the rules of this kind of request bar you from answering it",
        WhyNot::NotNeeded => "you only stand in, and enough others can answer",
        WhyNot::Counted(_) => "you had a part in an earlier step, and somebody else must answer this one",
        WhyNot::NotACandidate => "you are not asked here",
    }
}
