//! Leavers, managers and roles that change while requests are open, and the tick that follows them.

mod crash;
mod inboxes;
mod interleaved;
mod leavers;
mod stale_votes;
mod tenants;

use approvals::store::requests::Record;
use approvals_domain::candidate::Candidate;
use approvals_domain::event::Event;
use approvals_domain::state::StepPhase;

/// Where the one live step of a request stands, and its candidates.
fn standing(record: &Record) -> (StepPhase, Vec<String>) {
    let (step, opening) = record.state.live_steps().next().unwrap();
    (step.phase, opening.candidates.iter().map(|placed| placed.candidate.to_string()).collect())
}

/// How often the tick changed a request.
fn rerouted(record: &Record) -> usize {
    let changed = |event: &&Event| matches!(event, Event::Widened { .. } | Event::Blocked { .. });
    record.commits.iter().skip(1).flat_map(|sealed| &sealed.commit.events).filter(changed).count()
}

fn admins() -> String {
    Candidate::Role(approvals_domain::ids::RoleId::approval_admin()).to_string()
}
