//! The end of the bootstrap: a mark that somebody administers, or once did. The write that makes the first one makes the mark.

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::directory::authority::BootstrapEnd;
use approvals_domain::ids::{RoleId, TenantId};

use super::chain::{Author, Chained};
use super::documents::StoredDocument;
use crate::runtime::clock::Clock;
use crate::runtime::metrics::refused;
use crate::store::keys;
use crate::store::{Ask, Directory, Error, Freshness, Write};

/// What is known of the end of the bootstrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Nobody ever administered.
    Never,
    /// Somebody administers, or once did.
    Marked {
        /// The mark.
        end: BootstrapEnd,
        /// Its version.
        version: u64,
    },
    /// The mark is gone, and not by the service: somebody administers, or once did.
    Lost,
}

impl Directory {
    /// Whether somebody administers, or once did.
    ///
    /// INVARIANT (an end is no absence): without the mark it is believed only that nobody administers if the mark has no history either, and the
    /// role no active member. Whoever deletes one item opens nothing.
    pub async fn bootstrap_end(&self, tenant: &TenantId) -> Result<End, Error> {
        if let Some((end, version)) = self.document(&keys::bootstrap(tenant)).await? {
            return Ok(End::Marked { end, version });
        }
        let (role, pk) = (RoleId::approval_admin(), keys::directory_log_pk(tenant, OBJECT));
        let history = Ask { limit: Some(1), ..Ask::partition(&pk) };
        let (members, history) = tokio::try_join!(self.members(tenant, &role, 1, Freshness::Strong), self.table.query(history))?;
        if members.versions.is_empty() && history.items.is_empty() {
            return Ok(End::Never);
        }
        tracing::error!(%tenant, "the mark that somebody administers is gone, and the service does not take it away");
        refused(Clock::system().now(), "damaged");
        Ok(End::Lost)
    }
}

/// The mark's name in commits.
const OBJECT: &str = "bootstrap";

/// What must be written with a new active member of `approval_admin`. `before`: the mark as read; the write must find it unchanged.
pub(super) fn ends(author: &Author<'_>, before: &StoredDocument) -> Result<Vec<Write>, Error> {
    let stored = || before.document.content.clone().map(serde_json::from_value).transpose();
    let present: Option<BootstrapEnd> = stored().map_err(|error| Error::Damaged { at: "bootstrap".to_owned(), what: error.to_string() })?;
    let by = author.actor.person().filter(|_| author.bootstrap.is_some());
    let end = BootstrapEnd::after(present.as_ref(), by);
    if present.as_ref() == Some(&end) {
        return Ok(Vec::new());
    }
    let content = serde_json::json!(end);
    let chained = Chained { object: OBJECT.to_owned(), key: keys::bootstrap(author.tenant), before: before.item() };
    let change = chained.change(author, DirectoryEvent::Document { content: Some(content.clone()) });
    Ok(change.fact(|item| item.json("d", &content)).writes())
}
