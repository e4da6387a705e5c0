//! The archive: no two roots of one size, no leaf lost, whatever dies and whoever writes beside.

mod against;
mod alarmed;
mod bucket;
pub(crate) mod cost;
mod crash;
mod function;
mod kms;
mod objects;
mod races;
mod reconcile;
mod week;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use approvals::runtime::entropy::Entropy;
use approvals::store::Table;
use approvals::store::table::schema::LOCKS;
use approvals_domain::actor::{Actor, SystemPart};
use approvals_domain::directory::{DirectoryCommit, DirectoryEvent};
use approvals_domain::hash::Hash;
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use archive::archiver::{Archiver, LOGS};
use archive::signer::in_memory;
use audit_log::folder::{File, Folder};
use audit_log::leaf;
use audit_log::verify::{Options, Report, verify};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cli::engine::{Engine, connect};
use tempfile::TempDir;

use crate::stage::seam::Seam;
use crate::stage::tags;
use objects::Objects;

fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

/// The nth thing somebody wrote: the first word of an object of its own.
fn word(n: usize) -> Vec<u8> {
    let actor = Actor::System { part: SystemPart::Directory };
    let details = Hash::of(&[&n.to_be_bytes()]);
    let event = DirectoryEvent::User { active: true, manager: None, details, link_epoch: 0, term: 0 };
    let commit = DirectoryCommit::next(&tenant(), &format!("user/u{n}"), (0, Hash::ZERO), Timestamp::from_millis(0), &actor, event);
    let (bytes, hash) = commit.seal();
    leaf::directory(&hash, &bytes)
}

fn words(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(word).collect()
}

/// A table of locks, a store of objects, and archivers over them, each with a network of its own.
struct Vault {
    engine: Engine,
    objects: Objects,
    _folder: TempDir,
}

impl Vault {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let engine = Engine::start(folder.path()).unwrap();
        engine.create_table(&LOCKS, LOCKS.name).await.unwrap();
        Self { engine, objects: Objects::default(), _folder: folder }
    }

    /// An archiver, the network to its table, and its way to the objects.
    fn archiver(&self) -> (Archiver, Seam, Objects) {
        let seam = Seam::new(self.engine.http_client());
        let hasty = aws_smithy_types::retry::RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(2));
        let config = connect(SharedHttpClient::new(seam.clone())).dynamodb.config().to_builder().retry_config(hasty).build();
        let locks = Table::new(aws_sdk_dynamodb::Client::from_conf(config), LOCKS.name);
        let objects = self.objects.beside();
        let clock = approvals::runtime::clock::Clock::new(|| Timestamp::from_millis(1_772_710_000_000));
        let archiver =
            Archiver::new(Arc::new(objects.clone()), (locks, tags()), "test", vec![in_memory(&[1; 32])], clock, Entropy::system());
        (archiver, seam, objects)
    }

    async fn verify(&self) -> Report {
        let shelf = Shelf(self.objects.files(&format!("{LOGS}/default/")).await);
        let keys = self.archiver().0.verifiers(&tenant()).unwrap();
        verify(&shelf, &Options { keys: &keys, ..Options::default() }, &mut |_| {})
    }
}

/// Files in memory.
struct Shelf(BTreeMap<String, Vec<u8>>);

impl Folder for Shelf {
    fn list(&self) -> io::Result<Vec<File>> {
        Ok(self.0.iter().map(|(path, bytes)| File { path: path.clone(), bytes: Some(bytes.len() as u64) }).collect())
    }

    fn read(&self, path: &str, _most: u64) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
