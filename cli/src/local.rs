//! Commands that run the service inside this process: `dev`, `replay`, `bench`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::output::Screen;

/// The three of them. Each takes its own arguments and says itself what went wrong.
#[derive(Debug, Subcommand)]
pub enum Local {
    /// Run the whole service on this machine.
    Dev(Later),
    /// Play a real approval log through the service.
    Replay(Later),
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
            Self::Replay(args) => missing("replay", &args),
            Self::Bench(args) => missing("bench", &args),
        }
    }
}

fn missing(name: &str, _args: &Later) -> ExitCode {
    Screen.say(&format!("error: `approvals {name}` is not part of this build"));
    ExitCode::from(69)
}
