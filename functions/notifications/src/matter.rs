//! What notices are about.

use std::collections::{BTreeMap, BTreeSet};

use approvals::app;
use approvals::app::queries::published::Turn;
use approvals::notice::Notice;
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::Record;
use approvals::store::{self, Freshness};
use approvals_domain::event::Event;
use approvals_domain::ids::{PersonId, RequestId, TenantId};

use crate::Desk;

/// The requests that a batch of notices is about, read once for all of them: several commits of one request often come together, and each for
/// people and for systems.
pub(crate) struct Requests(BTreeMap<TenantId, Read>);

/// Of a tenant; or why none could be read.
type Read = Result<BTreeMap<RequestId, Result<Record, store::Error>>, store::Error>;

impl Requests {
    pub(crate) async fn of(desk: &Desk, notices: impl Iterator<Item = &Notice>) -> Self {
        let mut wanted: BTreeMap<&TenantId, BTreeSet<RequestId>> = BTreeMap::new();
        for notice in notices {
            wanted.entry(&notice.tenant).or_default().extend(notice.request.clone());
        }
        let mut found = BTreeMap::new();
        for (tenant, ids) in wanted {
            let ids: Vec<RequestId> = ids.into_iter().collect();
            let read = desk.app.requests.load_each(tenant, &ids, Freshness::Strong).await;
            found.insert(tenant.clone(), read.map(|all| all.into_iter().collect()));
        }
        Self(found)
    }

    /// The request of a notice; none: it is about none, or about one that is not there.
    pub(crate) fn of_notice(&self, notice: &Notice) -> Result<Option<&Record>, app::Error> {
        let (Some(request), Some(read)) = (&notice.request, self.0.get(&notice.tenant)) else { return Ok(None) };
        let all = read.as_ref().map_err(|error| app::Error::from(error.clone()))?;
        all.get(request).map(|found| found.as_ref().map_err(|error| app::Error::from(error.clone()))).transpose()
    }
}

/// A notice and what it is about.
pub(crate) struct Of<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) notice: &'a Notice,
    /// The request now.
    pub(crate) record: &'a Record,
    /// The request around the commit.
    pub(crate) turn: &'a Turn,
    pub(crate) template: &'a Pinned,
}

impl Of<'_> {
    /// Whose act it was.
    pub(crate) fn by(&self) -> Option<&PersonId> {
        self.turn.sealed.commit.actor.person()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.turn.sealed.commit.events.iter()
    }

    pub(crate) fn has(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.events().any(is)
    }
}
