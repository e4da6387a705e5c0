//! From approvers as written to candidates as persons and roles.

use crate::candidate::{Candidate, Placed};
use crate::context::{Context, No};
use crate::event::Decision;
use crate::facts::Wanted;
use crate::ids::PersonId;
use crate::limits;
use crate::state::Request;
use crate::template::{self, Approver};

/// The candidates a list of approvers names now. `name` is the list's prefix in [`crate::template::Expression::name`].
///
/// A manager nobody has, an expression that named nobody, and an `any_of` without members give no candidate.
pub(crate) fn resolve(approvers: &[Approver], name: &str, request: &Request, cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
    resolve_above(approvers, name, request, &[], cx)
}

/// The same in a level, with those whom `manager_of: approver` means.
pub(crate) fn resolve_above(
    approvers: &[Approver],
    name: &str,
    request: &Request,
    above: &[PersonId],
    cx: &Context<'_>,
) -> Result<Vec<Candidate>, No> {
    let heads: Vec<&PersonId> = approvers.iter().flat_map(flat).flat_map(|a| subordinates(a, request)).collect();
    cx.evidence.require(heads.into_iter().map(|id| Wanted::Person(id.clone())))?;

    let mut found = Vec::new();
    for (index, approver) in approvers.iter().enumerate() {
        for candidate in one(approver, &format!("{name}:{index}"), request, above, cx)? {
            if !found.contains(&candidate) {
                found.push(candidate);
            }
        }
    }
    Ok(found)
}

/// The candidates a step opens with. Managers of many and lists from expressions may be more than [`limits::CANDIDATES`]: the first so many.
pub(crate) fn first_candidates(request: &Request, rules: &template::Step, cx: &Context<'_>) -> Result<Vec<Placed>, No> {
    let mut found = resolve(&rules.approvers, &format!("approvers:{}", rules.id), request, cx)?;
    found.truncate(limits::CANDIDATES);
    Ok(found.into_iter().map(Placed::first).collect())
}

fn one(approver: &Approver, name: &str, request: &Request, above: &[PersonId], cx: &Context<'_>) -> Result<Vec<Candidate>, No> {
    Ok(match approver {
        Approver::User(id) => vec![Candidate::User(id.clone())],
        Approver::Role(role) => vec![Candidate::Role(role.clone())],
        Approver::Expression(_) => request.named.get(name).cloned().unwrap_or_default(),
        Approver::ManagerOf(of) if of == APPROVER => above.iter().cloned().map(Candidate::User).collect(),
        Approver::ManagerOf(_) => {
            let mut managers = Vec::new();
            for id in subordinates(approver, request) {
                managers.extend(cx.evidence.manager(id)?.cloned().map(Candidate::User));
            }
            managers
        }
        Approver::AnyOf(inner) => {
            // An expression may name an `any_of` of its own: one within another is one.
            let named = resolve_above(inner, name, request, above, cx)?;
            let members: Vec<Candidate> = named.iter().flat_map(Candidate::members).cloned().collect();
            if members.is_empty() { Vec::new() } else { vec![Candidate::AnyOf(members)] }
        }
    })
}

const REQUESTER: &str = "requester";

/// In a level: one up from where the ladder stands.
const APPROVER: &str = "approver";

/// Whether a level means the managers of those asked before.
pub(crate) fn climbs(approvers: &[Approver]) -> bool {
    approvers.iter().flat_map(flat).any(|approver| matches!(approver, Approver::ManagerOf(of) if of == APPROVER))
}

fn flat(approver: &Approver) -> Vec<&Approver> {
    match approver {
        Approver::AnyOf(inner) => inner.iter().collect(),
        other => vec![other],
    }
}

/// Whose managers a `manager_of` means, as far as they are known.
fn subordinates<'a>(approver: &Approver, request: &'a Request) -> Vec<&'a PersonId> {
    let Approver::ManagerOf(of) = approver else { return Vec::new() };
    heads(of, request).unwrap_or_default()
}

/// The requester, or those whose right approved a step. A step that ended without an approval (skipped, or its time was up) passes the
/// question on to the nearest one before it, the first to the requester. `None`: that step has yet to end.
fn heads<'a>(of: &str, request: &'a Request) -> Option<Vec<&'a PersonId>> {
    let place = request.steps.iter().position(|step| step.id.as_str() == of);
    for step in request.steps.iter().take(place.map_or(0, |place| place + 1)).rev() {
        // One that still wants approvals may get others yet.
        if !step.phase.lets_pass() {
            return None;
        }
        let approvals = step.votes.iter().filter(|vote| vote.voted.decision == Decision::Approve);
        let people: Vec<&PersonId> = approvals.map(|vote| vote.person()).collect();
        if !people.is_empty() {
            return Some(people);
        }
    }
    let known = place.is_some() || of == REQUESTER;
    Some(if known { vec![request.asks()] } else { Vec::new() })
}

/// Whether an approver is the manager of somebody who has yet to approve.
pub(crate) fn awaits(approver: &Approver, request: &Request) -> bool {
    flat(approver).into_iter().any(|approver| matches!(approver, Approver::ManagerOf(of) if heads(of, request).is_none()))
}
