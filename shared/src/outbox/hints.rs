//! Hints: where a request must be found, so that an inbox is one query.

use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::state::{Request, StepPhase};

use crate::app::{self, App};
use crate::store::jobs::Job;
use crate::store::keys::{self, Key};
use crate::store::request::Record;

/// Whose a request is, and its id.
pub type Of = (TenantId, RequestId);

/// Where a request must be found: for each step that is open or blocked, in the inbox of each candidate; a blocked one also among the
/// tenant's blocked ones.
pub fn hints(request: &Request) -> Vec<Key> {
    let mut found = Vec::new();
    for (step, opening) in request.live_steps() {
        let sk = keys::hint_sk(opening.due_at, &request.id, &step.id);
        let inboxes = opening.candidates.iter().flat_map(|placed| keys::inboxes(&request.tenant, &placed.candidate));
        let blocked = (step.phase == StepPhase::Blocked).then(|| keys::inbox_blocked(&request.tenant));
        found.extend(inboxes.chain(blocked).map(|pk| Key { pk, sk: sk.clone() }));
    }
    found
}

/// Files a job for a request that the directory has overtaken.
///
/// # Errors
/// [`app::Error`] if the store does not answer.
pub async fn look_again(app: &App, record: &Record) -> Result<(), app::Error> {
    if app.is_out_of_date(record).await? {
        let Request { tenant, id, version, .. } = &record.state;
        app.store.file_job(&Job::for_request(tenant, id, &version.to_string(), app.clock.now())).await?;
    }
    Ok(())
}
