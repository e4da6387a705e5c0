//! The verifier: reads a log's folder with a public key and believes nothing else.
//!
//! 1. Every file is accounted for; tiles, entries and the signed root agree ([`structure`]).
//! 2. The directory's commits form chains, templates are whole ([`directory`]).
//! 3. Each request's commits form a chain with contiguous versions, and each commit is what the pure core decides from the commits before
//!    it, its recorded facts and its pinned template; and those facts were so ([`requests`]).
//!
//! Memory: at most 200 bytes for each request that is over, the state of each that is open, and the directory with its history. States of
//! requests that are over wait in a file ([`Options::spill`]).

mod directory;
mod requests;
mod spill;
mod structure;

use std::fs::File;

use serde::Serialize;

use crate::folder::Folder;
use crate::leaf;
use crate::note::VerifierKey;

/// Characters of a fault's words: what is wrong may quote what an attacker wrote.
const WORDS: usize = 300;

/// What to verify, and against what.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// Keys that are believed. One must be named like the log.
    pub keys: &'a [VerifierKey],
    /// A checkpoint of this log that was seen earlier: a signed note.
    pub since: Option<&'a [u8]>,
    /// Only files, tree, signatures and chains: no decision is made again.
    pub chains_only: bool,
    /// Signature lines by other keys are no fault (witnesses; a key of a rotation that is not given).
    pub ignore_unknown_signatures: bool,
    /// Where states of requests that are over wait for what may follow: an empty file that nobody else has. Without it they stay in memory.
    pub spill: Option<&'a File>,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Leaves read so far, each pass counted.
    pub done: u64,
    /// Leaves to read, each pass counted.
    pub of: u64,
}

/// Where something is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// A file of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A leaf, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// A request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// An object of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// A version of either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// An event of a commit, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<usize>,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable; docs/audit.md lists all.
    pub code: Code,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// In words.
    pub what: String,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The folder or a file cannot be read.
    Unreadable,
    /// No checkpoint, or none that a given key signed.
    Checkpoint,
    /// A signature by a key that was not given.
    UnknownSignature,
    /// The earlier checkpoint is not one of this log.
    Since,
    /// The log is shorter than it was.
    RolledBack,
    /// The log's past is not what it was.
    Rewritten,
    /// A file that belongs to no log.
    Unaccounted,
    /// A file the tree needs is not there.
    Missing,
    /// A file of a longer tree than the checkpoint signs.
    BeyondCheckpoint,
    /// A file of hashes or entries is not of its form.
    Malformed,
    /// Hashes are not those of the entries.
    TileDiffers,
    /// A file of an earlier, narrower tree is not its beginning.
    PartialDiffers,
    /// The entries do not have the signed root.
    RootDiffers,
    /// A leaf is not of its form, or of a kind not known.
    Leaf,
    /// The archiver saw an illegal edit and wrote it down.
    Violation,
    /// A leaf of another tenant.
    OtherTenant,
    /// A commit's bytes are no commit in its one form.
    Commit,
    /// A commit does not follow the one before it.
    Chain,
    /// A version is missing.
    Gap,
    /// Two different commits of one version.
    Fork,
    /// Before the commit it follows, or ten minutes and more from when it was written.
    Time,
    /// A template is not in the log, or not whole.
    Template,
    /// The directory never said so, or no longer did.
    Fact,
    /// The core decides otherwise.
    Illegal,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// No fault.
    pub ok: bool,
    /// The log's name, as the checkpoint says.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root, base64.
    pub root: String,
    /// When the log last signed, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at_seconds: Option<u64>,
    /// Bytes of entries read.
    pub bytes: u64,
    /// Commits of requests, each once.
    pub commits: u64,
    /// Requests.
    pub requests: u64,
    /// Of them not over; counted only if decisions are made again.
    pub open: u64,
    /// Commits of the directory, each once.
    pub directory: u64,
    /// Templates' versions whose content is there.
    pub templates: u64,
    /// Leaves that stand here before, byte for byte.
    pub duplicates: u64,
    /// Requests whose content was erased, as their own commits say.
    pub erased: u64,
    /// Leaves that a reconciliation brought: nobody saw when they were written.
    pub late: u64,
    /// Illegal edits written down by the archiver.
    pub violations: u64,
    /// Every decision was made again.
    pub replayed: bool,
    /// Bundles of leaves that could not be read: what stands there was not looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// All of them, in the order found.
    pub faults: Vec<Fault>,
    /// How many.
    pub faults_total: u64,
}

impl Report {
    pub(crate) fn fault(&mut self, code: Code, place: Place, what: impl Into<String>) {
        self.faults_total += 1;
        let what: String = what.into();
        self.faults.push(Fault { code, place, what: what.chars().take(WORDS).collect() });
    }
}

impl Place {
    pub(crate) fn file(path: impl Into<String>) -> Self {
        Self { file: Some(path.into()), ..Self::default() }
    }

    pub(crate) fn leaf(index: u64) -> Self {
        Self { leaf: Some(index), ..Self::default() }
    }
}

/// Verifies a log's folder.
///
/// INVARIANT (no fault hides another): whatever is wrong, all else that can be read is verified too, and each fault is named.
pub fn verify(folder: &dyn Folder, options: &Options<'_>, progress: &mut dyn FnMut(Progress)) -> Report {
    let mut report = Report::default();
    let passes = if options.chains_only { 1 } else { 2 };
    let mut directory = directory::Directory::default();
    let mut chains = requests::Requests::new(folder, None, spill::Spill::new(None));
    let mut sink = |report: &mut Report, index: u64, leaf: &[u8]| {
        report.late += u64::from(leaf::in_time(leaf).is_some());
        let kept = directory.take(report, index, leaf);
        if options.chains_only && !kept {
            chains.take(report, index, leaf);
        }
    };
    let read = structure::read(folder, options, &mut report, &mut sink, &mut |done, of| progress(Progress { done, of: of * passes }));
    directory.settle(&mut report);
    if let Some(bundles) = read {
        if options.chains_only {
            chains.settle(&mut report);
        } else {
            let mut requests = requests::Requests::new(folder, Some(&directory), spill::Spill::new(options.spill));
            let size = report.size;
            let mut again = |done| progress(Progress { done: size + done, of: size * 2 });
            structure::read_again(folder, &bundles, &mut report, &mut |report, index, leaf| requests.take(report, index, leaf), &mut again);
            requests.settle(&mut report);
            report.replayed = true;
        }
    }
    report.ok = report.faults_total == 0;
    report
}
