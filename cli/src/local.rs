//! Commands that run the service inside this process: `dev`, `replay`, `bench`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::output::{Screen, plain};
use crate::replay;

/// The three of them. Each takes its own arguments and says itself what went wrong.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Run the whole service on this machine.
    Dev(Later),
    /// Play a real approval log through the service.
    Replay(replay::Args),
    /// Measure complete lifecycles per second.
    Bench(Later),
}

/// Arguments of a command that is not plugged in yet.
#[derive(Debug, Args)]
pub struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<std::ffi::OsString>,
}

impl Local {
    /// Runs it to its end.
    pub fn run(self) -> ExitCode {
        match self {
            Self::Dev(args) => missing("dev", &args),
            Self::Replay(args) => ended(replay::run(&args, &mut std::io::stdout().lock()).map(|_| ())),
            Self::Bench(args) => missing("bench", &args),
        }
    }
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

fn missing(name: &str, _args: &Later) -> ExitCode {
    Screen.say(&format!("error: `approvals {name}` is not part of this build"));
    ExitCode::from(69)
}
