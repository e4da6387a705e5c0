//! Options that commands share.

use clap::Args;

use crate::client::Secret;

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Service")]
pub struct Shared {
    /// Where the service is.
    #[arg(long, global = true, env = "APPROVALS_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// The right to call it: a JSON Web Token. Better in the environment than on the command line.
    #[arg(long, global = true, env = "APPROVALS_TOKEN", hide_env_values = true, value_name = "JWT")]
    pub token: Option<Secret>,
    /// Call as this person: asks a development server on this machine for a token, in place of --token.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub acting_as: Option<String>,
    /// Print the answer of the service as it came: for programs.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A command that creates something can be repeated safely.
#[derive(Debug, Clone, Default, Args)]
pub struct Once {
    /// Repeat an earlier call: the same key and the same arguments give the same answer and no second effect [default: a new one].
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Once {
    /// The key of this invocation.
    pub fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(crate::client::fresh_key)
    }
}
