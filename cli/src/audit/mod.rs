//! `approvals audit`: the archive, for whoever must be able to check it. Nothing here talks to the service, but `verify --against`; an archive
//! in S3 is copied first.

mod against;
mod bucket;
mod conditions;
mod export;
mod proofs;
mod shelf;
mod verify;
mod versions;

use std::io::Write;
use std::path::{Path, PathBuf};

use approvals_domain::ids::TenantId;
use audit_log::note::VerifierKey;

use crate::dev;
use crate::failure::Failure;
use crate::options::Shared;

/// What can be done with an archive.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Print the public key of a data folder's log; two while a key is rotated, the new one first.
    Key(KeyArgs),
    /// Add a new key: the service signs with both from its next start on.
    Rotate(RotateArgs),
    /// Verify a log: every file, hash, signature and chain, and every decision once more.
    Verify(verify::Args),
    /// Write a proof file for one commit.
    Prove(proofs::ProveArgs),
    /// Check a proof file by itself.
    Check(proofs::CheckArgs),
    /// Write commits as JSON Lines or CSV, for a spreadsheet or a query engine.
    Export(export::Args),
}

/// Arguments of `key`.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// The data folder of `approvals dev`.
    #[arg(long, default_value = "./.approvals", value_name = "DIR")]
    data: PathBuf,
    /// Whose log.
    #[arg(long, default_value = "default", value_name = "TENANT")]
    tenant: TenantId,
}

/// Arguments of `rotate`.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The data folder of `approvals dev`.
    #[arg(long, default_value = "./.approvals", value_name = "DIR")]
    data: PathBuf,
    /// Let the old key go, once everybody who verifies has the new one.
    #[arg(long)]
    finish: bool,
}

/// Why it did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder, a file or the output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What was asked cannot be done.
    #[error("{0}")]
    Wrong(String),
    /// What was asked for is not in the log.
    #[error("{0}")]
    Missing(String),
    /// A log that is not sound; what is wrong was printed.
    #[error("not sound")]
    Unsound,
    /// A proof that is none.
    #[error("it proves nothing: {0}")]
    Refuted(String),
    /// The service that a log is compared with.
    #[error("{}", .0.line().trim_start_matches("error: "))]
    Service(#[from] Failure),
}

impl Error {
    /// The exit code of the process, as `approvals help` lists them.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Unsound | Self::Refuted(_) => 1,
            Self::Io(_) | Self::Wrong(_) => 2,
            Self::Missing(_) => 3,
            Self::Service(failure) => failure.exit(),
        }
    }
}

/// The whole command.
///
/// # Errors
/// [`Error`].
pub fn run(action: &Action, shared: &Shared, out: &mut impl Write) -> Result<(), Error> {
    match action {
        Action::Key(args) => {
            for key in dev::archive_keys(&args.data, &args.tenant).map_err(Error::Wrong)? {
                writeln!(out, "{key}")?;
            }
            Ok(())
        }
        Action::Rotate(args) if args.finish => {
            dev::finish_rotation(&args.data).map_err(Error::Wrong)?;
            Ok(writeln!(out, "the old key is gone; restart the service, and verify with the new one alone")?)
        }
        Action::Rotate(args) => {
            dev::rotate_key(&args.data).map_err(Error::Wrong)?;
            Ok(writeln!(out, "restart the service: it then signs with both keys, which `approvals audit key` prints")?)
        }
        Action::Verify(args) => verify::run(args, shared, out),
        Action::Prove(args) => proofs::prove(args, out),
        Action::Check(args) => proofs::check(args, out),
        Action::Export(args) => export::run(args, out),
    }
}

/// An error of a file or folder that says which.
fn named(place: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::Wrong(format!("`{}`: {error}", place.display()))
}

/// Reads a verifier key from the command line.
fn key(text: &str) -> Result<VerifierKey, String> {
    text.parse().map_err(|error: audit_log::note::Error| error.to_string())
}
