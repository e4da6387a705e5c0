//! Whether any system hears of a request: then its commits make a notice for them, else nothing goes on the queue for nobody.

use std::collections::BTreeSet;

use approvals_domain::ids::TenantId;

use crate::app;
use crate::store::Directory;
use crate::store::requests::Record;

/// Who knows which tenants have systems that listen.
#[derive(Debug, Clone)]
pub enum Systems {
    /// There is one that hears of every request.
    Always,
    /// The endpoints of each tenant, and tasks.
    Endpoints(Directory),
}

/// Tenants whose every commit is told; of others, those of requests that a task waits for.
#[derive(Debug)]
pub enum Listening {
    /// Every tenant.
    All,
    /// These.
    Of(BTreeSet<TenantId>),
}

impl Systems {
    /// Which of these tenants have systems that listen. An endpoint that was there before a commit is seen.
    ///
    /// # Errors
    /// [`app::Error`] if the directory does not answer.
    pub async fn of(&self, tenants: BTreeSet<TenantId>) -> Result<Listening, app::Error> {
        let Self::Endpoints(directory) = self else { return Ok(Listening::All) };
        let mut listening = BTreeSet::new();
        for tenant in tenants {
            if directory.has_endpoints(&tenant).await? {
                listening.insert(tenant);
            }
        }
        Ok(Listening::Of(listening))
    }
}

impl Listening {
    /// Whether somebody hears of a request's commits.
    pub fn hears(&self, record: &Record) -> bool {
        match self {
            Self::All => true,
            Self::Of(tenants) => record.callback.is_some() || tenants.contains(&record.state.tenant),
        }
    }
}
