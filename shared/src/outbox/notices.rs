//! What each commit means to whom. A notice that is made twice is the same notice.

use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::commit::Sealed;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::event::Event as Happened;
use approvals_domain::hash::Hash;
use approvals_domain::ids::PersonId;

use crate::notice::{Audience, Kind, Notice, SCHEMA};
use crate::store::directory::tells_of_members;

/// What a commit means to whom: at most one notice for each audience.
pub fn notices(sealed: &Sealed) -> Vec<Notice> {
    let mut all: Vec<Notice> = Vec::new();
    for (index, event) in sealed.commit.events.iter().enumerate() {
        for (audience, kind, only) in audiences(event).into_iter().chain(off_desk(sealed, event)) {
            match all.iter_mut().find(|notice| notice.audience == audience) {
                // The whole audience hears of it already, or these join those who do.
                Some(notice) if notice.only.is_empty() || only.is_empty() => {
                    notice.only = Vec::new();
                }
                Some(notice) => notice.only.extend(only),
                None => all.push(notice(sealed, index, audience, kind, only)),
            }
        }
    }
    all
}

fn notice(sealed: &Sealed, index: usize, audience: Audience, kind: Kind, only: Vec<Candidate>) -> Notice {
    let commit = &sealed.commit;
    Notice {
        schema: SCHEMA,
        id: Notice::id_of(&sealed.hash, &audience),
        tenant: commit.tenant.clone(),
        request: Some(commit.request.clone()),
        object: None,
        version: commit.version,
        commit: sealed.hash,
        event: u32::try_from(index).unwrap_or(u32::MAX),
        at: commit.at,
        audience,
        kind,
        by: commit.actor.person().cloned(),
        only,
        retry: None,
    }
}

/// What a commit of the directory means to people: a person's address may have changed, and whoever administers hears who else does.
///
/// Whether the address did change is found out when it is told: commits hold no address.
pub fn of_directory(commit: &DirectoryCommit, hash: Hash) -> Vec<Notice> {
    let people = match &commit.event {
        DirectoryEvent::User { .. } => {
            let id = commit.object.strip_prefix("user/").and_then(|id| PersonId::new(id).ok());
            let both = id.map(|id| [Audience::Person(id.clone()), Audience::FormerAddress(id)]);
            both.into_iter().flatten().map(|audience| (audience, Kind::AddressChanged)).collect()
        }
        DirectoryEvent::Member { role, .. } if tells_of_members(role) => vec![(Audience::Administrators, Kind::OfficeChanged)],
        _ => Vec::new(),
    };
    let told = |(audience, kind)| Notice {
        schema: SCHEMA,
        id: Notice::id_of(&hash, &audience),
        tenant: commit.tenant.clone(),
        request: None,
        object: Some(commit.object.clone()),
        version: commit.version,
        commit: hash,
        event: 0,
        at: commit.at,
        audience,
        kind,
        by: commit.actor.person().cloned(),
        only: Vec::new(),
        retry: None,
    };
    people.into_iter().map(told).collect()
}

/// Whoever's seat another passed on hears that it is off their desk, and with whom it is.
fn off_desk(sealed: &Sealed, event: &Happened) -> Option<(Audience, Kind, Vec<Candidate>)> {
    let Happened::Reassigned { from, to, .. } = event else { return None };
    let by_another = sealed.commit.actor.person() != Some(from);
    by_another.then(|| (Audience::Person(from.clone()), Kind::OffDesk, vec![Candidate::User(to.clone())]))
}

/// Who hears of an event, and as what. Systems hear of everything.
fn audiences(event: &Happened) -> Vec<(Audience, Kind, Vec<Candidate>)> {
    let everybody = Vec::new;
    let added = |placed: &[Placed]| placed.iter().map(|placed| placed.candidate.clone()).collect::<Vec<_>>();
    let people = match event {
        Happened::Opened { step, .. } => Some((Audience::Approvers(step.clone()), Kind::Asked, everybody())),
        Happened::Widened { step, candidates } => Some((Audience::Approvers(step.clone()), Kind::Asked, added(candidates))),
        Happened::Reminded { step, .. } => Some((Audience::Approvers(step.clone()), Kind::Reminded, everybody())),
        // A level that adds nobody reminds those who were asked before.
        Happened::Escalated { step, candidates, .. } if candidates.is_empty() => {
            Some((Audience::Approvers(step.clone()), Kind::Reminded, everybody()))
        }
        Happened::Escalated { step, candidates, .. } => Some((Audience::Approvers(step.clone()), Kind::Escalated, added(candidates))),
        Happened::Reassigned { step, to, .. } => {
            Some((Audience::Approvers(step.clone()), Kind::Reassigned, vec![Candidate::User(to.clone())]))
        }
        // Theirs again: they are asked as before.
        Happened::SeatReturned { step, to, .. } => {
            Some((Audience::Approvers(step.clone()), Kind::Asked, vec![Candidate::User(to.clone())]))
        }
        // Silence approved nothing: administrators decide, or hear that nobody can.
        Happened::TimedOut { step, why: Some(_), candidates } if !candidates.is_empty() => {
            Some((Audience::Approvers(step.clone()), Kind::Asked, added(candidates)))
        }
        Happened::Blocked { .. } => Some((Audience::Administrators, Kind::Blocked, everybody())),
        Happened::Commented { .. } => Some((Audience::Requester, Kind::Commented, everybody())),
        // Whoever asks now hears that it is with them, and after a while is reminded.
        Happened::Transferred { .. } | Happened::RequesterReminded { .. } => Some((Audience::Requester, Kind::Returned, everybody())),
        Happened::Returned { .. } => Some((Audience::Requester, Kind::Returned, everybody())),
        Happened::Approved { .. } => Some((Audience::Requester, Kind::Approved, everybody())),
        Happened::Rejected {} => Some((Audience::Requester, Kind::Rejected, everybody())),
        Happened::Cancelled { .. } => Some((Audience::Requester, Kind::Cancelled, everybody())),
        Happened::Expired {} => Some((Audience::Requester, Kind::Expired, everybody())),
        Happened::EffectReminded {} => Some((Audience::Administrators, Kind::EffectLate, everybody())),
        Happened::EffectStarted { .. }
        | Happened::EffectFinished { .. }
        | Happened::Recalled { .. }
        | Happened::VoteWithdrawn { .. }
        | Happened::Erased { .. }
        | Happened::Submitted { .. }
        | Happened::Resubmitted { .. }
        | Happened::Voted(_)
        | Happened::TimedOut { .. }
        | Happened::Narrowed { .. }
        | Happened::Closed { .. } => None,
    };
    let systems = (Audience::Endpoints, Kind::Committed, everybody());
    people.into_iter().chain([systems]).collect()
}
