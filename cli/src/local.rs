//! Commands that run the service inside this process: `dev`, `replay`, `bench`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::fence::Allowed;
use crate::options::Shared;
use crate::output::{Screen, plain};
use crate::{audit, bench, dev, replay};

/// The three of them. Each takes its own arguments and says itself what went wrong.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Run the whole service on this machine.
    Dev(dev::Args),
    /// Play a real approval log through the service.
    Replay(replay::Args),
    /// Measure complete lifecycles per second.
    Bench(bench::Args),
    /// Verify and read the audit archive; asks no service, but where one is to be compared.
    #[command(subcommand)]
    Audit(audit::Action),
}

impl Local {
    /// Runs it to its end.
    pub fn run(self, shared: &Shared) -> ExitCode {
        match self {
            Self::Dev(args) => match dev::run(&args, &mut std::io::stdout()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    let code = ExitCode::from(error.exit());
                    ended::<dev::Error>(Err(error));
                    code
                }
            },
            Self::Replay(args) => ended(play(&args)),
            Self::Bench(args) => ended(bench::run(&args, &mut std::io::stdout())),
            Self::Audit(action) => match audit::run(&action, shared, &mut std::io::stdout()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    let code = ExitCode::from(error.exit());
                    ended::<audit::Error>(Err(error));
                    code
                }
            },
        }
    }
}

/// Why a replay against a service of its own did not happen.
#[derive(Debug, thiserror::Error)]
enum PlayError {
    #[error(transparent)]
    Replay(#[from] replay::Error),
    #[error(transparent)]
    Service(#[from] dev::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Plays a log against the service named, or against one that lives as long as the replay.
fn play(args: &replay::Args) -> Result<(), PlayError> {
    let out = &mut std::io::stdout();
    if args.against.is_some() {
        replay::run(args, out)?;
        return Ok(());
    }
    let prepared = replay::prepare(args)?;
    let folder = tempfile::tempdir()?;
    let runtime = dev::runtime()?;
    let clock = Some(approvals_domain::time::Timestamp::from_millis(prepared.starts_at_ms()));
    let local = runtime.block_on(dev::Local::start(dev::Start { data: folder.path(), clock, clients: None }))?;
    let (listener, address) = runtime.block_on(local.listen(0))?;
    let service = axum::serve(listener, local.fenced(address, &Allowed::default()));
    runtime.spawn(async move { service.await });
    let summary = replay::play(&format!("http://{address}"), &prepared, replay::Progress::Shown)?;
    replay::publish(&summary, args, out)?;
    Ok(())
}

/// Says what went wrong, if anything did.
fn ended<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Screen.say(&format!("error: {}", plain(&error.to_string())));
            ExitCode::FAILURE
        }
    }
}
