//! Whether the archive holds what was signed: asked before a service writes on a folder that somebody may have copied, moved or cleaned up.

use std::collections::BTreeSet;

use approvals_domain::ids::TenantId;
use audit_log::checkpoint::tenant_of;
use audit_log::edge::Edge;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::archiver::{Archiver, Error, Head, LOGS, file, staging};

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Leaves were signed, and the archive does not have them.
    Archive(TenantId, String),
    /// The archive has more than the table of locks knows of: the database is older, or another one.
    Database(TenantId, String),
}

impl Archiver {
    /// The first log that is not whole, if any, of those in the archive and of those `known` to the table of locks. Nothing is written. An
    /// append that was cut short is whole: what it lacks is staged.
    ///
    /// # Errors
    /// [`Error`] if the archive or the table of locks cannot be read.
    pub async fn lack(&self, known: BTreeSet<TenantId>) -> Result<Option<Lack>, Error> {
        let found = self.objects.list_with_delimiter(Some(&Path::from(LOGS))).await?;
        let found = found.common_prefixes.iter().filter_map(|log| tenant_of(log.filename()?));
        for tenant in found.chain(known).collect::<BTreeSet<TenantId>>() {
            let lack = self.lack_of(&tenant).await?;
            if lack.is_some() {
                return Ok(lack);
            }
        }
        Ok(None)
    }

    async fn lack_of(&self, tenant: &TenantId) -> Result<Option<Lack>, Error> {
        let head = self.head(tenant).await?;
        let gone = |what: String| Some(Lack::Archive(tenant.clone(), what));
        let published = match self.published(tenant).await {
            Ok(published) => published,
            Err(Error::Damaged { what, .. }) => return Ok(gone(what)),
            Err(error) => return Err(error),
        };
        let signed = head.as_ref().map_or(0, |head| head.size);
        let found = published.as_ref().map_or(0, |published| published.size);
        if found > signed {
            return Ok(Some(Lack::Database(tenant.clone(), format!("it has {found} leaves, and the database knows of {signed}"))));
        }
        let Some(head) = head else { return Ok(None) };
        if found < signed {
            return Ok(if self.is_staged(tenant, &head).await? {
                None
            } else {
                gone(format!("{signed} leaves were written, and it has {found}"))
            });
        }
        if published.is_some_and(|published| published.root != head.root) {
            return Ok(gone("its checkpoint is not of this database".to_owned()));
        }
        for tile in Edge::files(signed) {
            if !self.is_there(&file(tenant, &tile.to_string())).await? {
                return Ok(gone(format!("`{tile}` is gone")));
            }
        }
        Ok(None)
    }

    async fn is_staged(&self, tenant: &TenantId, head: &Head) -> Result<bool, Error> {
        self.is_there(&staging(tenant, &head.staged)).await
    }

    async fn is_there(&self, path: &Path) -> Result<bool, Error> {
        match self.objects.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
