//! The audit archive of this machine: a folder `archive` in the data folder, signed with keys of its own.

use std::path::Path;
use std::sync::Arc;

use approvals::app::App;
use approvals::secrets::Tags;
use approvals::store::Table;
use approvals::store::table::schema::LOCKS;
use approvals_domain::ids::TenantId;
use archive::archiver::{Archiver, LOGS};
use archive::signer::in_memory;
use audit_log::checkpoint::{Checkpoint, origin, tenant_of};
use audit_log::note::{SignerKey, VerifierKey};
use object_store::local::LocalFileSystem;

use super::gate::write_private;
use crate::engine::Clients;

/// Names the logs of a data folder, and so their keys.
const INSTALLATION: &str = "approvals.local";
/// Kept in the data folder; made at the first start. 32 bytes, or twice as many while a key is rotated, the new one first.
pub(super) const KEY: &str = "archive.key";

/// The archiver of a data folder. Nothing here is another's: the table of locks lies in the same engine.
pub(super) fn open(folder: &Path, (clients, tags): (&Clients, Tags), app: &App) -> std::io::Result<Archiver> {
    let mut seeds = seeds(folder);
    if seeds.is_empty() {
        seeds.push(rand::random());
        write(folder, &seeds)?;
    }
    let objects = LocalFileSystem::new_with_prefix(folder).map_err(std::io::Error::other)?;
    let locks = Table::new(clients.dynamodb.clone(), LOCKS.name);
    let signers = seeds.iter().map(in_memory).collect();
    let archiver = Archiver::new(Arc::new(objects), (locks, tags), INSTALLATION, signers, app.clock.clone(), app.entropy.clone());
    // Each batch would leave a copy of up to 256 leaves behind.
    Ok(archiver.sweeping())
}

fn seeds(folder: &Path) -> Vec<[u8; 32]> {
    let bytes = std::fs::read(folder.join(KEY)).unwrap_or_default();
    let (seeds, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { seeds.to_vec() } else { Vec::new() }
}

fn write(folder: &Path, seeds: &[[u8; 32]]) -> std::io::Result<()> {
    write_private(&folder.join(KEY), &seeds.concat())
}

fn none(folder: &Path) -> String {
    format!("`{}` holds no `{KEY}`: `approvals dev --data …` makes one", folder.display())
}

fn of(seeds: &[[u8; 32]], tenant: &TenantId) -> Result<Vec<VerifierKey>, String> {
    let name = origin(INSTALLATION, tenant);
    let key = |seed| SignerKey::new(&name, seed).map(|key| key.verifier()).map_err(|error| error.to_string());
    seeds.iter().map(key).collect()
}

/// The verifier keys of a tenant's log in a data folder: one, or two while a key is rotated, the new one first.
///
/// # Errors
/// If there is no key there.
pub fn verifiers(folder: &Path, tenant: &TenantId) -> Result<Vec<VerifierKey>, String> {
    match seeds(folder).as_slice() {
        [] => Err(none(folder)),
        seeds => of(seeds, tenant),
    }
}

/// Adds a new key beside the old one: from its next start on the service signs with both.
///
/// # Errors
/// If there is no key, a rotation is under way, or the file cannot be written.
pub fn rotate(folder: &Path) -> Result<(), String> {
    match seeds(folder).as_slice() {
        [] => Err(none(folder)),
        [old] => write(folder, &[rand::random(), *old]).map_err(|error| error.to_string()),
        _ => Err("a rotation is under way: end it with --finish once everybody has the new key".to_owned()),
    }
}

/// Lets the old key go, if every log is signed with the new one.
///
/// # Errors
/// If no rotation is under way, or a log is not signed with the new key yet.
pub fn finish_rotation(folder: &Path) -> Result<(), String> {
    let seeds = seeds(folder);
    let [new, _] = seeds.as_slice() else { return Err("no rotation is under way".to_owned()) };
    let logs = std::fs::read_dir(folder.join(LOGS)).map_or_else(|_| Vec::new(), |logs| logs.flatten().collect());
    for log in logs {
        let Some(tenant) = log.file_name().to_str().and_then(tenant_of) else { continue };
        let checkpoint = log.path().join("checkpoint");
        let note = std::fs::read(&checkpoint).map_err(|error| format!("`{}`: {error}", checkpoint.display()))?;
        if Checkpoint::open(&note, &of(&[*new], &tenant)?).is_err() {
            return Err(format!("the log of `{tenant}` is not signed with the new key yet: start the service, which signs every log"));
        }
    }
    write(folder, &[*new]).map_err(|error| error.to_string())
}
