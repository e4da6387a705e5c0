//! Hints: where a request must be found, so that an inbox is one query.

use std::collections::BTreeSet;

use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::state::{Phase, Request, StepPhase};
use approvals_domain::time::Timestamp;

use crate::app::{self, App, Known};
use crate::store::jobs::Job;
use crate::store::keys::{self, Key};
use crate::store::requests::Record;
use crate::store::{Inboxes, Jobs, Stores};

/// Whose a request is, and its id.
pub type Of = (TenantId, RequestId);

/// Where a request must be found: for each step that is open or blocked, in the inbox of each candidate; a blocked one also among the
/// tenant's blocked ones. One that was sent back stands in the list of whoever asks.
pub fn hints(request: &Request) -> Vec<Key> {
    let mut found = Vec::new();
    for (step, opening) in request.live_steps() {
        let sk = keys::hint_sk(opening.due_at, &request.id, &step.id);
        let inboxes = opening.candidates.iter().flat_map(|placed| keys::inboxes(&request.tenant, &placed.candidate));
        let blocked = (step.phase == StepPhase::Blocked).then(|| keys::inbox_blocked(&request.tenant));
        found.extend(inboxes.chain(blocked).map(|pk| Key { pk, sk: sk.clone() }));
    }
    if matches!(request.phase, Phase::Returned { .. }) {
        let sk = keys::created(request.created_at, &request.id);
        found.push(Key { pk: keys::returned_list(&request.tenant, request.asks()), sk });
    }
    found
}

/// Where its steps that are late at a time stand, if the tick has noted them.
pub fn overdue(request: &Request, at: Timestamp) -> impl Iterator<Item = Key> + '_ {
    let late = request.live_steps().filter(move |(_, opening)| opening.due_at <= at);
    late.map(|(step, opening)| keys::overdue(&request.tenant, opening.due_at, &request.id, &step.id))
}

/// Lists that hold a request for good: of its entity, and of each person who voted on it. They are put once and never deleted.
pub fn listings(request: &Request) -> BTreeSet<Key> {
    let Request { tenant, entity, created_at, id, .. } = request;
    let voters = request.votes().map(|vote| &vote.by.id).chain(&request.earlier_voters);
    let lists = voters.map(|person| keys::decided_list(tenant, person)).chain([keys::entity_list(tenant, entity.id.as_str())]);
    let sk = keys::created(*created_at, id);
    lists.map(|pk| Key { pk, sk: sk.clone() }).collect()
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

    /// Files a job for a request if the directory has overtaken it. `known`: of its tenant, read strongly after its hints were filed.
    ///
    /// # Errors
    /// [`app::Error`] if the store does not answer.
    pub async fn look_again(&self, record: &Record, known: &mut Known) -> Result<(), app::Error> {
        if self.app.is_out_of_date(record, known).await? {
            let Request { tenant, id, version, .. } = &record.state;
            self.jobs.file(&Job::for_request(tenant, id, &version.to_string(), self.app.clock.now())).await?;
        }
        Ok(())
    }
}
