//! `approvals audit prove` and `check`: one commit in a file that proves itself.

use std::io::Write;
use std::path::PathBuf;

use approvals_domain::commit::Commit;
use approvals_domain::ids::RequestId;
use audit_log::leaf::Leaf;
use audit_log::note::VerifierKey;
use audit_log::proof::Proof;
use audit_log::tile::{Tiles, hashes};
use audit_log::tree::inclusion;
use serde_json::json;

use super::bucket::Here;
use super::shelf::Log;
use super::{Error, key, named};

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
pub struct ProveArgs {
    /// The request.
    #[arg(value_name = "REQUEST")]
    request: RequestId,
    /// Which of its commits, from 1.
    #[arg(value_name = "VERSION")]
    version: u64,
    /// The log's folder, or the archive.
    #[arg(long, default_value = "./.approvals/archive", value_name = "PATH")]
    archive: PathBuf,
    /// Where to write the proof [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The proof file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key to believe.
    #[arg(long = "key", value_name = "VKEY", required = true, value_parser = key)]
    keys: Vec<VerifierKey>,
    /// Print what it proves as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn prove(args: &ProveArgs, out: &mut impl Write) -> Result<(), Error> {
    let here = Here::of(&args.archive, true)?;
    let log = Log::open(&here.path)?;
    let mut found = None;
    log.each(|index, leaf| {
        if found.is_none()
            && let Some(commit) = commit_of(leaf)
            && (commit.request == args.request && commit.version == args.version)
        {
            found = Some((index, leaf.to_vec()));
        }
        Ok(())
    })?;
    let missing = || Error::Missing(format!("version {} of request {} is not in the log", args.version, args.request));
    let (index, leaf) = found.ok_or_else(missing)?;
    let mut nodes = Tiles::new(log.size, |tile| {
        let bytes = log.read(tile)?;
        hashes(&bytes, tile.width).map_err(|error| Error::Wrong(format!("{tile}: {error}")))
    });
    let path = inclusion(&mut nodes, index, log.size)?;
    let proof = Proof { leaf, index, path, checkpoint: log.note.clone() }.text();
    match &args.out {
        Some(file) => std::fs::write(file, proof)?,
        None => write!(out, "{proof}")?,
    }
    Ok(())
}

pub(super) fn check(args: &CheckArgs, out: &mut impl Write) -> Result<(), Error> {
    let proof = Proof::parse(&std::fs::read(&args.file).map_err(named(&args.file))?).map_err(|error| Error::Refuted(error.to_string()))?;
    let signed = proof.check(&args.keys).map_err(|error| Error::Refuted(error.to_string()))?;
    let commit = commit_of(&proof.leaf).ok_or_else(|| Error::Refuted("its leaf is no commit of a request".to_owned()))?;
    let by = approvals::wire::view::actor_name(&commit.actor);
    let (origin, size) = (signed.checkpoint.origin, signed.checkpoint.size);
    if args.json {
        let value = json!({
            "ok": true, "origin": origin, "size": size, "index": proof.index, "request": commit.request, "version": commit.version,
            "at": commit.at.to_string(), "by": by, "kind": commit.command.kind, "events": commit.events,
        });
        writeln!(out, "{value}")?;
    } else {
        writeln!(out, "proved: version {} of request {}, by {by} at {}", commit.version, commit.request, commit.at)?;
        writeln!(out, "  leaf {} of {size} in {}", proof.index, crate::output::plain(&origin))?;
    }
    Ok(())
}

fn commit_of(leaf: &[u8]) -> Option<Commit> {
    match Leaf::read(leaf) {
        Ok(Leaf::Commit { bytes, .. }) => serde_json::from_slice(bytes).ok(),
        _ => None,
    }
}
