//! What each commit has told: a notice for people, one for systems. A notice that is made twice is the same notice.

use approvals_domain::commit::Sealed;
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::Hash;
use approvals_domain::ids::PersonId;

use super::hears::concerns_people;
use crate::notice::{Audience, Notice, SCHEMA};
use crate::store::directory::tells_of_members;

/// The notices of a commit of a request. Systems hear of every commit; people of one that concerns anybody.
pub fn notices(sealed: &Sealed) -> Vec<Notice> {
    let commit = &sealed.commit;
    let people = concerns_people(commit).then_some(Audience::People);
    let told = |audience: Audience| Notice {
        schema: SCHEMA,
        id: Notice::id_of(&sealed.hash, &audience),
        tenant: commit.tenant.clone(),
        request: Some(commit.request.clone()),
        object: None,
        version: commit.version,
        commit: sealed.hash,
        at: commit.at,
        audience,
        retry: None,
    };
    [Audience::Endpoints].into_iter().chain(people).map(told).collect()
}

/// What a commit of the directory means to people: a person's address may have changed, or they left or came back; whoever administers hears
/// who else does, and what becomes of them; somebody, and whoever stands in for them, may act on what waits already; somebody's right was
/// passed on by another, or that ended.
///
/// Whether the address did change, whether the person administers, whether anything waits, and who else may act by it is found out when it is
/// told: commits hold no address, and those of a person no roles.
pub fn of_directory(commit: &DirectoryCommit, hash: Hash) -> Vec<Notice> {
    let actor = commit.actor.person();
    let others = |id: &PersonId| Some(Audience::Person(id.clone())).filter(|_| actor != Some(id));
    let people: Vec<Audience> = match &commit.event {
        DirectoryEvent::User { .. } => {
            let id = commit.object.strip_prefix("user/").and_then(|id| PersonId::new(id).ok());
            let all = id.map(|id| [Audience::Person(id.clone()), Audience::FormerAddress(id), Audience::Administrators]);
            all.into_iter().flatten().collect()
        }
        DirectoryEvent::Member { role, user, member, .. } => {
            let administrators = tells_of_members(role).then_some(Audience::Administrators);
            let office = administrators.is_some();
            let person = if *member { Some(Audience::Person(user.clone())) } else { others(user).filter(|_| office) };
            administrators.into_iter().chain(person).collect()
        }
        // Whoever else ended it.
        DirectoryEvent::Delegation { from, to, revoked: true, .. } => others(to).into_iter().chain(others(from)).collect(),
        DirectoryEvent::Delegation { from, to, revoked: false, .. } => {
            [Audience::Person(to.clone())].into_iter().chain(others(from)).collect()
        }
        _ => Vec::new(),
    };
    let told = |audience: Audience| Notice {
        schema: SCHEMA,
        id: Notice::id_of(&hash, &audience),
        tenant: commit.tenant.clone(),
        request: None,
        object: Some(commit.object.clone()),
        version: commit.version,
        commit: hash,
        at: commit.at,
        audience,
        retry: None,
    };
    people.into_iter().map(told).collect()
}
