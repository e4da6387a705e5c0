//! A log in memory: an archiver that signs whatever it is given, and a folder that tests may tamper with.

use std::collections::BTreeMap;
use std::io;

use audit_log::checkpoint::{Checkpoint, origin};
use audit_log::edge::Edge;
use audit_log::folder::{File, Folder};
use audit_log::note::{SignerKey, VerifierKey};
use audit_log::verify::{Code, Options, Report, verify};

use crate::story::tenant;

/// When everything is signed.
pub(crate) const SIGNED_AT: u64 = 1_772_710_000;

/// The log's key. Another number, another key of the same name.
pub(crate) fn key(seed: u8) -> SignerKey {
    SignerKey::new(&origin("approvals.test", &tenant()), &[seed; 32]).unwrap()
}

/// Files by path.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Folder for Shelf {
    fn list(&self) -> io::Result<Vec<File>> {
        Ok(self.files.iter().map(|(path, bytes)| File { path: path.clone(), bytes: Some(bytes.len() as u64) }).collect())
    }

    fn read(&self, path: &str, _most: u64) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The signed note of a log of these leaves.
pub(crate) fn checkpoint(leaves: &[Vec<u8>], keys: &[SignerKey]) -> String {
    let mut edge = Edge::default();
    edge.append(leaves).unwrap();
    let name = keys.first().unwrap().verifier().name().to_owned();
    Checkpoint { origin: name, size: edge.size(), root: edge.root() }.sign(keys, SIGNED_AT)
}

impl Shelf {
    /// A log of these leaves, appended in one go.
    pub(crate) fn of(leaves: &[Vec<u8>]) -> Self {
        Self::in_batches(&[leaves])
    }

    /// Appended batch by batch: the narrower files of each step stay.
    pub(crate) fn in_batches(batches: &[&[Vec<u8>]]) -> Self {
        let mut shelf = Self::default();
        let mut edge = Edge::default();
        for batch in batches {
            let files = edge.append(batch).unwrap();
            shelf.files.extend(files.into_iter().map(|(tile, bytes)| (tile.to_string(), bytes)));
        }
        shelf.sign(&batches.concat(), &[key(1)]);
        shelf
    }

    pub(crate) fn sign(&mut self, leaves: &[Vec<u8>], keys: &[SignerKey]) {
        self.files.insert("checkpoint".to_owned(), checkpoint(leaves, keys).into_bytes());
    }

    pub(crate) fn verify(&self) -> Report {
        self.verify_with(|_| {})
    }

    pub(crate) fn verify_with(&self, with: impl FnOnce(&mut Options<'_>)) -> Report {
        let keys: [VerifierKey; 1] = [key(1).verifier()];
        let mut options = Options { keys: &keys, ..Options::default() };
        with(&mut options);
        self.verify_by(&options)
    }

    pub(crate) fn verify_by(&self, options: &Options<'_>) -> Report {
        verify(self, options, &mut |_| {})
    }

    /// Codes of the faults, each once.
    pub(crate) fn faults(&self) -> Vec<Code> {
        codes(&self.verify())
    }

    /// Written to a folder of this machine.
    pub(crate) fn write(&self, to: &std::path::Path) {
        for (path, bytes) in &self.files {
            let path = to.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

pub(crate) fn codes(report: &Report) -> Vec<Code> {
    let mut codes: Vec<Code> = report.faults.iter().map(|fault| fault.code).collect();
    codes.dedup();
    codes
}
