//! `approvals admin`: what an outage left behind is mended, and keys are changed. Against `approvals dev` over its own endpoints; against a
//! stack on AWS by calling AWS, with the credentials of the environment.

mod aws;
mod links;
mod reconcile;
pub mod redrive;

use clap::Subcommand;
use serde_json::Value;

use crate::client::{Call, Client, fresh_key};
use crate::failure::Failure;
use crate::options::Shared;
use crate::output::Shown;

/// What can be mended.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Rebuild what was missed from the requests themselves: hints, notices and timers, or what a function's own reconcile does.
    Reconcile(reconcile::Args),
    /// Put parked notices on the queue again; what was delivered is not sent twice.
    Redrive(redrive::Args),
    /// Make a new key for action links; links made with the one before stay good.
    RotateLinks(links::Args),
}

/// Does it.
///
/// # Errors
/// [`Failure`].
pub fn run(action: &Action, shared: &Shared) -> Result<Shown, Failure> {
    match action {
        Action::Reconcile(args) => reconcile::run(args, shared),
        Action::Redrive(args) => redrive::run(args, shared),
        Action::RotateLinks(args) => links::run(args, shared),
    }
}

/// Asks a development server on this machine.
fn ask_dev(client: &Client, what: &str, body: &Value) -> Result<Value, Failure> {
    if !client.is_loopback() {
        let text = format!("{} is not on this machine: a stack on AWS is reached by name, see --help", client.url());
        return Err(Failure::usage(text));
    }
    // Twice is as good as once, so the call may be repeated.
    let key = fresh_key();
    Ok(client.ask(&Call::post(format!("/_dev/{what}"), Some(&key), body))?.0)
}

/// An answer's numbers in words, one a line: `hints put  3`.
fn draw(numbers: &serde_json::Map<String, Value>) -> String {
    let wide = numbers.keys().map(String::len).max().unwrap_or(0);
    let line = |(name, value): (&String, &Value)| format!("{:<wide$}  {value}", name.replace('_', " "));
    numbers.iter().filter(|(_, value)| value.is_number()).map(line).collect::<Vec<_>>().join("\n")
}
