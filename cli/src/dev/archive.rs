//! The audit archive of this machine: a folder `archive` in the data folder, signed with a key of its own.

use std::path::Path;
use std::sync::Arc;

use approvals::app::App;
use approvals::store::Store;
use approvals::store::table::LOCKS;
use approvals_domain::ids::TenantId;
use archive::archiver::Archiver;
use audit_log::note::VerifierKey;
use object_store::local::LocalFileSystem;

use super::gate::write_private;
use crate::engine::Clients;

/// Names the logs of a data folder, and so their keys.
const INSTALLATION: &str = "approvals.local";
/// Kept in the data folder; made at the first start.
const KEY: &str = "archive.key";

/// The archiver of a data folder. Nothing here is another's: the table of locks lies in the same engine.
pub(super) fn open(folder: &Path, clients: &Clients, app: &App) -> std::io::Result<Archiver> {
    let seed = match read_key(folder) {
        Some(seed) => seed,
        None => {
            let seed: [u8; 32] = rand::random();
            write_private(&folder.join(KEY), &seed)?;
            seed
        }
    };
    let objects = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
    let locks = Store::new(clients.dynamodb.clone(), LOCKS.name);
    let archiver = Archiver::new(Arc::new(objects), locks, INSTALLATION, vec![seed], app.clock.clone(), app.entropy.clone());
    // Each batch would leave a copy of up to 256 leaves behind.
    Ok(archiver.sweeping())
}

fn read_key(folder: &Path) -> Option<[u8; 32]> {
    std::fs::read(folder.join(KEY)).ok()?.try_into().ok()
}

/// The verifier key of a tenant's log in a data folder.
///
/// # Errors
/// If there is no key there.
pub fn verifier(folder: &Path, tenant: &TenantId) -> Result<VerifierKey, String> {
    let seed = read_key(folder).ok_or_else(|| format!("`{}` holds no `{KEY}`: `approvals dev --data …` makes one", folder.display()))?;
    let name = audit_log::checkpoint::origin(INSTALLATION, tenant);
    let key = audit_log::note::SignerKey::new(&name, &seed).map_err(|error| error.to_string())?;
    Ok(key.verifier())
}
