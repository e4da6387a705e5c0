//! The end of the bootstrap: a mark that somebody administers, or once did. The write that makes the first one makes the mark.

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::directory::authority::BootstrapEnd;
use approvals_domain::ids::TenantId;

use super::chain::{Author, Chained};
use super::documents::StoredDocument;
use crate::store::keys;
use crate::store::{Directory, Error, Write};

impl Directory {
    /// The mark; none: nobody ever administered.
    pub async fn bootstrap_end(&self, tenant: &TenantId) -> Result<Option<BootstrapEnd>, Error> {
        Ok(self.document(&keys::bootstrap(tenant)).await?.map(|(end, _)| end))
    }
}

/// What must be written with a new active member of `approval_admin`. `before`: the mark as read; the write must find it unchanged.
pub(super) fn ends(author: &Author<'_>, before: &StoredDocument) -> Result<Vec<Write>, Error> {
    let stored = || before.document.content.clone().map(serde_json::from_value).transpose();
    let present: Option<BootstrapEnd> = stored().map_err(|error| Error::Damaged { at: "bootstrap".to_owned(), what: error.to_string() })?;
    let by = author.actor.person().filter(|_| author.bootstrap);
    let end = BootstrapEnd::after(present.as_ref(), by);
    if present.as_ref() == Some(&end) {
        return Ok(Vec::new());
    }
    let content = serde_json::json!(end);
    let chained = Chained { object: "bootstrap".to_owned(), key: keys::bootstrap(author.tenant), before: before.item() };
    let change = chained.change(author, DirectoryEvent::Document { content: Some(content.clone()) });
    Ok(change.fact(|item| item.json("d", &content)).writes())
}
