//! `approvals explain`: who may act now, and why; why not this person.

use serde_json::Value;

use crate::Session;
use crate::client::{Call, query, segment};
use crate::failure::Failure;
use crate::output::{Shown, plain_lines};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Why this person may, or may not.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
}

/// Asks and shows.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let path = format!("/v1/requests/{}/explain{}", segment(&args.id), query([("user", args.user.clone())]));
    let (explained, answer) = session.client.ask::<Value>(&Call::get(path))?;
    let text = serde_json::to_string_pretty(&explained).unwrap_or_default();
    Ok(Shown { text: plain_lines(&text).join("\n"), body: answer.body })
}
