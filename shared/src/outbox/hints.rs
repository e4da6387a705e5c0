//! Hints: where a request must be found, so that an inbox is one query.

use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::state::{Request, StepPhase};

use crate::app::{self, App};
use crate::store::jobs::Job;
use crate::store::keys::{self, Key};
use crate::store::requests::Record;
use crate::store::{Inboxes, Jobs, Stores};

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

/// What filing hints needs.
#[derive(Debug, Clone)]
pub struct Hints {
    /// Requests, and the directory that may have overtaken them.
    pub app: App,
    /// Where hints are filed.
    pub inboxes: Inboxes,
    /// For requests that the directory has overtaken.
    pub jobs: Jobs,
}

impl Hints {
    /// Over a table's rooms.
    pub fn new(stores: &Stores, app: App) -> Self {
        let Stores { inboxes, jobs, .. } = stores.clone();
        Self { app, inboxes, jobs }
    }

    /// Files a job for a request if the directory has overtaken it.
    ///
    /// # Errors
    /// [`app::Error`] if the store does not answer.
    pub async fn look_again(&self, record: &Record) -> Result<(), app::Error> {
        if self.app.is_out_of_date(record).await? {
            let Request { tenant, id, version, .. } = &record.state;
            self.jobs.file(&Job::for_request(tenant, id, &version.to_string(), self.app.clock.now())).await?;
        }
        Ok(())
    }
}
