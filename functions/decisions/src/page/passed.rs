//! Who passed a seat on that a link was for.

use approvals::app::{self, App};
use approvals::link::Link;
use approvals::store::requests::Record;
use approvals_domain::commit::Sealed;
use approvals_domain::event::Event;
use approvals_domain::ids::PersonId;

/// Who passed the recipient's seat on in this revision, and to whom.
pub(super) async fn passed_on(app: &App, record: &Record, link: &Link) -> Result<Option<(PersonId, PersonId)>, app::Error> {
    let opening = record.state.step(&link.step).and_then(|step| step.opening.as_ref());
    if !opening.is_some_and(|opening| opening.released.contains_key(&link.recipient)) {
        return Ok(None);
    }
    match passed_in(&record.commits, link) {
        Some(passed) => Ok(Some(passed)),
        // So long ago that it stands in the pages.
        None => Ok(passed_in(&app.requests.history(record).await?.0, link)),
    }
}

fn passed_in(commits: &[Sealed], link: &Link) -> Option<(PersonId, PersonId)> {
    let mut found = commits.iter().rev().flat_map(|sealed| sealed.commit.events.iter().map(move |event| (&sealed.commit.actor, event)));
    found.find_map(|(actor, event)| match event {
        Event::Reassigned { step, from, to, .. } if *step == link.step && *from == link.recipient => {
            Some((actor.person().unwrap_or(from).clone(), to.clone()))
        }
        _ => None,
    })
}
